"""The AAE's hyperparameters and phases, of images here and shared with series; ``model.py`` builds its nets from them.

Defaults are those of sachaRfd/Adversarial-Autoencoders (github, 2025), whose one ``dim`` of 64 is split into the width
of each net and the length of the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ..config import (
    CLASS_FIGURES,
    SAMPLE_FIGURES,
    Channels,
    ClassedConfig,
    Count,
    DiscriminatorBound,
    DiscriminatorLoss,
    DiscriminatorOptimizer,
    DiscriminatorRate,
    Fraction,
    GradientPenaltyWeight,
    MmdWeight,
    Optimizer,
    Phase,
    ProbeRows,
    R1Weight,
    Rate,
    SampleAucRows,
    SampleRows,
    Schedule,
    SlicedWeight,
    Weight,
)

PHASES = (
    Phase(name="recon", nets=("encoder", "decoder"), lr="lr_recon", optim_fn="optim_fn_recon"),
    Phase(name="dis", nets=("critic",), lr="lr_dis", optim_fn="optim_fn_dis"),
    Phase(name="reg", nets=("encoder",), lr="lr_reg", optim_fn="optim_fn_reg"),
)


CLASSIFY = Phase(name="cls", nets=("encoder",), lr="lr_recon", optim_fn="optim_fn_recon")


class CodeConfig(ClassedConfig):
    """What images and series have in common: everything but the form of a sample."""

    yardsticks: ClassVar = "reconstruction"
    phases: ClassVar[tuple[Phase, ...]] = (*PHASES, CLASSIFY)
    optional: ClassVar[Mapping[str, str]] = {"val/probe": "probe_rows", **CLASS_FIGURES, **SAMPLE_FIGURES}
    metrics: ClassVar[tuple[str, ...]] = (
        "train/loss_recon", "train/loss_adv", "train/loss_dis", "train/loss_reg", "train/loss_cls", "val/score",
        "val/mse_recon", "val/mmd_prior", "val/mmd_sample", "val/code_variance", "val/balance", "val/probe",
        "val/accuracy",
        "health/active_units", "health/diversity", *SAMPLE_FIGURES,
    )  # fmt: skip

    epochs: Count = 10
    """Passes over the training rows. 10 to 300."""
    lr_schedule: Schedule = "exponential"
    """How learning rates move. Published: by 0.99 per epoch (its code does so per batch)."""
    schedule_gamma: Annotated[float, Field(gt=0, le=1)] = 0.99
    """Factor of one decay (step, multistep), or per epoch (exponential). 0.9 to 1."""
    adversarial: bool = False
    """Spar with a discriminator of codes, so that they come to look like draws from the prior; False is the plain
    autoencoder."""
    is_joint: bool = False
    """Put the encoder's adversarial loss, times w_adv, into the reconstruction's, with one optimizer. False gives it a
    phase and an optimizer of its own, as published: there lr_reg says how strong it is, and w_adv is not read."""
    w_adv: Weight = 0.01
    """Weight of the adversarial loss beside the reconstruction's, if is_joint. 1e-4 to 1, log."""
    w_mmd: MmdWeight = 0.0
    w_swd: SlicedWeight = 0.0
    latent_dim: Count = 64
    """Length of the code. 2 to 64."""
    width: Count = 64
    """Channels after the encoder's first halving; each further one doubles them. 8 to 64."""
    n_stages: Annotated[int, Field(ge=1, le=8)] = 3
    """Halvings of the encoder. 1 to 5."""
    width_dis: Count = 64
    """The discriminator's hidden layers have twice as many units, as many, and 8. 16 to 256."""
    dropout: Fraction = 0.1
    """Probability of dropping a number before each ReLU of encoder and discriminator. 0 to 0.5."""
    input_noise: Weight = 0.0
    """Deviation of the noise that the encoder must see through in the reconstruction phase, in the units that its
    input has. 0, or 1e-3 to 0.3, log."""
    prior_std: Rate = 1.0
    """The prior is N(0, prior_std²·I). 1 to 5."""
    lr_recon: Rate = 1e-4
    """Learning rate of encoder and decoder in the reconstruction phase. 1e-5 to 1e-2, log."""
    lr_dis: DiscriminatorRate = 1e-4
    lr_reg: Rate = 1e-4
    """Learning rate of the encoder in the regularisation phase. 1e-6 to 1e-2, log."""
    loss_dis: DiscriminatorLoss = "bce"
    w_r1: R1Weight = 0.0
    w_gp: GradientPenaltyWeight = 0.0
    norm_dis: DiscriminatorBound = "none"
    optim_fn_recon: Optimizer = "Adam"
    """Optimizer of the reconstruction phase."""
    optim_fn_dis: DiscriminatorOptimizer = "Adam"
    optim_fn_reg: Optimizer = "Adam"
    """Optimizer of the regularisation phase."""
    probe_rows: ProbeRows = None
    auc_rows: SampleAucRows = None
    sample_rows: SampleRows = None

    @property
    def active_phases(self) -> tuple[Phase, ...]:
        """The plain autoencoder has the first phase alone; with is_joint the third is a term of the first. The fourth
        is there with labelled_rows."""
        sparring = PHASES[:2] if self.is_joint else PHASES
        return (*(sparring if self.adversarial else PHASES[:1]), *([CLASSIFY] if self.labelled_rows else []))


class Config(CodeConfig):
    """The AAE's hyperparameters; defaults are the published ones."""

    fields: ClassVar = ("image",)
    metrics: ClassVar = (*CodeConfig.metrics, "val/ms_ssim")

    image_size: Annotated[int, Field(ge=2)] = 28
    """Pixels a side that images are brought to. 16 to 64."""
    image_fit: Literal["resize", "pad"] = "resize"
    """Bilinear, or centred on black."""
    channels: Channels = None
