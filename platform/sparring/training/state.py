"""A training's state between two epochs, to bytes and back: nets, optimizers, the best epoch, every epoch's figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from ..errors import CheckpointError
from ..ledger.checkpoints import Progress, pack, unpack
from ..records import Objective
from .moving_average import MovingAverage
from .phase_step import PhaseStep


@dataclass(frozen=True, kw_only=True)
class BestEpoch:
    """The best epoch so far and its weights; empty until an epoch has a finite figure."""

    epoch: int | None = None
    """Counted from 1."""
    value: float | None = None
    """The objective's figure."""
    state: Mapping[str, Tensor] = field(default_factory=dict)
    """The model's ``state_dict`` after that epoch, in memory of its own."""

    def is_beaten_by(self, value: float, objective: Objective) -> bool:
        """Is ``value`` finite and better? An equal one is not."""
        if not math.isfinite(value):
            return False
        return self.value is None or objective.sign * value < objective.sign * self.value


def copy_state(model: nn.Module) -> dict[str, Tensor]:
    """The model's ``state_dict``, in memory of its own."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def pack_state(
    progress: Progress,
    model: nn.Module,
    best_state: Mapping[str, Tensor],
    phase_steps: Sequence[PhaseStep],
    average: MovingAverage | None,
) -> bytes:
    """Everything as one safetensors file: ``model.NAME``, ``best.NAME``, ``optim.PHASE.PARAMETER:KEY`` and, if weights
    are averaged, ``average.NAME``."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best_state.items()}
    for phase_step in phase_steps:
        tensors |= {f"optim.{phase_step.phase.name}.{name}": tensor for name, tensor in phase_step.state()}
    if average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in average.state().items()}
    return pack(tensors, progress)


def load_state(
    packed: bytes, model: nn.Module, phase_steps: Sequence[PhaseStep], average: MovingAverage | None
) -> tuple[Progress, BestEpoch]:
    """The inverse of ``pack_state``: fills the model, the optimizers and the average, and returns the rest.

    Raises CheckpointError if the bytes are of another model.
    """
    tensors, progress = unpack(packed)
    by_part: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optim": {}, "average": {}}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        by_part[part][rest] = tensor
    try:
        model.load_state_dict(by_part["model"])
        if average is not None:
            average.load(by_part["average"])
    except (RuntimeError, KeyError) as error:
        raise CheckpointError(f"trial {progress.trial}: the checkpoint is of another model: {error}") from error
    for phase_step in phase_steps:
        phase_step.load(by_part["optim"])
    state = {name: tensor.clone() for name, tensor in by_part["best"].items()}
    return progress, BestEpoch(epoch=progress.best_epoch, value=progress.best_value, state=state)
