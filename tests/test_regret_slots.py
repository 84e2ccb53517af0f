"""The replay of searches: slots against a schedule by hand, and that what each rule is told is what it should be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from benchmarks.regret.curves import make_curve
from benchmarks.regret.slots import WAIT, Trace, Word, play
from benchmarks.regret.strategies import BlindHalving, Budget, OneEpoch, Peeking, Whole
from benchmarks.regret.their_code import OptunaSearch, TuneAsha

EPOCHS = 27


def curve(values, seconds=1.0, *, is_whole=True):
    return make_curve(np.array(values, float), np.full(len(values), seconds), is_whole=is_whole)


def bank(length=30, seed=0):
    """Curves that cross: what they reach is known only at the end."""
    rng = np.random.default_rng(seed)
    ends, paces = np.exp(rng.normal(-2, 0.5, length)), rng.uniform(0.1, 0.6, length)
    epochs = np.arange(1, EPOCHS + 1)
    noise = np.exp(0.02 * rng.standard_normal((length, EPOCHS)))
    values = (ends[:, None] + np.exp(-paces[:, None] * epochs)) * noise
    seconds = rng.uniform(0.5, 2, length)
    return [curve(row, cost) for row, cost in zip(values, seconds, strict=True)]


class ByHand:
    """Pauses trial 0 after two epochs and takes it up again once trial 1 has ended; stops trial 2 after one."""

    def __init__(self):
        self.asked = [0, 1, 2, WAIT, 0]

    def ask(self, now):
        return self.asked.pop(0) if self.asked else None

    def goal(self, number, epoch):
        return {0: 2 if epoch == 0 else 4, 1: 4, 2: 1}[number]

    def hear(self, number, epoch, best, now):
        return Word.PAUSE if number == 0 else Word.STOP

    def end(self, number, epoch, best, now, *, is_whole):
        pass


def test_two_slots_keep_the_schedule_that_was_worked_out_by_hand():
    curves = [curve([4, 3, 2, 1], 1.0), curve([4, 3, 5, 2], 2.0), curve([9, 9, 9, 9], 3.0)]
    trace = Trace()
    played = play(ByHand(), curves.__getitem__, 2, trace)
    # Slot 0 trains trial 0 to epoch 2, trial 2 to epoch 1, and waits; when trial 1 is whole it goes on with trial 0.
    assert trace.segments == [(0, 2, 0, 0, 2), (2, 5, 0, 2, 1), (0, 8, 1, 1, 4), (8, 10, 0, 0, 4)]
    assert played.seconds == 2 + 3 + 8 + 2
    assert played.wall_s == 10
    assert played.trained.tolist() == [4, 4, 1]
    assert played.ended.tolist() == [10, 8, math.inf]
    assert played.named == 0
    assert played.named_after() == [0, 0, 0]
    assert played.best_begun == played.best_whole == 1


def test_a_training_that_diverged_ends_there_and_is_never_named():
    curves = [curve([3, 2, 1]), curve([0.5, math.nan], is_whole=False), curve([3, 2, 0.9])]
    played = play(Whole(Budget(trials=3, slots=1), 3), curves.__getitem__, 1)
    assert played.trained.tolist() == [3, 2, 3]
    assert played.seconds == 8
    assert played.named == 2
    assert played.named_after() == [0, 0, 2]


def test_the_best_so_far_never_rises_and_begins_with_the_first_finite_figure():
    assert curve([math.inf, 3, 4, math.nan, 2]).best.tolist() == [math.inf, 3, 3, 3, 2]


def test_blind_halving_stops_whom_the_rule_says():
    """By hand: one slot, rungs at 1, 3 and 9; at each, whoever is not among the best third of those before it."""
    ends = [5.0, 6.0, 4.0, 4.5, 3.0]
    curves = [curve([end] * EPOCHS) for end in ends]
    played = play(BlindHalving(Budget(trials=5, slots=1), EPOCHS), curves.__getitem__, 1)
    # 0 is sheltered; 6.0 is worse than 5.0; 4.0 is the best; 4.5 is second of four, one goes on; 3.0 is the best.
    assert played.trained.tolist() == [27, 1, 27, 1, 27]


def test_one_epoch_finishes_the_best_three_by_their_first():
    curves = [curve([first, *[0.1] * (EPOCHS - 1)]) for first in (5, 1, 4, 2, 3)]
    played = play(OneEpoch(Budget(trials=5), EPOCHS), curves.__getitem__, 2)
    assert played.trained.tolist() == [1, 27, 1, 27, 27]


def test_the_best_was_stopped_wrongly_if_no_whole_one_reaches_as_much():
    curves = [curve([first, *[last] * (EPOCHS - 1)]) for first, last in ((1, 0.5), (2, 0.4), (3, 0.4), (4, 0.3))]
    played = play(OneEpoch(Budget(trials=4), EPOCHS), curves.__getitem__, 2)
    assert (played.best_begun, played.best_whole) == (0.3, 0.4)
    played = play(OneEpoch(Budget(trials=3), EPOCHS, top=2), curves.__getitem__, 2)
    assert (played.best_begun, played.best_whole) == (0.4, 0.4)  # one of two equal ones was finished


def strategies(budget, curve_of, seed=0):
    def optuna(pruner):
        return OptunaSearch(budget, EPOCHS, sampler="random", pruner=pruner, seed=seed)

    return {
        "whole": Whole(budget, EPOCHS),
        "blind halving": BlindHalving(budget, EPOCHS),
        "one epoch": OneEpoch(budget, EPOCHS),
        "Tune ASHA": TuneAsha(budget, EPOCHS),
        **{f"Optuna {pruner}": optuna(pruner) for pruner in ("halving", "hyperband", "median")},
    }


@pytest.mark.parametrize("budget", [Budget(trials=24), Budget(seconds=100.0)])
def test_nobody_finds_more_than_one_who_peeks(budget):
    """Five orders of a bank of 30: of trials, what peeking names is best in each; of seconds, in the mean by far."""
    curves = bank()
    found = {}
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(30).tolist() * 20

        def curve_of(number, order=order):
            return curves[order[number]]

        everyone = strategies(budget, curve_of, seed) | {"peeking": Peeking(budget, EPOCHS, curve_of)}
        for name, strategy in everyone.items():
            played = play(strategy, curve_of, 2)
            named = played.named
            found.setdefault(name, []).append(np.inf if named is None else played.curves[named].truth)
    best = np.array(found.pop("peeking"))
    for name, others in found.items():
        if budget.trials:
            assert (best <= np.array(others)).all(), name
        else:
            assert best.mean() < 0.9 * np.mean(others), name


def test_seconds_bound_the_training_of_all_slots_and_those_begun_are_finished():
    curves = bank()
    budget = Budget(seconds=100.0, slots=4)
    played = play(Whole(budget, EPOCHS), lambda number: curves[number % 30], 4)
    last = max(curve.clock[-1] for curve in played.curves)
    assert 100 <= played.seconds <= 100 + 4 * last
    assert np.isfinite(played.ended).all()


def test_optunas_pruners_stop_some_and_finish_some():
    curves = bank()
    for name, strategy in strategies(Budget(trials=30), curves.__getitem__).items():
        played = play(strategy, curves.__getitem__, 2)
        whole = np.isfinite(played.ended).sum()
        assert whole == 30 if name == "whole" else 0 < whole < 30, name


def test_tunes_asha_hears_of_its_milestones_alone_and_decides_as_if_it_heard_of_every_epoch():
    class EveryEpoch(TuneAsha):
        def goal(self, number, epoch):
            return epoch + 1

    curves = bank()
    seldom, always = (
        play(rule(Budget(trials=30, slots=1), EPOCHS), curves.__getitem__, 1) for rule in (TuneAsha, EveryEpoch)
    )
    assert seldom.trained.tolist() == always.trained.tolist()
    assert len(set(seldom.trained.tolist())) > 2
