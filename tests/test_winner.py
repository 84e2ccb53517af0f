"""The weights of the trials that lead: kept by the referee, on a shelf of whole files, asked by every verb."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load

from sparring.errors import DataError, UnknownName, UsageError
from sparring.ledger import Ledger, trial_rows, write_study
from sparring.ledger.weights import WeightsFolder
from sparring.models import find_config, find_model, model_names
from sparring.production.loading.place import Place, find_place, read_trained
from sparring.production.loading.study_winner import read_winner
from sparring.records import Objective, Outcome, Trial, TrialRow
from sparring.referee.ended import EndedTrials
from sparring.space import checked_space
from sparring.study import Limits, open_folder, prepare, reopen
from sparring.study.pinning import pin_trial
from sparring.training.batches.mapped_rows import as_rows
from sparring.training.loop import TrialTraining

SCORE, LIKENESS = Objective(metric="val/score"), Objective(metric="val/ms_ssim", goal="maximize")


def row(trial: int, value: float, likeness: float = 0.0, outcome: Outcome = Outcome.COMPLETED) -> TrialRow:
    metrics = {"val/score": value, "val/ms_ssim": likeness}
    return TrialRow(
        trial=trial, attempt=1, seed=0, outcome=outcome, params={}, value=value, best_epoch=1, epochs=2, metrics=metrics
    )


# -- who leads --------------------------------------------------------------------------------------------------------


def test_under_one_objective_the_best_leads_and_of_equals_the_earlier():
    standing = EndedTrials([SCORE])
    seen = []
    for each in (row(3, 0.5), row(1, 0.4), row(2, 0.4), row(0, 0.4), row(4, 0.1, outcome=Outcome.PRUNED), row(5, 0.9)):
        leads = standing.would_lead(each)
        standing.add(each)
        assert (each.trial in standing.leaders) == leads
        seen.append(list(standing.leaders))
    assert seen == [[3], [1], [1], [0], [0], [0]]


def test_under_several_the_front_leads():
    standing = EndedTrials([SCORE, LIKENESS])
    for each in (row(0, 0.5, 0.5), row(1, 0.6, 0.9), row(2, 0.7, 0.8), row(3, 0.4, 0.5), row(4, 0.4, 0.5)):
        standing.add(each)
    assert sorted(standing.leaders) == [1, 3, 4], "2 is beaten by 1 and 0 by 3; equals are both on it"
    assert not standing.would_lead(row(5, 0.65, 0.85))
    standing.add(row(6, 0.1, 1.0))
    assert list(standing.leaders) == [6]


# -- the shelf --------------------------------------------------------------------------------------------------------


def test_the_shelf_holds_one_whole_file_per_trial(tmp_path):
    shelf = WeightsFolder(tmp_path / "weights")
    assert shelf.trials == []
    assert shelf.read(7) is None
    for trial, packed in ((7, b"a"), (8, b"b"), (7, b"c")):
        shelf.write(trial, packed)
    assert shelf.trials == [7, 8]
    assert [shelf.read(7), shelf.read(8)] == [b"c", b"b"]
    assert len(list(shelf.folder.iterdir())) == 2
    shelf.keep([8])
    assert shelf.trials == [8]
    next(shelf.folder.iterdir()).write_bytes(b"B")
    with pytest.raises(DataError, match="must have the checksum in its name"):
        shelf.read(8)


# -- a study's best trial as a model ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Path:
    """A study of one completed trial and its weights, as the referee leaves it; trial 1 has lost its own."""
    settings = ["hidden_size=8", "epochs=2", "data.n=80", "batch_size=16"]
    study = prepare(
        "aegan",
        settings=settings,
        results=tmp_path_factory.mktemp("results"),
        name="won",
        limits=Limits(trials=2, slots=1),
    )
    open_folder(study)
    params = study.space.baseline()
    solo = TrialTraining(
        find_model("aegan"),
        study.space.config(params),
        as_rows(study.rows("train")),
        as_rows(study.rows("valid")),
        trial=Trial(number=0, params=params, seed=0),
        objective=study.spec.objective,
    )
    told = [solo.run_epoch() for _ in range(2)]
    WeightsFolder(study.folder / "weights").write(0, solo.weights())
    best = told[solo.best.epoch - 1]
    with Ledger(study.folder, kinds=study.space.kinds, metrics=study.config_class.emitted(), wait_s=0) as ledger:
        for number, worse in ((0, 0.0), (1, 1.0)):
            ledger.append_trial(
                TrialRow(
                    trial=number, attempt=1, seed=0, outcome=Outcome.COMPLETED, params=params, epochs=2,
                    value=solo.best.value + worse, best_epoch=best.epoch, metrics=dict(best.metrics),
                )
            )  # fmt: skip
    return study.folder


def test_the_best_trial_answers_with_the_weights_of_its_best_epoch(searched):
    loaded = read_winner(searched)
    packed = WeightsFolder(searched / "weights").read(0)
    assert packed is not None
    for name, tensor in load(packed).items():
        assert torch.equal(loaded.model.state_dict()[name], tensor)
    assert loaded.about.shapes == {"structure": (49,), "spectrum": (226,)}
    assert len(loaded.about.axes["spectrum"]) == 226
    assert not loaded.model.training


def test_every_verb_finds_a_study_by_its_folder_or_its_name(searched, tmp_path, monkeypatch, run_verb, capsys):
    assert run_verb("predict", searched, "--rows", "5") == 0
    assert "Predictions of 5 validation samples" in capsys.readouterr().out
    assert (searched / "trial-0" / "predictions" / "errors.parquet").is_file()
    (tmp_path / "results").symlink_to(searched.parent)
    monkeypatch.chdir(tmp_path)
    assert read_trained(Path("won")).folder == Path("results", "won", "trial-0")


@pytest.mark.parametrize(
    ("file", "named", "folder", "holds"),
    [
        ("mine/model.json", "mine", "mine", "model"),
        ("mine/model.json", "mine/model.safetensors", "mine", "model"),
        ("mine/members.json", "mine", "mine", "members"),
        ("mine/study.json", "mine", "mine", "study"),
        ("mine/other.txt", "mine", "mine", "nothing"),
        ("trained/mine/model.json", "mine", "trained/mine", "model"),
        ("trained/mine/members.json", "mine", "trained/mine", "members"),
        ("results/mine/study.json", "mine", "results/mine", "study"),
        ("results/mine/study.json", "results/mine", "results/mine", "study"),
        ("results/yours/study.json", "mine", "mine", "nothing"),
    ],
)
def test_what_the_user_named_is_known_by_the_file_in_it(file, named, folder, holds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(file).parent.mkdir(parents=True)
    Path(file).touch()
    assert find_place(Path(named)) == Place(folder=Path(folder), holds=holds)


def test_a_trained_folder_goes_before_a_study_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in (Path("trained/mine/model.json"), Path("results/mine/study.json")):
        file.parent.mkdir(parents=True)
        file.touch()
    assert find_place(Path("mine")).folder == Path("trained/mine")


def test_figures_of_the_kept_weights_are_the_trial_s_own(searched):
    loaded, rows = read_winner(searched), as_rows(reopen(searched).rows("valid"))
    with torch.no_grad():
        sums = loaded.model.evaluate(**rows)
    assert loaded.model.figures(sums)["val/score"] == trial_rows(searched)[0].value


def test_a_trial_whose_weights_are_gone_says_how_to_get_them(searched):
    with pytest.raises(
        UsageError,
        match=r"are not kept; there are weights of: 0; to have them, train it again: sparring best .* --trial 1",
    ):
        read_winner(searched, trial=1)
    with pytest.raises(UsageError, match=r"--trial: no completed trial 7 in study won; there are weights of: 0"):
        read_winner(searched, trial=7)
    with pytest.raises(UsageError, match="--trial: wants a study"):
        read_trained(searched / "weights", trial=0)


def test_a_pinned_trial_has_nothing_left_to_search_and_says_what_it_reached(searched):
    pinned, other = pin_trial(searched), pin_trial(searched, 1)
    assert (pinned.row.trial, other.row.trial, pinned.others_on_front) == (0, 1, ())
    space = checked_space(pinned.raw, find_config("aegan"))
    assert not space.dimensions
    assert (space.config({}).hidden_size, space.split) == (8, pinned.spec.split)
    assert pinned.raw["found"]["value"] == trial_rows(searched)[0].value < other.raw["found"]["value"]
    with pytest.raises(UnknownName, match=r"--trial: no completed trial 7 in study won; there are: 0, 1"):
        pin_trial(searched, 7)


def test_a_study_without_an_end_has_no_winner(tmp_path):
    study = prepare("aegan", settings=["data.n=80"], results=tmp_path, name="young", limits=Limits(trials=2, slots=1))
    open_folder(study)
    with pytest.raises(UsageError, match="no trial has completed yet"):
        read_trained(study.folder)


def test_a_study_of_before_says_so(tmp_path, searched):
    """Its study.json lacks the shapes that a model is built from."""
    document = json.loads((searched / "study.json").read_text())
    old = {key: document[key] for key in document if key not in ("shapes", "axes", "sha256", "schema_version")}
    folder = tmp_path / "old"
    write_study(folder, old)
    for table in ("trials", "weights"):
        (folder / table).symlink_to(searched / table)
    with pytest.raises(UsageError, match=r"trial 0 are not kept"):
        read_winner(folder)


@pytest.mark.parametrize("name", model_names())
def test_every_system_has_the_verb_that_the_end_of_its_search_names(name):
    assert hasattr(find_model(name), "predict" if find_config(name).predictions else "sample")
