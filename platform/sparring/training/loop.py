"""The only training loop: epochs of alternating phases over data that stays on the device.

``TrialTraining`` trains one trial. Per step it takes a batch by index, and for each phase runs the model's method,
differentiates with respect to the phase's own parameters alone, and steps the phase's optimizer. Everything random is
keyed by (seed, step), so the same seed gives the same bits and a checkpoint resumes bit for bit.

Several workers each run this loop on their share of every batch: gradients are summed once per phase, training metrics
and validation sums once per epoch, and every worker holds the same bits at every epoch's end.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from ..ledger.checkpoints import Entry, Progress, pack_weights
from ..models.base import Model
from ..models.config import Config
from ..models.sums import add_up, fetch
from ..records import EpochRow, Objective, Trial
from .averaging import Workers
from .batches.batches import Batches
from .batches.placement import count, place, window
from .hardware import compiling, malloc, matmul
from .hardware.precision import cast
from .health import HEARD, Checkup
from .moving_average import MovingAverage
from .noise import Noise, cumulate
from .norms import average_statistics, running_statistics, synchronise
from .phase_step import PhaseStep
from .row_order import RowOrder
from .schedules import factor
from .share import place_rows, share_batch
from .state import BestEpoch, copy_state, load_state, pack_state

EVALUATION_ROWS = 4096
"""Validation rows per forward: enough to fill a device, few enough for its memory."""


class TrialTraining:
    """One trial in training.

    train, valid: per field of the model a tensor (rows, …), the same on every worker; batches are taken by index, never
    copied wholesale.
    ood: samples by field of the out-of-distribution set that the Config names (``Config.ood``), if it names one.
    workers: this process's place among those that train the trial; None trains it alone. ``batch_size`` is of all
    together: each takes its contiguous share, which need not be equal. sync_batchnorm: see ``norms.py``.
    precision, compiled: see ``hardware/precision.py`` and ``hardware/compiling.py``.
    Raises Infeasible if a batch is too small for its workers; then on all of them, before any waits for another.
    """

    def __init__(
        self,
        model_class: type[Model],
        config: Config,
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
        malloc.keep_freed()  # before the first large tensor: 6 to 13 % of a step were page faults
        self.trial, self.objective, self.config = trial, objective, config
        self.device = torch.device(device)
        self.workers = workers if workers is not None and workers.size > 1 else None
        train, valid = ({name: rows[name] for name in config.taken(rows)} for rows in (train, valid))
        # First of all what may be refused, so that every worker refuses before one of them waits for another.
        self.share = share_batch(min(config.batch_size, count(train)), self.workers)
        self._autocast = cast(precision, self.device)

        # The model is fitted on the host, where the rows are: a GPU may have no room for all of them.
        self.model = _build_model(model_class, config, train, trial.seed)
        weights = self.model.sampling_weights(train)
        if ood:
            self.model.set_ood_samples(ood)
        self.model.to(self.device).train()
        self.rows = place_rows(train, valid, self.workers, self.device)

        # Optimizers keep the parameters they are given, and those are on the device only now.
        synced_norms = synchronise(self.model, self.workers) if self.workers is not None and sync_batchnorm else 0
        self._averages_statistics = self.workers is not None and not sync_batchnorm
        self.phase_steps = [
            PhaseStep(self.model, phase, cast=self._autocast, workers=self.workers, fraction=self.share.fraction)
            for phase in config.active_phases
        ]
        self.batches = self._transform_batches()
        self.order = RowOrder(
            seed=trial.seed,
            rows=count(train),
            share=self.share,
            steps_per_epoch=config.steps_per_epoch or count(train) // self.share.batch,
            cumulative_weights=None if weights is None else cumulate(weights),
            device=self.batches.index_device,
        )
        self._average = MovingAverage(self.model, config.ema, self.order.steps_per_epoch) if config.ema > 0 else None
        self.noise = Noise(
            trial.seed, rows=self.share.batch, first=self.share.own.start, own=self.share.rows, device=self.device
        )
        self.matmul = matmul.choose(self.model, self.share.rows, self.device)

        self._checkup = Checkup(self.phase_steps)
        self.epoch, self.best = 0, BestEpoch()
        self.history: list[Entry] = []
        if compiled and not synced_norms:  # a compiled phase cannot wait for other workers in its middle
            batch = self.batches.take(torch.arange(self.share.rows, device=self.batches.index_device))
            compiling.compile_phases(self.model, self.phase_steps, self.noise, batch, self.device)

    # -- training -----------------------------------------------------------------------------------------------------

    def run_epoch(self) -> EpochRow:
        """Trains one epoch, validates, and remembers the weights if they are the best so far."""
        started, busy = time.perf_counter(), time.process_time()
        reported = [self.run_step(step, rows) for step, rows in self.order.of_epoch(self.epoch)]
        metrics = self._means(reported)
        if self._averages_statistics and self.workers is not None:
            averaged = [] if self._average is None else self._average.statistics
            statistics = [*running_statistics(self.model).values(), *averaged]
            average_statistics(statistics, self.workers, self.share.fraction)
        metrics |= {f"train/{step.phase.lr}": step.optimizer.param_groups[0]["lr"] for step in self.phase_steps}
        self.epoch += 1
        with self.weights_to_judge():
            metrics |= self.evaluate()
            value = metrics[self.objective.metric]
            if self.best.is_beaten_by(value, self.objective):
                self.best = BestEpoch(epoch=self.epoch, value=value, state=copy_state(self.model))
        wall_s, cpu_s = time.perf_counter() - started, time.process_time() - busy
        self.history.append({"metrics": metrics, "wall_s": wall_s, "cpu_s": cpu_s})
        return EpochRow(
            trial=self.trial.number,
            attempt=self.trial.attempt,
            epoch=self.epoch,
            metrics=metrics,
            wall_s=wall_s,
            cpu_s=cpu_s,
        )

    def run_step(self, step: int, rows: Tensor) -> dict[str, Tensor]:
        """One step of every phase in turn on the training rows numbered ``rows``; their metrics by name, 0-dim.

        step: counted from 0 over the whole training.
        """
        known = self.batches.take(rows)
        left = self.order.steps_per_epoch - 1 - step % self.order.steps_per_epoch
        rate = factor(self.config, step, self.order.steps_per_epoch)
        reported: dict[str, Tensor] = {}
        for index, phase_step in enumerate(self.phase_steps):
            noise = self.noise.begin(step, index) if phase_step.draws else nullcontext()
            with self.matmul, phase_step.others_stilled(), noise:
                (_, metrics, carry, judged), gradients = phase_step.run(
                    {name: known[name] for name in phase_step.wants}
                )
            phase_step.draws = phase_step.draws and self.noise.drawn > 0
            phase_step.update(gradients, rate)
            if left < HEARD:
                self._checkup.hear(judged)
            if not left:
                self._checkup.weigh(phase_step)
            known.update((name, value.detach()) for name, value in carry.items())
            reported.update(metrics)
        if self._average is not None:
            self._average.update(step)
        return reported

    def _means(self, reported: list[dict[str, Tensor]]) -> dict[str, float]:
        """Means over an epoch's equal batches, and over the workers by their fraction of the rows."""
        means = {name: torch.stack([metrics[name].detach() for metrics in reported]).mean() for name in reported[0]}
        means |= self._checkup.look(reported)
        if self.workers is not None and means:
            own = torch.stack([mean.double() for mean in means.values()]) * self.share.fraction
            means = dict(zip(means, self.workers.sum_([own])[0], strict=True))
        return {name: float(mean) for name, mean in means.items()}

    def _transform_batches(self) -> Batches:
        wanted = {name for phase_step in self.phase_steps for name in phase_step.wants}
        return Batches(self.model, self.rows.train, wanted, self.device)

    @property
    def is_exhausted(self) -> bool:
        """Has it trained its budget, or gone ``early_stop`` epochs without a better objective?"""
        patience = self.config.early_stop
        is_stale = patience is not None and self.epoch - (self.best.epoch or 0) >= patience
        return self.epoch >= self.config.epochs or is_stale

    # -- validation ---------------------------------------------------------------------------------------------------

    def weights_to_judge(self) -> AbstractContextManager[None]:
        """Inside, the model holds the weights that figures and products are of: with ``Config.ema`` the averaged."""
        return nullcontext() if self._average is None else self._average.in_place()

    def evaluate(self) -> dict[str, float]:
        """The ``val/…`` figures of the weights as they stand, in eval mode, and their state of health."""
        sums = self._sum(self.rows.valid)
        if self.workers is not None:
            own = [total if self.rows.valid_counts else torch.zeros_like(total) for total in sums.values()]
            sums = dict(zip(sums, self.workers.sum_(own), strict=True))
        sums = fetch(sums)
        return self.model.figures(sums) | self.model.health(sums)

    def examine(self, rows: Mapping[str, Tensor]) -> dict[str, float]:
        """The same figures of the best epoch's weights on other rows, as ``test/…``; for the end of the training."""
        self.model.load_state_dict(self.best.state)
        own = {name: rows[name] for name in self.config.taken(rows)}
        figures = self.model.figures(fetch(self._sum(place(own, self.device))))
        return {f"test/{name.removeprefix('val/')}": value for name, value in figures.items()}

    @torch.no_grad()
    def _sum(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """``evaluate`` of the model, in eval mode, added up over ``rows``; on the device."""
        self.model.eval()
        pieces = (slice(start, start + EVALUATION_ROWS) for start in range(0, count(rows), EVALUATION_ROWS))
        with self._autocast():
            sums = add_up(self.model.evaluate(**window(rows, piece, self.device)) for piece in pieces)
        self.model.train()
        return sums

    # -- what lasts ---------------------------------------------------------------------------------------------------

    @property
    def progress(self) -> Progress:
        """What is known of the training without a tensor: its epochs and their figures."""
        return Progress(
            trial=self.trial.number,
            attempt=self.trial.attempt,
            epoch=self.epoch,
            best_epoch=self.best.epoch,
            best_value=self.best.value,
            history=self.history,
            study=self.trial.study,
            seed=self.trial.seed,
            params=dict(self.trial.params),
        )

    def epoch_rows(self) -> list[EpochRow]:
        """Its history as rows of the present attempt."""
        return self.progress.rows(self.trial.attempt)

    def weights(self, data: Mapping[str, object] | None = None) -> bytes:
        """The best epoch's weights alone, as safetensors bytes by the names of ``state_dict``.

        data: goes along in the header, as JSON values.
        """
        return pack_weights(self.best.state, data)

    def save(self) -> bytes:
        """The whole state after the last finished epoch."""
        return pack_state(self.progress, self.model, self.best.state, self.phase_steps, self._average)

    def restore(self, packed: bytes) -> None:
        """Continues from ``save``'s bytes; raises CheckpointError if they belong to another model."""
        progress, self.best = load_state(packed, self.model, self.phase_steps, self._average)
        self.epoch, self.history = progress.epoch, list(progress.history)
        self._checkup.remember()
        # Again, by the checkpoint's transforms: those fitted here may be rounded otherwise than on its machine.
        self.batches = self._transform_batches()


def _build_model(model_class: type[Model], config: Config, train: Mapping[str, Tensor], seed: int) -> Model:
    """The model with its first weights, fitted to the training rows. The order is that of torch's draws."""
    torch.manual_seed(seed)
    model = model_class(config, {name: tuple(rows.shape[1:]) for name, rows in train.items()})
    model.initialize()
    model.prepare(train)
    return model
