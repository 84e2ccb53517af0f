"""How a search ends, and what followers of the referee hear of it."""

from __future__ import annotations

import pytest
from support.referee import RAW, Clock, Shelf, epoch, make, run, train

from sparring.ledger import trial_rows
from sparring.records import Verdict


@pytest.mark.fault(18, stand_in=True)
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
    assert referee.snapshot().left is None
    train(referee, 1)  # nine epochs of half a second
    referee.start(0, "a")
    referee.report([epoch(0, n) for n in range(1, 9)])
    # Trial 0 has one epoch to go; trial 2 has not begun, and takes nine of half a second in one slot alone.
    assert referee.snapshot().left.seconds == pytest.approx(4.5)


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
    first.trials.ledger.close()
    again = make(folder)
    again.report([epoch(0, 9)])
    assert [type(event).__name__ for event in again.follow(cursor)[1]] == ["EpochRow"]


def test_a_referee_that_came_back_hears_again_that_it_is_over_and_how_late_it_is(folder):
    clock = Clock()
    referee = make(folder, clock=clock, time_s=100.0)
    number = referee.ask()
    assert referee.follow(0, is_over=True)[0].stopping
    referee.trials.ledger.close()

    again = make(folder, clock=clock, time_s=100.0)
    assert not again.snapshot().stopping
    assert again.follow(0, is_over=True)[0].stopping
    assert again.ask() is None
    again.trials.ledger.close()

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


def test_a_search_foretells_what_as_many_trials_again_would_bring(folder):
    referee = make(folder, trials=20, pruner="none", shelf=Shelf())
    told = []
    while (number := referee.ask()) is not None:
        train(referee, number)
        told.append(referee.snapshot().prospect)
    assert [each is not None for each in told] == [False] * 10 + [True] * 10  # trial 0 was given, not drawn
    assert [each.trials for each in told[10:]] == list(range(10, 20))
    assert told[-1].expected <= referee.snapshot().best.value


def test_a_space_that_can_be_tried_whole_foretells_nothing(folder):
    countable = {**RAW, "search": {"width": {"int": [1, 40]}}}
    referee = make(folder, trials=20, pruner="none", space=countable)
    run(referee)
    assert referee.snapshot().prospect is None
