"""The muons' figure of merit, while they train and of a trained model, its plots, and the sample as a plain table."""

from __future__ import annotations

import functools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
import torch
from PIL import Image
from scipy.stats import halfnorm, ks_2samp, kstest, norm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from sparring.data import load_dataset, split_rows
from sparring.data.kinematics import to_box, to_polar
from sparring.data.muons import draw
from sparring.errors import DataError, UsageError
from sparring.models import find_model
from sparring.models.detection import Detection
from sparring.production import About, Loaded, read_trained
from sparring.production.charts import Axis
from sparring.production.likeness import check_against, compare
from sparring.production.muon_charts import MUONS, draw_pairs, draw_variables, shown
from sparring.production.rows import read_rows
from sparring.production.verbs import DRAWN, sample
from sparring.records import Objective, Trial
from sparring.space import write_toml
from sparring.study import prepare
from sparring.training.gang import Solo
from sparring.two_sample import auc, share_above
from sparring.yardsticks import Task, measure

SMALL: dict[str, dict[str, Any]] = {
    "auxgan": {"hidden_gen": [32, 32], "hidden_dis": [32, 32], "noise": 10, "aux_steps": 50},
    "aux_aae": {"hidden_gen": [32, 32], "hidden_dis": [32, 32], "code": "softplus"},
    "boost_vae": {"hidden": [32, 32]},
}
EPOCHS = 3


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, run_verb) -> Any:
    """Trains a model once, by the command and with val/auc as its objective; returns its folder."""
    place = tmp_path_factory.mktemp("trained")

    def train(name: str) -> Path:
        folder: Path = place / name
        if not folder.exists():
            raw = {"model": name, "dataset": "muons", "split": "75/15/10", "seed": 1}
            raw |= {"objectives": [{"metric": "val/auc"}], "data": {"n": 1200, "reference": 500}}
            raw |= {"fixed": {"epochs": EPOCHS, "batch_size": 50, "auc_rows": 200, **SMALL[name]}}
            (place / f"{name}.toml").write_text(write_toml(raw), encoding="utf-8")
            assert run_verb("train", place / f"{name}.toml", "-o", folder) == 0
        return folder

    return train


@pytest.fixture(scope="module")
def muons() -> np.ndarray:
    return draw(6000, np.random.default_rng(5))


# -- the trees' figure, summed over batches ---------------------------------------------------------------------------


def told_apart(learn: tuple[Any, Any], score: tuple[Any, Any]) -> float:
    """The published figure by scikit-learn alone: first against second of both pairs."""
    trees = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.1, max_depth=4, early_stopping=False, random_state=0
    )
    trees.fit(np.concatenate(learn), np.repeat([1, 0], [len(each) for each in learn]))
    labels = np.repeat([1, 0], [len(each) for each in score])
    return float(roc_auc_score(labels, trees.predict_proba(np.concatenate(score))[:, 1]))


def test_shares_above_average_to_the_area_under_the_curve_ties_too():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 30, 500) / 30, rng.integers(0, 25, 400) / 30
    labels = np.repeat([1, 0], [500, 400])
    expected = roc_auc_score(labels, np.concatenate([first, second]))
    assert share_above(first, second).mean() == pytest.approx(expected, abs=1e-12)


def test_batches_add_up_to_what_scikit_learn_finds():
    rng = np.random.default_rng(1)
    real, known, generated = rng.normal(size=(700, 3)), rng.normal(size=(300, 3)), rng.normal(0.3, 1, size=(600, 3))
    detection = Detection(300)
    detection.fit(torch.tensor(known))
    a, b, c = (torch.tensor(each, dtype=torch.float32) for each in (real, known, generated))
    total = sum(float(detection.sums(part, b, c)["auc"]) for part in a.split(250))
    a, b, c = (each.numpy() for each in (a, b, c))
    assert total / 700 == pytest.approx(told_apart((b, c[:300]), (a, c[300:])), abs=1e-9)
    # Other rows, other trees: those of before would still be fooled where these are not.
    other = np.concatenate([c[:300] + 1, c[300:]])
    later = float(detection.sums(torch.tensor(a), torch.tensor(b), torch.tensor(other))["auc"])
    assert later / 700 == pytest.approx(told_apart((b, other[:300]), (a, other[300:])), abs=1e-9)
    assert later != total


def test_what_is_not_finite_has_no_figure_and_too_few_rows_no_trees():
    detection = Detection(100)
    rows = torch.zeros(40, 2)
    rows[3, 1] = torch.nan
    assert math.isnan(float(detection.sums(torch.zeros(5, 2), torch.zeros(20, 2), rows)["auc"]))
    with pytest.raises(DataError, match=r"auc_rows: trees learn from at least 20 training rows, but got 19"):
        detection.fit(torch.zeros(19, 2))


def solo(name: str, **fields: Any) -> Solo:
    data = load_dataset("muons", options={"n": 500, "reference": 500})
    split = split_rows(len(data))
    parts = [
        {field: torch.from_numpy(data.fields[field][index]) for field in find_model(name).Config.fields}
        for index in (split.train, split.valid)
    ]
    config = find_model(name).Config(**SMALL[name], batch_size=50, epochs=EPOCHS, **fields)
    metric = "val/auc" if "auc_rows" in fields else "val/distance"
    return Solo(
        find_model(name), config, *parts, trial=Trial(number=0, params={}, seed=2), objective=Objective(metric=metric)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_figure_of_an_epoch_is_the_trees_on_rows_that_nobody_learned_from(name):
    run = solo(name, auc_rows=400)
    figure = run.run_epoch().metrics["val/auc"]
    model: Any = run.model.eval()
    given, known = run.valid_rows, run.train_rows
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        if name == "aux_aae":
            scored, learned = model.encode(given["rareness"]).numpy(), model.encode(known["rareness"]).numpy()
            drawn = torch.randn(800, 4, generator=generator).abs().numpy()
        else:
            drawn = to_box(to_polar(model.sample(800, generator=generator).numpy()))
            scored, learned = (to_box(to_polar(rows["muons"].numpy())) for rows in (given, known))
    # Trees only see the order within a column, but their bins' edges are rounded elsewhere in another frame.
    assert figure == pytest.approx(told_apart((learned, drawn[:400]), (scored, drawn[400:])), abs=0.02)


@pytest.mark.slow
def test_as_the_objective_it_says_which_weights_are_kept():
    run = solo("boost_vae", auc_rows=200, lr_gen=0.02)
    figures, states = [], []
    for _ in range(6):
        figures.append(run.run_epoch().metrics["val/auc"])
        states.append({key: tensor.clone() for key, tensor in run.model.state_dict().items()})
    best = int(np.argmin(figures))
    assert best < 5, "else the last weights would do as well"
    assert (run.best_epoch, run.best_value) == (best + 1, figures[best])
    assert all(tensor.equal(states[best][key]) for key, tensor in run.best_state.items())


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_measuring_it_changes_nothing_else_and_is_off_by_default(name):
    on, off = solo(name, auc_rows=50), solo(name)
    for _ in range(2):
        with_figure, without = on.run_epoch().metrics, off.run_epoch().metrics
        assert with_figure.pop("val/auc") > 0
        assert with_figure == without


def test_as_an_objective_it_has_to_be_switched_on(tmp_path):
    with pytest.raises(UsageError, match=r"val/auc is measured only where auc_rows is set.*--set auc_rows"):
        prepare("boost_vae", objectives=["val/auc"], results=tmp_path)
    study = prepare("boost_vae", objectives=["val/auc"], settings=["auc_rows=100"], results=tmp_path)
    assert study.spec.objective.metric == "val/auc"
    assert study.spec.objective.goal == "minimize"


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_plain_methods_are_measured_by_it_too_where_it_is_on(name):
    data = load_dataset("muons", options={"n": 1500, "reference": 500})
    config = find_model(name).Config(**SMALL[name] | ({"aux_steps": 1} if name == "auxgan" else {}), auc_rows=600)
    fields = {field: data.fields[field] for field in config.fields}
    found, complaints = measure(Task(model=name, config=config, fields=fields, split=split_rows(len(data))))
    assert complaints == []
    figures = {each.name: each.figure("val/auc") for each in found}
    (floor,) = [figures[each.name] for each in found if each.is_floor]
    plain = figures["the values themselves" if name == "aux_aae" else "independent columns"]
    assert floor < 0.55 < plain


# -- what train writes ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_trace_of_every_epoch_is_written_and_the_best_weights_are_kept(name, trained):
    folder = trained(name)
    trace = pyarrow.parquet.read_table(folder / "epochs.parquet").to_pylist()
    assert [row["epoch"] for row in trace] == [1, 2, 3]
    best = min(trace, key=lambda row: row["val/auc"])
    kept = json.loads((folder / "metrics.json").read_text())
    assert {key: best[key] for key in kept} == kept
    loaded = read_trained(folder)
    rows, train = read_rows(loaded, part="valid"), read_rows(loaded, part="train")
    model: Any = loaded.model
    if model.config.auc_rows:  # what lies beside the weights is of prepare, not of the file
        model.detection.fit(train.fields[loaded.fields[0]])
    with torch.no_grad():
        sums = {key: float(total) for key, total in model.evaluate(**rows.fields).items()}
    assert model.figures(sums)["val/auc"] == pytest.approx(kept["val/auc"], abs=1e-9)


# -- a trained model beside held-out rows -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_command_says_and_writes_how_like_its_samples_are(name, trained, tmp_path, run_verb, capsys):
    assert run_verb("sample", trained(name), "--against", "test", "-o", tmp_path) == 0
    said = capsys.readouterr().out
    loaded = read_trained(trained(name))
    rows = read_rows(loaded, part="test")
    (field,) = {"muons", "rareness"} & {path.stem for path in tmp_path.glob("*.npy")}
    table = np.load(tmp_path / f"{field}.npy", allow_pickle=False)
    assert (len(table), table.dtype) == (len(rows), np.float32)
    real = rows.fields[field].double().numpy()
    columns = (lambda each: to_box(to_polar(each))) if field == "muons" else (lambda each: each[:, :4])
    written = json.loads((tmp_path / "likeness.json").read_text())
    found = auc(columns(real), columns(table.astype(np.float64)))
    assert written["auc"][field] == {"value": found.value, "error": found.error, "rows": 120}
    assert f"{found.value:.4f} ± {found.error:.4f}" in said
    assert written["part"] == "test"
    scores = pyarrow.parquet.read_table(tmp_path / "scores.parquet").to_pydict()
    assert roc_auc_score(scores["is_real"], scores["score"]) == pytest.approx(found.value)
    if field == "muons":
        expected = ks_2samp(to_polar(real)[:, 3], to_polar(table)[:, 3]).statistic
        assert written["ks"]["pt [GeV]"]["distance"] == pytest.approx(expected, abs=1e-6)
    pictures = {"variables", "pairs", "classifier", "progress", field}
    if name != "auxgan":
        pictures |= {"codes", "classifier_codes"}
    if name == "aux_aae":
        pictures |= {"classifier_auxiliary_values"}
        codes = loaded.model.encode(rows.fields["rareness"]).double().numpy()
        for column, test in enumerate(written["codes"]["ks"]):
            assert test["distance"] == pytest.approx(kstest(codes[:, column], halfnorm.cdf).statistic, abs=1e-6)
        np.testing.assert_allclose(written["codes"]["correlation"]["the codes"], np.corrcoef(codes.T), atol=1e-6)
        assert "Largest correlation of the codes" in said
    assert {path.stem for path in tmp_path.glob("*.png")} == pictures
    for stem in pictures:
        assert Image.open(tmp_path / f"{stem}.png").getextrema() != ((255, 255),) * 3


@pytest.mark.slow
def test_perfect_samples_get_one_half_and_poor_ones_more(trained, muons):
    loaded = read_trained(trained("boost_vae"))
    rows = read_rows(loaded, part="train")
    perfect = compare(loaded, {"muons": muons.astype(np.float32)}, rows, 0)[0]["muons"]
    assert abs(perfect.value - 0.5) < 4 * perfect.error
    hotter = muons * np.array([1, 1, 1, 1, 1.3, 1.3, 1])
    assert compare(loaded, {"muons": hotter}, rows, 0)[0]["muons"].value > 0.6
    figures, codes = compare(loaded, {"muons": muons}, rows, 0)
    assert codes is not None
    assert codes.values.shape == codes.draws.shape == (900, 4)
    assert all(kstest(column, norm.cdf).pvalue > 1e-3 for column in codes.draws.T)
    assert figures["codes"].value > 0.45


@pytest.mark.parametrize(
    ("part", "rows", "words"),
    [
        ("train", None, r"--against: wants rows that were held out, valid or test, but got 'train'"),
        (None, 100, r"--rows: says how many real rows --against compares with"),
        ("valid", None, r"--against: compares tables of muons, but the model mlp_aae"),
    ],
)
def test_a_comparison_that_says_nothing_is_refused(part, rows, words):
    shapes = {"image": (1, 8, 8)}
    about = About(model="mlp_aae", shapes=shapes, dataset="digits", split="80/20", sha256="", version="")
    model = find_model("mlp_aae")(find_model("mlp_aae").Config(hidden_size=8), shapes)
    with pytest.raises(UsageError, match=words):
        check_against(Loaded(folder=Path(), about=about, model=model, device=torch.device("cpu")), part, rows)


# -- the sample as a table --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_many_samples_are_drawn_by_chunks_and_read_back_as_a_data_set(trained, tmp_path, monkeypatch, run_verb):
    loaded = read_trained(trained("auxgan"))
    model: Any = loaded.model
    few = model.sample(50, generator=torch.Generator().manual_seed(3)).numpy()
    np.testing.assert_array_equal(sample(loaded, 50, seed=3)["muons"], few)
    asked, whole = [], type(model).sample

    @functools.wraps(whole)
    def spy(self: Any, n: int, **more: Any) -> Any:
        asked.append(n)
        return whole(self, n, **more)

    monkeypatch.setattr(type(model), "sample", spy)
    count = DRAWN + 4000
    assert run_verb("sample", trained("auxgan"), "-n", str(count), "--boost", "1.2", "-o", tmp_path) == 0
    assert asked == [DRAWN, 4000]
    table = np.load(tmp_path / "muons.npy", allow_pickle=False)
    assert (table.shape, table.dtype) == ((count, 7), np.float32)
    assert len(np.unique(table[:, 1])) > 0.99 * count
    with np.load(tmp_path / "samples.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["muons"], table)
    read = load_dataset("muon-files", tmp_path / "muons.npy", {"reference": 1000, "most": 500})
    place = int(read.ids[7].rpartition("-")[2]) - 1
    np.testing.assert_allclose(read.fields["muons"][7], table[place], rtol=1e-6)


# -- charts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "is_log", "expected"),
    [
        (0.0, 1.0, False, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-7084.0, -6850.0, False, ["-7050", "-7000", "-6950", "-6900", "-6850"]),
        (-3.05, 3.05, False, ["-2", "0", "2"]),
        (12.0, 300.0, True, ["20", "50", "100", "200"]),
        (2e-4, 0.3, True, ["10^-3", "10^-2", "10^-1"]),
        (1e-12, 1.0, True, ["10^-12", "10^-10", "10^-8", "10^-6", "10^-4", "10^-2", "1"]),
    ],
)
def test_ticks_are_round_and_few(low, high, is_log, expected):
    ticks = Axis(label="", low=low, high=high, is_log=is_log).ticks()
    assert [said for _, said in ticks if said] == expected
    assert all(low - 1e-9 <= value <= high + 1e-9 for value, _ in ticks)


@pytest.mark.slow
def test_maps_and_histograms_show_both_samples(muons):
    variables, real = shown("muons", muons[:3000])
    assert variables == MUONS
    np.testing.assert_allclose(real[:, 1:], to_polar(muons[:3000]))
    same, other = (draw_variables(variables, (real, each), [0.0] * 7) for each in (real, real[:1000] * 1.1))
    assert same.size == other.size == (2400, 1868)
    assert same.tobytes() != other.tobytes()
    # Fifteen pairs, each twice: real and generated maps of the same rows are the same pixels.
    sheet = np.asarray(draw_pairs(variables, (real, real)))
    assert sheet.shape == (2 * (34 + 5 * 250), 6 * 600, 3)
    inner = slice(2 * (34 + 26) + 4, 2 * (34 + 250 - 46) - 4), slice(2 * 66 + 4, 2 * (300 - 16) - 4)
    left, right = sheet[:, :600][inner], sheet[:, 600:1200][inner]
    np.testing.assert_array_equal(left, right)
    assert len(np.unique(left.reshape(-1, 3), axis=0)) > 10
    changed = np.asarray(draw_pairs(variables, (real, real * 1.05)))
    assert not np.array_equal(changed[:, 600:1200][inner], changed[:, :600][inner])
