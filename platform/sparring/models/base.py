"""The contract between a system's author and the engine that trains it.

An author writes a frozen Config with the ordered phases (``NAME/config.py``; ``models/config.py`` says how) and one
``nn.Module`` that holds every net, with one method per phase and ``evaluate``. The engine (``training/loop.py``) owns
batches, noise, gradients, optimizers and schedules, so the same source runs alone and data-parallel with the same
numbers; several trials at once under ``torch.func.vmap`` stay possible, which a test of every system shows. The rules:

* losses are means over the method's own batch; no ``.item()``, no branch on a tensor's value;
* loss weights are 0-dim buffers (``register_weights``), so that trials under one ``vmap`` may differ in them;
* noise comes from ``torch.randn_like``, ``torch.rand_like`` or dropout, drawn per sample; the engine supplies it;
* no ``BatchNorm(momentum=None)``, no ``spectral_norm``; softplus instead of BCE (the same maths, fewer kernels);
* a phase changes only the nets it names: the engine gives others no gradients and stills their batch-norm statistics.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import ClassVar, Generic, NamedTuple

import torch
from torch import Tensor, nn
from typing_extensions import TypeVar

from .config import Config, Phase

C = TypeVar("C", bound=Config, covariant=True, default=Config)
"""A system's own Config. With the default a plain ``Model`` is one of any Config (``typing`` has that from Python 3.13
on). Covariant: a Config is frozen, so a ``Model[AEGANConfig]`` may stand wherever a ``Model`` is wanted."""

Shapes = Mapping[str, tuple[int, ...]]
"""Per field of the data set, the shape of one sample."""


Judged = tuple[tuple[Tensor, Tensor], ...]
"""What discriminators said, in pairs: their outputs on real samples and on fakes, (B, 1) each, higher being more real.
"""


class Step(NamedTuple):
    """What a phase returns."""

    loss: Tensor
    metrics: dict[str, Tensor]
    """0-dim tensors by metric name, means over the batch."""
    carry: dict[str, Tensor]
    """What later phases of the same step may ask for by parameter name; the engine detaches it."""
    judged: Judged = ()
    """Of a phase that teaches discriminators: what they said, a pair for each kind of fake."""


class Model(nn.Module, Generic[C]):
    """The root that holds all nets of one system."""

    Config: ClassVar[type[Config]]
    """Its hyperparameters, its phases, the fields it needs and the metrics it emits: what is known without torch."""

    row_free: ClassVar[tuple[str, ...]] = ()
    """Methods, dotted below the model, that ``evaluate`` calls and whose answer no row changes: samples of fixed codes.
    Whoever evaluates the same weights on rows a few at a time computes them once."""

    def __init__(self, config: C, shapes: Shapes) -> None:
        super().__init__()
        self.config: C = config
        self.shapes = {name: tuple(shapes[name]) for name in config.fields}

    def register_weights(self, **weights: float) -> None:
        """Registers loss weights as 0-dim float buffers, out of the checkpoint: they belong to the configuration."""
        for name, weight in weights.items():
            self.register_buffer(name, torch.tensor(float(weight)), persistent=False)

    def initialize(self) -> None:
        """Draws the weights from torch's seeded generator. Called once, before ``prepare``."""

    def prepare(self, train: Mapping[str, Tensor]) -> None:
        """Fits what depends on the training rows (scaling, loss scales) into persistent buffers. Called once."""

    def sampling_weights(self, train: Mapping[str, Tensor]) -> Tensor | None:
        """How often each training row is to be drawn, relative to the others, (rows,), none below 0.

        Called once, after ``prepare``, with the same rows. Then a pass is as many draws, with replacement, as there are
        rows, the same for any number of workers. None, the default: every pass takes each row once.
        """
        return None

    def transform_rows(self, **batch: Tensor) -> dict[str, Tensor]:
        """What phases take of a batch's rows beside its fields, by parameter name: of each row alone, without noise.

        For what a frozen transform makes of a row. Called after ``prepare`` without gradients, once with all training
        rows where what it makes of them is small, else with every batch.
        """
        return {}

    def set_ood_samples(self, ood: Mapping[str, Tensor]) -> None:
        """Keeps samples of another data set, by field, for ``evaluate`` to say how well its scores tell them.

        Called once, before training, where the Config names such a set (``Config.ood``); they are no weights.
        """
        raise NotImplementedError

    def forward(self, phase: str, inputs: Mapping[str, Tensor]) -> Step:
        """Runs one phase; the one entry that ``torch.func.functional_call`` needs."""
        step: Step = getattr(self, phase)(**inputs)
        return step

    def evaluate(self, **batch: Tensor) -> dict[str, Tensor]:
        """Sums over the batch's samples, tensors of any shape, from which ``figures`` makes metrics; in eval mode.

        ``n``, the number of samples, is among them. No ``float()`` or ``.item()``: on a GPU each waits for the device.
        """
        raise NotImplementedError

    def figures(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        """The ``val/…`` metrics from what ``evaluate`` gave, added up over batches and workers.

        sums: of the shapes that ``evaluate`` gave, on the CPU; float64 from the engine.
        """
        raise NotImplementedError

    def health(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        """The ``health/…`` metrics among ``Config.metrics``, from the same sums."""
        return {}

    def wants(self, phase: str) -> tuple[str, ...]:
        """What a phase's method takes, by name: fields of the batch, their ``transform_rows``, carried tensors."""
        return tuple(inspect.signature(getattr(self, phase)).parameters)

    def parameters_of(self, phase: Phase) -> dict[str, nn.Parameter]:
        """The trainable parameters that a phase updates, by qualified name; frozen ones are left out."""
        return {
            name: parameter
            for name, parameter in self.named_parameters()
            if name.partition(".")[0] in phase.nets and parameter.requires_grad
        }
