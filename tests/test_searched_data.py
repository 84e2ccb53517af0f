"""A search over options of the data, from its words to its end: refused or comparable, and each trial has its own."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from rich.console import Console
from support.data_options import METRIC, SEARCH, study_of, train

from sparring.cluster.trial_rows import RowsOfTrials
from sparring.data import load_dataset
from sparring.data.variants import ROWS
from sparring.errors import DataError, Infeasible, SpaceError
from sparring.ledger import read_study, spec_from_json, trial_rows
from sparring.ledger.weights import WEIGHTS, WeightsFolder, read_data_of
from sparring.production.handover.candidate import open_candidate
from sparring.production.loading.study_winner import read_winner
from sparring.production.retrain.retrain import TrainingRequest, retrain
from sparring.report import read_report
from sparring.report.formats import as_text
from sparring.space import write_toml
from sparring.study import Limits, prepare, reopen
from sparring.study.look import look
from sparring.study.pinning import pin_trial
from sparring.training.batches.mapped_rows import as_rows

WIDE, SHORT = {"data.n_g2": 24}, {"data.r_max": 4.5}


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("search", "metric", "words"),
    [
        (SEARCH, "val/score", r"data\.\w+: it changes the structure, in which val/score is measured, so trials would "
         r"not compare; .*those that compare: val/mse_recon_spectrum, val/mse_predict_spectrum"),
        ("data.points = { choice = [50, 226] }", METRIC, r"it changes the spectrum, in which val/mse_predict_spe"),
        ("data.n = { int = [40, 4000] }", METRIC, r"search\.data\.n: all trials train and validate on the same rows, "
         r"but n says which rows there are; fix it under \[data\]; options of exafs that may be searched: r_min, r_"),
        ("data.r_maks = { int = [2, 8] }", METRIC, r"search: no option of exafs's data 'r_maks'; did you mean 'r_max'"),
        ("data.n_g2 = { int = [0, 16] }", METRIC, r"the data of exafs refuse 0: .*wants at least 2"),
        ("data.n_g4 = { int = [16, 64] }", METRIC, r"refuse 17: .*multiple of 2; narrow the range, or give it a step"),
        ("data.n_g2 = { uniform = [8.0, 16.0] }", METRIC, r"refuse 11\.05\d+: .*a whole number"),
    ],
)  # fmt: skip
def test_what_would_not_compare_or_cannot_be_is_refused_before_anything_starts(tmp_path, search, metric, words):
    with pytest.raises(SpaceError, match=words):
        study_of(tmp_path, search, metric, settings=() if "data.n =" in search else ["data.n=80"])


def test_what_changes_the_spectrum_may_be_searched_by_the_structure(tmp_path):
    search = "data.points = { choice = [50, 226] }"
    study = study_of(tmp_path, search, "val/mse_predict_structure")
    assert study.source.common.keys() == {ROWS, "structure"}


def test_descriptors_that_are_read_from_a_file_cannot_be_searched(tmp_path):
    draw = np.random.default_rng(0)
    path = tmp_path / "rows.npz"
    np.savez(path, x=draw.normal(size=(40, 49)), y=draw.normal(size=(40, 20)))
    with pytest.raises(DataError, match=r"an \.npz already holds descriptors, so r_max, n_g2 cannot be chosen"):
        study_of(tmp_path, settings=(), dataset="fe-xanes", data_path=path)


# -- what is filled in and written ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Path:
    """Four trials: the default, a wider descriptor, a shorter one, and both."""
    study = study_of(tmp_path_factory.mktemp("results"))
    return train(study, [{}, WIDE, SHORT, {**WIDE, **SHORT, "lr_gen": 5e-3}])


def test_trial_0_has_the_readers_own_options_and_the_study_knows_them(searched):
    document = read_study(searched)
    spec = spec_from_json(document["spec"])
    assert spec.data_options == {"n": 80, "r_max": 6.0, "n_g2": 16}
    assert trial_rows(searched)[0].params == {"lr_gen": 0.01, "data.r_max": 6.0, "data.n_g2": 16}
    assert document["kinds"]["data.r_max"] == "float"
    assert document["common"].keys() == {ROWS, "spectrum"}


def test_a_study_without_such_options_is_written_as_before(tmp_path):
    study = study_of(tmp_path, "")
    assert study.source is None
    assert not [note for note in study.notes if "data." in note]
    train(study, [])
    assert "common" not in read_study(study.folder)


def test_it_is_said_which_figures_do_not_compare(searched, tmp_path):
    note = (
        "data.r_max, data.n_g2 differ from trial to trial, so these figures do not compare between trials: val/score, "
    )
    (said,) = [each for each in study_of(tmp_path).notes if each.startswith("data.")]
    assert said.startswith(note)
    assert METRIC not in said
    assert any(each.startswith(note) for each in read_report(searched, yardsticks=False).notes)


def test_the_same_command_resumes_and_looks_at_no_variant_again(searched, monkeypatch):
    def never(*_: object) -> None:
        raise AssertionError("a study that has begun was tried when it began")

    monkeypatch.setattr(importlib.import_module("sparring.study.prepare"), "try_source", never)
    assert study_of(searched.parent).folder == searched
    assert study_of(searched.parent, name="aegan-exafs").identity() == read_study(searched)["identity"]


# -- what a worker trains on ------------------------------------------------------------------------------------------


def test_a_worker_makes_the_rows_of_a_trial_and_keeps_the_studys_own(tmp_path):
    study = study_of(tmp_path)
    rows = RowsOfTrials(study.rows("train"), study.rows("valid"), study.source)
    own, wide = rows.take(dict(study.spec.data_options)), rows.take({**study.spec.data_options, "n_g2": 24})
    assert own.about is None
    assert wide.about is not None
    assert [each.train["structure"].shape[1] for each in (own, wide)] == [49, 57]
    for part in ("train", "valid"):
        assert torch.equal(getattr(own, part)["spectrum"], getattr(wide, part)["spectrum"])


def test_values_that_do_not_go_together_end_their_trial(tmp_path):
    study = study_of(tmp_path, "data.r_max = { uniform = [3.0, 8.0] }\ndata.r_min = { uniform = [0.5, 2.0] }")
    rows = RowsOfTrials(study.rows("train"), study.rows("valid"), study.source)
    with pytest.raises(Infeasible, match=r"r_max must exceed r_min by more than 1\.5"):
        rows.take({**study.spec.data_options, "r_max": 3.0, "r_min": 2.0})


# -- the trial's own options, ever after ------------------------------------------------------------------------------


@pytest.mark.parametrize("trial", [0, 1, 2, 3])
def test_a_pinned_trial_repeats_its_figure_exactly(searched, tmp_path, trial):
    pinned = pin_trial(searched, trial)
    assert pinned.raw["data"] == {"n": 80, "r_max": 6.0, "n_g2": 16} | {
        name.removeprefix("data."): value for name, value in pinned.row.params.items() if name.startswith("data.")
    }
    (tmp_path / "best.toml").write_text(write_toml(pinned.raw))
    console = Console(record=True, width=200)
    trained = retrain(tmp_path / "best.toml", TrainingRequest(output=tmp_path / "trained"), console)
    assert trained.best is not None
    assert trained.best.metrics[METRIC] == pinned.row.value
    assert f"exactly the figure of trial {trial}" in console.export_text()


@pytest.mark.parametrize(("trial", "width"), [(0, 49), (1, 57), (2, 49), (3, 57)])
def test_kept_weights_know_the_data_of_their_trial(searched, trial, width):
    loaded = read_winner(searched, trial=trial)
    assert loaded.about.shapes["structure"] == (width,)
    row = trial_rows(searched)[trial]
    assert loaded.about.data == {"n": 80, "r_max": row.params["data.r_max"], "n_g2": row.params["data.n_g2"]}
    data = reopen(searched, row.params)
    assert loaded.about.sha256 == data.dataset.sha256 == load_dataset("exafs", None, loaded.about.data).sha256
    with torch.no_grad():
        sums = loaded.model.evaluate(**as_rows(data.rows("valid")))
    assert loaded.model.figures(sums)[METRIC] == row.value


def test_weights_of_the_studys_own_data_are_the_tensors_alone(searched):
    shelf = WeightsFolder(searched / WEIGHTS)
    assert [read_data_of(shelf.read(trial) or b"") is None for trial in range(4)] == [True, False, False, False]
    with pytest.raises(DataError, match=r"weights of 3 bytes: must be a \.safetensors file"):
        read_data_of(b"abc")


def test_a_verb_takes_the_descriptors_of_the_trial(searched, run_verb, capsys):
    assert run_verb("predict", searched, "--trial", "3", "--rows", "5") == 0
    assert "Predictions of 5 validation samples" in capsys.readouterr().out


def test_a_reopened_study_refuses_data_whose_target_has_changed(searched, monkeypatch):
    params = trial_rows(searched)[3].params
    monkeypatch.setattr("sparring.data.embedded.exafs.SIGMA2", (0.002, 0.007))
    with pytest.raises(DataError, match="another spectrum than the study began with"):
        reopen(searched, params)


def test_yardsticks_are_measured_on_the_winners_data(tmp_path, monkeypatch):
    slow = study_of(tmp_path, f"{SEARCH}\n[defaults]\nlr_gen = 1e-4")
    folder = train(slow, [{}, {**WIDE, "lr_gen": 3e-3}])
    seen = []

    def measure(task, _say):
        seen.append(task.fields["structure"].shape[1])
        return [], []

    monkeypatch.setattr("sparring.report.yardstick_cache.measure", measure)
    report = read_report(folder)
    assert report.best is not None
    assert (report.best.trial, seen) == (1, [57])
    assert {"val/score", "val/mse_predict_structure"} <= set(report.apart)
    line = next(line for line in as_text(report).decode().splitlines() if line.startswith("val/score"))
    assert line.endswith("each of its own data")
    key = json.loads((folder / "yardsticks.json").read_text())["key"]
    assert key["data"] == {"data.r_max": 6.0, "data.n_g2": 24}
    read_report(folder)
    assert len(seen) == 1


def test_winner_and_default_meet_on_the_test_rows_each_with_its_own_data(tmp_path):
    slow = study_of(tmp_path, f"{SEARCH}\n[defaults]\nlr_gen = 1e-4", split="75/15/10")
    folder = train(slow, [{}, {**WIDE, "lr_gen": 3e-3}])
    seen = look(folder)
    assert (seen.trial, seen.rows) == (1, 8)
    for trial, figures in ((1, seen.winner), (0, seen.default)):
        (tmp_path / "pinned.toml").write_text(write_toml(pin_trial(folder, trial).raw))
        request = TrainingRequest(output=tmp_path / f"trained-{trial}")
        trained = retrain(tmp_path / "pinned.toml", request, Console(quiet=True))
        assert figures["test/mse_predict_spectrum"].value == pytest.approx(trained.test["test/mse_predict_spectrum"])
    assert seen.difference.keys() == {"test/mse_predict_spectrum", "test/mse_recon_spectrum", "test/r_factor"}


@pytest.mark.parametrize(("trial", "is_refit"), [(0, False), (3, False), (3, True)])
def test_a_trial_is_offered_for_production_with_its_own_data(searched, trial, is_refit):
    candidate = open_candidate(searched, trial, is_refit=is_refit, console=Console(quiet=True))
    width = 57 if trial else 49
    assert candidate.source.about.shapes["structure"] == (width,)
    assert candidate.source.about.sha256 == candidate.study.dataset.sha256
    assert candidate.study.rows("valid")["structure"].shape[1] == width
    assert candidate.source.about.data == candidate.study.spec.data_options == pin_trial(searched, trial).raw["data"]


def test_a_trial_whose_inputs_have_changed_is_not_offered(searched, monkeypatch):
    describe = importlib.import_module("sparring.data.embedded.exafs").describe_padded
    monkeypatch.setattr("sparring.data.embedded.exafs.describe_padded", lambda *given: 2 * describe(*given))
    for trial in (0, 3):
        with pytest.raises(DataError, match="not the data that was searched on"):
            open_candidate(searched, trial, is_refit=False, console=Console(quiet=True))


# -- other studies and points of the user's ---------------------------------------------------------------------------


def test_an_earlier_study_gives_its_trials_with_their_options(searched, tmp_path):
    study = study_of(tmp_path, name="next", earlier=[searched])
    assert len(study.spec.earlier) == 4
    assert {row.params["data.n_g2"] for row in study.spec.earlier} == {16, 24}
    assert all(row.shares == () for row in study.spec.earlier)


def test_options_that_are_fixed_here_select_the_earlier_trials(searched, tmp_path):
    study = study_of(tmp_path, "data.r_max = { uniform = [4.0, 8.0] }", name="next", earlier=[searched])
    assert {row.params["data.r_max"] for row in study.spec.earlier} == {4.5, 6.0}
    assert any("2 trials taken; 2 left out of another data.n_g2" in note for note in study.notes)


def test_a_study_that_fixed_an_option_gives_its_value_to_one_that_searches_it(tmp_path):
    before = train(study_of(tmp_path, "", name="before"), [{}])
    study = study_of(tmp_path, name="next", earlier=[before])
    (row,) = study.spec.earlier
    assert (row.params["data.r_max"], row.params["data.n_g2"]) == (6.0, 16)


def test_a_fork_has_the_options_of_its_parent(searched):
    limits = Limits(trials=6, slots=1)
    study = prepare("aegan", name="aegan-exafs", fork="fork", results=searched.parent, limits=limits, address="none")
    assert study.space.kinds["data.n_g2"] == "int"
    assert study.source is not None
    assert len(study.spec.earlier) == 4


def test_a_pinned_trial_is_a_point_to_try_with_its_options(searched, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(write_toml(pin_trial(searched, 3).raw))
    study = study_of(tmp_path, name="next", tries=[path])
    (each,) = study.space.tries
    assert each.params == trial_rows(searched)[3].params


def test_a_published_file_says_where_searched_options_begin(tmp_path, monkeypatch):
    """Its other options of the data stay fixed."""
    published = SimpleNamespace(values={}, split=None, seed=None, data_options={"r_max": 5.0, "n_g4": 16})
    monkeypatch.setattr("sparring.models.aegan.input_file.read_published", lambda path: published)
    study = study_of(tmp_path, config=Path("published.yaml"))
    assert study.space.baseline()["data.r_max"] == 5.0
    assert study.spec.data_options == {"n": 80, "n_g4": 16, "r_max": 5.0, "n_g2": 16}
