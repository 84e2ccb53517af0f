"""Promises about training: it learns, a seed decides every bit, a checkpoint resumes, two workers are as one."""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor

from ...records import Trial
from ..averaging import PeerLost, Workers
from ..loop import TrialTraining
from .broken import Broken
from .passes import same, state_of
from .subject import Subject, widened

OVER_A_BATCH = ("w_mmd", "w_swd", "features_gen_weight")
"""Weights of what compares a batch as a whole: each worker compares its own rows, so two train another function."""
OF_OWN_ROWS = {"health/swing", "health/dis_auc", "health/logit_gap"}
"""What each worker measures on its share of a batch; the mean over the workers is not that of the whole batch."""
ROWS, BATCH = 102, 34
"""Three steps an epoch, of 17 rows for each of two workers."""
RELATIVE, ABSOLUTE = 1e-8, 1e-10
"""Adam makes of rounding in gradients that are zero what it makes of any gradient: 1e-11 after ten steps."""
EPOCHS = 30
"""Epochs in which a model must have learnt something, at most its own."""
PATIENCE_S = 60.0
"""How long one worker waits for the other."""


def it_learns(subject: Subject) -> None:
    """Some epoch's objective is better than that of the weights it began with."""
    training = subject.training(rows=None)
    metric, sign = subject.objective.metric, subject.objective.sign
    before, best = training.evaluate()[metric], float("inf")
    for _ in range(min(training.config.epochs, EPOCHS)):
        best = min(best, sign * training.run_epoch().metrics[metric])
        if best < sign * before:
            return
    raise Broken(
        f"{metric} was {before:.4g} before training and never better in {training.epoch} epochs, at best "
        f"{sign * best:.4g}",
        "does the objective measure what the losses teach? Else try other learning rates or more epochs under [fixed]",
    )


def same_seed_gives_the_same_bits(subject: Subject) -> None:
    """Two trainings of one seed agree bit for bit, and one of another seed does not."""
    trainings = [subject.training(seed=seed) for seed in (3, 3, 4)]
    rows = [[training.run_epoch().metrics for _ in range(2)] for training in trainings]
    if rows[0] != rows[1] or not same(state_of(trainings[0]), state_of(trainings[1])):
        differing = [name for name in rows[0][-1] if rows[0][-1][name] != rows[1][-1][name]]
        raise Broken(
            f"two trainings of seed 3 differ in {', '.join(differing) or 'their weights'}",
            "draw by randn_like, rand_like or dropout in phases, and from a generator of a fixed seed elsewhere",
        )
    if rows[0] == rows[2]:
        raise Broken("seeds 3 and 4 give the same training", "draw the first weights from torch's generator")


def a_checkpoint_resumes(subject: Subject) -> None:
    """A training that goes on from a checkpoint is the one that was never stopped, bit for bit."""
    whole, begun, resumed = subject.training(), subject.training(), subject.training(seed=0)
    begun.run_epoch()
    resumed.restore(begun.save())
    whole.run_epoch()
    if whole.run_epoch().metrics != resumed.run_epoch().metrics or not same(state_of(whole), state_of(resumed)):
        raise Broken(
            "an epoch after a checkpoint is not the epoch of a training that was never stopped",
            "keep what changes in parameters or persistent buffers, nothing in attributes",
        )
    for training in (whole, resumed):
        for row in training.history:
            row["wall_s"] = row["cpu_s"] = 0.0  # all that may differ
    if whole.save() != resumed.save():
        raise Broken("two checkpoints of one state differ", "keep what changes in parameters or persistent buffers")


def one_worker_equals_two(subject: Subject) -> None:
    """Two workers, each on half of every batch, with synchronised batch norm, are one worker, to rounding."""
    fields = subject.model_class.Config.model_fields
    still = {name: 0.0 for name in OVER_A_BATCH if name in fields}
    alone = figures(subject, None, **still)
    meeting: list[list[dict[str, float]]] = [[], []]
    shared = _Shared(2)
    failures: list[BaseException] = []
    wide = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        # One after the other: the first weights are drawn from torch's one generator.
        trainings = [_training(subject, _Thread(rank, shared), **still) for rank in (0, 1)]

        def train(rank: int) -> None:
            try:
                meeting[rank] = [dict(trainings[rank].run_epoch().metrics) for _ in alone]
            except BaseException as error:
                failures.append(error)
                shared.barrier.abort()

        threads = [threading.Thread(target=train, args=(rank,), daemon=True) for rank in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        torch.set_default_dtype(wide)
    if failures:
        raise next((error for error in failures if not isinstance(error, PeerLost)), failures[0])
    for one, two in zip(alone, meeting[0], strict=True):
        for metric, value in one.items():
            if metric not in OF_OWN_ROWS and abs(two[metric] - value) > max(ABSOLUTE, RELATIVE * abs(value)):
                raise Broken(
                    f"{metric} is {value:.10g} with one worker and {two[metric]:.10g} with two",
                    "losses and metrics are means over the method's own rows; what compares rows with each other is of "
                    "each worker's own rows, so train such a model with one worker per trial",
                )


def figures(subject: Subject, workers: Workers | None, **changes: Any) -> list[dict[str, float]]:
    """The metrics of two epochs in float64, with synchronised batch norm."""
    wide = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        training = _training(subject, workers, **changes)
        return [dict(training.run_epoch().metrics) for _ in range(2)]
    finally:
        torch.set_default_dtype(wide)


def _training(subject: Subject, workers: Workers | None, **changes: Any) -> TrialTraining:
    train, valid = (
        {name: widened(rows) for name, rows in subject.part(part, ROWS).items()} for part in ("train", "valid")
    )
    return TrialTraining(
        subject.model_class, subject.config(**{"batch_size": BATCH, **changes}), train, valid,
        trial=Trial(number=0, params={}, seed=0), objective=subject.objective, workers=workers,
        sync_batchnorm=workers is not None,
    )  # fmt: skip


class _Shared:
    """Where the workers of one process meet."""

    def __init__(self, size: int) -> None:
        self.barrier, self.given = threading.Barrier(size), [torch.empty(0)] * size


class _Thread(Workers):
    """One of the workers of one process: what a process group does between processes, between threads."""

    def __init__(self, rank: int, shared: _Shared) -> None:
        super().__init__(rank, len(shared.given))
        self._shared = shared

    def _reduce(self, flat: Tensor) -> None:
        try:
            self._shared.given[self.rank] = flat
            self._shared.barrier.wait(PATIENCE_S)
            total = torch.stack(self._shared.given).sum(0)
            self._shared.barrier.wait(PATIENCE_S)
        except threading.BrokenBarrierError as error:
            raise PeerLost(f"worker {self.rank} waited for the other in vain") from error
        flat.copy_(total)
