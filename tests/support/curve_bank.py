"""A bank of learning curves that nobody trained, for the tests of the yardstick of searches."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
from benchmarks.regret.bank_files import Bank
from benchmarks.regret.configurations import configurations

from sparring.models import find_config
from sparring.space import checked_space, find_space, read_space


def write_bank(folder: Path, system: str = "mlp_aae", *, length: int = 30, epochs: int = 9) -> Path:
    """The first configurations of a system's space: what they reach depends on their rates and the size of their codes,
    with a noise of 2 % in every epoch. The first five have three seeds; one in twenty diverges."""
    space = checked_space(read_space(find_space(system)), find_config(system), system)
    bank, rng = Bank(folder), np.random.default_rng(0)
    setup = json.dumps({"objective": ["val/balance", "minimize"], "epochs": epochs})
    for place, configuration in enumerate(configurations(space, length)):
        params = configuration.params
        end = 0.1 + 0.2 * abs(math.log10(float(params["lr_gen"]) / 2e-3)) + 0.002 * float(params["latent_dim"])
        pace = 0.3 + 0.4 * rng.random()
        for seed in range(3 if place < 5 else 1):
            values = (end + np.exp(-pace * np.arange(epochs))) * np.exp(0.02 * rng.standard_normal(epochs))
            diverges = place % 20 == 7
            rows = [
                {
                    "training": f"{configuration.number:05d}-s{seed}",
                    "number": configuration.number,
                    "kind": configuration.kind,
                    "seed": seed,
                    "epoch": epoch,
                    "value": math.nan if diverges and epoch == 4 else float(values[epoch - 1]),
                    "cpu_s": 32 / float(params["batch_size"]),
                    "outcome": "diverged" if diverges else "completed",
                    "params": json.dumps(params),
                    "config": json.dumps(
                        {**space.config(params).model_dump(mode="json", exclude_defaults=True), "steps_per_epoch": 67}
                    ),
                    "setup": setup,
                    "space": space.fingerprint()[:10],
                }
                for epoch in range(1, 5 if diverges else epochs + 1)
            ]
            bank.add(system, str(rows[0]["training"]), rows)
    bank.merge(system)
    return bank.file(system)
