"""Whole searches of seeds that failed once, of fresh ones, and one bug that the simulation must find."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulation.bugs import BUGS
from simulation.plan import draw
from simulation.simulate import Broken, run_seed

pytestmark = pytest.mark.slow  # all together

FAILED = {
    3: "a referee died between committing a NaN and its trial's end; the trial trained an epoch more",
    88: "a trial ended by its own error lacked the epochs that a referee which had died since had not committed",
}
"""Seeds that broke an invariant, each with what was wrong then. They stay, whatever is mended."""


@pytest.mark.parametrize("seed", FAILED)
def test_a_seed_that_failed_once_does_not_fail_again(seed):
    run_seed(seed)


@pytest.mark.parametrize("seed", range(1000, 1004))
def test_every_invariant_holds_after_every_event(seed):
    assert run_seed(seed).checks.is_complete


def test_one_seed_is_one_course_of_events():
    assert run_seed(1000).digest == run_seed(1000).digest != run_seed(1003).digest


def test_a_search_in_which_much_dies_ends_as_its_twin_in_which_nothing_does():
    """Without a pruner and on a grid, what a trial reaches depends on its number alone."""
    plan = next(p for p in map(draw, range(1000, 2000)) if p.slot_dies and p.driver_dies and p.power and p.loses
                and not p.by_hand and p.sampler == "grid" and p.trains is None and p.attempts == 1000)  # fmt: skip
    worlds = [run_seed(1, each) for each in (_whole(plan), _whole(plan.without_faults))]
    ends = [
        {n: (row.outcome, row.value, row.best_epoch, row.epochs, row.params) for n, row in each.checks.trials.items()}
        for each in worlds
    ]
    assert ends[0] == ends[1]
    assert worlds[0].sessions > worlds[1].sessions


def _whole(plan):
    return replace(plan, pruner="none", trials=8, epochs=9, mirrors=False)


def test_a_planted_bug_is_found_and_one_number_shows_it_again(monkeypatch):
    BUGS["an_off_by_one_rung"](monkeypatch)
    seed = next(seed for seed in range(1000, 1010) if _breaks(seed))
    with pytest.raises(Broken, match=rf"^seed {seed}: event \d+, at .* rungs"):
        run_seed(seed)


def _breaks(seed):
    try:
        run_seed(seed)
    except Broken:
        return True
    return False
