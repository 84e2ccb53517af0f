"""How long a search takes yet: simulated searches end within the range that was foretold, which does not jump."""

from __future__ import annotations

import heapq
import random
from itertools import pairwise

import pytest
from support.referee import Clock, make

from sparring.records import WAIT, EpochRow, Verdict

HEALTH = {"health/moved_dis": 1.0, "health/grad_dis": 1.0}
EPOCHS, LOOK_S = 9, 4.0


def simulate(folder, seed, *, slots=2, share=lambda _: 1.0, **spec):
    """A search on a clock of its own; looks as (seconds, what was foretold), and when it ended.

    share: of its processor that a slot gets at a time. Trials differ in speed, and slots start after ten seconds.
    """
    draw, clock = random.Random(seed), Clock()
    referee = make(folder / str(seed), clock=clock, slots=slots, **spec)
    free, held, looks, steps = [(10.0 + slot, slot) for slot in range(slots)], {}, [], 0
    while free:
        now, slot = heapq.heappop(free)
        while len(looks) * LOOK_S < now:
            clock.now = len(looks) * LOOK_S
            looks.append((clock.now, referee.snapshot().left))
        clock.now = now
        if slot in held:
            number, attempt, n, pace, wall_s = held.pop(slot)
            figures = {"val/score": pace / 5 + 1 / n + draw.gauss(0, 0.05), **HEALTH}
            row = EpochRow(
                trial=number, attempt=attempt, epoch=n, metrics=figures, wall_s=wall_s, cpu_s=wall_s * share(now)
            )
            verdict = referee.report([row], last=n == EPOCHS).verdict
            if verdict is Verdict.GO_ON and n < EPOCHS:
                wall_s = pace * draw.uniform(0.9, 1.1) / share(now)
                held[slot] = number, attempt, n + 1, pace, wall_s
                heapq.heappush(free, (now + wall_s, slot))
                continue
            if n < EPOCHS:
                referee.leave(number, attempt, f"{number} {n}".encode())
        number, steps = referee.ask(), steps + 1
        if number is None:
            continue
        start = None if number == WAIT else referee.start(number, f"step {steps}")
        if start is None:
            heapq.heappush(free, (now + 0.1, slot))
            continue
        n = 1 + (int(start.checkpoint.split()[1]) if start.checkpoint else 0)
        pace = random.Random(f"{seed} {number}").lognormvariate(-0.3, 0.4)
        held[slot] = number, start.trial.attempt, n, pace, pace / share(now)
        heapq.heappush(free, (now + pace / share(now), slot))
    referee.close()
    return looks, clock.now


@pytest.mark.parametrize(
    "spec",
    [
        {"trials": None, "train_s": 60.0},
        {"trials": None, "train_s": 60.0, "share": lambda now: 0.6 if 30 < now < 50 else 0.9},
        {"trials": 24, "pruner": "none"},
        {"trials": 24, "pruner": "halving"},
    ],
    ids=["seconds", "seconds, busy", "trials", "trials, paused"],
)
def test_the_end_lies_where_it_was_foretold_and_the_range_moves_slowly(tmp_path, spec):
    right, told, jumps = 0, 0, 0
    for seed in range(2):
        looks, end = simulate(tmp_path, seed, sampler="random", **spec)
        known = [(now, left) for now, left in looks if left is not None]
        assert len(known) > len(looks) / 2
        right += sum(left.low - 1 <= end - now <= left.high + 1 for now, left in known)
        told += len(known)
        jumps += sum(
            left.high + LOOK_S < before.low or before.high < left.low + LOOK_S - 1
            for (_, before), (_, left) in pairwise(known)
        )
    assert right / told > 0.8
    assert jumps == 0


def test_a_limit_on_the_clock_is_no_forecast(folder):
    clock = Clock()
    referee = make(folder, clock=clock, trials=None, time_s=60.0)
    clock.now = 20.5
    assert referee.snapshot().left == (39.5, 39.5, 39.5)


def test_trials_that_must_finish_are_waited_for_when_the_seconds_are_spent(folder):
    clock = Clock()
    referee = make(folder, clock=clock, trials=None, train_s=2.0, slots=1)
    referee.start(referee.ask(), "a")
    for n in range(1, 5):
        clock.now += 0.5
        row = EpochRow(trial=0, attempt=1, epoch=n, metrics={"val/score": 1.0, **HEALTH}, wall_s=0.5, cpu_s=0.5)
        referee.report([row])
    seconds, low, high = referee.snapshot().left  # 5 of 9 epochs of half a second
    assert low < seconds < high
    assert seconds == pytest.approx(2.5, rel=0.2)
