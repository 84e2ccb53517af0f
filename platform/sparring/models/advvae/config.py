"""The AdvVAE's hyperparameters and phases; ``model.py`` builds its nets from them.

Defaults are those of GenerativeZoo's documentation (github.com/caetas/GenerativeZoo, ``AdversarialVAE``, 2024);
``published.py`` reads its arguments under their own names.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .. import config
from ..config import (
    SAMPLE_FIGURES,
    AutoencoderOptimizer,
    AutoencoderRate,
    Channels,
    Count,
    DiscriminatorLoss,
    DiscriminatorOptimizer,
    GradientPenaltyWeight,
    MmdWeight,
    Phase,
    ProbeRows,
    R1Weight,
    Rate,
    SampleAucRows,
    SampleRows,
    SlicedWeight,
    Weight,
    Widths,
)


class Config(config.Config):
    """The AdvVAE's hyperparameters; defaults are the published ones."""

    fields: ClassVar = ("image",)
    yardsticks: ClassVar = "reconstruction"
    phases: ClassVar = (
        Phase(name="gen", nets=("encoder", "decoder"), lr="lr_gen", optim_fn="optim_fn_gen"),
        Phase(name="dis", nets=("critic",), lr="lr_dis", optim_fn="optim_fn_dis"),
    )
    ood: ClassVar = "out_dataset"
    ood_path: ClassVar = "out_path"
    optional: ClassVar = {
        "val/auroc_reconstruction": "out_dataset", "val/auroc_discriminator": "out_dataset", "val/probe": "probe_rows",
        **SAMPLE_FIGURES,
    }  # fmt: skip
    labelled: ClassVar = ("probe_rows",)
    metrics: ClassVar = (
        "train/loss_gen", "train/loss_recon", "train/kld", "train/loss_adv", "train/loss_dis", "val/score",
        "val/mse_recon", "val/ms_ssim", "val/kld", "val/mmd_prior", "val/mmd_sample", "val/code_variance",
        "val/balance", "val/auroc_reconstruction", "val/auroc_discriminator", "val/probe",
        "health/active_units", "health/diversity", *SAMPLE_FIGURES,
    )  # fmt: skip

    batch_size: Annotated[int, Field(ge=2)] = 128
    """Samples per step over all workers together. 32 to 256; batch norm needs at least 2."""
    image_size: Annotated[int, Field(ge=2)] = 32
    """Pixels a side that images are brought to: a multiple of 2 to the number of hidden_dims. 16 to 256."""
    image_fit: Literal["resize", "pad"] = "resize"
    """Bilinear, as published, or centred on black."""
    channels: Channels = None
    latent_dim: Count = 128
    """Length of the code. 2 to 256."""
    hidden_dims: Widths = (32, 64, 128, 256, 512)
    """Channels of the encoder's halvings, in order, and of the decoder's, reversed. [16, 32] to the default."""
    hidden_dims_dis: Widths = (32, 64, 128, 256)
    """Channels of the discriminator's halvings. Published: this, or the hidden_dims given for both."""
    norm_dis: Literal["batch", "group", "none", "spectral"] = "batch"
    """What follows the discriminator's convolutions. It judges real, reconstructed and sampled images apart, and batch
    norm hides from it how those batches differ in mean and deviation. spectral: nothing follows, and the weight of each
    layer is divided by its largest singular value (arXiv:1802.05957)."""
    loss_type: Literal["mse", "ssim"] = "mse"
    """How far a reconstruction is off: mean squared error of images in [-1, 1], or 1 - MS-SSIM."""
    kld_weight: Weight = 1e-4
    """Weight of the code's divergence from the prior, in nats summed over the code. 1e-6 to 1e-1, log."""
    recon_weight: Weight = 0.002
    """Weight of the adversarial loss on reconstructions (their own error weighs 1). 1e-4 to 1, log."""
    gen_weight: Weight = 0.002
    """Weight of the adversarial loss on samples from the prior. 1e-4 to 1, log."""
    w_mmd: MmdWeight = 0.0
    w_swd: SlicedWeight = 0.0
    loss_dis: DiscriminatorLoss = "bce"
    w_r1: R1Weight = 0.0
    w_gp: GradientPenaltyWeight = 0.0
    features_recon_weight: Weight = 0.0
    """Weight of the squared difference between what the discriminator's last hidden layer makes of an image and of its
    reconstruction (arXiv:1512.09300). 1e-3 to 1, log; 0 leaves it out."""
    features_gen_weight: Weight = 0.0
    """Weight of the squared difference between the means, over a batch of images and one of samples, of what that layer
    makes of them (feature matching, arXiv:1606.03498); each worker compares its own rows. 1e-3 to 1, log; 0 leaves it
    out."""
    lr_gen: AutoencoderRate = 2e-4
    lr_dis: Rate = 2e-4
    """Learning rate of the discriminator. 1e-6 to 1e-2, log."""
    out_dataset: str | None = None
    """An out-of-distribution set of images. Every epoch says how well the scores tell at most 1,000 of them from the
    validation images (``val/auroc_…``). ``patches`` needs no download. None leaves that out. Published for tests after
    training: fashionmnist."""
    out_path: str | None = None
    """Where out_dataset lies if its files are yours, as --data-path says of the model's own set. None for one that is
    embedded or fetched."""
    auc_rows: SampleAucRows = None
    sample_rows: SampleRows = None
    optim_fn_gen: AutoencoderOptimizer = "Adam"
    optim_fn_dis: DiscriminatorOptimizer = "Adam"
    probe_rows: ProbeRows = None

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.out_path is not None and self.out_dataset is None:
            raise ValueError(f"out_path leads to the files of out_dataset, but got {self.out_path!r} alone; set both")
        for name in ("hidden_dims", "hidden_dims_dis"):
            dims = getattr(self, name)
            if self.image_size % 2 ** len(dims):
                raise ValueError(
                    f"{name} of {len(dims)} halvings need an image_size that is a multiple of {2 ** len(dims)}, but "
                    f"got {self.image_size}; use fewer of them, or image_size "
                    f"{-(-self.image_size // 2 ** len(dims)) * 2 ** len(dims)}"
                )
        return self
