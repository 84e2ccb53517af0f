"""The auxiliary AAE's hyperparameters and phases; ``model.py`` builds its nets from them.

Defaults are those of Enhanced_Generative_Networks (github.com/alexmarshallbristol, commit 3a64d0d, AAE) unless said.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .. import config
from ..config import (
    AucRows,
    AutoencoderOptimizer,
    AutoencoderRate,
    Count,
    DiscriminatorBound,
    DiscriminatorLoss,
    DiscriminatorOptimizer,
    DiscriminatorRate,
    Fraction,
    GradientPenaltyWeight,
    MmdWeight,
    Phase,
    R1Weight,
    SlicedWeight,
    Weight,
    Widths,
)


class Config(config.Config):
    """What the auxiliary AAE is built and trained with."""

    fields: ClassVar = ("rareness",)
    yardsticks: ClassVar = "codes"
    phases: ClassVar = (
        Phase(name="dis", nets=("discriminator",), lr="lr_dis", optim_fn="optim_fn_dis", beta1="beta1"),
        Phase(name="gen", nets=("encoder", "decoder"), lr="lr_gen", optim_fn="optim_fn_gen", beta1="beta1"),
    )
    metrics: ClassVar = (
        "train/loss_gen", "train/loss_adv", "train/loss_dis", "train/loss_recon", "val/code_score", "val/distance",
        "val/share_recon", "val/correlation", "val/auc", "health/active_units", "health/diversity",
    )  # fmt: skip
    optional: ClassVar = {"val/auc": "auc_rows"}

    epochs: Count = 60
    """Passes over the training rows. 10 to 300."""
    batch_size: Annotated[int, Field(ge=2)] = 50
    """Rows per step, all seen by both phases. 50 to 1,024. Published: 100, one half for each phase."""
    latent_dim: Count = 4
    """Length of the code; 4 as there are auxiliary values. 2 to 8."""
    hidden_gen: Widths = (1000, 1000)
    """Widths of the hidden layers of the encoder and, from its end, of the decoder."""
    hidden_dis: Widths = (1000, 1000)
    """Widths of the discriminator's hidden layers."""
    code: Literal["relu", "softplus"] = "relu"
    """What keeps codes above 0: relu, which may pile some up at exactly 0, or softplus, which cannot."""
    dropout: Fraction = 0.2
    """Probability of dropping a hidden unit, in all nets. 0 to 0.5."""
    loss_recon: Literal["mse", "l1"] = "mse"
    """How far a reconstruction is off. The published code takes binary cross entropy of values above 1, which has no
    lower bound; its text says mse."""
    w_mmd: MmdWeight = 0.0
    w_swd: SlicedWeight = 0.0
    loss_dis: DiscriminatorLoss = "bce"
    w_r1: R1Weight = 0.0
    w_gp: GradientPenaltyWeight = 0.0
    norm_dis: DiscriminatorBound = "none"
    lr_gen: AutoencoderRate = 1e-4
    lr_dis: DiscriminatorRate = 1e-4
    optim_fn_gen: AutoencoderOptimizer = "Adam"
    optim_fn_dis: DiscriminatorOptimizer = "Adam"
    beta1: Fraction = 0.9
    """How long Adam remembers gradients. 0 to 0.9; other optimizers do not read it."""
    w_adv: Weight = 3.0
    """Weight of codes that pass for half-normal draws (published: weight_gauss_loss). 0.1 to 30, log; 0 leaves the
    term out: a plain autoencoder."""
    auc_rows: AucRows | None = None
    """Training rows, and as many draws of the prior, that boosted trees learn from at every validation for val/auc;
    None leaves it out. 2,000 add 0.2 s; published: 50,000."""
