"""The auxiliary GAN's hyperparameters and phases; ``model.py`` builds its nets from them.

Defaults are those of Enhanced_Generative_Networks (github.com/alexmarshallbristol, commit 2d5f149) unless said.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from ...errors import ConfigError
from ...untrusted.texts import read_json
from .. import config
from ..config import (
    AucRows,
    Count,
    DiscriminatorBound,
    DiscriminatorLoss,
    DiscriminatorOptimizer,
    Fraction,
    GradientPenaltyWeight,
    Optimizer,
    Phase,
    R1Weight,
    Rate,
    Weight,
    Widths,
)


class Config(config.Config):
    """What the auxiliary GAN is built and trained with."""

    fields: ClassVar = ("muons", "rareness")
    yardsticks: ClassVar = "generation"
    phases: ClassVar = (
        Phase(name="dis", nets=("discriminator",), lr="lr_dis", optim_fn="optim_fn_dis", beta1="beta1"),
        Phase(name="gen", nets=("generator",), lr="lr_gen", optim_fn="optim_fn_gen", beta1="beta1"),
    )
    metrics: ClassVar = (
        "train/loss_gen", "train/loss_adv", "train/loss_dis", "train/loss_aux", "val/distance",
        "val/distance_rare10", "val/distance_rare1", "val/mse_aux", "val/auc", "val/auc_rare10", "val/auc_rare1",
        "health/diversity",
    )  # fmt: skip
    paths: ClassVar = ("codes_of",)
    optional: ClassVar = dict.fromkeys(("val/auc", "val/auc_rare10", "val/auc_rare1"), "auc_rows")

    epochs: Count = 60
    """Passes over the training rows. Published: 200,000 to 1.5 million steps of 50 rows."""
    batch_size: Annotated[int, Field(ge=2)] = 50
    """Rows per step: so many real and so many generated ones. In the authors' hands 10 was too few, 1,000 too many."""
    aux: Literal["1d", "4d", "codes", "none"] = "1d"
    """What the generator is told of the muon it makes: its rareness in r, z, pt and pz each, in all four together, the
    codes of these in an aux_aae (see codes_of), or nothing (the plain GAN)."""
    codes_of: str | None = None
    """With aux codes: the folder of a trained aux_aae, whose codes, independent where the four values are not, are what
    the generator is told; that is what the source made it for. Read in training alone."""
    codes: Count = 4
    """With aux codes: how many numbers such a code has, the latent_dim of the aux_aae."""
    aux_draws: Literal["independent", "correlated"] = "independent"
    """How the values of aux 1d or codes are drawn: each by itself, as published, or as they go together in the training
    rows, by a Gaussian copula; each one's own distribution is the same."""
    frame: Literal["box", "normal"] = "box"
    """What the nets see: boxed columns (published last), or these made normal and divided by 7 (published first)."""
    noise: Count = 100
    """Length of the generator's noise. 10 to 200."""
    hidden_gen: Widths = (1000, 1000, 250, 50)
    """Widths of the generator's hidden layers."""
    hidden_dis: Widths = (1000, 1000, 250, 50)
    """Widths of the discriminator's hidden layers."""
    dropout: Fraction = 0.2
    """Probability of dropping a hidden unit of the discriminator. 0 to 0.5."""
    norm_gen: Literal["batch", "none"] = "batch"
    """Batch norm of the generator. With it, as published, what the discriminator is shown (by recorded statistics) is
    not what the generator is corrected by (by the batch's), and they drift apart as both learn."""
    scale_dis: Literal["frame", "unit"] = "frame"
    """How large normal columns are to the discriminator: as in the frame, a deviation of 1/7, or of 1, which a net of
    fresh weights sees at once. w_r1 and w_gp count slopes in these units. Boxed columns stay as they are."""
    loss_dis: DiscriminatorLoss = "bce"
    w_r1: R1Weight = 0.0
    w_gp: GradientPenaltyWeight = 0.0
    norm_dis: DiscriminatorBound = "none"
    lr_gen: Rate = 4e-4
    """Learning rate of the generator. 1e-5 to 3e-3, log."""
    lr_dis: Rate = 4e-4
    """Learning rate of the discriminator. 1e-5 to 3e-3, log."""
    optim_fn_gen: Optimizer = "Adam"
    """Optimizer of the generator."""
    optim_fn_dis: DiscriminatorOptimizer = "Adam"
    beta1: Fraction = 0.5
    """How long Adam remembers gradients. 0 to 0.9; other optimizers do not read it. (Published with AMSGrad, which is
    left out.)"""
    w_adv: Weight = 10.0
    """Weight of fooling the discriminator. 1 to 100, log."""
    w_aux: Weight = 1.0
    """Weight of the squared error between the rareness asked for and that of what came. 0.1 to 10, log; 0 leaves it
    out."""
    ramp_start: Annotated[int, Field(ge=0)] = 0
    """Step at which the weight of the rareness begins to rise from 0."""
    ramp_end: Annotated[int, Field(ge=0)] = 0
    """Step at which it is reached; 0 means from the first step on."""
    aux_steps: Count = 600
    """Steps for which each regressor of the rareness is fitted, 256 rows each, before training; then it is frozen.
    200 to 2,000. Published: 100,000 to 500,000 at a rate 30 times lower."""
    auc_rows: AucRows | None = None
    """Training rows, and as many generated ones, that boosted trees learn from at every validation for val/auc; None
    leaves it out. 2,000 add 0.2 s; published: 50,000, every 5,000 or 25,000 steps."""

    def check_files(self) -> None:
        if self.codes_of is None:
            return
        folder, way_out = Path(self.codes_of), "give the folder that `sparring train` wrote for one"
        try:
            model = read_json((folder / "model.json").read_text())["model"]
            length = read_json((folder / "config.json").read_text())["latent_dim"]
            is_whole = (folder / "model.safetensors").is_file()
        except (OSError, ValueError, KeyError, TypeError):
            model, length, is_whole = "", 0, False
        if not is_whole or model != "aux_aae":
            is_what = f"holds a trained {model}" if is_whole else "holds no trained model"
            raise ConfigError(f"codes_of: wants a trained aux_aae, but {folder} {is_what}; {way_out}")
        if length != self.codes:
            raise ConfigError(
                f"codes_of: codes in {folder} have {length} numbers, but codes is {self.codes}; set codes to {length}"
            )

    @model_validator(mode="after")
    def _check_ramp(self) -> Self:
        if self.aux == "codes" and self.codes_of is None:
            raise ValueError("aux codes are those of a trained aux_aae, but codes_of is not set; name its folder")
        if self.ramp_end and self.ramp_end <= self.ramp_start:
            raise ValueError(f"ramp_end must exceed ramp_start={self.ramp_start}, but got {self.ramp_end}")
        if self.ramp_start and not self.ramp_end:
            raise ValueError(f"ramp_start={self.ramp_start} needs a ramp_end; set one, or ramp_start to 0")
        return self
