"""Whose turn it is: promotions, what the seconds of training allow, and who ends when they are spent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.referee import RAW, Clock, Shelf, epoch, kill, make, run

from sparring.ledger import attempt_rows, trial_rows
from sparring.records import WAIT, Outcome, Verdict


def at(referee, number, n, value, *, seconds=1.0, attempt=1):
    """Reports epoch ``n``, which took so many processor seconds."""
    row = replace(epoch(number, n, attempt, value), cpu_s=seconds)
    return referee.report([row], last=n == 9).verdict


def begin(referee, count):
    for _ in range(count):
        number = referee.ask()
        referee.start(number, f"slot-{number}")


def test_a_paused_trial_goes_on_once_others_fall_behind_it(folder):
    """Of three at a rung one goes on, of six two: the second best of the first three is among them."""
    referee = make(folder, trials=20, shelf=Shelf())
    begin(referee, 7)
    at(referee, 1, 1, 1.0)
    assert at(referee, 2, 1, 2.0) is Verdict.PAUSE
    referee.leave(2, 1, b"2 1")
    for number in (3, 4, 5):
        assert at(referee, number, 1, 3.0 + number) is Verdict.PAUSE
        assert referee.ask() == number + 4  # a new one: nobody paused is good enough yet
    at(referee, 6, 1, 9.0)
    assert referee.ask() == 2
    start = referee.start(2, "another")
    assert (start.trial.attempt, start.checkpoint) == (2, b"2 1")
    assert at(referee, 2, 2, 1.5, attempt=2) is Verdict.GO_ON  # its rung is behind it


def test_nothing_begins_that_the_seconds_left_cannot_finish_and_the_best_paused_go_on(folder):
    """Two slots may spend 29 s together; a trial takes 9. After trials 0 and 1 and a rung of two others, 9 are left."""
    referee = make(folder, trials=None, train_s=14.5, slots=2, shelf=Shelf())
    begin(referee, 2)
    for n in range(1, 10):
        at(referee, 0, n, 5.0)
        at(referee, 1, n, 1.0)
    begin(referee, 2)
    assert at(referee, 2, 1, 2.0) is Verdict.PAUSE
    referee.leave(2, 1, b"2 1")
    assert at(referee, 3, 1, 3.0) is Verdict.PAUSE
    referee.leave(3, 1, b"3 1")
    assert referee.ask() == 4  # 9 s left: one more can be finished
    referee.start(4, "slot-4")
    assert at(referee, 4, 1, 4.0) is Verdict.PAUSE
    referee.leave(4, 1, b"4 1")
    assert referee.ask() == 2  # 8 s left, which it takes
    referee.start(2, "again")
    assert referee.ask() == WAIT
    for n in range(2, 10):
        verdict = at(referee, 2, n, 2.0, attempt=2)
    assert verdict is Verdict.STOP
    assert referee.ask() is None
    outcomes = {row.trial: row.outcome for row in trial_rows(folder)}
    assert outcomes == {n: Outcome.COMPLETED if n < 3 else Outcome.PRUNED for n in range(5)}
    assert referee.snapshot().trained_s == pytest.approx(29.0)


def test_seconds_are_of_the_whole_study(folder):
    """A search that was killed spends only what is left of them."""
    referee = make(folder, trials=None, train_s=5.0, slots=2)
    begin(referee, 1)
    for n in range(1, 10):
        at(referee, 0, n, 5.0)
    kill(referee)
    back = make(folder, trials=None, train_s=5.0, slots=2)
    assert back.snapshot().trained_s == pytest.approx(9.0)
    assert back.ask() is None  # 1 s of 10 is left, and a trial takes 9
    assert len(attempt_rows(folder)) == 1


def test_hours_are_of_the_whole_study_and_of_all_slots(folder):
    """Trials and hours bound together: what comes first."""
    referee = make(folder, trials=3, cpu_hours=10 / 3600, cpus_per_worker=2, slots=1)
    begin(referee, 1)
    for n in range(1, 10):
        at(referee, 0, n, 5.0)  # 9 processor seconds, and another trial would take as many
    assert referee.snapshot().train_limit_s == pytest.approx(5.0)
    assert referee.ask() is None
    for budget, handed in ((17, None), (19, 1)):
        kill(referee)
        referee = make(folder, trials=3, cpu_hours=budget / 3600, slots=4)
        assert referee.ask() == handed
    kill(referee)
    at_last = make(folder, trials=2, cpu_hours=1.0)
    assert at_last.ask() == 1  # unfinished
    assert at_last.ask() == WAIT  # for its end; there is no third


def test_a_trial_beyond_its_last_rung_finishes_after_the_seconds_are_spent(folder):
    referee = make(folder, trials=None, train_s=6.0, slots=2)
    begin(referee, 3)
    for n in range(1, 5):
        at(referee, 1, n, 1.0)
    assert at(referee, 2, 1, 0.5, seconds=9.0) is Verdict.PAUSE  # best at its rung, but the 12 s are spent
    assert at(referee, 1, 5, 1.0) is Verdict.GO_ON
    assert at(referee, 0, 1, 5.0) is Verdict.GO_ON  # the published default always finishes


def test_no_more_checkpoints_are_kept_than_there_is_room_for(folder, monkeypatch):
    monkeypatch.setattr("sparring.referee.order.PAUSED_LEAST", 2)
    monkeypatch.setattr("sparring.referee.order.PAUSED_PER_SLOT", 1)
    shelf = Shelf()
    referee = make(folder, trials=9, shelf=shelf)
    begin(referee, 7)
    at(referee, 1, 1, 1.0)
    for number in (6, 3, 5, 4):
        assert at(referee, number, 1, 3.0 + number) is Verdict.PAUSE
        referee.leave(number, 1, f"{number} 1".encode())
    assert set(shelf.kept) == {3, 4}
    assert {row.trial for row in trial_rows(folder)} == {5, 6}
    assert {row.outcome for row in trial_rows(folder)} == {Outcome.PRUNED}


def test_every_trial_of_a_search_ends_once(folder):
    referee = make(folder, trials=30, shelf=Shelf())
    handed = run(referee)
    rows = trial_rows(folder)
    assert sorted(row.trial for row in rows) == list(range(30))
    assert len(handed) == len(attempt_rows(folder)) >= 30
    assert {row.outcome for row in rows} == {Outcome.COMPLETED, Outcome.PRUNED}
    kill(referee)
    assert make(folder, trials=30).ask() is None


def test_a_search_ends_once_every_configuration_has_been_tried(folder):
    few = {**RAW, "search": {"loss": {"choice": ["mse", "l1", "emd"]}}}
    referee = make(folder, space=few, trials=10)
    assert sorted(run(referee)) == [0, 1, 2]
    assert len({row.params["loss"] for row in trial_rows(folder)}) == 3
    assert "all 3 configurations" in referee.trials.study.exhausted


def test_before_a_time_limit_the_best_paused_go_on_where_a_new_trial_would_be_cut_off(folder):
    clock = Clock()
    referee = make(folder, trials=None, time_s=30.0, slots=1, shelf=Shelf(), clock=clock)
    begin(referee, 3)
    for n in range(1, 10):
        at(referee, 1, n, 1.0)
    assert at(referee, 2, 1, 2.0) is Verdict.PAUSE
    referee.leave(2, 1, b"2 1")
    clock.now = 20.0  # 10 s are left, and a trial takes 9
    assert referee.ask() == 3
    clock.now = 21.5
    assert referee.ask() == 2
    clock.now = 25.0  # nobody else is paused
    assert referee.ask() == 4
