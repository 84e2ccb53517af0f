"""The contract between a system's author and the engine that trains it.

An author writes one ``nn.Module`` that holds every net, a frozen Config, the ordered phases, one method per phase, and
``evaluate``. The engine (``training/gang.py``) owns batches, noise, gradients, optimizers and schedules, so the same
source runs alone, data-parallel and fused under ``torch.func.vmap`` with the same numbers. Rules that make it so:

* losses are means over the method's own batch; no ``.item()``, no branch on a tensor's value;
* loss weights are knobs (0-dim buffers), so that lanes of a gang may differ in them;
* noise comes from ``torch.randn_like``, ``torch.rand_like`` or dropout, drawn per sample; the engine supplies it;
* no ``BatchNorm(momentum=None)``, no ``spectral_norm``; softplus instead of BCE (the same maths, fewer kernels);
* a phase changes only the nets it names: the engine gives others no gradients and stills their batch-norm statistics.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

Shapes = Mapping[str, tuple[int, ...]]
"""Per field of the data set, the shape of one sample."""

Optimizer = Literal["Adam", "AdamW", "SGD", "RMSprop", "Adagrad"]
Schedule = Literal["none", "step", "multistep", "exponential", "linear", "constant", "cosine", "one_cycle"]


class Config(BaseModel):
    """What every system's configuration holds: the budget and the schedule of its learning rates."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    epochs: Annotated[int, Field(ge=1)] = 100
    """Passes over the training rows. 10 to 300."""
    batch_size: Annotated[int, Field(ge=2)] = 64
    """Samples per step over all workers together. 8 to 256; batch norm needs at least 2."""
    lr_schedule: Schedule = "none"
    """How learning rates move: per epoch for the published five, per step for cosine, one_cycle (arXiv:1708.07120)."""
    schedule_step_size: Annotated[int, Field(ge=1)] = 50
    """Epochs between two decays of the step schedule."""
    schedule_milestones: tuple[Annotated[int, Field(ge=1)], ...] = (30, 60, 90)
    """Epochs at which the multistep schedule decays."""
    schedule_gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Factor of one decay (step, multistep), or per epoch (exponential). 0.1 to 1."""
    schedule_factor: Annotated[float, Field(gt=0, le=1)] = 1 / 3
    """Share of the learning rate at the start of linear and constant."""
    schedule_iters: Annotated[int, Field(ge=1)] = 5
    """Epochs until linear and constant reach the full learning rate."""
    early_stop: Annotated[int, Field(ge=1)] | None = None
    """Stop after so many epochs without a better objective. None trains the whole budget."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One alternating step of adversarial training: some nets, one loss, one optimizer.

    ``name`` is also the method's; ``nets`` are attributes of the model; the rest name the Config fields that make the
    optimizer (weight_decay may be None: no decay).
    """

    name: str
    nets: tuple[str, ...]
    lr: str
    optim_fn: str
    weight_decay: str | None = None


class Step(NamedTuple):
    """What a phase returns."""

    loss: Tensor
    metrics: dict[str, Tensor]
    """0-dim tensors by metric name, means over the batch."""
    carry: dict[str, Tensor]
    """What later phases of the same step may ask for by parameter name; the engine detaches it."""


class Model(nn.Module):
    """The root that holds all nets of one system."""

    Config: ClassVar[type[Config]]
    phases: ClassVar[tuple[Phase, ...]] = ()
    fields: ClassVar[tuple[str, ...]] = ()
    """Fields of the data set it needs; also the names a phase may ask for."""
    metrics: ClassVar[tuple[str, ...]] = ()
    """Every metric it emits, by the names of ``sparring.metrics``."""
    predictions: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Metric of a prediction's error -> (input field, target field), for the yardsticks of the report."""

    def __init__(self, config: Any, shapes: Shapes) -> None:
        super().__init__()
        self.config = config
        self.shapes = {name: tuple(shapes[name]) for name in self.fields}

    def knob(self, **weights: float) -> None:
        """Registers loss weights as 0-dim float buffers, out of the checkpoint: they belong to the configuration."""
        for name, weight in weights.items():
            self.register_buffer(name, torch.tensor(float(weight)), persistent=False)

    def initialize(self) -> None:
        """Draws the weights from torch's seeded generator. Called once, before ``prepare``."""

    def prepare(self, train: Mapping[str, Tensor]) -> None:
        """Fits what depends on the training rows (scaling, loss scales) into persistent buffers. Called once."""

    def forward(self, phase: str, inputs: Mapping[str, Tensor]) -> Step:
        """Runs one phase; the one entry that ``torch.func.functional_call`` needs."""
        step: Step = getattr(self, phase)(**inputs)
        return step

    def evaluate(self, **batch: Tensor) -> dict[str, Tensor]:
        """0-dim sums over the batch's samples, in eval mode, from which ``figures`` makes metrics; ``n`` among them."""
        raise NotImplementedError

    def figures(self, sums: Mapping[str, float]) -> dict[str, float]:
        """The ``val/…`` metrics from summed ``evaluate``; sums of several batches or workers add up exactly."""
        raise NotImplementedError

    @classmethod
    def emitted(cls) -> tuple[str, ...]:
        """Every metric of an epoch: the model's own, and the learning rates that the engine adds."""
        return (*cls.metrics, *(f"train/{phase.lr}" for phase in cls.phases))

    @classmethod
    def wants(cls, phase: str) -> tuple[str, ...]:
        """Names of the batch fields and carried tensors that a phase's method takes."""
        return tuple(inspect.signature(getattr(cls, phase)).parameters)[1:]

    def parameters_of(self, phase: Phase) -> dict[str, nn.Parameter]:
        """The trainable parameters that a phase updates, by qualified name; frozen ones are left out."""
        return {
            name: parameter
            for name, parameter in self.named_parameters()
            if name.partition(".")[0] in phase.nets and parameter.requires_grad
        }
