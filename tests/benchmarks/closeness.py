"""Does val/distance rank generators as the trees' AUC does? `python tests/benchmarks/closeness.py --runs 20`

Random draws of each muon system's shipped space, and its baseline, are trained briefly, and both figures are taken at
six checkpoints: Spearman's rho over all of them, over the last of each run, and over those whose AUC is low, where good
settings are told apart. Of aux_aae also val/code_score, which its search minimises (trees see no reconstruction), and
"good codes": the part of its space where the best lie, trained to the end. Rows: a fifth validate, trees learn from
2,000 of each kind, so an AUC's standard error is about 0.01, of good codes 0.007. One thread, about 12 minutes in all.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
import torch
from scipy.stats import spearmanr

from sparring.data import load_dataset, split_rows
from sparring.models import find_model
from sparring.records import Trial, Value
from sparring.space import Space, find_space, read_space
from sparring.training.loop import TrialTraining

CHECKPOINTS, AUC_ROWS = 6, 2_000
BELOW = (0.8, 0.65)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is trained, and how the figures of its checkpoints are called."""

    system: str
    metrics: tuple[str, ...] = ("val/distance",)
    fixed: dict[str, Any] = field(default_factory=dict)
    """Fields that are not drawn."""
    steps: int = 250
    """Between two checkpoints."""
    rows: int = 10_000


CODES = ("val/distance", "val/code_score")
GOOD = {"dropout": 0.0, "beta1": 0.5, "lr_schedule": "cosine", "batch_size": 500}
CASES = {
    "auxgan": Case(system="auxgan"),
    "boost_vae": Case(system="boost_vae"),
    "aux_aae": Case(system="aux_aae", metrics=CODES),
    "good codes": Case(system="aux_aae", metrics=CODES, fixed=GOOD, steps=600, rows=25_000),
}


def draws(space: Space, count: int) -> Iterator[dict[str, Value]]:
    """The baseline, then random draws of the space."""
    yield space.baseline()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(count - 1):
        yield space.suggest(study.ask())


def figures(case: Case, runs: int) -> list[list[dict[str, float]]]:
    """By run and checkpoint the system's metrics, without those that are not finite."""
    model_class = find_model(case.system)
    raw = read_space(find_space(case.system))
    raw["fixed"] |= case.fixed
    raw["search"] = {name: each for name, each in raw["search"].items() if name not in case.fixed}
    space = Space(raw, model_class.Config, case.system)
    data = load_dataset("muons", options={"n": case.rows})
    split = split_rows(len(data), "80/20")
    train, valid = (
        {name: torch.from_numpy(data.fields[name][rows]) for name in model_class.Config.fields}
        for rows in (split.train, split.valid)
    )
    found = []
    for number, params in enumerate(draws(space, runs)):
        budget = {"epochs": CHECKPOINTS, "steps_per_epoch": case.steps, "auc_rows": AUC_ROWS}
        config = model_class.Config.model_validate(space.values(params) | budget)
        trial = Trial(number=number, params={}, seed=number)
        solo = TrialTraining(model_class, config, train, valid, trial=trial, objective=space.objectives[0])
        metrics = [solo.run_epoch().metrics for _ in range(CHECKPOINTS)]
        found.append([each for each in metrics if np.isfinite([each[key] for key in ("val/auc", *case.metrics)]).all()])
    return found


def agreement(points: list[dict[str, float]], metric: str) -> str:
    if len(points) < 3:
        return f"– (n {len(points)})"
    rho: Any = spearmanr([each[metric] for each in points], [each["val/auc"] for each in points]).statistic
    return f"{rho:.3f} (n {len(points)})"


def tell(name: str, case: Case, runs: int) -> None:
    began = time.perf_counter()
    found = figures(case, runs)
    points, last = [each for run in found for each in run], [run[-1] for run in found if run]
    areas = [each["val/auc"] for each in points]
    seconds = time.perf_counter() - began
    print(f"{name}: {runs} runs, AUC {min(areas):.3f} to {max(areas):.3f}, {seconds:.0f} s", flush=True)
    low = [(f"below {edge}", [each for each in points if each["val/auc"] < edge]) for edge in BELOW]
    for metric in case.metrics:
        parts = [("all", points), ("last of each run", last), *low]
        print(f"  {metric:14}", ", ".join(f"{which} {agreement(part, metric)}" for which, part in parts), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="trainings of each case")
    parser.add_argument("--case", choices=CASES, action="append", help="this one alone; may be repeated")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.case or CASES:
        tell(name, CASES[name], arguments.runs)


if __name__ == "__main__":
    main()
