"""One worker equals two, for every system found in the folder: float64, synchronised batch norm, a real gloo group.

This file is also the program of each of the two: `python test_contract_workers.py RANK FOLDER`.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from support.systems import Setting, widened

from sparring.models import model_names
from sparring.records import Trial
from sparring.training.averaging import Workers
from sparring.training.loop import TrialTraining

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in model_names()},
    **{f"boost_vae, {boost} boost": ("boost_vae", {"boost": boost}) for boost in ("sample", "loss")},
    "aegan, spectral": ("aegan", {"norm_dis": "spectral"}),
}
"""Every system, and what another of its settings asks of the rows: its name and more fields."""
OVER_A_BATCH = ("w_mmd", "w_swd", "features_gen_weight")
"""Weights of what compares a batch as a whole: each worker compares its own rows, so two train another function."""
ROWS, BATCH = 102, 34
"""Three steps an epoch, of 17 rows for each worker."""

OF_OWN_ROWS = {"health/swing", "health/dis_auc", "health/logit_gap"}
"""What each worker measures on its share of a batch; the mean over the workers is not that of the whole batch."""


def figures(case: str, workers: Workers | None) -> list[dict[str, float]]:
    """The metrics of two epochs."""
    torch.set_default_dtype(torch.float32)
    name, fields = CASES[case]
    setting = Setting(name)
    fields = {key: 0.0 for key in OVER_A_BATCH if key in setting.model_class.Config.model_fields} | fields
    rows = {
        part: {field: widened(values) for field, values in setting.part(part, ROWS).items()}
        for part in ("train", "valid")
    }
    torch.set_default_dtype(torch.float64)
    try:
        solo = TrialTraining(
            setting.model_class, setting.config(batch_size=BATCH, **fields), rows["train"], rows["valid"],
            trial=Trial(number=0, params={}, seed=0), objective=setting.objective, workers=workers,
            sync_batchnorm=workers is not None,
        )  # fmt: skip
        return [dict(solo.run_epoch().metrics) for _ in range(2)]
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="module")
def together(run_both, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, float]]]:
    """By case what the first of two workers saw."""
    folder = tmp_path_factory.mktemp("two")
    run_both(__file__, folder)
    seen = [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert seen[0] == seen[1], "both hold the same figures"
    return seen[0]


@pytest.mark.parametrize("case", CASES)
def test_one_worker_equals_two(together, case):
    for alone, shared in zip(figures(case, None), together[case], strict=True):
        assert alone.keys() == shared.keys()
        for metric, value in alone.items():
            if metric in OF_OWN_ROWS:
                continue
            # Adam makes of rounding in gradients that are zero what it makes of any gradient: 1e-11 after ten steps.
            assert shared[metric] == pytest.approx(value, rel=1e-8, abs=1e-10), metric


def play(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    store = torch.distributed.FileStore(str(folder / "store"), 2)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=300))
    seen = {case: figures(case, Workers(rank, 2)) for case in CASES}
    (folder / f"{rank}.json").write_text(json.dumps(seen))
    # Left to the interpreter's end, gloo's threads abort about one process in eight (torch 2.13).
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    play(int(sys.argv[1]), Path(sys.argv[2]))
