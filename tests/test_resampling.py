"""k-fold, bootstrap and ensemble as a user runs them, and what the verbs answer from their folders.

One folder of each serves the whole module: 60 samples, an AEGAN of 8 units, two epochs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional

from sparring.data import load_dataset, member_rows, split_rows
from sparring.data.readers.pair_files import read_spectrum
from sparring.errors import UsageError
from sparring.production import read_trained
from sparring.production.drawing import pictures
from sparring.production.inference.ensemble import Dropping, read_ensemble
from sparring.production.inference.samples import read_rows
from sparring.production.retrain import retrain
from sparring.space import read_space, write_toml

pytestmark = pytest.mark.slow  # all together

FIXED = {"epochs": 2, "hidden_size": 8, "batch_size": 16, "dropout": 0.2, "weight_init_seed": 2023}
SCHEMES = {"kfold": ("--kfold", "3"), "bootstrap": ("--bootstrap", "3"), "ensemble": ("--ensemble", "3")}
NAMES = {
    "kfold": ["fold-1", "fold-2", "fold-3"],
    "bootstrap": ["draw-1", "draw-2", "draw-3"],
    "ensemble": ["seed-97", "seed-39", "seed-22"],
}


def pin(path: Path, seed: int = 5, n: int = 60, **fixed: Any) -> Path:
    raw = {"model": "aegan", "dataset": "exafs", "seed": seed, "objectives": [{"metric": "val/score"}]}
    found = {"metric": "val/score", "value": 1.0, "study": "aegan-exafs", "trial": 3, "precision": "fp32"}
    path.write_text(write_toml(raw | {"fixed": FIXED | fixed, "data": {"n": n}, "found": found}), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _one_curve(monkeypatch):
    """A frame instead of twelve, which take most of a second; tests/test_drawing.py looks at all."""
    monkeypatch.setattr(pictures, "SHOWN_CURVES", 1)


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory, run_verb) -> Callable[[str], Path]:
    """Trains a scheme's members once, by the command; returns their folder. The command's words lie in ``said``."""
    place = tmp_path_factory.mktemp("members")
    pin(place / "best.toml")

    def train(scheme: str) -> Path:
        folder: Path = place / scheme
        if not folder.exists():
            assert run_verb("train", place / "best.toml", *SCHEMES[scheme], "-o", folder) == 0
        return folder

    return train


def figures(folder: Path) -> dict[str, float]:
    metrics = json.loads((folder / "metrics.json").read_text())
    return {name: value for name, value in metrics.items() if name.startswith("val/")}


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as found:
        return dict(found)


# -- train ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_the_table_holds_the_figures_of_every_member(scheme, members):
    folder = members(scheme)
    table = pandas.read_parquet(folder / "members.parquet")
    assert list(dict.fromkeys(table["member"])) == NAMES[scheme]
    for name, rows in table.groupby("member"):
        assert dict(zip(rows["metric"], rows["value"], strict=True)) == figures(folder / str(name))
        about = read_trained(folder / str(name)).about
        assert set(rows["seed"]) == {5 if scheme == "kfold" else {1: 97, 2: 39, 3: 22}[about.member.number]}
        split = member_rows(split_rows(60), about.member, 42)
        assert set(rows["train_rows"]) == {len(split.train)}
        assert set(rows["valid_rows"]) == {len(split.valid)}


def test_mean_and_deviation_are_numpys(members, tmp_path, monkeypatch, capsys, run_verb):
    folder = members("kfold")
    monkeypatch.setenv("COLUMNS", "200")
    assert run_verb("train", folder.parent / "best.toml", *SCHEMES["kfold"], "-o", folder) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["mean", "std", *NAMES["kfold"]] in lines
    for metric in figures(folder / "fold-1"):
        values = [figures(folder / name)[metric] for name in NAMES["kfold"]]
        shown = [f"{value:.4g}" for value in (np.mean(values), np.std(values, ddof=1), *values)]
        assert [metric, *shown] in lines


def test_a_narrow_screen_shows_mean_and_deviation_and_the_members_that_fit(members, monkeypatch, capsys, run_verb):
    folder = members("kfold")
    capsys.readouterr()  # in a process of its own the members were trained only now, and their table was printed
    monkeypatch.setenv("COLUMNS", "60")
    assert run_verb("train", folder.parent / "best.toml", *SCHEMES["kfold"], "-o", folder) == 0
    lines = capsys.readouterr().out.splitlines()
    (head,) = [line for line in lines if line.split()[:2] == ["mean", "std"]]
    assert head.split() == ["mean", "std", "fold-1", "…"]
    assert all(len(line) <= 60 for line in lines[lines.index(head) : lines.index(head) + 7])


@pytest.mark.parametrize("scheme", ["ensemble", "kfold"])
def test_an_ensemble_says_how_far_a_seed_moves_its_figure(scheme, members, capsys, run_verb):
    folder = members(scheme)
    capsys.readouterr()
    assert run_verb("train", folder.parent / "best.toml", *SCHEMES[scheme], "-o", folder) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("A re-training moves")]
    if scheme == "kfold":  # its members differ in their rows
        assert said == []
        return
    sigma = np.std(np.log([figures(folder / name)["val/score"] for name in NAMES[scheme]]), ddof=1)
    # Of chi-square with 2 degrees of freedom 2.5 % lie above 7.378 and 97.5 % above 0.0506 (printed tables).
    low, high = (f"{100 * np.expm1(sigma * np.sqrt(2 / chi)):.2g}" for chi in (7.3778, 0.050636))
    assert said == [
        f"A re-training moves val/score by {100 * np.expm1(sigma):.2g} %, {low} to {high} "
        "(one deviation, 95 % interval): 3 seeds."
    ]


@pytest.mark.parametrize("scheme", ["kfold", "bootstrap"])
def test_a_members_verbs_work_on_its_own_validation_rows(scheme, members):
    data, seen = load_dataset("exafs", None, {"n": 60}), []
    for name in NAMES[scheme]:
        loaded = read_trained(members(scheme) / name)
        valid, train = (read_rows(loaded, part=part).ids for part in ("valid", "train"))
        assert not set(valid) & set(train)
        assert set(valid) | set(train) == set(data.ids)
        seen += valid
        answer = read_ensemble(members(scheme) / name).predict(read_rows(loaded), ["structure"])
        mse = np.square(answer.answers["spectrum"] - answer.truths["spectrum"]).mean()
        assert mse == pytest.approx(figures(loaded.folder)["val/mse_predict_spectrum"], rel=1e-4)
    assert (len(seen) == len(set(seen)) == 60) == (scheme == "kfold")


def test_a_member_of_an_ensemble_is_the_plain_training_of_its_seed(members, tmp_path, run_verb):
    member = members("ensemble") / "seed-39"
    before = load_file(member / "model.safetensors")
    plain = pin(tmp_path / "plain.toml", seed=39, weight_init_seed=39)
    for name, pinned in (("pinned", member / "pinned.toml"), ("plain", plain)):
        assert run_verb("train", pinned, "-o", tmp_path / name) == 0
        again = load_file(tmp_path / name / "model.safetensors")
        for key, tensor in before.items():
            assert torch.equal(again[key], tensor), key
    # The figure that the search found is not the member's; how its products were rounded is.
    assert read_space(member / "pinned.toml")["found"] == {"precision": "fp32"}


def test_first_weights_are_drawn_anew_by_seeds_and_kept_by_folds(members):
    """A pinned weight_init_seed would give every member of an ensemble the same first weights."""
    drawn = {
        scheme: [json.loads((members(scheme) / name / "config.json").read_text())["weight_init_seed"] for name in names]
        for scheme, names in NAMES.items()
    }
    assert drawn == {"kfold": [2023] * 3, "bootstrap": [97, 39, 22], "ensemble": [97, 39, 22]}


def stamps(folder: Path) -> dict[str, int]:
    return {name.parent.name: name.stat().st_mtime_ns for name in folder.glob("*/model.safetensors")}


def test_finished_members_are_kept_and_the_missing_one_is_trained_as_before(members, tmp_path, run_verb, capsys):
    folder = tmp_path / "kfold"
    shutil.copytree(members("kfold"), folder)
    before, weights = stamps(folder), load_file(folder / "fold-2" / "model.safetensors")
    table = pandas.read_parquet(folder / "members.parquet")
    shutil.rmtree(folder / "fold-2")
    assert run_verb("predict", folder) == 2
    assert "3 members are wanted, but fold-2 is not there; the same `sparring train`" in capsys.readouterr().err
    assert run_verb("train", members("kfold").parent / "best.toml", *SCHEMES["kfold"], "-o", folder) == 0
    said = capsys.readouterr().err
    assert "fold-1: kept" in said
    assert "fold-2: val/score" in said
    after = stamps(folder)
    assert {name for name in before if before[name] != after[name]} == {"fold-2"}
    for key, tensor in load_file(folder / "fold-2" / "model.safetensors").items():
        assert torch.equal(tensor, weights[key]), key
    pandas.testing.assert_frame_equal(pandas.read_parquet(folder / "members.parquet"), table)


def test_an_interrupted_command_keeps_what_it_finished(tmp_path, monkeypatch, capsys, run_verb):
    pinned, folder, trained = pin(tmp_path / "best.toml"), tmp_path / "here", retrain.train_single
    calls = []

    def stopping(*arguments: Any, **options: Any) -> Any:
        calls.append(options["seed"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return trained(*arguments, **options)

    monkeypatch.setattr(retrain, "train_single", stopping)
    asked = ["train", pinned, "--ensemble", "2", "-o", folder]
    assert run_verb(*asked) == 130
    assert "Stopped in seed-39; the same command again goes on" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == [".lock", ".seed-39", "members.json", "seed-97"]
    assert run_verb(*asked) == 0
    assert calls == [97, 39, 39]
    assert run_verb(*asked[:3], "3", *asked[4:]) == 0  # one more
    assert calls == [97, 39, 39, 22]


def test_a_member_that_diverges_is_named(tmp_path, run_verb, capsys):
    pinned = pin(tmp_path / "best.toml", lr_gen=0.9e38, optim_fn_gen="SGD", epochs=1)
    assert run_verb("train", pinned, "--ensemble", "2", "-o", tmp_path / "here") == 4
    assert "best.toml, seed-97: the training diverged in epoch 1" in capsys.readouterr().err


def test_other_members_are_never_overwritten(members, tmp_path, run_verb, capsys):
    folder, best = members("kfold"), members("kfold").parent / "best.toml"
    for asked, words in (
        ((pin(tmp_path / "a.toml", lr_gen=0.001), "--kfold", "3"), "fold-1 is a member of another configuration, and"),
        ((pin(tmp_path / "b.toml", n=50), "--kfold", "3"), "a member of other data and another configuration"),
        ((best, "--kfold", "4"), "fold-1 is a member of another k-fold, and finished members are never overwritten"),
        ((best,), "holds members (members.json); name another folder, or remove it"),
    ):
        before = stamps(folder)
        assert run_verb("train", *asked, "-o", folder) == 2
        assert words in capsys.readouterr().err
        assert stamps(folder) == before
    assert run_verb("train", best, "--ensemble", "2", "-o", folder / "fold-1") == 2
    assert "holds a single model (model.json)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["best.toml", "--kfold", "3", "--ensemble", "3"], "--kfold and --ensemble: at most one"),
        (["advvae", "--kfold", "3"], "sparring train trained/advvae/pinned.toml --kfold"),
        (["best.toml", "--kfold", "40"], "ask for fewer folds"),
    ],
)
def test_what_cannot_be_resampled_is_refused_before_anything_is_written(
    words, said, tmp_path, monkeypatch, capsys, run_verb
):
    monkeypatch.chdir(tmp_path)
    pin(tmp_path / "best.toml")
    assert run_verb("train", *words) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["best.toml"]


# -- predict and reconstruct ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["predict", "reconstruct"])
def test_the_answer_is_the_mean_of_the_members_with_its_deviation(verb, members, tmp_path, run_verb, capsys):
    folder = members("ensemble")
    for place in (folder, *(folder / name for name in NAMES["ensemble"])):
        assert run_verb(verb, place, "--rows", "9", "-o", tmp_path / place.name) == 0
    file = {"predict": "predictions.npz", "reconstruct": "reconstructions.npz"}[verb]
    together, *alone = (arrays(tmp_path / name / file) for name in ("ensemble", *NAMES["ensemble"]))
    errors = pandas.read_parquet(tmp_path / "ensemble" / "errors.parquet")
    for field in ("structure", "spectrum"):
        each = np.stack([found[field] for found in alone]).astype(np.float64)
        np.testing.assert_allclose(together[field], each.mean(0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(together[f"std_{field}"], each.std(0, ddof=1), rtol=1e-4, atol=1e-6)
        assert f"std_{field}" not in alone[0]
        squares = np.square(each.mean(0) - together[f"true_{field}"]).mean(1)
        np.testing.assert_allclose(errors[f"mse_{field}"], squares, rtol=1e-4)
        np.testing.assert_allclose(errors[f"std_{field}"], np.sqrt(each.var(0, ddof=1).mean(1)), rtol=1e-4)
        assert together["ids"].tolist() == errors["id"].tolist() == alone[0]["ids"].tolist()
    assert "spread (std)" in capsys.readouterr().out


def test_rows_that_trained_some_members_are_pointed_out(members, tmp_path, run_verb, capsys):
    asked = ["predict", members("kfold"), "-o", tmp_path]
    assert run_verb(*asked) == 0
    assert "These rows trained some of the k-fold's members, so the errors here are too low" in capsys.readouterr().out
    own = set(read_rows(read_ensemble(members("kfold")).front).ids)
    data = load_dataset("exafs", None, {"n": 60})
    assert own == {data.ids[row] for row in split_rows(60).valid}  # the study's, not the first fold's
    assert run_verb("predict", members("ensemble"), "-o", tmp_path) == 0
    assert "too low" not in capsys.readouterr().out
    kfold, rows = read_ensemble(members("kfold")), read_rows(read_ensemble(members("kfold")).front)
    assert kfold.caution(rows)
    assert not kfold.caution(replace(rows, part="test"))
    assert not kfold.caution(replace(rows, is_own=False, part=None))  # of another data set


def test_texts_get_a_third_column_and_are_read_as_spectra(members, tmp_path, run_verb, capsys):
    asked = ["predict", members("ensemble"), "--text", "--rows", "3", "-o", tmp_path]
    assert run_verb(*asked) == 0
    found = arrays(tmp_path / "predictions.npz")
    for row, name in enumerate(found["ids"]):
        path = tmp_path / "spectrum" / f"{name}.txt"
        written = np.loadtxt(path)
        expected = np.column_stack([found["axis_spectrum"], found["spectrum"][row], found["std_spectrum"][row]])
        np.testing.assert_allclose(written, expected, rtol=1e-7)
        np.testing.assert_allclose(read_spectrum(path), expected[:, :2], rtol=1e-7)
    asked = ["predict", members("kfold"), "--spectra", tmp_path / "spectrum", "-o", tmp_path / "back"]
    assert run_verb(*asked) == 0
    assert "too low" not in capsys.readouterr().out  # files are nobody's training rows


def test_other_verbs_name_a_member(members, run_verb, capsys):
    folder = members("kfold")
    for asked in (["sample", folder], ["outliers", folder, "--out-dataset", "digits"]):
        assert run_verb(*asked) == 2
        said = capsys.readouterr().err
        assert "3 members lie here, which predict and reconstruct ask together; this works on one" in said
        assert f"name its folder, such as {folder / 'fold-1'}" in said
        assert said.count("\n") == 1
    assert run_verb("predict", folder, "--controls") == 2
    assert f"name a member, such as {folder / 'fold-1'}" in capsys.readouterr().err


# -- dropout ----------------------------------------------------------------------------------------------------------


def test_dropout_answers_vary_about_the_plain_answer_and_repeat(members, tmp_path, run_verb):
    folder = members("ensemble") / "seed-97"
    asked = ["predict", folder, "--rows", "5"]
    for name, more in (("plain", []), ("a", ["--mc-dropout", "100"]), ("b", ["--mc-dropout", "100"])):
        assert run_verb(*asked, *more, "-o", tmp_path / name) == 0
    plain, first, again = (arrays(tmp_path / name / "predictions.npz") for name in ("plain", "a", "b"))
    for name, values in first.items():
        np.testing.assert_array_equal(again[name], values)
    assert (first["std_spectrum"] > 0).all()
    # Nets are not linear, so the mean is only about the plain answer; within a deviation for nearly all values.
    near = np.abs(first["spectrum"] - plain["spectrum"]) < first["std_spectrum"]
    assert near.mean() > 0.9


def test_members_and_passes_go_into_one_deviation(members):
    ensemble = read_ensemble(members("ensemble"), passes=4)
    rows = read_rows(ensemble.front, n=4)
    together = ensemble.predict(rows, ["structure"])
    answers = []
    given = {"structure": rows.fields["structure"]}
    for member in ensemble.members:
        with Dropping(member.device):
            answers += [member.model.predict(given)["spectrum"].numpy() for _ in range(4)]
    np.testing.assert_allclose(together.answers["spectrum"], np.mean(answers, 0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(together.deviations["spectrum"], np.std(answers, 0, ddof=1), rtol=1e-4, atol=1e-6)


def test_dropping_drops_in_eval_mode_and_leaves_batch_norms_alone(members):
    ones = torch.ones(20_000)
    with Dropping(torch.device("cpu")) as dropping:
        found = functional.dropout(ones, 0.3, training=False)
        assert torch.equal(functional.dropout(ones, 0.0, training=False), ones)
    assert dropping.drawn == 1
    assert found.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]
    assert float(found.mean()) == pytest.approx(1.0, abs=0.02)
    ensemble = read_ensemble(members("ensemble") / "seed-97", passes=3)
    before = {name: tensor.clone() for name, tensor in ensemble.front.model.state_dict().items()}
    ensemble.predict(read_rows(ensemble.front), ["structure"])
    for name, tensor in ensemble.front.model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_a_model_without_dropout_and_too_few_passes_are_refused(tmp_path, members, run_verb, capsys):
    assert run_verb("train", pin(tmp_path / "p.toml", dropout=0.0, epochs=1), "-o", tmp_path / "m") == 0
    assert run_verb("predict", tmp_path / "m", "--mc-dropout", "5", "-o", tmp_path / "no") == 2
    assert "answers without dropout, so no two answers would differ; train with dropout" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
    with pytest.raises(UsageError, match=r"--mc-dropout: wants 2 to 10,000 passes, .* but got 1"):
        read_ensemble(tmp_path / "m", passes=1)
    asked = ["predict", members("ensemble") / "seed-97", "--controls", "--mc-dropout", "5"]
    assert run_verb(*asked) == 2
    assert "leave out --mc-dropout" in capsys.readouterr().err


# -- pictures ---------------------------------------------------------------------------------------------------------


def test_images_get_a_third_row_of_their_deviation():
    rng = np.random.default_rng(0)
    images, spread = rng.random((12, 1, 90, 90)), 0.1 * rng.random((12, 1, 90, 90))  # large enough to stay as they are
    made = pictures.picture("image", images, images, spread=spread)
    assert isinstance(made, Image.Image)
    assert made.size == (10 * 92 + 2, 3 * 92 + 2)
    shown = np.asarray(made)[186:276, 2:92]
    np.testing.assert_allclose(shown, spread[0, 0] / spread[:10].max() * 255, atol=0.51)
