"""A slot: Ray Tune's trainable, kept warm. One ``step()`` trains one gang of trials to its end.

Nothing is imported, opened or loaded twice for the next gang. Epochs go straight to the referee, which answers with a
verdict; Ray Tune only places slots and restarts dead ones. torch is imported by the slot, not by the driver, which
reads this module too.
"""

from __future__ import annotations

import time
import traceback
import uuid
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from ..models import find_model
from ..records import Answer, EpochRow, Outcome, Start, StudySpec, Verdict
from ..space import Space

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

TRIAL = "trial"
"""The one key of a Tune configuration: the number of the trial to run."""


@dataclass(frozen=True, kw_only=True)
class Brief:
    """What every slot of a search gets once, through Ray's object store.

    train, valid: per field an array (rows, …), mapped by all slots of a node without a copy.
    """

    spec: StudySpec
    referee: Any
    threads: int
    train: Mapping[str, np.ndarray]
    valid: Mapping[str, np.ndarray]


class Slot(tune.Trainable):
    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        """One CPU."""
        return tune.PlacementGroupFactory([{"CPU": 1}])

    def setup(self, config: dict[str, Any], brief: Brief) -> None:  # type: ignore[override]  # tune.with_parameters
        import torch

        torch.set_num_threads(brief.threads)
        self._referee, self._spec = brief.referee, brief.spec
        self._model_class = find_model(brief.spec.model)
        self._space = Space(brief.spec.space, self._model_class.Config)
        self._train, self._valid = _tensors(brief.train), _tensors(brief.valid)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.config = new_config
        return True

    def step(self) -> dict[str, Any]:
        number = self.config[TRIAL]
        start: Start | None = ray.get(self._referee.start.remote(number, uuid.uuid4().hex))
        if start is not None:
            try:
                self._train_trial(start)
            except Exception as error:  # any error of a model's or of torch's: this trial's end, not the search's
                outcome = Outcome.OUT_OF_MEMORY if _is_out_of_memory(error) else Outcome.CRASHED
                text = "".join(traceback.format_exception(error))
                ray.get(self._referee.fail.remote(number, start.trial.attempt, outcome, text))
        return {"done": True}

    def _train_trial(self, start: Start) -> None:
        from ..training.gang import Solo

        trial = start.trial
        config = self._space.config(trial.params)
        objective = self._spec.objectives[0]
        solo = Solo(self._model_class, config, self._train, self._valid, trial=trial, objective=objective)
        if start.checkpoint is not None:
            solo.restore(start.checkpoint)
        if solo.is_exhausted:
            # Everything was trained before the last search died; only the end was not told.
            ray.get(self._referee.report.remote(solo.told(), last=True))
            return
        untold: list[EpochRow] = []
        saved = time.monotonic()
        while True:
            untold.append(solo.run_epoch())
            last = solo.is_exhausted
            due = not last and time.monotonic() - saved >= self._spec.checkpoint_s
            checkpoint = solo.save() if due else None
            if due:
                saved = time.monotonic()
            answer: Answer = ray.get(self._referee.report.remote(untold, last=last, checkpoint=checkpoint))
            if last or answer.verdict in (Verdict.PRUNED, Verdict.DIVERGED):
                return
            if answer.verdict is Verdict.STOP:
                ray.get(self._referee.leave.remote(trial.number, trial.attempt, checkpoint or solo.save()))
                return
            untold = [row for row in untold if row.epoch > answer.durable]

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: a trial's checkpoints go to the referee."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: the referee hands checkpoints out with the trial."""


def _tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Tensors over the object store's own memory, which is read-only; training takes copies by index."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    return isinstance(error, torch.cuda.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
