"""What is known of a system without torch: its hyperparameters, its phases, what it needs and what it emits.

A study is checked, pinned and reported from this side alone, so the driver imports no torch (1.1 s and 250 MB). A
system called NAME keeps its Config in ``NAME/config.py`` and its nets in ``NAME/model.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..data.dataset import LABEL
from ..metrics import Metric

Optimizer = Literal["Adam", "AdamW", "SGD", "RMSprop", "Adagrad"]
Schedule = Literal["none", "step", "multistep", "exponential", "linear", "constant", "cosine", "one_cycle"]
Activation = Literal["relu", "prelu", "tanh", "sigmoid", "elu", "leakyrelu", "selu", "silu", "gelu"]
Kernel = Literal["uniform", "normal", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "default"]
Bias = Literal["zeros", "ones"]
ReconstructionLoss = Literal["mse", "l1", "emd", "cosine", "wcc", "bce"]
AdversarialLoss = Literal["bce", "mse", "hinge", "wasserstein"]
Penalty = Literal["none", "L1", "L2"]
ScalingKind = Literal["none", "standard", "centered", "minmax"]
Norm = Literal["batch", "group", "none"]
Bound = Literal["none", "spectral"]

Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
"""A probability of dropping a unit, or a momentum."""
Widths = Annotated[tuple[Count, ...], Field(min_length=1)]
AucRows = Annotated[int, Field(ge=20)]
"""Rows that boosted trees learn from; of fewer than 20 they learn nothing."""

SAMPLE_FIGURES = {
    "val/auc": "auc_rows", "val/precision": "sample_rows", "val/recall": "sample_rows", "val/density": "sample_rows",
    "val/coverage": "sample_rows", "val/copies": "sample_rows",
}  # fmt: skip
"""Figures of an autoencoder's samples, and the field that each is measured with."""
SERIES_FIGURES = {**SAMPLE_FIGURES, "val/spectrum": "sample_rows", "val/autocorrelation": "sample_rows"}
"""The same of series."""

# Fields that several systems have, with their text: a Config gives the name and the default.
Channels = Annotated[
    Literal[1, 3] | None, Field(description="1 for grey, 3 for colour; None keeps what the data have.")
]
AutoencoderRate = Annotated[Rate, Field(description="Learning rate of encoder and decoder. 1e-5 to 1e-2, log.")]
DiscriminatorRate = Annotated[Rate, Field(description="Learning rate of the discriminator. 1e-5 to 1e-2, log.")]
AutoencoderOptimizer = Annotated[Optimizer, Field(description="Optimizer of encoder and decoder.")]
DiscriminatorLoss = Annotated[
    AdversarialLoss,
    Field(
        description="How the discriminator is taught, and fooled: bce, cross entropy of logits; mse, the least-squares "
        "GAN (arXiv:1611.04076); hinge (arXiv:1705.02894); wasserstein, plain differences of its outputs "
        "(arXiv:1701.07875), which are bounded only together with w_r1, w_gp or norm_dis spectral."
    ),
]
R1Weight = Annotated[
    Weight,
    Field(
        description="Weight of R1: half the mean squared slope of the discriminator's output at real samples "
        "(arXiv:1801.04406). 1e-3 to 10, log; 0 leaves it out."
    ),
]
GradientPenaltyWeight = Annotated[
    Weight,
    Field(
        description="Weight of the gradient penalty: that slope between real and fake samples is to be 1 (WGAN-GP, "
        "arXiv:1704.00028). 0.1 to 10, log; 0 leaves it out."
    ),
]
MmdWeight = Annotated[
    Weight,
    Field(
        description="Weight of the codes' maximum mean discrepancy from draws of the prior, by inverse multiquadratic "
        "kernels (WAE, arXiv:1711.01558); each worker compares its own rows. 0.1 to 100, log; 0 leaves it out."
    ),
]
SlicedWeight = Annotated[
    Weight,
    Field(
        description="Weight of the codes' squared sliced Wasserstein distance from draws of the prior, in units of its "
        "variance (SWAE, arXiv:1804.01947); each worker compares its own rows. 0.01 to 10, log; 0 leaves it out."
    ),
]
DiscriminatorBound = Annotated[
    Bound,
    Field(
        description="spectral: the weight of each layer of the discriminator is divided by its largest singular value "
        "(arXiv:1802.05957)."
    ),
]
ProbeRows = Annotated[
    Annotated[int, Field(ge=2)] | None,
    Field(
        description="Training rows with whose codes val/probe compares those of validation rows, on a set that says "
        "the class of each row; None leaves it out. 500 to 5,000."
    ),
]
SampleAucRows = Annotated[
    AucRows | None,
    Field(
        description="Training rows, and as many samples, that boosted trees learn from at every validation for "
        "val/auc; None leaves it out. 200 to 1000; 300 take 0.9 s of one processor per validation of 615 images of 16 "
        "pixels, 1000 take 1 s, of series of 384 numbers 1.1 and 1.4 s."
    ),
]
SampleRows = Annotated[
    Annotated[int, Field(ge=20)] | None,
    Field(
        description="Samples, and training rows, whose nearest neighbours say at every validation how near they are to "
        "each other (val/precision, val/recall, val/density, val/coverage) and whether samples are copies "
        "(val/copies); of series also val/spectrum and val/autocorrelation. None leaves them out. 200 to 2000; 1000 "
        "take 0.1 s of one processor per validation of 615 images of 16 pixels, 2 s of 12,000 with 10,000 or more to "
        "train on."
    ),
]
CLASS_FIGURES = dict.fromkeys(("train/loss_cls", "val/accuracy"), "labelled_rows")
"""What few labels are measured by, and the field that each needs."""
DiscriminatorOptimizer = Annotated[Optimizer, Field(description="Optimizer of the discriminator.")]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One alternating step of adversarial training: some nets, one loss, one optimizer.

    ``name`` is also the method's; ``nets`` are attributes of the model; the rest name the Config fields that make the
    optimizer (weight_decay may be None: no decay; beta1, of Adam and AdamW, may be None: torch's 0.9).
    """

    name: str
    nets: tuple[str, ...]
    lr: str
    optim_fn: str
    weight_decay: str | None = None
    beta1: str | None = None


ADVERSARY_HEALTH = ("health/dis_auc", "health/logit_gap", "health/grad_dis", "health/moved_dis")
"""What ``training/health.py`` measures of a phase called ``dis``."""


class Config(BaseModel):
    """What every system's configuration holds: the budget and the schedule of its learning rates."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    phases: ClassVar[tuple[Phase, ...]] = ()
    """The steps that one training step may have, in order."""
    fields: ClassVar[tuple[str, ...]] = ()
    """Fields of the data set it needs; also the names a phase may ask for."""
    forms: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Field -> the forms that its samples may have, by the names in ``models/forms.py``, where they are not those of
    every system."""
    metrics: ClassVar[tuple[str, ...]] = ()
    """Every metric the model emits, by the names of ``sparring.metrics`` or of ``defines``."""
    defines: ClassVar[tuple[Metric, ...]] = ()
    """Metrics that are the model's alone: a model of one's own says here what its figures mean."""
    optional: ClassVar[Mapping[str, str]] = {}
    """Metric -> the field that must be set for it to be measured."""
    steps: ClassVar[Mapping[str, str]] = {}
    """Name of the Config field that says how far apart the points of a data field lie -> that field."""
    measures: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Metric -> the fields in whose values it counts errors or differences; one that is not named here may count in all
    of ``fields``. An option of the data that changes such a field cannot be searched by the metric."""
    labelled: ClassVar[tuple[str, ...]] = ()
    """Names of the Config fields that, where one is set, have a figure or a phase look at the class of each row. A
    system that has such a field is given ``label``, (rows,), int64, beside its fields, of every set that says
    classes."""
    ood: ClassVar[str] = ""
    """Name of the Config field that names an out-of-distribution data set; empty if the system has none."""
    ood_path: ClassVar[str] = ""
    """Name of the Config field that says where that set lies, as --data-path does for the model's own."""
    paths: ClassVar[tuple[str, ...]] = ()
    """Fields that lead to a file of the user's; a search makes them absolute, for its slots work elsewhere."""
    predictions: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Metric of a prediction's error -> (input field, target field), for the yardsticks of the report."""
    yardsticks: ClassVar[str] = ""
    """What it is compared with in the report: the name of a module in ``sparring/yardsticks``. Empty: nothing yet."""

    epochs: Count = 100
    """Passes over the training rows, or as many steps_per_epoch. 10 to 300."""
    steps_per_epoch: Count | None = None
    """Steps that make an epoch, a part of a pass or several; None is one pass. With it a budget counts iterations:
    epochs · steps_per_epoch, whatever the size of the set."""
    batch_size: Annotated[int, Field(ge=2)] = 64
    """Samples per step over all workers together. 8 to 256; batch norm needs at least 2."""
    lr_schedule: Schedule = "none"
    """How learning rates move: per epoch for the published five, per step for cosine, one_cycle (arXiv:1708.07120)."""
    schedule_step_size: Count = 50
    """Epochs between two decays of the step schedule."""
    schedule_milestones: tuple[Count, ...] = (30, 60, 90)
    """Epochs at which the multistep schedule decays."""
    schedule_gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Factor of one decay (step, multistep), or per epoch (exponential). 0.1 to 1."""
    schedule_factor: Annotated[float, Field(gt=0, le=1)] = 1 / 3
    """Share of the learning rate at the start of linear and constant."""
    schedule_iters: Count = 5
    """Epochs until linear and constant reach the full learning rate."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """What a step leaves of the weights' moving average (arXiv:1806.04498), which validation, the best epoch, saved
    weights and verbs then use; training goes on from the weights themselves. 0 does not average. 0.9 to 0.9999."""
    early_stop: Count | None = None
    """Stop after so many epochs without a better objective. None trains the whole budget."""

    @property
    def active_phases(self) -> tuple[Phase, ...]:
        """Those of ``phases`` that this configuration trains, in order; all, unless a system says otherwise."""
        return self.phases

    def check_files(self) -> None:
        """Looks, before a training, whether the files that ``paths`` name are what they should be.

        Raises ConfigError, one sentence. A trained model is read without: it holds what it needs.
        """

    @classmethod
    def taken(cls, held: Collection[str]) -> tuple[str, ...]:
        """What a system takes of the fields that a data set holds: its own, and ``label`` if it may look at that."""
        return (*cls.fields, LABEL) if cls.labelled and LABEL in held and LABEL not in cls.fields else cls.fields

    @classmethod
    def measured_in(cls, metric: str) -> tuple[str, ...]:
        """The fields of the data in whose values a metric is measured."""
        return cls.measures.get(metric, cls.fields)

    @classmethod
    def emitted(cls) -> tuple[str, ...]:
        """Every metric of an epoch: the model's own, and what the engine adds: learning rates, the state of health."""
        own = dict.fromkeys((*cls.metrics, *(f"train/{phase.lr}" for phase in cls.phases)))
        return (*own, "health/swing", *(ADVERSARY_HEALTH if any(each.name == "dis" for each in cls.phases) else ()))


class ClassedConfig(Config):
    """What autoencoders have that may learn with the class of each row; ``models/classes.py`` says how."""

    labelled: ClassVar = ("probe_rows", "classes", "labelled_rows")

    classes: Annotated[int, Field(ge=2)] | None = None
    """How many classes the data have: the decoder is told each row's beside the code, and so is the discriminator
    (arXiv:1511.05644, sections 2.3 and 4). None, as published: nobody is told."""
    labelled_rows: Annotated[int, Field(ge=2)] | None = None
    """With classes: training rows whose class may be looked at, as many of each class. The encoder learns to tell it
    from them, and of all rows the decoder is told what the encoder says (section 5). None: every row's class is known.
    100 to all."""

    @model_validator(mode="after")
    def _check_classes(self) -> Self:
        if self.labelled_rows is not None and self.classes is None:
            raise ValueError(
                f"labelled_rows teaches the encoder classes, but classes is not set and labelled_rows is "
                f"{self.labelled_rows}; say how many classes the data have"
            )
        if self.labelled_rows is not None and self.classes is not None and self.labelled_rows < self.classes:
            raise ValueError(
                f"labelled_rows wants one row of each class or more, but got {self.labelled_rows} for {self.classes} "
                "classes"
            )
        return self


def missing_fields(model: str, wanted: Sequence[str], held: Collection[str], holder: str = "it") -> str | None:
    """What to say if ``holder`` lacks fields that ``model`` needs: a clause with both lists; None if it has them all.

    wanted: the model's fields. held: those there are. holder: what the sentence calls the data set.
    """
    if set(wanted) <= set(held):
        return None
    return f"{model} needs the fields {', '.join(wanted)}, but {holder} holds {', '.join(held)}"
