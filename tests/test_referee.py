"""The referee without Ray: trials are functions of their number, and every search can be killed between two calls."""

from __future__ import annotations

import math
import pickle
import random
import re
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from pydantic import BaseModel

from sparring.errors import CheckpointError, LedgerError, UnknownName
from sparring.ledger import attempt_rows, epoch_rows, trial_rows, write_study
from sparring.records import PRUNERS, SAMPLERS, EpochRow, Objective, Outcome, StudySpec, TrialRow, Verdict
from sparring.referee.pruners import make_pruner
from sparring.referee.referee import Referee
from sparring.referee.sampling import optuna_storage
from sparring.referee.sampling.optuna_study import Study, make_sampler
from sparring.space import Space


class Toy(BaseModel):
    epochs: int = 9
    lr: float = 0.01
    loss: str = "mse"
    width: int = 10
    w: float = 0.0


RAW = {
    "model": "toy",
    "dataset": "none",
    "objectives": [{"metric": "val/score"}],
    "search": {
        "lr": {"loguniform": [1e-5, 1.0]},
        "loss": {"choice": ["mse", "wcc"]},
        "width": {"int": [5, 15], "when": {"loss": "wcc"}},
        "w": {"loguniform": [1e-4, 1.0], "off": 0.0},
    },
}
SPACE = Space(RAW, Toy)


def test_the_referee_gets_a_space_that_needs_no_model():
    """Whoever receives it imports nothing of the model's, so no torch."""
    assert b"Toy" in pickle.dumps(SPACE)
    assert b"Toy" not in pickle.dumps(SPACE.without_model())
    assert SPACE.without_model().baseline() == SPACE.baseline()


class Shelf:
    """Checkpoints in memory: bytes are the number of epochs trained."""

    def __init__(self):
        self.kept = {}

    def write(self, trial, attempt, epoch, packed):
        self.kept[trial] = packed
        return Path()

    def newest(self, trial):
        return self.kept.get(trial)

    def history(self, packed, attempt):
        if packed == b"torn":
            raise CheckpointError("torn")
        trial, epochs = (int(part) for part in packed.decode().split())
        return [epoch(trial, n, attempt) for n in range(1, epochs + 1)]

    def drop(self, trial):
        self.kept.pop(trial, None)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def score(trial, n):
    """Trial t ends near t / 10: low numbers are good, except the baseline, which is the worst."""
    return (trial / 10 if trial else 5.0) + 1.0 / n


def epoch(trial, n, attempt=1, value=None):
    value = score(trial, n) if value is None else value
    return EpochRow(trial=trial, attempt=attempt, epoch=n, metrics={"val/score": value}, wall_s=0.5)


def make(folder, *, shelf=None, clock=None, weights=None, **spec):
    spec = StudySpec(**{"name": "s", "model": "toy", "dataset": "none", "trials": 8, "space": RAW, **spec})
    if not (folder / "study.json").exists():
        folder.mkdir(exist_ok=True)
        write_study(folder, {"spec": {"name": "s"}, "kinds": SPACE.kinds, "metrics": ["val/score"]})
    shelf, clock = shelf or Shelf(), clock or Clock()
    return Referee(
        folder, spec, SPACE.without_model(), shelf, epochs=9, metrics=["val/score"], weights=weights, clock=clock,
        wait_s=1.0,
    )  # fmt: skip


def train(referee, number, *, upto=9, attempt=1, token="slot"):
    """Runs a trial as a slot does; returns the last verdict."""
    start = referee.start(number, f"{token}-{number}")
    for n in range(1, upto + 1):
        answer = referee.report([epoch(number, n, start.trial.attempt)], last=n == 9)
        if answer.verdict is not Verdict.GO_ON:
            return answer.verdict
    return Verdict.GO_ON


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "study"


def test_trial_0_is_the_published_default_and_is_never_pruned(folder):
    referee = make(folder, trials=4)
    assert [referee.ask() for _ in range(3)] == [0, 1, 2]
    assert attempt_rows(folder)[0].params == {"lr": 0.01, "loss": "mse", "w": 0.0}
    train(referee, 1)
    train(referee, 0)
    rows = {row.trial: row for row in trial_rows(folder)}
    assert rows[0].outcome is Outcome.COMPLETED
    assert rows[0].value == pytest.approx(score(0, 9))


def test_the_search_hands_out_exactly_its_budget(folder):
    referee = make(folder, trials=5)
    assert [referee.ask() for _ in range(7)] == [0, 1, 2, 3, 4, None, None]


def test_successive_halving_stops_the_worse_two_thirds_at_a_rung(folder):
    referee = make(folder, trials=12)
    numbers = [referee.ask() for _ in range(12)]
    for number in numbers:
        referee.start(number, f"t{number}")
    verdicts = {}
    for number in (3, 1, 2, 4, 5, 6, 7, 8, 9, 0):
        verdicts[number] = referee.report([epoch(number, 1)]).verdict
    # Seen in this order: 3 is first; 1 beats it; of n seen, the best max(1, n // 3) go on.
    assert verdicts[3] is Verdict.GO_ON
    assert verdicts[1] is Verdict.GO_ON
    assert all(verdicts[n] is Verdict.PRUNED for n in (2, 4, 5, 6, 7, 8, 9))
    assert verdicts[0] is Verdict.GO_ON
    row = next(row for row in trial_rows(folder) if row.trial == 4)
    assert (row.outcome, row.epochs, row.best_epoch, row.value) == (Outcome.PRUNED, 1, 1, score(4, 1))


def test_the_rungs_lie_at_thirds_of_the_budget():
    assert make_pruner("successive_halving", 27).rungs == (1, 3, 9)
    assert make_pruner("successive_halving", 100).rungs == (3, 11, 33)
    assert make_pruner("none", 27).rungs == ()
    with pytest.raises(UnknownName, match=r"--pruner.*'halving'.*successive_halving"):
        make_pruner("halving", 27)


def test_every_name_of_a_pruner_and_a_sampler_makes_one():
    for name in PRUNERS:
        assert make_pruner(name, 9).rungs is not None
    space = Space({**RAW, "search": {"width": {"int": [5, 15]}}}, Toy).without_model()
    spec = StudySpec(name="s", model="toy", dataset="none")
    for name in SAMPLERS:
        assert make_sampler(replace(spec, sampler=name), space, 0) is not None
    with pytest.raises(UnknownName, match=r"--sampler.*'gp'.*tpe, random, grid"):
        make_sampler(replace(spec, sampler="gp"), space, 0)


def test_the_median_pruner_waits_for_its_startup_and_then_stops_the_worse_half():
    pruner = make_pruner("median", 10)
    for n in range(6):
        pruner.learn(1, float(n))
        assert pruner.judge(1, float(n)) == (n == 5)
    assert not pruner.judge(1, 2.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_non_finite_figure_ends_the_trial_as_diverged_and_never_reaches_the_sampler(folder, value):
    referee = make(folder)
    referee.ask()
    referee.start(0, "a")
    referee.report([epoch(0, 1)])
    assert referee.report([epoch(0, 2, value=value)]).verdict is Verdict.DIVERGED
    (row,) = trial_rows(folder)
    assert (row.outcome, row.value, row.best_epoch) == (Outcome.DIVERGED, None, None)
    assert referee._study.optuna.trials[0].state.name == "FAIL"
    assert referee._study.optuna.trials[0].value is None
    assert referee.snapshot().best is None


def test_pruned_trials_are_told_to_optuna_with_their_epoch_and_best_value(folder):
    referee = make(folder)
    for _ in range(3):
        referee.ask()
    train(referee, 1)
    assert train(referee, 2) is Verdict.PRUNED
    trials = referee._study.optuna.trials
    assert trials[1].state.name == "COMPLETE"
    assert trials[1].value == pytest.approx(score(1, 9))
    assert trials[2].state.name == "PRUNED"
    assert trials[2].intermediate_values == {1: score(2, 1)}


def test_the_best_epoch_counts_not_the_last(folder):
    referee = make(folder)
    referee.ask()
    referee.start(0, "a")
    for n, value in enumerate((3.0, 1.0, 2.0), start=1):
        referee.report([epoch(0, n, value=value)], last=n == 3)
    (row,) = trial_rows(folder)
    assert (row.value, row.best_epoch, row.epochs) == (1.0, 2, 3)


def test_maximised_objectives_are_judged_the_other_way(folder):
    referee = make(folder, objectives=(Objective(metric="val/score", goal="maximize"),))
    for number in range(3):
        referee.ask()
        referee.start(number, f"{number}")
    assert referee.report([epoch(1, 1, value=0.5)]).verdict is Verdict.GO_ON
    assert referee.report([epoch(2, 1, value=0.4)]).verdict is Verdict.PRUNED
    referee.report([epoch(1, n, value=0.5 + n / 10) for n in range(2, 10)], last=True)
    assert referee.snapshot().best.value == pytest.approx(1.4)


def test_calls_may_be_repeated_without_effect(folder):
    referee = make(folder)
    referee.ask()
    first = referee.start(0, "a")
    assert referee.start(0, "a").trial == first.trial
    for _ in range(3):
        referee.report([epoch(0, 1)])
    referee.report([epoch(0, 1), epoch(0, 2)])
    for _ in range(2):
        referee.report([epoch(0, n) for n in range(1, 10)], last=True)
    assert [row.epoch for row in epoch_rows(folder)] == list(range(1, 10))
    assert len(trial_rows(folder)) == 1
    assert [event.epoch for event in referee.follow(0)[1] if isinstance(event, EpochRow)] == list(range(1, 10))
    assert referee.start(0, "b") is None


def test_a_dead_slot_costs_an_attempt_and_spent_attempts_crash_the_trial(folder):
    referee = make(folder, attempts=3)
    referee.ask()
    attempts = [referee.start(0, token) for token in ("a", "b", "c")]
    assert [start.trial.attempt if start else None for start in attempts] == [1, 2, 3]
    assert referee.start(0, "d") is None
    (row,) = trial_rows(folder)
    assert row.outcome is Outcome.CRASHED
    assert "died 3 times" in row.error


@pytest.mark.parametrize(
    ("silent_s", "outcome", "words"),
    [(29.9, Outcome.CRASHED, "died 2 times"), (30.0, Outcome.TIMED_OUT, "no epoch came for 30 s.* 2 of 2 attempts")],
)
def test_a_slot_that_was_silent_for_its_limit_times_the_trial_out(folder, silent_s, outcome, words):
    clock = Clock()
    referee = make(folder, clock=clock, attempts=2, silence_limit_s=30.0)
    referee.ask()
    referee.start(0, "a")
    clock.now = 100.0
    assert referee.start(0, "b").trial.attempt == 2  # of the first silence the trial recovers
    clock.now = 120.0
    referee.report([epoch(0, 1, attempt=2)])
    clock.now += silent_s
    assert referee.start(0, "c") is None
    (row,) = trial_rows(folder)
    assert row.outcome is outcome
    assert re.search(words, row.error)


def test_a_silence_begins_with_the_start_of_an_attempt_also_of_one_known_from_before(folder):
    clock = Clock()
    clock.now = 500.0
    referee = make(folder, clock=clock, attempts=1, silence_limit_s=30.0)
    for number in range(2):
        referee.ask()
        referee.start(number, "a")
    clock.now = 529.0
    assert referee.start(1, "b") is None
    kill(referee)
    clock.now = 1000.0
    back = make(folder, clock=clock, attempts=1, silence_limit_s=30.0)
    clock.now = 1029.0
    assert back.start(0, "b") is None
    assert [row.outcome for row in trial_rows(folder)] == [Outcome.CRASHED] * 2


def test_the_referee_says_how_long_it_has_heard_nothing(folder):
    clock = Clock()
    referee = make(folder, clock=clock)
    numbers = [referee.ask() for _ in range(3)]
    clock.now = 5.0
    assert referee.snapshot().silent_s == 5.0
    calls = [
        lambda: [referee.start(number, f"{number}") for number in numbers],
        lambda: referee.report([epoch(0, 1)]),
        lambda: referee.fail(1, 1, Outcome.CRASHED, "ValueError: x"),
        lambda: referee.leave(2, 1, b"2 0"),
    ]
    for call in calls:
        call()
        assert referee.snapshot().silent_s == 0.0
        clock.now += 7.0
        assert referee.snapshot().silent_s == 7.0


def test_the_workers_of_one_trial_share_a_token_and_are_given_the_same(folder):
    shelf = Shelf()
    shelf.kept[1] = b"1 2"
    referee = make(folder, shelf=shelf)
    for _ in range(2):
        referee.ask()
    starts = [referee.start(1, "group") for _ in range(4)]
    assert starts[0].checkpoint == b"1 2"
    assert starts[1:] == starts[:1] * 3
    assert len(attempt_rows(folder)) == 2
    assert [type(event).__name__ for event in referee.follow(0)[1]] == ["Trial", "EpochRow", "EpochRow"]
    # A group that is put together anew is one death, however many of its workers start again.
    assert [referee.start(1, "again").trial.attempt for _ in range(4)] == [2] * 4
    assert len(attempt_rows(folder)) == 3


def test_what_cannot_be_built_is_told_to_optuna_as_a_failure_also_after_a_restart(folder):
    referee = make(folder)
    for _ in range(2):
        referee.ask()
    referee.start(1, "a")
    referee.fail(1, 1, Outcome.INFEASIBLE, "SpaceError: one_cycle needs two epochs")
    for each in (referee, None):
        if each is None:
            kill(referee)
            each = make(folder)
        trial = each._study.optuna.trials[1]
        assert (trial.state.name, trial.value) == ("FAIL", None)
    (row,) = trial_rows(folder)
    assert (row.outcome, row.value, row.error) == (
        Outcome.INFEASIBLE,
        None,
        "SpaceError: one_cycle needs two epochs",
    )


def test_a_report_of_a_fenced_attempt_is_not_taken(folder):
    referee = make(folder)
    referee.ask()
    referee.start(0, "a")
    referee.start(0, "b")
    assert referee.report([epoch(0, 1, attempt=1)]).verdict is Verdict.STOP
    assert referee.snapshot().running[0].epoch == 0


def test_an_error_in_a_trial_is_kept_with_its_text(folder):
    referee = make(folder)
    referee.ask()
    referee.start(0, "a")
    referee.fail(0, 1, Outcome.CRASHED, "ValueError: a bad shape")
    (row,) = trial_rows(folder)
    assert (row.outcome, row.error) == (Outcome.CRASHED, "ValueError: a bad shape")


def kill(referee):
    """What a kill -9 leaves: the files, and no lock."""
    referee.ledger.close()


def test_a_resumed_study_keeps_the_finished_and_hands_out_the_unfinished_first(folder):
    shelf = Shelf()
    referee = make(folder, shelf=shelf)
    for _ in range(4):
        referee.ask()
    train(referee, 1)
    train(referee, 2, upto=1)
    before = {row.trial: row for row in trial_rows(folder)}
    begun = {row.trial: row.params for row in attempt_rows(folder)}
    kill(referee)

    resumed = make(folder, shelf=shelf)
    handed = [resumed.ask() for _ in range(9)]
    unfinished = sorted(set(range(4)) - before.keys())
    assert [number for number in handed if number is not None] == [*unfinished, 4, 5, 6, 7]
    start = resumed.start(unfinished[0], "t0")
    assert start.trial.attempt == 2
    assert dict(start.trial.params) == begun[unfinished[0]]
    for number in handed:
        if number is not None:
            resumed.start(number, f"t{number}")
            resumed.report([epoch(number, n, 2 if number in unfinished else 1) for n in range(1, 10)], last=True)
    after = {row.trial: row for row in trial_rows(folder)}
    assert sorted(after) == list(range(8))
    assert all(after[number] == row for number, row in before.items())


def test_an_unheard_rung_is_judged_when_the_trial_comes_back(folder):
    """Its slot finished epochs 1 and 2 and checkpointed; the referee died before it heard of either."""
    shelf = Shelf()
    referee = make(folder, shelf=shelf)
    for _ in range(4):
        referee.ask()
    train(referee, 1, upto=4)
    referee.start(3, "lost")
    shelf.kept[3] = b"3 2"
    referee._flush()
    kill(referee)

    resumed = make(folder, shelf=shelf)
    assert 3 in [resumed.ask() for _ in range(4)]
    assert resumed.start(3, "again") is None
    row = next(row for row in trial_rows(folder) if row.trial == 3)
    assert (row.outcome, row.epochs) == (Outcome.PRUNED, 2)
    assert [row.epoch for row in epoch_rows(folder) if row.trial == 3] == [1, 2]


def test_a_trial_in_training_while_the_referee_came_back_is_not_handed_out_again(folder):
    referee = make(folder)
    for _ in range(2):
        referee.ask()
    referee.start(0, "a")
    referee.report([epoch(0, 1)])
    kill(referee)
    back = make(folder)
    # Epoch 1 had not reached the ledger; the slot tells it again.
    assert back.report([epoch(0, 1), epoch(0, 2)]).verdict is Verdict.GO_ON
    assert [back.ask(), back.ask()] == [1, 2]
    assert [trial.number for trial in back.snapshot().running] == [0]
    assert back.start(0, "b").trial.attempt == 2


def test_a_trial_that_ends_while_it_waits_is_not_handed_out(folder):
    """A slot's last report and its next start are repeated to a referee that has just come back."""
    referee = make(folder)
    for _ in range(3):
        referee.ask()
    referee.start(0, "a")
    kill(referee)
    back = make(folder)
    back.report([epoch(0, n) for n in range(1, 10)], last=True)
    assert back.start(1, "b").trial.number == 1
    assert [back.ask(), back.ask()] == [2, 3]


def test_a_verdict_whose_row_was_never_committed_is_given_again(folder, monkeypatch):
    """The referee died between the epochs and the terminal row of a pruned trial."""
    referee = make(folder)
    for _ in range(3):
        referee.ask()
    train(referee, 1, upto=1)
    referee.start(2, "a")

    def die(_row):
        raise KeyboardInterrupt

    monkeypatch.setattr(referee.ledger, "append_trial", die)
    with pytest.raises(KeyboardInterrupt):
        referee.report([epoch(2, 1)])
    assert [row.epoch for row in epoch_rows(folder) if row.trial == 2] == [1]
    kill(referee)
    back = make(folder)
    for _ in range(3):
        back.ask()
    assert back.start(2, "again") is None
    assert [(row.trial, row.outcome) for row in trial_rows(folder)] == [(2, Outcome.PRUNED)]


def test_a_rung_that_was_passed_is_not_judged_again(folder):
    shelf = Shelf()
    referee = make(folder, shelf=shelf)
    for _ in range(3):
        referee.ask()
    train(referee, 2, upto=2)
    train(referee, 1, upto=4)
    referee._flush()
    kill(referee)
    resumed = make(folder, shelf=shelf)
    for _ in range(3):
        resumed.ask()
    assert resumed.start(2, "again") is not None


def test_a_torn_checkpoint_is_passed_over(folder):
    shelf = Shelf()
    referee = make(folder, shelf=shelf)
    referee.ask()
    shelf.kept[0] = b"torn"
    start = referee.start(0, "a")
    assert start is not None
    assert start.checkpoint is None


def test_epochs_not_yet_in_the_ledger_are_told_again_by_the_slot(folder):
    clock = Clock()
    referee = make(folder, clock=clock)
    referee.ask()
    referee.start(0, "a")
    assert referee.report([epoch(0, 1)]).durable == 0
    clock.now = 2.0
    assert referee.report([epoch(0, 1), epoch(0, 2)]).durable == 2
    assert [row.epoch for row in epoch_rows(folder)] == [1, 2]


def test_a_full_disk_stops_the_search_and_loses_nothing_committed(folder, monkeypatch):
    referee = make(folder)
    for _ in range(2):
        referee.ask()
    train(referee, 1)
    referee.start(0, "a")

    def refuse(*_rows):
        raise LedgerError("trials/: no space left on device")

    monkeypatch.setattr(referee.ledger, "append_trial", refuse)
    answer = referee.report([epoch(0, n) for n in range(1, 10)], last=True)
    assert answer.verdict is Verdict.STOP
    assert referee.ask() is None
    assert referee.start(0, "b") is None
    assert referee.snapshot().broken == "trials/: no space left on device"
    referee.close()
    monkeypatch.undo()
    back = make(folder)
    assert [row.trial for row in trial_rows(folder)] == [1]
    assert back.ask() == 0


def test_the_time_limit_stops_handing_out_and_tells_trials_to_stop(folder):
    clock = Clock()
    shelf = Shelf()
    referee = make(folder, clock=clock, shelf=shelf, time_s=10.0)
    referee.ask()
    referee.start(0, "a")
    clock.now = 11.0
    assert referee.ask() is None
    assert referee.report([epoch(0, 1)]).verdict is Verdict.STOP
    referee.leave(0, 1, b"0 1")
    referee.close()
    assert trial_rows(folder) == []
    assert shelf.kept == {0: b"0 1"}


def test_the_time_left_counts_what_trials_in_training_have_before_them(folder):
    referee = make(folder, trials=3, slots=2)
    for _ in range(3):
        referee.ask()
    assert referee.snapshot().left_s is None
    train(referee, 1)  # nine epochs of half a second
    referee.start(0, "a")
    referee.report([epoch(0, n) for n in range(1, 9)])
    # Trial 0 has one epoch to go, trial 2 has not begun: (0.5 + 4.5) seconds over two slots.
    assert referee.snapshot().left_s == pytest.approx(2.5)


def test_a_follower_sees_every_event_once(folder):
    referee = make(folder)
    referee.ask()
    referee.start(0, "a")
    snapshot, events, cursor = referee.follow(0)
    assert [type(event).__name__ for event in events] == ["Trial"]
    referee.report([epoch(0, n) for n in range(1, 10)], last=True)
    _, events, cursor = referee.follow(cursor)
    assert [type(event).__name__ for event in events] == ["EpochRow"] * 9 + ["TrialRow"]
    assert referee.follow(cursor)[1] == []
    assert snapshot.trials == 8


def test_a_follower_of_a_referee_that_came_back_misses_nothing(folder):
    """What it remembers of the one before, its cursor above all, must not hide what the new one hears."""
    first = make(folder)
    train(first, first.ask(), upto=8)
    _, events, cursor = first.follow(0)
    assert len(events) == 9
    first.ledger.close()
    again = make(folder)
    again.report([epoch(0, 9)])
    assert [type(event).__name__ for event in again.follow(cursor)[1]] == ["EpochRow"]


def test_a_referee_that_came_back_hears_again_that_it_is_over_and_how_late_it_is(folder):
    clock = Clock()
    referee = make(folder, clock=clock, time_s=100.0)
    number = referee.ask()
    assert referee.follow(0, is_over=True)[0].stopping
    referee.ledger.close()

    again = make(folder, clock=clock, time_s=100.0)
    assert not again.snapshot().stopping
    assert again.follow(0, is_over=True)[0].stopping
    assert again.ask() is None
    again.ledger.close()

    late = make(folder, clock=clock, time_s=100.0)
    snapshot = late.follow(0, elapsed_s=70.0)[0]
    assert (snapshot.elapsed_s, snapshot.stopping) == (70.0, False)
    clock.now += 29
    assert late.follow(0, elapsed_s=70.0)[0].elapsed_s == 99.0, "it never runs backwards"
    clock.now += 1
    late.start(number, "slot")
    assert late.report([epoch(number, 1)]).verdict is Verdict.STOP


def test_doubtful_reasons_to_give_up_are_forgiven_once_per_slot_until_an_epoch_is_told(folder):
    referee = make(folder, slots=2)
    number = referee.ask()
    for _ in range(2):
        referee.give_up("a port was taken", is_certain=False)
        assert referee.snapshot().broken is None
    train(referee, number, upto=1)
    for _ in range(2):
        referee.give_up("a port was taken", is_certain=False)
    assert referee.snapshot().broken is None
    referee.give_up("a port was taken", is_certain=False)
    assert (referee.snapshot().broken, referee.ask()) == ("a port was taken", None)


def test_a_certain_reason_to_give_up_counts_at_once(folder):
    referee = make(folder, slots=2)
    referee.give_up("no such file")
    assert referee.snapshot().broken == "no such file"


def test_a_ledger_with_a_missing_trial_is_refused(folder):
    referee = make(folder)
    for _ in range(3):
        referee.ask()
    kill(referee)
    for path in (folder / "attempts").glob("*.parquet"):
        if "t00001" in path.name:
            path.unlink()
    with pytest.raises(LedgerError, match=r"none with number 1"):
        make(folder)


def test_a_rebuilt_sampler_draws_values_inside_the_space(folder):
    referee = make(folder, trials=40)
    for _ in range(20):
        train(referee, referee.ask())
    kill(referee)
    resumed = make(folder, trials=40)
    while (number := resumed.ask()) is not None:
        train(resumed, number)
    rows = {row.trial: row for row in trial_rows(folder)}
    assert len(rows) == 40
    assert all(("width" in row.params) == (row.params["loss"] == "wcc") for row in rows.values())
    assert len({row.params["lr"] for row in rows.values()}) == 40


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_a_rebuilt_pruner_knows_what_the_first_one_was_told(folder, goal):
    """Ended trials are recalled as one table, unfinished ones one by one; NaN and what ended early are among them."""
    chance = random.Random(7)
    referee = make(folder, trials=30, objectives=(Objective(metric="val/score", goal=goal),))
    for number in [referee.ask() for _ in range(30)]:
        referee.start(number, f"{number}")
        for n in range(1, 10):
            if number % 7 == 3 and n == 5:
                break  # still in training
            value = math.nan if number % 11 == 5 and n == 4 else chance.random()
            if referee.report([epoch(number, n, value=value)], last=n == 9).verdict is not Verdict.GO_ON:
                break
    referee._flush()
    told = referee._judge._pruner._at
    kill(referee)
    back = make(folder, trials=30, objectives=(Objective(metric="val/score", goal=goal),))
    assert sorted(told) == [1, 3]
    assert back._judge._pruner._at == told


def finished_rows(count, chance):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for number in range(count):
        params = SPACE.suggest(study.ask())
        outcome = chance.choice([Outcome.COMPLETED, Outcome.PRUNED, Outcome.CRASHED])
        value = None if outcome is Outcome.CRASHED else chance.random()
        yield (
            number,
            TrialRow(
                trial=number,
                attempt=1,
                seed=0,
                outcome=outcome,
                params=params,
                value=value,
                epochs=chance.choice([1, 3]),
            ),
        )


def drawn_after(count, shown, monkeypatch):
    monkeypatch.setattr(optuna_storage, "SHOWN", shown)
    monkeypatch.setattr(optuna_storage, "BEST", 40)
    study = Study(StudySpec(name="s", model="toy", dataset="none", space=RAW), SPACE.without_model())
    study.rebuild(dict(finished_rows(count, random.Random(3))), {})
    return [study.ask()[1] for _ in range(5)], study


def test_the_sampler_draws_as_ever_until_there_are_more_trials_than_it_is_shown(monkeypatch):
    unlimited, _ = drawn_after(120, 10_000, monkeypatch)
    known = sum(row.value is not None for _, row in finished_rows(120, random.Random(3)))
    assert 60 < known < 100
    assert drawn_after(120, known, monkeypatch)[0] == unlimited
    assert drawn_after(120, 60, monkeypatch)[0] != unlimited


def test_beyond_that_it_is_shown_the_best_an_even_sample_and_what_runs(monkeypatch):
    rows = dict(finished_rows(900, random.Random(3)))
    _, study = drawn_after(900, 200, monkeypatch)
    shown = study.optuna._storage.get_all_trials(0, deepcopy=False)
    assert [trial.number for trial in shown] == sorted(trial.number for trial in shown)
    assert [trial.number for trial in shown if trial.state.name == "RUNNING"] == [900, 901, 902, 903, 904]
    numbers = {trial.number for trial in shown if trial.state.is_finished()}
    assert len(numbers) == 200
    completed = sorted((row.value, number) for number, row in rows.items() if row.outcome is Outcome.COMPLETED)
    assert {number for _, number in completed[:40]} <= numbers
    thirds = [sum(low <= number < low + 300 for number in numbers) for low in (0, 300, 600)]
    assert min(thirds) > 40
    assert len(study.optuna.trials) == 905


# -- the weights of the trials that lead ------------------------------------------------------------------------------


class Weights(dict):
    """A shelf in memory."""

    def write(self, trial, packed):
        self[trial] = packed

    def keep(self, trials):
        for trial in set(self) - set(trials):
            del self[trial]


def complete(referee, number, value):
    start = referee.start(number, f"slot-{number}")
    for n in range(1, 10):
        row = epoch(number, n, start.trial.attempt, value)
        referee.report([row], last=n == 9, weights=f"{number}".encode() if n == 9 else None)


def test_only_the_best_trial_s_weights_stay(folder):
    weights = Weights()
    referee = make(folder, pruner="none", weights=weights)
    held = []
    for value in (0.5, 0.7, 0.3, 0.4):
        complete(referee, referee.ask(), value)
        held.append(dict(weights))
    assert held == [{0: b"0"}, {0: b"0"}, {2: b"2"}, {2: b"2"}]


def test_weights_lie_there_before_the_row_and_strays_go_when_the_referee_comes_back(folder, monkeypatch):
    weights = Weights()
    referee = make(folder, pruner="none", weights=weights)
    complete(referee, referee.ask(), 0.5)

    class Dead(BaseException):
        pass

    def die(row):
        assert row.trial in weights, "the weights come first"
        raise Dead

    monkeypatch.setattr(referee.ledger, "append_trial", die)
    with pytest.raises(Dead):
        complete(referee, referee.ask(), 0.1)
    assert set(weights) == {0, 1}, "the row of trial 1 is not committed, and 0 still leads"
    referee.ledger.close()
    again = make(folder, pruner="none", weights=weights)
    assert set(weights) == {0}
    assert again.ask() == 1
    complete(again, 1, 0.1)
    assert set(weights) == {1}
