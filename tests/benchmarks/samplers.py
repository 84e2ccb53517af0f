"""What the samplers' settings were chosen by: an invented function of eight values, two of them conditional.

    python tests/benchmarks/samplers.py population   # trials of a generation of nsga2
    python tests/benchmarks/samplers.py stopped      # a pruned trial shown as completed, or as pruned
    python tests/benchmarks/samplers.py failures     # draws that fail, if gp hears of failures or not
    python tests/benchmarks/samplers.py cost         # seconds of the processor for a draw

``tests/support/sampling.py`` holds the function. One trial at a time, several seeds each; nothing is trained.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import sampling
from support.sampling import COST, SCORE, row, score, search, study_of

from sparring.records import Outcome
from sparring.referee.pruners import Halving
from sparring.referee.sampling import samplers, showing
from sparring.referee.standing import Reached

EPOCHS = 27


def best(rows: dict[int, Any]) -> float:
    return min(each.value for each in rows.values() if each.outcome is Outcome.COMPLETED)


def population() -> None:
    for trials in (24, 100, 200):
        for size in (8, 16, 24, 50):
            samplers.POPULATION = showing.POPULATION = size
            one = mean(best(search(study_of("nsga2", seed=seed), trials)) for seed in range(12))
            two = mean(volume(search(study_of("nsga2", seed=s, objectives=(SCORE, COST)), trials)) for s in range(8))
            print(f"{trials} trials, {size} a generation: best {one:.3f}, volume of two {two:.3f}", flush=True)


def volume(rows: dict[int, Any], worst: tuple[float, float] = (4.0, 1.5)) -> float:
    """The area that the front dominates, up to ``worst``: larger is better."""
    area, height = 0.0, worst[1]
    for first, second in sorted((each.value, each.metrics[COST.metric]) for each in rows.values()):
        if first < worst[0] and second < height:
            area, height = area + (worst[0] - first) * (height - second), second
    return area


def stopped() -> None:
    shown = showing.Showing.end
    for name, seeds, trials in (("nsga2", 10, 90), ("cmaes", 10, 90), ("gp", 3, 40)):
        for how, flat in (("completed", True), ("pruned", False)):
            end = shown if flat else as_pruned(shown)
            showing.Showing.end = end  # type: ignore[method-assign]
            found = sorted(halved(name, seed, trials) for seed in range(seeds))
            each = ", ".join(f"{value:.2f}" for value in found)
            print(f"{name}, stopped trials shown as {how}: mean {mean(found):.3f} of {each}", flush=True)
    showing.Showing.end = shown  # type: ignore[method-assign]


def as_pruned(shown: Callable[..., Any]) -> Callable[..., Any]:
    def end(self: Any, ended: Any) -> Any:
        if ended.outcome is Outcome.PRUNED:
            return showing.Shown(showing.TrialState.PRUNED, None, {ended.epochs: ended.value})
        return shown(self, ended)

    return end


def halved(name: str, seed: int, trials: int) -> float:
    """The best after so many trials under successive halving; a curve falls to its score from 2 to 4 times it."""
    study, pruner, chance, least = study_of(name, seed=seed), Halving(EPOCHS), random.Random(seed), math.inf
    for _ in range(trials):
        drawn = study.ask()
        number, params = drawn.number, drawn.params
        height, outcome, epochs = chance.uniform(1, 3), Outcome.COMPLETED, EPOCHS
        for rung in pruner.rungs:
            value = score(params) * (1 + height * math.exp(-rung / 5))
            reached = Reached(number=number, epoch=rung, figures=(value,))
            pruner.learn(reached)
            if number and pruner.judge(reached):
                outcome, epochs = Outcome.PRUNED, rung
                break
        value = score(params) * (1 + height * math.exp(-epochs / 5))
        least = min(least, value) if outcome is Outcome.COMPLETED else least
        study.tell(replace(row(number, params, outcome), value=value, epochs=epochs))
    return least


def failures() -> None:
    def ends(params: Any) -> Outcome:
        return Outcome.DIVERGED if params["lr"] > 5e-4 and params["loss"] == "wcc" else Outcome.COMPLETED

    for how, hears in (("worst figure", True), ("nothing", False)):
        samplers._KINDS["gp"] = replace(samplers._KINDS["gp"], is_model=hears)
        for seed in (0, 1):
            rows = search(study_of("gp", seed=seed), 40, ends=ends)
            late = sum(rows[number].outcome is Outcome.DIVERGED for number in range(12, 40))
            print(
                f"gp, of a failure hears {how}, seed {seed}: {late} of 28 draws fail, best {best(rows):.2f}", flush=True
            )


def cost() -> None:
    for name in samplers._KINDS:
        for after in (20, 100):
            if name == "grid":
                continue
            rows = search(study_of("random"), after)
            study, began = study_of(name, rows), time.process_time()
            search(study, 3)
            print(f"{name}, after {after} trials: {(time.process_time() - began) / 3:.3f} s a draw", flush=True)


if __name__ == "__main__":
    assert sampling.score({"lr": 1e-3, "loss": "wcc", "width": 12, "w": 0.1, "depth": 4, "dropout": 0.2}) < 0.01
    {"population": population, "stopped": stopped, "failures": failures, "cost": cost}[sys.argv[1]]()
