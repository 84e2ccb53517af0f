"""A phase with what the engine adds to it: its parameters, its optimizer, and the batch norms it must not touch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from ..models.base import Model, Step
from ..models.config import Phase
from .averaging import Workers
from .norms import outside, stilled
from .optimizers import make_optimizer, step_of

Gradients = tuple[Tensor | None, ...]
Forward = Callable[[str, Mapping[str, Tensor]], Step]


class PhaseStep:
    """One phase of one trial.

    cast: entered around the phase's forward; what autocast needs. workers and fraction: whom to average gradients with,
    and this worker's part of every batch.
    """

    def __init__(
        self,
        model: Model,
        phase: Phase,
        *,
        cast: Callable[[], AbstractContextManager[object]] = nullcontext,
        workers: Workers | None = None,
        fraction: float = 1.0,
    ) -> None:
        self.phase = phase
        self.wants = model.wants(phase.name)
        named = model.parameters_of(phase)
        self.names, self.parameters = list(named), list(named.values())
        self.lr = float(getattr(model.config, phase.lr))
        self.optimizer = make_optimizer(model.config, phase, self.parameters)
        self.draws = True
        """Does it draw noise? Known after its first run."""
        self.run: Callable[[Mapping[str, Tensor]], tuple[Step, Gradients]] = self.run_eagerly
        """One pass, forward and backward; replaced when the phase is compiled."""
        self._model = model
        self.cast, self._workers, self._fraction = cast, workers, fraction
        self._step = step_of(self.optimizer)
        self._others = outside(model, phase.nets)
        self._rate = 1.0

    def others_stilled(self) -> AbstractContextManager[None]:
        """Inside, batch norms of nets this phase does not name use batch statistics and record none."""
        return stilled(self._others)

    def run_eagerly(self, batch: Mapping[str, Tensor]) -> tuple[Step, Gradients]:
        """One pass of the model as it is written."""
        return self.differentiate(self._model, batch)

    def differentiate(self, forward: Forward, batch: Mapping[str, Tensor]) -> tuple[Step, Gradients]:
        """What the phase returns, and the gradients of its loss (times this worker's fraction of the batch)."""
        with self.cast():
            step = forward(self.phase.name, batch)
        weight = None if self._workers is None else torch.full_like(step.loss, self._fraction)
        return step, torch.autograd.grad(step.loss, self.parameters, weight, allow_unused=True)

    def update(self, gradients: Gradients, rate: float) -> None:
        """One step of the optimizer; with several workers along the sum of their gradients, one collective."""
        if rate != self._rate:
            self._rate = rate
            for group in self.optimizer.param_groups:
                group["lr"] = self.lr * rate
        if self._workers is not None:
            # Which are None follows from the graph, and that is the same on every worker.
            sums = iter(self._workers.sum_([each for each in gradients if each is not None]))
            gradients = tuple(None if each is None else next(sums) for each in gradients)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        self._step()

    def state(self) -> Iterator[tuple[str, Tensor]]:
        """The optimizer's state by ``parameter:key``."""
        for name, parameter in zip(self.names, self.parameters, strict=True):
            for key, value in self.optimizer.state[parameter].items():
                own = torch.as_tensor(value)
                yield f"{name}:{key}", own.clone() if key == "step" else own  # counters share memory

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of ``state``; of ``tensors`` those under ``phase.`` are its own."""
        prefix = f"{self.phase.name}."
        known = dict(zip(self.names, self.parameters, strict=True))
        # Fused kernels want the step counter beside the parameter, the others on the CPU.
        fused = bool(self.optimizer.param_groups[0].get("fused"))
        for full, tensor in tensors.items():
            if full.startswith(prefix):
                name, _, key = full[len(prefix) :].rpartition(":")
                parameter = known[name]
                moved = tensor if key == "step" and not fused else tensor.to(parameter.device)
                self.optimizer.state[parameter][key] = moved.clone()
        self._step = step_of(self.optimizer)
