"""The weights of the trials that lead."""

from __future__ import annotations

import pytest
from support.referee import epoch, make

from sparring.records import Outcome


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


def test_only_the_weights_of_the_best_trial_and_of_the_default_stay(folder):
    weights = Weights()
    referee = make(folder, pruner="none", weights=weights)
    held = []
    for value in (0.5, 0.7, 0.3, 0.4, 0.2):
        complete(referee, referee.ask(), value)
        held.append(dict(weights))
    default = {0: b"0"}
    assert held == [default, default, default | {2: b"2"}, default | {2: b"2"}, default | {4: b"4"}]
    referee.trials.ledger.close()
    make(folder, pruner="none", weights=weights)
    assert weights == default | {4: b"4"}


def test_the_default_s_weights_stay_though_it_ends_after_a_better_trial(folder):
    weights = Weights()
    referee = make(folder, pruner="none", weights=weights)
    assert [referee.ask(), referee.ask()] == [0, 1]
    complete(referee, 1, 0.1)
    complete(referee, 0, 0.5)
    assert set(weights) == {0, 1}
    assert referee.ask() == 2
    referee.start(2, "slot-2")
    referee.fail(2, 1, Outcome.CRASHED, "")
    assert set(weights) == {0, 1}


def test_weights_lie_there_before_the_row_and_strays_go_when_the_referee_comes_back(folder, monkeypatch):
    weights = Weights()
    referee = make(folder, pruner="none", weights=weights)
    complete(referee, referee.ask(), 0.5)

    class Dead(BaseException):
        pass

    def die(row):
        assert row.trial in weights, "the weights come first"
        raise Dead

    monkeypatch.setattr(referee.trials.ledger, "append_trial", die)
    with pytest.raises(Dead):
        complete(referee, referee.ask(), 0.1)
    assert set(weights) == {0, 1}, "the row of trial 1 is not committed, and 0 still leads"
    referee.trials.ledger.close()
    again = make(folder, pruner="none", weights=weights)
    assert set(weights) == {0}
    assert again.ask() == 1
    complete(again, 1, 0.1)
    assert set(weights) == {0, 1}
