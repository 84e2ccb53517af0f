"""The dense AAE's hyperparameters and phases; ``model.py`` builds its nets from them.

Defaults are those of Keras-GAN (github.com/eriklindernoren/Keras-GAN, ``aae.py``, 2018); its twin in torch,
PyTorch-GAN, has the L1 error, batch norm, images of 32 pixels, batches of 64 and 200 epochs instead.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ..config import (
    CLASS_FIGURES,
    SAMPLE_FIGURES,
    AutoencoderOptimizer,
    AutoencoderRate,
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
    Phase,
    ProbeRows,
    R1Weight,
    Rate,
    SampleAucRows,
    SampleRows,
    SlicedWeight,
)

GENERATE = Phase(name="gen", nets=("encoder", "decoder"), lr="lr_gen", optim_fn="optim_fn_gen", beta1="beta1")
DISCRIMINATE = Phase(name="dis", nets=("critic",), lr="lr_dis", optim_fn="optim_fn_dis", beta1="beta1")
CLASSIFY = Phase(name="cls", nets=("encoder",), lr="lr_gen", optim_fn="optim_fn_gen", beta1="beta1")


class Config(ClassedConfig):
    """The dense AAE's hyperparameters; defaults are the published ones."""

    fields: ClassVar = ("image",)
    forms: ClassVar = {"image": ("image", "row")}
    yardsticks: ClassVar = "reconstruction"
    phases: ClassVar = (DISCRIMINATE, GENERATE, CLASSIFY)
    optional: ClassVar = {
        "val/parzen": "parzen_samples", "val/probe": "probe_rows", **CLASS_FIGURES, **SAMPLE_FIGURES,
    }  # fmt: skip
    metrics: ClassVar = (
        "train/loss_dis", "train/loss_gen", "train/loss_recon", "train/loss_adv", "train/loss_cls", "val/score",
        "val/mse_recon", "val/ms_ssim", "val/kld", "val/mmd_prior", "val/mmd_sample", "val/code_variance",
        "val/balance", "val/parzen", "val/probe", "val/accuracy",
        "health/active_units", "health/diversity", *SAMPLE_FIGURES,
    )  # fmt: skip

    batch_size: Annotated[int, Field(ge=2)] = 32
    """Samples per step over all workers together. 32 to 512."""
    image_size: Annotated[int, Field(ge=2)] | None = None
    """Pixels a side that images are brought to; None keeps their own. 28, or the twin's 32."""
    channels: Channels = None
    latent_dim: Count = 10
    """Length of the code. 2 to 64."""
    hidden_size: Count = 512
    """Units of both hidden layers of the encoder and of the decoder. 64 to 1024."""
    hidden_size_dis: Annotated[int, Field(ge=2)] = 512
    """Units of the discriminator's first hidden layer; its second has half as many. 32 to 1024."""
    norm: Literal["none", "batch"] = "none"
    """Batch norm before the second activation of encoder and decoder, as the twin has it, or none."""
    dropout: Fraction = 0.0
    """Probability of dropping a hidden unit, in all nets. 0 to 0.5."""
    encoder: Literal["stochastic", "deterministic"] = "stochastic"
    """Is the code drawn from a Gaussian that the encoder gives (there is no divergence term), or is it one number per
    place? Validation looks at the Gaussian's mean."""
    prior_std: Rate = 1.0
    """The prior is N(0, prior_std²·I). 1 to 5."""
    loss_recon: Literal["mse", "l1"] = "mse"
    """How far a reconstruction is off, in numbers from -1 to 1: mean squared error, or the twin's mean absolute."""
    adv_share: Annotated[float, Field(ge=0, le=1)] = 0.001
    """Weight of fooling the discriminator; the reconstruction's is 1 - adv_share, so that both add up to 1. 1e-5 to
    0.5, log; 0 leaves the term out."""
    w_mmd: MmdWeight = 0.0
    w_swd: SlicedWeight = 0.0
    loss_dis: DiscriminatorLoss = "bce"
    w_r1: R1Weight = 0.0
    w_gp: GradientPenaltyWeight = 0.0
    norm_dis: DiscriminatorBound = "none"
    lr_gen: AutoencoderRate = 2e-4
    lr_dis: DiscriminatorRate = 2e-4
    optim_fn_gen: AutoencoderOptimizer = "Adam"
    optim_fn_dis: DiscriminatorOptimizer = "Adam"
    beta1: Fraction = 0.5
    """First momentum of Adam and AdamW. 0, 0.5 or 0.9."""
    parzen_samples: Annotated[int, Field(ge=0)] = 0
    """Samples from the prior that ``val/parzen`` puts its windows on; 0 leaves it out. Published: 10,000, which cost
    1 GFLOP per 60 validation images of 28×28."""
    probe_rows: ProbeRows = None
    auc_rows: SampleAucRows = None
    sample_rows: SampleRows = None

    @property
    def active_phases(self) -> tuple[Phase, ...]:
        """The third is there with labelled_rows."""
        return self.phases if self.labelled_rows else self.phases[:2]
