"""The boosted VAE's hyperparameters and phase; ``model.py`` builds its nets from them.

Defaults are those of Enhanced_Generative_Networks (github.com/alexmarshallbristol, commit 3a64d0d, VAE) unless said.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .. import config
from ..config import AucRows, Count, Fraction, Optimizer, Phase, Rate, Weight, Widths

PHASE = Phase(name="gen", nets=("encoder", "decoder"), lr="lr_gen", optim_fn="optim_fn_gen", beta1="beta1")


class Config(config.Config):
    """What the boosted VAE is built and trained with."""

    fields: ClassVar = ("muons", "rareness")
    yardsticks: ClassVar = "generation"
    phases: ClassVar = (PHASE,)
    metrics: ClassVar = (
        "train/loss_gen", "train/loss_recon", "train/kld", "val/distance", "val/distance_rare10",
        "val/distance_rare1", "val/share_recon", "val/pearson", "val/auc", "val/auc_rare10", "val/auc_rare1",
        "health/active_units", "health/diversity",
    )  # fmt: skip
    optional: ClassVar = dict.fromkeys(("val/auc", "val/auc_rare10", "val/auc_rare1"), "auc_rows")

    epochs: Count = 60
    """Passes over the training rows. 10 to 300."""
    batch_size: Annotated[int, Field(ge=2)] = 512
    """Rows per step. 50 to 1,024; published later: 50."""
    frame: Literal["box", "normal"] = "normal"
    """What the nets see: boxed columns, or these made normal and divided by 7 (published)."""
    latent_dim: Count = 4
    """Length of the code. 2 to 8; 2 was too few in the authors' hands."""
    hidden: Widths = (250, 500, 500, 250)
    """Widths of the encoder's hidden layers and, from its end, of the decoder's."""
    lr_gen: Rate = 4e-4
    """Learning rate. 1e-5 to 1e-2, log."""
    optim_fn_gen: Optimizer = "Adam"
    """Optimizer."""
    beta1: Fraction = 0.5
    """How long Adam remembers gradients. 0 to 0.9; other optimizers do not read it. (Published with AMSGrad, which is
    left out.)"""
    w_recon: Weight = 1.0
    """Weight of the squared error, mean over the six columns (published: reco_factor). Only its ratio to w_kld
    matters much."""
    w_kld: Weight = 1e-4
    """Weight of the code's divergence from N(0, I), summed over the code (published: kl_factor). 1e-6 to 1, log; the
    published scale for columns divided by 7."""
    prior: Literal["normal", "mixture"] = "normal"
    """What codes are drawn from: N(0, I), or a mixture of Gaussians that is learned with the nets (arXiv:1705.07120,
    there called a mixture of Gaussians; not published for muons). Codes that are themselves no Gaussian then fit it."""
    components: Count = 32
    """Gaussians of the mixture. 4 to 128; a normal prior does not read it."""
    decoder_noise: Literal["none", "likelihood"] = "none"
    """What generated muons get beside the decoder's mean: nothing (published), or the noise of the decoder whose
    likelihood the loss is, N(0, 3·w_kld/w_recon) per column as the nets see it (arXiv:2006.13202). Without it muons
    spread less than real ones, the more so the larger w_kld."""
    boost: Literal["none", "sample", "loss"] = "none"
    """How rare muons get more say: not at all; by drawing every pass with replacement from all training rows, more
    often the rarer, while each row's divergence is weighted by the inverse, so that the code's prior stays that of all
    muons; or by weighting each row's squared error."""
    boost_power: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Weight of a muon is its auxiliary value (of all four columns together) to this power; 0 is no boost. 0 to 1; 1
    was too much in the authors' hands."""
    auc_rows: AucRows | None = None
    """Training rows, and as many generated ones, that boosted trees learn from at every validation for val/auc; None
    leaves it out. 2,000 add 0.2 s; published: 50,000."""

    @property
    def active_phases(self) -> tuple[Phase, ...]:
        """A mixture is one more net of the phase."""
        return (replace(PHASE, nets=(*PHASE.nets, "mixture")),) if self.prior == "mixture" else (PHASE,)
