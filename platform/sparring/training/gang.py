"""The only training loop: epochs of alternating phases over data that stays on the device.

``Solo`` is a gang of one, run plainly (``torch.func.vmap`` over a single lane is twice as slow). Per step it takes a
batch by index, and for each phase runs the model's method, differentiates with respect to the phase's own parameters
alone, and steps the phase's optimizer. Everything random is keyed by (seed, step), so the same seed gives the same bits
and a checkpoint resumes bit for bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import CheckpointError
from ..models.base import Model
from ..models.config import Phase
from ..records import EpochRow, Objective, Trial
from .checkpoint import Progress, pack, unpack
from .noise import Noise, order
from .optimizers import make_optimizer, step_of
from .schedules import factor

EVALUATION_ROWS = 4096
"""Validation rows per forward: enough to fill a device, few enough for its memory."""


class Solo:
    """One trial in training.

    train, valid: per field of the model a float32 tensor (rows, …); batches are taken by index, never copied wholesale.
    """

    def __init__(
        self,
        model_class: type[Model],
        config: Any,
        train: Mapping[str, Tensor],
        valid: Mapping[str, Tensor],
        *,
        trial: Trial,
        objective: Objective,
        device: torch.device | str = "cpu",
    ) -> None:
        self.trial, self.objective, self.config = trial, objective, config
        self.train_rows = {name: train[name].to(device) for name in config.fields}
        self.valid_rows = {name: valid[name].to(device) for name in config.fields}
        self.rows = len(next(iter(self.train_rows.values())))
        self.batch = min(config.batch_size, self.rows)
        self.steps_per_epoch = self.rows // self.batch
        torch.manual_seed(trial.seed)
        self.model = model_class(config, {name: tuple(rows.shape[1:]) for name, rows in self.train_rows.items()})
        self.model.initialize()
        self.model.to(device).prepare(self.train_rows)
        self.model.train()
        self.arms = [_Arm(self.model, phase) for phase in config.phases]
        self.noise = Noise(trial.seed, rows=self.batch, device=device)
        self.epoch = 0
        self.best_epoch: int | None = None
        self.best_value: float | None = None
        self.best_state: dict[str, Tensor] = {}
        self.history: list[dict[str, Any]] = []

    # -- training -----------------------------------------------------------------------------------------------------

    def run_epoch(self) -> EpochRow:
        """Trains one epoch, validates, and remembers the weights if they are the best so far."""
        started = time.perf_counter()
        first = self.epoch * self.steps_per_epoch
        rows = order(self.trial.seed, self.epoch, self.rows).to(next(iter(self.train_rows.values())).device)
        reported: list[dict[str, Tensor]] = []
        for n in range(self.steps_per_epoch):
            reported.append(self._run_step(first + n, rows[n * self.batch : (n + 1) * self.batch]))
        metrics = _means(reported)
        for arm in self.arms:
            metrics[f"train/{arm.phase.lr}"] = arm.optimizer.param_groups[0]["lr"]
        metrics.update(self.evaluate())
        self.epoch += 1
        self._remember(metrics)
        wall_s = time.perf_counter() - started
        self.history.append({"metrics": metrics, "wall_s": wall_s})
        return EpochRow(
            trial=self.trial.number, attempt=self.trial.attempt, epoch=self.epoch, metrics=metrics, wall_s=wall_s
        )

    def _run_step(self, step: int, rows: Tensor) -> dict[str, Tensor]:
        known = {name: data.index_select(0, rows) for name, data in self.train_rows.items()}
        rate = factor(self.config, step, self.steps_per_epoch)
        reported: dict[str, Tensor] = {}
        for index, arm in enumerate(self.arms):
            with arm.others_stilled(), self.noise.begin(step, index) if arm.draws else nullcontext():
                loss, metrics, carry = self.model(arm.phase.name, {name: known[name] for name in arm.wants})
                gradients = torch.autograd.grad(loss, arm.parameters, allow_unused=True)
            arm.draws = arm.draws and self.noise.drawn > 0
            arm.update(gradients, rate)
            known.update((name, value.detach()) for name, value in carry.items())
            reported.update(metrics)
        return reported

    # -- validation ---------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """The ``val/…`` figures of the weights as they stand, in eval mode."""
        self.model.eval()
        sums: dict[str, float] = {}
        for start in range(0, len(next(iter(self.valid_rows.values()))), EVALUATION_ROWS):
            batch = {name: rows[start : start + EVALUATION_ROWS] for name, rows in self.valid_rows.items()}
            for name, value in self.model.evaluate(**batch).items():
                sums[name] = sums.get(name, 0.0) + float(value)
        self.model.train()
        return self.model.figures(sums)

    def _remember(self, metrics: Mapping[str, float]) -> None:
        value = metrics[self.objective.metric]
        if not math.isfinite(value):
            return
        sign = 1.0 if self.objective.goal == "minimize" else -1.0
        if self.best_value is None or sign * value < sign * self.best_value:
            self.best_epoch, self.best_value = self.epoch, value
            self.best_state = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    @property
    def is_exhausted(self) -> bool:
        """Has it trained its budget, or gone ``early_stop`` epochs without a better objective?"""
        patience = self.config.early_stop
        stale = patience is not None and self.epoch - (self.best_epoch or 0) >= patience
        return self.epoch >= self.config.epochs or stale

    def told(self) -> list[EpochRow]:
        """Its history as rows of the present attempt."""
        return [
            EpochRow(trial=self.trial.number, attempt=self.trial.attempt, epoch=n, **entry)
            for n, entry in enumerate(self.history, start=1)
        ]

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def save(self) -> bytes:
        """The whole state after the last finished epoch."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best_state.items()}
        for arm in self.arms:
            tensors |= {f"optim.{arm.phase.name}.{name}": tensor for name, tensor in arm.state()}
        return pack(
            tensors,
            Progress(
                trial=self.trial.number,
                attempt=self.trial.attempt,
                epoch=self.epoch,
                best_epoch=self.best_epoch,
                best_value=self.best_value,
                history=self.history,
            ),
        )

    def restore(self, packed: bytes) -> None:
        """Continues from ``save``'s bytes; raises CheckpointError if they belong to another model."""
        tensors, progress = unpack(packed)
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optim": {}}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = tensor
        try:
            self.model.load_state_dict(parts["model"])
        except RuntimeError as error:
            raise CheckpointError(f"trial {self.trial.number}: the checkpoint is of another model: {error}") from error
        for arm in self.arms:
            arm.load(parts["optim"])
        self.best_state = {name: tensor.clone() for name, tensor in parts["best"].items()}
        self.epoch, self.best_epoch, self.best_value = progress.epoch, progress.best_epoch, progress.best_value
        self.history = [dict(entry) for entry in progress.history]


class _Arm:
    """A phase with what the engine adds to it: its parameters, its optimizer, and the batch norms it must not touch."""

    def __init__(self, model: Model, phase: Phase) -> None:
        self.phase = phase
        self.wants = model.wants(phase.name)
        named = model.parameters_of(phase)
        self.names, self.parameters = list(named), list(named.values())
        self.lr = float(getattr(model.config, phase.lr))
        self.optimizer = make_optimizer(model.config, phase, self.parameters)
        self._step = step_of(self.optimizer)
        self.draws = True
        self._others = [
            module
            for name, module in model.named_modules()
            if isinstance(module, _BatchNorm) and name.partition(".")[0] not in phase.nets
        ]
        self._rate = 1.0

    @contextmanager
    def others_stilled(self) -> Iterator[None]:
        """Inside, batch norms of nets this phase does not name use batch statistics and record none."""
        for module in self._others:
            object.__setattr__(module, "track_running_stats", False)
        try:
            yield
        finally:
            for module in self._others:
                object.__setattr__(module, "track_running_stats", True)

    def update(self, gradients: tuple[Tensor | None, ...], rate: float) -> None:
        if rate != self._rate:
            self._rate = rate
            for group in self.optimizer.param_groups:
                group["lr"] = self.lr * rate
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        self._step()

    def state(self) -> Iterator[tuple[str, Tensor]]:
        for name, parameter in zip(self.names, self.parameters, strict=True):
            for key, value in self.optimizer.state[parameter].items():
                yield f"{name}:{key}", torch.as_tensor(value)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        prefix = f"{self.phase.name}."
        known = dict(zip(self.names, self.parameters, strict=True))
        for full, tensor in tensors.items():
            if full.startswith(prefix):
                name, _, key = full[len(prefix) :].rpartition(":")
                parameter: nn.Parameter = known[name]
                self.optimizer.state[parameter][key] = tensor.clone()


def _means(reported: list[dict[str, Tensor]]) -> dict[str, float]:
    """Means over an epoch's equal batches; one transfer from the device per metric."""
    return {name: float(torch.stack([metrics[name].detach() for metrics in reported]).mean()) for name in reported[0]}
