"""Ray Train's controller inside the slot's own process.

Ray Train runs its controller, which places workers and looks after them, in an actor of its own, and beside it another
for data sets that we do not have. Inside the slot there are no such processes (2 × 200 MB), and a group starts some 6 s
sooner on two cores (docs/log). The methods overridden here are private to Ray; the project pins Ray's minor version,
and the tests of groups fail if another version has moved them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ray.train.torch import TorchTrainer
from ray.train.v2._internal.callbacks.datasets import DatasetsCallback
from ray.train.v2._internal.execution.controller import TrainController
from ray.train.v2._internal.execution.worker_group import WorkerGroup


class TidyWorkers(WorkerGroup):
    """Workers that give their place back if they fail while they start.

    Ray gives it back only if they fail before they are connected. What fails later, such as a PyTorch without NCCL,
    would keep its CPUs and GPUs for as long as the search runs, and the slot's next try would find none.
    """

    def _start(self) -> None:
        try:
            super()._start()  # type: ignore[no-untyped-call]
        except Exception:
            if self.has_started():
                self.abort()  # type: ignore[no-untyped-call]
            raise


class InSlotController(TrainController):
    """Ray Train's controller with workers that give their place back."""

    worker_group_cls = TidyWorkers


class InSlotTrainer(TorchTrainer):
    """A TorchTrainer without data sets whose ``fit`` runs the controller here, in an event loop of its own."""

    def _create_default_callbacks(self) -> list[Any]:
        callbacks: list[Any] = super()._create_default_callbacks()  # type: ignore[misc]
        return [callback for callback in callbacks if not isinstance(callback, DatasetsCallback)]

    def _initialize_and_run_controller(self, **parts: Any) -> Any:
        controller = InSlotController(**parts)
        asyncio.run(controller.run())  # type: ignore[no-untyped-call]
        return controller.get_result()
