"""Phases run once on the weights as they are, under noise that depends only on its place in the order of draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ...models.base import Model, Step
from ..loop import TrialTraining
from ..norms import outside, stilled


class Drawn(TorchFunctionMode):
    """Noise that depends on nothing but its shape and its place in the order of draws."""

    def __init__(self) -> None:
        super().__init__()
        self.draws = 0

    def _fill(self, like: Tensor, uniform: bool) -> Tensor:
        self.draws += 1
        rng = np.random.default_rng(self.draws)
        block = rng.random(tuple(like.shape)) if uniform else rng.standard_normal(tuple(like.shape))
        return torch.from_numpy(block).to(like.dtype)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.randn_like, torch.rand_like):
            return self._fill(args[0], func is torch.rand_like)
        if func is functional.dropout:
            input, p, training = (*args, *(kwargs or {}).values())[:3]
            return input * (self._fill(input, True) >= p) / (1 - p) if training and p > 0 else input
        return func(*args, **(kwargs or {}))


@torch.no_grad()
def transform_rows(model: Model, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The batch with what the model makes of its rows."""
    return {**batch, **model.transform_rows(**batch)}


def run_phases(model: Model, batch: Mapping[str, Tensor]) -> list[tuple[Step, dict[str, Tensor | None]]]:
    """Every phase in order on the weights as they are, with the gradients of its own parameters.

    As the training loop has it: batch norms of other nets record nothing.
    """
    known = transform_rows(model, batch)
    found: list[tuple[Step, dict[str, Tensor | None]]] = []
    for phase in model.config.active_phases:
        own = model.parameters_of(phase)
        with Drawn(), stilled(outside(model, phase.nets)):
            step = model(phase.name, {name: known[name] for name in model.wants(phase.name)})
        gradients: tuple[Tensor | None, ...] = torch.autograd.grad(step.loss, list(own.values()), allow_unused=True)
        known.update((name, value.detach()) for name, value in step.carry.items())
        found.append((step, dict(zip(own, gradients, strict=True))))
    return found


def state_of(training: TrialTraining) -> dict[str, Tensor]:
    """A copy of the model's whole state."""
    return {name: tensor.clone() for name, tensor in training.model.state_dict().items()}


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    """Are they the same bits?"""
    return first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)
