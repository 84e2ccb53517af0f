"""Where a trial's seconds went, as the referee tells them from when it hears of the trial."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.referee import Clock, Shelf, epoch, kill, make

from sparring.ledger import read_trials, trial_rows
from sparring.ledger.schema import OVERHEAD
from sparring.records import Outcome, Verdict


@pytest.fixture
def clock():
    return Clock()


def report(referee, clock, number, epochs, *, every, attempt=1, value=1.0):
    """Reports epochs of half a second each, one every so many seconds."""
    for n in epochs:
        clock.now += every
        referee.report([replace(epoch(number, n, attempt, value), wall_s=0.5)], last=n == 9)


def seconds_of(folder, number):
    row = next(row for row in trial_rows(folder) if row.trial == number)
    return tuple(getattr(row, name) for name in OVERHEAD), row


def test_a_trial_that_runs_through_waits_starts_trains_and_reports(folder, clock):
    referee = make(folder, clock=clock)
    referee.ask()
    clock.now += 2.0
    referee.start(0, "slot")
    referee.start(0, "slot")  # its second worker
    report(referee, clock, 0, [1], every=3.5)
    report(referee, clock, 0, range(2, 10), every=0.75)
    seconds, row = seconds_of(folder, 0)
    assert seconds == pytest.approx((2.0, 3.0, 8 * 0.25, 0.0))
    assert sum(seconds) + row.wall_s == pytest.approx(clock.now)


def test_the_time_at_which_a_trial_is_paused_is_nobodys(folder, clock):
    referee = make(folder, clock=clock, trials=20, shelf=Shelf())
    for number in range(7):
        referee.ask()
        referee.start(number, f"slot-{number}")
    report(referee, clock, 1, [1], every=0.5, value=1.0)
    assert referee.report([epoch(2, 1, 1, 2.0)]).verdict is Verdict.PAUSE
    clock.now += 0.2
    referee.leave(2, 1, b"2 1")
    clock.now += 100.0
    for number in (3, 4, 5, 6):
        referee.report([epoch(number, 1, 1, 3.0 + number)])
    assert referee.ask() == 2
    clock.now += 4.0
    referee.start(2, "another")
    report(referee, clock, 2, [2], every=0.5, attempt=2, value=0.5)
    report(referee, clock, 2, range(3, 10), every=0.6, attempt=2, value=0.5)
    seconds, _ = seconds_of(folder, 2)
    assert seconds == pytest.approx((4.0, 0.0, 0.2 + 7 * 0.1, 0.0))


def test_what_a_dead_slot_did_since_its_last_word_and_epochs_trained_again_are_lost(folder, clock):
    referee = make(folder, clock=clock)
    referee.ask()
    referee.start(0, "slot")
    report(referee, clock, 0, [1, 2], every=0.5)
    clock.now += 7.0
    referee.start(0, "a slot in its place")
    report(referee, clock, 0, [1], every=1.5, attempt=2)
    report(referee, clock, 0, range(2, 10), every=0.5, attempt=2)
    seconds, row = seconds_of(folder, 0)
    assert seconds == pytest.approx((0.0, 1.0, 0.0, 7.0 + 2 * 0.5))
    assert sum(seconds) + row.wall_s == pytest.approx(clock.now)


def test_a_trial_that_fails_has_lost_what_it_did_since_its_last_word(folder, clock):
    referee = make(folder, clock=clock)
    referee.ask()
    clock.now += 1.0
    referee.start(0, "slot")
    clock.now += 2.0
    referee.fail(0, 1, Outcome.CRASHED, "it cannot be built")
    assert seconds_of(folder, 0)[0] == pytest.approx((1.0, 0.0, 0.0, 2.0))


def test_a_referee_that_came_back_does_not_know_and_says_so(folder, clock):
    referee = make(folder, clock=clock, shelf=Shelf())
    referee.ask()
    referee.start(0, "slot")
    report(referee, clock, 0, [1, 2], every=1.0)
    referee.trials.flush()
    kill(referee)
    back = make(folder, clock=clock, shelf=Shelf())
    back.ask()
    back.start(0, "another")
    report(back, clock, 0, range(1, 10), every=1.0, attempt=2)
    back.ask()
    back.start(1, "slot")
    report(back, clock, 1, range(1, 10), every=0.5)
    assert seconds_of(folder, 0)[0] == (None,) * 4
    assert seconds_of(folder, 1)[0] == pytest.approx((0.0,) * 4)
    assert read_trials(folder).table["wait_s"].null_count == 1
