"""The look at the test rows: what is scored, on which rows, how often, and what is said of it."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from sparring.cluster.look_process import LookAhead, LookProcess, begin_look, is_ending
from sparring.errors import DataError, UsageError
from sparring.ledger import Ledger, read_looks
from sparring.ledger.weights import WeightsFolder
from sparring.models import find_model
from sparring.records import Outcome, RunningTrial, Snapshot, StudySpec, Trial, TrialRow
from sparring.study import Limits, open_folder, prepare
from sparring.study.look import is_due, look
from sparring.training.batches.mapped_rows import as_rows
from sparring.training.loop import TrialTraining

SETTINGS = ["hidden_size=8", "epochs=2", "data.n=120", "batch_size=16"]


def begun(results, split="75/15/10", trials=2):
    study = prepare(
        "aegan", settings=SETTINGS, split=split, results=results, name="s", limits=Limits(trials=trials, slots=1)
    )
    study.folder.mkdir(exist_ok=True)
    open_folder(study)
    return study


def ledger_of(study):
    return Ledger(study.folder, kinds=study.space.kinds, metrics=study.config_class.emitted(), wait_s=0)


def trained(study, number, **changes):
    """A trial of the study trained to its end, its weights kept; a later one ranks higher."""
    params = {**study.space.baseline(), **changes}
    solo = TrialTraining(
        find_model("aegan"), study.space.config(params), as_rows(study.rows("train")), as_rows(study.rows("valid")),
        trial=Trial(number=number, params=params, seed=0), objective=study.spec.objective,
    )  # fmt: skip
    told = [solo.run_epoch() for _ in range(2)]
    WeightsFolder(study.folder / "weights").write(number, solo.weights())
    best = told[solo.best.epoch - 1]
    row = TrialRow(
        trial=number, attempt=1, seed=0, outcome=Outcome.COMPLETED, params=params, epochs=2,
        value=solo.best.value - number, best_epoch=best.epoch, metrics=dict(best.metrics),
    )  # fmt: skip
    with ledger_of(study) as ledger:
        ledger.append_trial(row)
    return solo


@pytest.fixture
def searched(tmp_path):
    """A study of two trials, the second its winner by the ledger; with what each trained."""
    study = begun(tmp_path)
    return study, trained(study, 0), trained(study, 1, lr_gen=3e-3, w_adv=0.0)


def test_winner_and_default_are_scored_as_training_would_score_them_on_the_test_rows(searched):
    study, default, other = searched
    assert is_due(study)
    seen = look(study.folder)
    rows = as_rows(study.rows("test"))
    assert (seen.number, seen.trial, seen.trials, seen.rows) == (1, 1, 2, 12)
    for figures, training in ((seen.winner, other), (seen.default, default)):
        expected = training.examine(rows)
        assert set(figures) == set(expected)
        for name, figure in figures.items():
            assert figure.value == pytest.approx(expected[name], rel=1e-5)
            assert figure.low <= figure.value <= figure.high
            assert len(figure.resamples) == 1000
    score = seen.difference["test/score"]
    assert score.value == pytest.approx(seen.winner["test/score"].value - seen.default["test/score"].value)
    assert read_looks(study.folder) == (seen,)


def test_a_study_is_looked_at_once_and_again_only_when_it_went_on(searched):
    study, _, _ = searched
    look(study.folder)
    assert not is_due(study)
    row = TrialRow(trial=2, attempt=1, seed=0, outcome=Outcome.CRASHED, params=study.space.baseline(), error="x")
    with ledger_of(study) as ledger:
        ledger.append_trial(row)
    assert is_due(study)
    again = look(study.folder)
    assert (again.number, again.trials) == (2, 3)
    first, second = read_looks(study.folder)
    assert first.winner == second.winner  # the same weights on the same rows: the same figures, to the last digit


def test_without_test_rows_or_a_winner_there_is_nothing_to_look_at(tmp_path):
    study = begun(tmp_path, split="80/20")
    trained(study, 0)
    assert not is_due(study)
    (tmp_path / "other").mkdir()
    assert not is_due(begun(tmp_path / "other"))


def test_a_default_that_leads_or_whose_weights_are_gone_is_not_scored_beside_the_winner(searched):
    study, _, _ = searched
    WeightsFolder(study.folder / "weights").keep([1])
    seen = look(study.folder)
    assert seen.default == seen.difference == {}
    WeightsFolder(study.folder / "weights").keep([])
    with pytest.raises(UsageError, match="winner's weights are not kept"):
        look(study.folder)
    assert len(read_looks(study.folder)) == 1


def test_other_data_are_not_looked_at(searched, monkeypatch):
    study, _, _ = searched
    from sparring.study import look as module

    changed = replace(study.dataset, ids=tuple(f"x{name}" for name in study.dataset.ids))
    monkeypatch.setattr(module, "reopen", lambda folder: replace(study, dataset=changed))
    with pytest.raises(DataError, match="exafs: it has changed since the search"):
        look(study.folder)
    assert read_looks(study.folder) == ()


def test_a_process_of_its_own_looks_and_says_in_one_line_why_it_could_not(searched):
    study, _, _ = searched
    console = Console(file=io.StringIO(), width=400)
    begin_look(study).finish(console)
    assert [each.trial for each in read_looks(study.folder)] == [1]
    assert console.file.getvalue() == ""
    assert begin_look(study) is None
    WeightsFolder(study.folder / "weights").keep([])
    again = LookProcess(study)
    again.go()
    again.finish(console)
    assert console.file.getvalue() == (
        "The 12 test rows were not looked at: study s: its winner's weights are not kept, so it cannot be scored; the "
        "same command again looks.\n"
    )


def test_a_look_begun_ahead_waits_for_the_end_and_counts_what_ended_meanwhile(tmp_path):
    study, console = begun(tmp_path), Console(file=io.StringIO(), width=400)
    trained(study, 0)
    with LookAhead(study) as ahead:
        ahead.see(shown(1, 0, trials=1))
        assert ahead._waiting is not None
        assert ahead.begin() is None  # a trial is to go
        waiting = ahead._waiting
        trained(study, 1, lr_gen=3e-3)
        process = ahead.begin()
        assert process is waiting
        process.finish(console)
    assert [(each.trial, each.trials) for each in read_looks(study.folder)] == [(1, 2)]
    with LookAhead(study) as ahead:
        ahead.see(shown(2, 0))
        process = ahead._waiting._process
    assert process.poll() is not None
    assert len(read_looks(study.folder)) == 1


def shown(finished, running, **known):
    trial = RunningTrial(number=0, attempt=1, epoch=1, epochs=9, value=None)
    return Snapshot(**{
        "trials": 2, "outcomes": {Outcome.COMPLETED: finished}, "running": (trial,) * running, "best": None,
        "baseline": None, "epochs": 3, "elapsed_s": 1.0, "left": None, **known,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("snapshot", "ending"),
    [
        (shown(1, 1), True),
        (shown(0, 2), False),  # every trial has begun, and no slot is idle
        (shown(0, 1), False),  # between two trials
        (shown(5, 1, trials=None, trained_s=10.0, train_limit_s=10.0), True),
        (shown(5, 1, trials=None, trained_s=9.0, train_limit_s=10.0), False),
        (shown(5, 1, trials=None), False),
        (shown(1, 0, epochs=0), False),  # resumed, and nothing trains yet
    ],
)
def test_a_search_ends_once_a_slot_is_idle_for_good(snapshot, ending):
    assert is_ending(snapshot, StudySpec(name="s", model="aegan", dataset="exafs", slots=2)) is ending


def test_a_study_with_trials_to_go_is_not_looked_at(tmp_path):
    study = begun(tmp_path, trials=3)
    trained(study, 0)
    assert is_due(study)
    assert begin_look(study) is None
