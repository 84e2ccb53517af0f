"""Attempts of the referee's trials: repeated calls, dead slots, silence, tokens and errors."""

from __future__ import annotations

import re

import pytest
from support.referee import Clock, Shelf, epoch, kill, make

from sparring.ledger import attempt_rows, epoch_rows, trial_rows
from sparring.records import EpochRow, Outcome, Verdict


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
        trial = each.trials.study.optuna.trials[1]
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


def test_a_trial_that_fails_has_the_epochs_that_a_dead_referee_had_heard_and_not_committed(folder):
    referee = make(folder)
    referee.ask()
    referee.start(0, "a")
    rows = [epoch(0, n) for n in (1, 2)]
    for row in rows:
        referee.report([row])
    kill(referee)
    back = make(folder)
    assert back.trials.live[0].epoch == 0, "they were not committed"
    back.fail(0, 1, Outcome.CRASHED, "ValueError: a bad shape", rows=rows)
    (row,) = trial_rows(folder)
    assert (row.outcome, row.epochs) == (Outcome.CRASHED, 2)
    assert [each.epoch for each in epoch_rows(folder)] == [1, 2]


def test_a_trial_that_ends_by_its_last_attempt_has_the_epochs_that_only_its_checkpoint_knows(folder):
    shelf = Shelf()
    referee = make(folder, shelf=shelf, attempts=1)
    for _ in range(2):
        referee.ask()
    for number in range(2):
        referee.start(number, "a")
    kill(referee)
    shelf.kept = {0: b"0 3", 1: b"1 2"}
    back = make(folder, shelf=shelf, attempts=1)
    assert back.start(0, "b") is None, "its only attempt is spent"
    back.fail(1, 1, Outcome.OUT_OF_MEMORY, "it cannot be built again")
    assert {row.trial: row.epochs for row in trial_rows(folder)} == {0: 3, 1: 2}
