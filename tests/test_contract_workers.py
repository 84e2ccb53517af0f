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
from support.systems import Setting

from sparring.data.embedded.shapes import KINDS
from sparring.models import model_names
from sparring.training.averaging import Workers
from sparring.training.contract.training import ABSOLUTE, OF_OWN_ROWS, OVER_A_BATCH, RELATIVE, figures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in model_names()},
    **{f"boost_vae, {boost} boost": ("boost_vae", {"boost": boost}) for boost in ("sample", "loss")},
    **{
        f"{name}, figures of samples": (name, {"auc_rows": 40, "sample_rows": 40})
        for name in ("mlp_aae", "aae", "aae_series", "advvae")
    },
    "mlp_aae, classes": ("mlp_aae", {"classes": len(KINDS)}),
    "aae, few labels": ("aae", {"classes": len(KINDS), "labelled_rows": 20}),
    "aegan, spectral": ("aegan", {"norm_dis": "spectral"}),
}
"""Every system, and what another of its settings asks of the rows: its name and more fields."""


def figures_of(case: str, workers: Workers | None) -> list[dict[str, float]]:
    """The metrics of two epochs."""
    torch.set_default_dtype(torch.float32)
    name, fields = CASES[case]
    setting = Setting(name)
    fields = {key: 0.0 for key in OVER_A_BATCH if key in setting.model_class.Config.model_fields} | fields
    return figures(setting, workers, **fields)


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
    for alone, shared in zip(figures_of(case, None), together[case], strict=True):
        assert alone.keys() == shared.keys()
        for metric, value in alone.items():
            if metric in OF_OWN_ROWS:
                continue
            assert shared[metric] == pytest.approx(value, rel=RELATIVE, abs=ABSOLUTE), metric


def play(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    store = torch.distributed.FileStore(str(folder / "store"), 2)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=300))
    seen = {case: figures_of(case, Workers(rank, 2)) for case in CASES}
    (folder / f"{rank}.json").write_text(json.dumps(seen))
    # Left to the interpreter's end, gloo's threads abort about one process in eight (torch 2.13).
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    play(int(sys.argv[1]), Path(sys.argv[2]))
