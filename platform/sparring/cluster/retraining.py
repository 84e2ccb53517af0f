"""Re-trainings on a cluster: each is a Ray task with a slot's place, as many at a time as the study has slots."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import Infeasible, SparringError
from ..models import find_model
from ..models.own import OwnModel, allow_read, allowed
from ..records import REFIT, Outcome, Retraining, StudySpec
from ..space import Space
from ..study.fresh_seeds import Job, Train
from .data_refs import DataRefs, Rows

if TYPE_CHECKING:
    from ray import ObjectRef

    from ..data.variants import Source

RETRIES = 2
"""Further tries at a re-training whose process dies."""


LOOK_S = 0.5
"""Seconds between two looks at what runs."""


def train_on_cluster(spec: StudySpec, data: DataRefs, wait: Callable[[], object] = lambda: None) -> Train:
    """Trains jobs on the connected cluster. data: the study's, as its slots have them. wait: called while they run."""
    import ray
    from ray.exceptions import RayError, RayTaskError

    task = ray.remote(num_cpus=spec.cpus_per_worker, num_gpus=spec.gpus_per_worker, max_retries=RETRIES)(retrain)
    told, own = ray.put(replace(spec, earlier=())), ray.put(allowed(spec.model))

    def train(jobs: Sequence[Job]) -> Iterator[Retraining]:
        left = list(jobs)
        running: dict[ObjectRef[Retraining], Job] = {}
        while left or running:
            while left and len(running) < spec.slots:
                job = left.pop(0)
                # By this name Ray's dashboard shows it.
                named = task.options(name=f"{spec.name}: trial {job.trial} again, seed {job.seed}")
                answer: ObjectRef[Retraining] = named.remote(
                    told, own, data.train, data.valid, data.ood, data.source, job
                )  # fmt: skip
                running[answer] = job
            while not (done := ray.wait(list(running), num_returns=1, timeout=LOOK_S)[0]):
                wait()
            (ended,) = done
            job = running.pop(ended)
            try:
                row: Retraining = ray.get(ended)
            except RayTaskError as error:  # what no training could mend, such as a model that is not there
                raise error.cause if isinstance(error.cause, SparringError) else error from None
            except RayError as error:  # its process died every time; a training's own errors are rows
                row = _failed(job, Outcome.CRASHED, f"its process died {RETRIES + 1} times: {error}")
            yield row

    return train


def retrain(
    spec: StudySpec, own: OwnModel | None, train: Rows, valid: Rows, ood: Rows, source: Source | None, job: Job
) -> Retraining:
    """One job to its end, by the loop of `sparring train`: one thread, the whole budget, no rung.

    own: a model of the user's, as the driver has read it.
    An error of the model's or of torch's is the re-training's outcome, as it is a trial's. A refit brings its weights.
    """
    import torch

    from ..ledger.checkpoints import pack_weights
    from ..training.single import train_single
    from .trainer import is_out_of_memory

    if own is not None:
        allow_read(own)
    model_class = find_model(spec.model)
    space = Space(spec.space, model_class.Config)
    try:
        config = space.config(job.params)
        if job.role != REFIT and getattr(config, "weight_init_seed", None) is not None:
            # It would give all re-trainings the same first weights, as it would the members of an ensemble.
            config = config.model_copy(update={"weight_init_seed": job.seed})
        train, valid, about = _rows(train, valid, source, space.data_options(job.params))
        trained = train_single(
            model_class, config, train, valid, seed=job.seed, objective=spec.objective, watch=lambda row: None,
            ood=ood, device="cuda" if spec.gpus_per_worker > 0 and torch.cuda.is_available() else "cpu",
            precision=spec.precision, compiled=spec.compile,
        )  # fmt: skip
    except Infeasible as error:
        return _failed(job, Outcome.INFEASIBLE, str(error))
    except Exception as error:  # any error of a model's or of torch's: this re-training's end, not the race's
        outcome = Outcome.OUT_OF_MEMORY if is_out_of_memory(error) else Outcome.CRASHED
        return _failed(job, outcome, "".join(traceback.format_exception(error)))
    best = trained.best if trained.outcome is Outcome.COMPLETED else None
    busy = [row.cpu_s for row in trained.trace if row.cpu_s is not None]
    return Retraining(
        trial=job.trial, seed=job.seed, role=job.role, asked=job.asked, outcome=trained.outcome,
        value=None if best is None else best.metrics[spec.objective.metric],
        best_epoch=None if best is None else best.epoch, epochs=trained.epochs,
        metrics={} if best is None else dict(best.metrics), wall_s=sum(row.wall_s for row in trained.trace),
        cpu_s=sum(busy) if busy else None,
        weights=pack_weights(trained.state, about) if job.role == REFIT and best is not None else None,
    )  # fmt: skip


def _rows(
    train: Rows, valid: Rows, source: Source | None, options: Mapping[str, object]
) -> tuple[Rows, Rows, Mapping[str, object] | None]:
    """The study's rows, or those that the trial's own options of the data make, with what weights then say of them.

    Raises Infeasible if they cannot be made.
    """
    if source is None or options == source.options:
        return train, valid, None
    from ..data.variants import Variants
    from ..errors import DataError

    try:
        variant = Variants(source).take(options)
    except DataError as error:
        raise Infeasible(str(error)) from error
    return variant.train, variant.valid, variant.about


def _failed(job: Job, outcome: Outcome, error: str) -> Retraining:
    return Retraining(trial=job.trial, seed=job.seed, role=job.role, asked=job.asked, outcome=outcome, error=error)
