"""A slot: Ray Tune's trainable, kept warm. One ``step()`` trains one trial to its end.

A slot of one worker trains in its own process; a slot of several keeps a group of workers and only hands them trials.
Ray Tune places slots and puts a fresh one in a dead one's place. torch is imported by whoever trains, not by the
driver, which reads this module too.
"""

from __future__ import annotations

import uuid
from typing import Any

import ray
from ray import tune

from ..records import StudySpec
from .workers import Group

TRIAL = "trial"
"""The one key of a Tune configuration: the number of the trial to run."""


class Slot(tune.Trainable):
    def setup(self, config: dict[str, Any], spec: StudySpec, brief: list[Any]) -> None:  # type: ignore[override]
        """brief: the object store's reference to WorkerInputs, in a list so that Tune hands on the reference itself."""
        self._group: Group | None = None
        if spec.workers_per_trial > 1:
            self._group = Group(spec, brief)
            return
        import torch

        from .trainer import Trainer, giving_up

        told = ray.get(brief[0])
        gpu = spec.gpus_per_worker > 0 and torch.cuda.is_available()
        with giving_up(told.referee):
            self._trainer = Trainer(told, device="cuda" if gpu else "cpu")

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.config = new_config
        return True

    def step(self) -> dict[str, Any]:
        if self._group is None:
            self._trainer.train(self.config[TRIAL], uuid.uuid4().hex)
        else:
            self._group.train(self.config[TRIAL])
        return {"done": True}

    def cleanup(self) -> None:
        if self._group is not None:
            self._group.close()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: a trial's checkpoints go to the referee."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: the referee hands checkpoints out with the trial."""


def resources_of(spec: StudySpec) -> tune.PlacementGroupFactory:
    """What Ray Tune sets aside for a slot: the one worker's CPUs and GPUs.

    Several workers get a placement group of their own from Ray Train. Their slot then takes next to nothing, of memory:
    a share of a CPU could make a cluster that is exactly full too small for ever, and Tune refuses an empty request.
    """
    if spec.workers_per_trial > 1:
        return tune.PlacementGroupFactory([{"memory": 2**20}])
    bundle: dict[str, float] = {"CPU": spec.cpus_per_worker}
    if spec.gpus_per_worker > 0:
        bundle["GPU"] = spec.gpus_per_worker
    return tune.PlacementGroupFactory([bundle])
