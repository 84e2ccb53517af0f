"""A slot: Ray Tune's trainable, kept warm. One ``step()`` trains one trial to its end.

A slot of one worker trains in its own process; a slot of several keeps a group of workers and only hands them trials.
Ray Tune places slots and puts a fresh one in a dead one's place. torch is imported by whoever trains, not by the
driver, which reads this module too.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import ray
from ray import tune

from ..records import StudySpec
from .workers import Group

if TYPE_CHECKING:
    from ray import ObjectRef

    from .trainer import WorkerInputs

TRIAL = "trial"
"""The one key of a Tune configuration: the number of the trial to run."""


class Slot(tune.Trainable):
    """One place at which trials are trained; its Tune configuration has one key, ``TRIAL``."""

    def setup(  # type: ignore[override]
        self, config: dict[str, int], spec: StudySpec, inputs: list[ObjectRef[WorkerInputs]]
    ) -> None:
        """inputs: the object store's reference, in a list so that Tune hands on the reference itself."""
        self._study = spec.name
        self._group: Group | None = None
        if spec.workers_per_trial > 1:
            self._group = Group(spec, inputs)
            return
        import torch

        from .trainer import Trainer, giving_up

        received = ray.get(inputs[0])
        gpu = spec.gpus_per_worker > 0 and torch.cuda.is_available()
        with giving_up(received.referee):
            self._trainer = Trainer(received, device="cuda" if gpu else "cpu")

    def __repr__(self) -> str:
        """What Ray's list of actors calls it. Its trial is not in the name: Ray asks for that once."""
        return f"Slot of {self._study}"

    def reset_config(self, new_config: dict[str, int]) -> bool:
        self.config = new_config
        return True

    def step(self) -> dict[str, bool]:
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

    def load_checkpoint(self, checkpoint: object) -> None:
        """Nothing: the referee hands checkpoints out with the trial."""


def resources_of(spec: StudySpec) -> tune.PlacementGroupFactory:
    """What Ray Tune sets aside for a slot: the one worker's CPUs and GPUs.

    Several workers get a placement group of their own from Ray Train. Their slot itself asks Ray for 1 MiB of memory
    and no CPU: any share of a CPU could make an exactly full cluster too small, and Tune refuses an empty request.
    """
    if spec.workers_per_trial > 1:
        return tune.PlacementGroupFactory([{"memory": 2**20}])
    bundle: dict[str, float] = {"CPU": spec.cpus_per_worker}
    if spec.gpus_per_worker > 0:
        bundle["GPU"] = spec.gpus_per_worker
    return tune.PlacementGroupFactory([bundle])
