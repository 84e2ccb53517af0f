"""A search in which every trial dies of the same error ends after five, and one with anything else in it goes on."""

from __future__ import annotations

import pytest
from support.referee import make, train

from sparring.ledger import trial_rows
from sparring.records import Outcome
from sparring.referee.alike import MOST_ALIKE, common_error

SAME = "Traceback (most recent call last):\n  File …, line {0}\nDataError: image: 7 channels\n"


def fail(referee, number: int, error: str = SAME, outcome: Outcome = Outcome.CRASHED) -> None:
    referee.start(number, f"slot-{number}")
    referee.fail(number, 1, outcome, error.format(number))


def handed_out(referee, **how) -> int:
    """How many trials are handed out while each fails."""
    count = 0
    while (number := referee.ask()) is not None:
        fail(referee, number, **how)
        count += 1
    return count


@pytest.mark.fault(47, stand_in=True)
def test_five_first_trials_that_die_alike_end_the_search(folder):
    referee = make(folder, trials=30)
    assert handed_out(referee) == MOST_ALIKE == 5
    assert referee.snapshot().stopping
    referee.close()
    assert common_error(trial_rows(folder)) == "DataError: image: 7 channels"
    again = make(folder, trials=30)
    assert handed_out(again) == 1  # resumed, it looks once whether the fault is mended


def test_errors_that_differ_and_combinations_that_cannot_be_do_not(folder):
    referee = make(folder, trials=8)
    count = 0
    while (number := referee.ask()) is not None:
        fail(referee, number, f"ValueError: {number}")
        count += 1
    assert count == 8
    assert common_error(referee.trials.ended.rows.values()) is None


def test_infeasible_trials_do_not(folder):
    assert handed_out(make(folder, trials=8), outcome=Outcome.INFEASIBLE) == 8


def test_a_trial_that_has_trained_keeps_the_search_going(folder):
    referee = make(folder, trials=12, slots=2)
    train(referee, referee.ask(), upto=1)
    for _ in range(6):
        fail(referee, referee.ask())
    assert not referee.snapshot().stopping
