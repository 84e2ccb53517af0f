"""The work that every opponent does alike: one AEGAN trial, the same model, loop, rows and epochs.

Only what places and times trials differs between opponents. A trial is hidden_size 256, 2/2/2 layers, batch 64, three
epochs of the embedded set: about 1.5 s on one core. Two rates and two weights are searched, so every trial costs the
same and nothing is pruned.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import optuna
import torch

from sparring.data import load_dataset, split_rows
from sparring.models.aegan.model import AEGAN
from sparring.records import Objective, Trial
from sparring.space import Space
from sparring.training.averaging import Workers
from sparring.training.loop import TrialTraining

TRIALS, SLOTS, EPOCHS = 24, 2, 3

SPACE = {
    "model": "aegan",
    "dataset": "exafs",
    "objectives": [{"metric": "val/score"}],
    "fixed": {"epochs": EPOCHS, "hidden_size": 256, "input_scaling": "standard", "target_scaling": "standard"},
    "search": {
        "lr_gen": {"loguniform": [1e-4, 2e-2]},
        "lr_dis": {"loguniform": [1e-5, 1e-3]},
        "w_recon_structure": {"loguniform": [0.1, 1.0]},
        "w_recon_spectrum": {"loguniform": [0.1, 1.0]},
    },
}


@cache
def material() -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Training and validation rows, loaded once per process."""
    data = load_dataset("exafs")
    split = split_rows(len(data.ids), "80/20", 42)
    train, valid = (
        {name: torch.from_numpy(data.fields[name][rows]) for name in AEGAN.Config.fields}
        for rows in (split.train, split.valid)
    )
    return train, valid


@cache
def space() -> Space:
    return Space(SPACE, AEGAN.Config, "benchmark")


def draw(trial: optuna.Trial) -> dict:
    return dict(space().suggest(trial))


def distributions() -> dict:
    return space().to_optuna(space().baseline())[1]


def train_trial(number: int, params: Mapping, workers: Workers | None = None) -> float:
    """Trains one trial, or this worker's share of it; returns its best objective."""
    torch.set_num_threads(1)
    train, valid = material()
    trial = Trial(number=number, params=dict(params), seed=0)
    objective = Objective(metric="val/score")
    solo = TrialTraining(AEGAN, space().config(params), train, valid, trial=trial, objective=objective, workers=workers)
    while not solo.is_exhausted:
        solo.run_epoch()
    return float(solo.best.value)
