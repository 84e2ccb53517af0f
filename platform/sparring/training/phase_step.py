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
    """One phase of one trial: ``run`` gives its gradients, ``update`` steps its optimizer along them.

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
        self.phase, self.cast = phase, cast
        self._model, self._workers, self._fraction = model, workers, fraction
        self.wants = model.wants(phase.name)
        """What its method takes, by name."""
        named = model.parameters_of(phase)
        self.names, self.parameters = list(named), list(named.values())
        self.lr = float(getattr(model.config, phase.lr))
        self.optimizer = make_optimizer(model.config, phase, self.parameters)
        self._step_optimizer = step_of(self.optimizer)
        self._rate = 1.0
        self._others = outside(model, phase.nets)
        self.draws = True
        """Does it draw noise? Known after its first run."""
        self.run: Callable[[Mapping[str, Tensor]], tuple[Step, Gradients]] = self.run_eagerly
        """One pass, forward and backward; replaced when the phase is compiled."""

    # -- one pass -----------------------------------------------------------------------------------------------------

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
        """One step of the optimizer at ``rate`` times its learning rate.

        With several workers it is along the sum of their gradients, in one collective.
        """
        if rate != self._rate:
            self._rate = rate
            for group in self.optimizer.param_groups:
                group["lr"] = self.lr * rate
        if self._workers is not None:
            gradients = self._summed(gradients, self._workers)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = _laid_out(gradient, parameter)
        self._step_optimizer()

    def _summed(self, gradients: Gradients, workers: Workers) -> Gradients:
        # Which are None follows from the graph, and that is the same on every worker.
        sums = iter(workers.sum_([gradient for gradient in gradients if gradient is not None]))
        return tuple(None if gradient is None else next(sums) for gradient in gradients)

    # -- the optimizer's state ----------------------------------------------------------------------------------------

    def state(self) -> Iterator[tuple[str, Tensor]]:
        """The optimizer's state by ``parameter:key``."""
        for name, parameter in zip(self.names, self.parameters, strict=True):
            for key, value in self.optimizer.state[parameter].items():
                tensor = torch.as_tensor(value)
                # Step counters are parts of one tensor (``optimizers._direct``), and safetensors refuses shared memory.
                yield f"{name}:{key}", tensor.clone() if key == "step" else tensor

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of ``state``. Its own among ``tensors`` are those whose name begins with ``PHASE.``."""
        prefix = f"{self.phase.name}."
        parameters = dict(zip(self.names, self.parameters, strict=True))
        # Fused kernels want the step counter beside the parameter, the others on the CPU.
        is_fused = bool(self.optimizer.param_groups[0].get("fused"))
        for full_name, tensor in tensors.items():
            if full_name.startswith(prefix):
                name, _, key = full_name[len(prefix) :].rpartition(":")
                parameter = parameters[name]
                moved = tensor if key == "step" and not is_fused else tensor.to(parameter.device)
                self.optimizer.state[parameter][key] = moved.clone()
        self._step_optimizer = step_of(self.optimizer)  # the one before holds on to the tensors replaced here


def _laid_out(gradient: Tensor | None, parameter: Tensor) -> Tensor | None:
    """The gradient in the parameter's layout in memory.

    torch's fused kernels read both in the order in which they lie, whatever their strides. ``backward()`` would have
    seen to it; ``autograd.grad`` does not, and a second derivative of a convolution comes transposed.
    """
    if gradient is None or gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
