"""A small AEGAN, rows for it and what its tests ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sparring.models.aegan.config import Config
from sparring.models.aegan.model import AEGAN
from sparring.models.base import Step

A, B = 7, 11


SMALL: dict[str, Any] = {"hidden_size": 8, "n_hl_gen": 1, "n_hl_shared": 1, "n_hl_dis": 1}


PATHS = ("recon_structure", "recon_spectrum", "predict_structure", "predict_spectrum")


def make_rows(n: int = 24, seed: int = 0, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    structure = torch.rand(n, A, dtype=dtype, generator=generator) * 5 - 1
    mix = torch.randn(A, B, dtype=dtype, generator=torch.Generator().manual_seed(99))
    return {"structure": structure, "spectrum": torch.tanh(structure @ mix) + 0.5}


def make(seed: int = 0, rows: Mapping[str, Tensor] | None = None, **fields: Any) -> AEGAN:
    """A small AEGAN in float64, initialised and prepared, in training mode."""
    torch.manual_seed(seed)
    model = AEGAN(Config(**{**SMALL, **fields}), {"structure": (A,), "spectrum": (B,)})
    model.initialize()
    model.double().prepare(rows or make_rows())
    return model


def run_dis(model: AEGAN, carry: Mapping[str, Tensor]) -> Step:
    return model("dis", {name: carry[name].detach() for name in model.wants("dis")})


def gradients(model: AEGAN, loss: Tensor) -> dict[str, Tensor | None]:
    names, parameters = zip(*model.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, parameters, allow_unused=True), strict=True))
