"""The only training loop: epochs of alternating phases over data that stays on the device.

``TrialTraining`` trains one trial. Per step it takes a batch by index, and for each phase runs the model's method,
differentiates with respect to the phase's own parameters alone, and steps the phase's optimizer. Everything random is
keyed by (seed, step), so the same seed gives the same bits and a checkpoint resumes bit for bit.

Of several workers each runs this loop on its share of every batch: gradients are summed once per phase, training
metrics and validation sums once per epoch, and every worker holds the same bits at every epoch's end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from ..errors import CheckpointError, Infeasible
from ..ledger.checkpoints import Progress, pack, pack_weights, unpack
from ..models.base import Model
from ..models.sums import add_up, fetch
from ..records import EpochRow, Objective, Trial
from .averaging import Workers
from .batches.batches import Batches
from .batches.placement import count, part, place, window
from .hardware import compiling, malloc, matmul
from .hardware.precision import cast
from .noise import Noise, cumulate, order
from .norms import average_statistics, synchronise
from .phase_step import PhaseStep
from .schedules import factor

EVALUATION_ROWS = 4096
"""Validation rows per forward: enough to fill a device, few enough for its memory."""


class TrialTraining:
    """One trial in training.

    train, valid: per field of the model a tensor (rows, …), the same on every worker; batches are taken by index, never
    copied wholesale.
    ood: per field samples of the set that the Config names so (``Config.ood``), if it names one.
    workers: this process's place among those that train the trial; None trains it alone. ``batch_size`` is of all
    together: each takes its contiguous share, which need not be equal. sync_batchnorm: see ``norms.py``.
    precision, compiled: see ``hardware/precision.py`` and ``hardware/compiling.py``.
    Raises Infeasible if a batch is too small for its workers; then on all of them, before any waits for another.
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
        ood: Mapping[str, Tensor] | None = None,
        device: torch.device | str = "cpu",
        workers: Workers | None = None,
        sync_batchnorm: bool = False,
        precision: str = "fp32",
        compiled: bool = False,
    ) -> None:
        malloc.keep_freed()
        self.trial, self.objective, self.config = trial, objective, config
        self.device = torch.device(device)
        self.workers = workers if workers is not None and workers.size > 1 else None
        train = {name: train[name] for name in config.fields}
        self.rows = count(train)
        self.batch = min(config.batch_size, self.rows)
        self.share = _share(self.batch, self.workers)
        self.steps_per_pass = self.rows // self.batch
        self.steps_per_epoch = config.steps_per_epoch or self.steps_per_pass
        self._cast = cast(precision, self.device)
        torch.manual_seed(trial.seed)
        self.model = model_class(config, {name: tuple(rows.shape[1:]) for name, rows in train.items()})
        self.model.initialize()
        self.model.prepare(train)
        weights = self.model.sampling_weights(train)
        self._cumulative_weights = None if weights is None else cumulate(weights)
        if ood:
            self.model.set_ood_samples(ood)
        self.model.to(self.device).train()
        self.train_rows = place(train, self.device)
        self.valid_rows, self._validates = _validation(valid, config.fields, self.workers, self.device)
        self._fraction = (self.share.stop - self.share.start) / self.batch
        self._averages = self.workers is not None and not sync_batchnorm
        talks = self.workers is not None and sync_batchnorm and synchronise(self.model, self.workers)
        self.phase_steps = [
            PhaseStep(self.model, phase, cast=self._cast, workers=self.workers, fraction=self._fraction)
            for phase in config.active_phases
        ]
        self._batches = self._transformed()
        own = self.share.stop - self.share.start
        self._products = matmul.choose(self.model, own, self.device)
        self.noise = Noise(trial.seed, rows=self.batch, first=self.share.start, own=own, device=self.device)
        self.epoch = 0
        self.best_epoch: int | None = None
        self.best_value: float | None = None
        self.best_state: dict[str, Tensor] = {}
        self.history: list[dict[str, Any]] = []
        if compiled and not talks:
            first = self._batches.take(torch.arange(own, device=self._batches.place))
            compiling.compile_phases(self.model, self.phase_steps, self.noise, first, self.device)

    def _transformed(self) -> Batches:
        wants = {name for arm in self.phase_steps for name in arm.wants}
        return Batches(self.model, self.train_rows, wants, self.device)

    # -- training -----------------------------------------------------------------------------------------------------

    def run_epoch(self) -> EpochRow:
        """Trains one epoch, validates, and remembers the weights if they are the best so far."""
        started = time.perf_counter()
        first = self.epoch * self.steps_per_epoch
        rows = torch.empty(0)
        reported: list[dict[str, Tensor]] = []
        for step in range(first, first + self.steps_per_epoch):
            passes, n = divmod(step, self.steps_per_pass)
            if n == 0 or step == first:
                rows = order(self.trial.seed, passes, self.rows, self._cumulative_weights).to(self._batches.place)
            start = n * self.batch
            reported.append(self._run_step(step, rows[start + self.share.start : start + self.share.stop]))
        metrics = self._means(reported)
        if self._averages and self.workers is not None:
            average_statistics(self.model, self.workers, self._fraction)
        for arm in self.phase_steps:
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
        known = self._batches.take(rows)
        rate = factor(self.config, step, self.steps_per_epoch)
        reported: dict[str, Tensor] = {}
        for index, arm in enumerate(self.phase_steps):
            noise = self.noise.begin(step, index) if arm.draws else nullcontext()
            with self._products, arm.others_stilled(), noise:
                (_, metrics, carry), gradients = arm.run({name: known[name] for name in arm.wants})
            arm.draws = arm.draws and self.noise.drawn > 0
            arm.update(gradients, rate)
            known.update((name, value.detach()) for name, value in carry.items())
            reported.update(metrics)
        return reported

    def _means(self, reported: list[dict[str, Tensor]]) -> dict[str, float]:
        """Means over an epoch's equal batches, and over the workers by their fraction of the rows."""
        means = {name: torch.stack([metrics[name].detach() for metrics in reported]).mean() for name in reported[0]}
        if self.workers is not None and means:
            own = torch.stack([mean.double() for mean in means.values()]) * self._fraction
            means = dict(zip(means, self.workers.sum_([own])[0], strict=True))
        return {name: float(mean) for name, mean in means.items()}

    # -- validation ---------------------------------------------------------------------------------------------------

    def evaluate(self) -> dict[str, float]:
        """The ``val/…`` figures of the weights as they stand, in eval mode."""
        sums = self._sum(self.valid_rows)
        if self.workers is not None:
            own = [total if self._validates else torch.zeros_like(total) for total in sums.values()]
            sums = dict(zip(sums, self.workers.sum_(own), strict=True))
        return self.model.figures(fetch(sums))

    def examine(self, rows: Mapping[str, Tensor]) -> dict[str, float]:
        """The same figures of the best epoch's weights on other rows, as ``test/…``; for the end of the training."""
        self.model.load_state_dict(self.best_state)
        own = {name: rows[name] for name in self.config.fields}
        figures = self.model.figures(fetch(self._sum(place(own, self.device))))
        return {f"test/{name.removeprefix('val/')}": value for name, value in figures.items()}

    @torch.no_grad()
    def _sum(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        self.model.eval()
        windows = (slice(start, start + EVALUATION_ROWS) for start in range(0, count(rows), EVALUATION_ROWS))
        with self._cast():
            sums = add_up(self.model.evaluate(**window(rows, part, self.device)) for part in windows)
        self.model.train()
        return sums

    def _remember(self, metrics: Mapping[str, float]) -> None:
        value = metrics[self.objective.metric]
        if not math.isfinite(value):
            return
        sign = self.objective.sign
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

    def weights(self) -> bytes:
        """The best epoch's weights alone, as safetensors bytes by the names of ``state_dict``."""
        return pack_weights(self.best_state)

    def save(self) -> bytes:
        """The whole state after the last finished epoch."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best_state.items()}
        for arm in self.phase_steps:
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
        for arm in self.phase_steps:
            arm.load(parts["optim"])
        self._batches = (
            self._transformed()
        )  # as the checkpoint's transforms have it; another machine's fit may round otherwise
        self.best_state = {name: tensor.clone() for name, tensor in parts["best"].items()}
        self.epoch, self.best_epoch, self.best_value = progress.epoch, progress.best_epoch, progress.best_value
        self.history = [dict(entry) for entry in progress.history]


def _share(batch: int, workers: Workers | None) -> slice:
    """The rows of a batch that are this process's own."""
    if workers is None:
        return slice(0, batch)
    if batch < 2 * workers.size:
        raise Infeasible(
            f"a batch needs 2 rows for each of its workers, but got {batch} rows for {workers.size} workers; make "
            f"batch_size (and the training set) at least {2 * workers.size}, or train with {max(1, batch // 2)} workers"
        )
    return workers.share(batch)


def _validation(
    valid: Mapping[str, Tensor], fields: tuple[str, ...], workers: Workers | None, device: torch.device
) -> tuple[dict[str, Tensor], bool]:
    """The validation rows that are this process's own, and whether they count.

    With fewer rows than workers some have none. They run the first row and add zeros: only the model knows its sums.
    """
    share = slice(None) if workers is None else workers.share(len(valid[fields[0]]))
    counts = workers is None or share.stop > share.start
    return place({name: part(valid[name], share if counts else slice(1)) for name in fields}, device), counts
