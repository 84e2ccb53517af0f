"""The AEGAN's hyperparameters and phases; ``model.py`` builds its nets from them.

Field names and defaults are XANESNET's (github.com/NewcastleRSE/XANESNET, ``aegan_mlp``), 2023; what it lacks is marked
by a default that leaves it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .. import config
from ..config import (
    Activation,
    Bias,
    Count,
    DiscriminatorLoss,
    Fraction,
    GradientPenaltyWeight,
    Kernel,
    Optimizer,
    Penalty,
    Phase,
    R1Weight,
    Rate,
    ReconstructionLoss,
    ScalingKind,
    Weight,
)

Layers = Annotated[int, Field(ge=0)]

GENERATOR = (
    "structure_encoder", "spectrum_encoder", "shared_encoder", "shared_decoder", "structure_decoder", "spectrum_decoder"
)  # fmt: skip
DISCRIMINATORS = ("structure_dis", "spectrum_dis")
LEARNED: Mapping[str, tuple[str, ...]] = {
    "all": ("recon_structure", "recon_spectrum", "predict_structure", "predict_spectrum"),
    "train_xyz": ("predict_spectrum",),
    "train_xanes": ("predict_structure",),
}
"""By mode, the paths that are trained and judged."""

FROZEN_BY = {
    "structure_encoder": ("n_encoder1", "n_hl_gen"),
    "spectrum_encoder": ("n_encoder2", "n_hl_gen"),
    "shared_encoder": ("n_shared_encoder", "n_hl_shared"),
    "shared_decoder": ("n_shared_decoder", "n_hl_shared"),
    "structure_decoder": ("n_decoder1", "n_hl_gen"),
    "spectrum_decoder": ("n_decoder2", "n_hl_gen"),
    "structure_dis": ("n_discrim1", "n_hl_dis"),
    "spectrum_dis": ("n_discrim2", "n_hl_dis"),
}
"""Net -> (field of Freeze that counts its frozen layers, field of Config that says how many hidden ones it has)."""


class Freeze(BaseModel):
    """How many linear layers of each part, counted from its input and with their batch norms, are never trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    n_encoder1: Layers = 0
    """Frozen layers of the structure's encoder, which has n_hl_gen + 1."""
    n_encoder2: Layers = 0
    """Frozen layers of the spectrum's encoder, which has n_hl_gen + 1."""
    n_decoder1: Layers = 0
    """Frozen layers of the structure's decoder, which has n_hl_gen + 1."""
    n_decoder2: Layers = 0
    """Frozen layers of the spectrum's decoder, which has n_hl_gen + 1."""
    n_shared_encoder: Layers = 0
    """Frozen layers of the shared encoder, which has n_hl_shared + 1."""
    n_shared_decoder: Layers = 0
    """Frozen layers of the shared decoder, which has n_hl_shared + 1."""
    n_discrim1: Layers = 0
    """Frozen layers of the structure's discriminator, which has n_hl_dis + 1."""
    n_discrim2: Layers = 0
    """Frozen layers of the spectrum's discriminator, which has n_hl_dis + 1."""


class Config(config.Config):
    """The AEGAN's hyperparameters; defaults are the published ones."""

    fields: ClassVar = ("structure", "spectrum")
    paths: ClassVar = ("pretrained",)
    phases: ClassVar = (
        Phase(name="gen", nets=GENERATOR, lr="lr_gen", optim_fn="optim_fn_gen", weight_decay="weight_decay"),
        Phase(name="dis", nets=DISCRIMINATORS, lr="lr_dis", optim_fn="optim_fn_dis", weight_decay="weight_decay"),
    )
    metrics: ClassVar = (
        "train/loss_gen", "train/loss_adv", "train/loss_cycle", "train/loss_dis", "val/score",
        "val/mse_recon_structure", "val/mse_recon_spectrum", "val/mse_predict_structure",
        "val/mse_predict_spectrum", "val/r_factor", "val/edge_shift", "val/white_line", "health/diversity",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **{
            f"val/mse_{doing}_{field}": (field,)
            for doing in ("recon", "predict")
            for field in ("structure", "spectrum")
        },
        **dict.fromkeys(("val/r_factor", "val/edge_shift", "val/white_line"), ("spectrum",)),
    }
    optional: ClassVar = {"val/edge_shift": "energy_step", "val/white_line": "energy_step"}
    steps: ClassVar = {"energy_step": "spectrum"}
    yardsticks: ClassVar = "prediction"
    predictions: ClassVar[Mapping[str, tuple[str, str]]] = {
        "val/mse_predict_spectrum": ("structure", "spectrum"),
        "val/mse_predict_structure": ("spectrum", "structure"),
    }

    mode: Literal["all", "train_xyz", "train_xanes"] = "all"
    """What is learned, in XANESNET's words: all four paths, or of structures the spectra alone, or of spectra the
    structures. The nets of other paths keep what they began with, and the score leaves them out."""
    hidden_size: Count = 256
    """Units of every hidden layer, and length of the code. 32 to 512."""
    n_hl_gen: Count = 2
    """Hidden layers of each encoder and decoder. 1 to 5."""
    n_hl_shared: Count = 2
    """Hidden layers of the shared encoder and of the shared decoder. 1 to 5."""
    n_hl_dis: Count = 2
    """Hidden layers of each discriminator. 1 to 5."""
    activation: Activation = "prelu"
    """After every hidden layer."""
    dropout: Fraction = 0.0
    """Probability of dropping a hidden unit, in all nets. 0 to 0.5. The published code reads it and drops none."""
    lr_gen: Rate = 0.01
    """Learning rate of the six generator nets. 1e-5 to 3e-2, log."""
    lr_dis: Rate = 1e-4
    """Learning rate of the discriminators. 1e-7 to 1e-2, log."""
    optim_fn_gen: Optimizer = "Adam"
    """Optimizer of the generator nets."""
    optim_fn_dis: Optimizer = "Adam"
    """Optimizer of the discriminators."""
    weight_decay: Weight = 1e-5
    """Weight decay of both optimizers, as each of them defines it. 0, or 1e-7 to 1e-3, log."""
    loss_gen: ReconstructionLoss = "mse"
    """How far a reconstruction or prediction is off. ``bce`` reads the decoders' outputs as logits of targets in
    [0, 1], so it asks for target_scaling minmax."""
    wcc_width: Annotated[float, Field(ge=1, le=50)] = 10.0
    """Half width of the loss ``wcc``, in grid points; no other loss reads it. 5 to 15."""
    loss_dis: DiscriminatorLoss = "bce"
    w_r1: R1Weight = 0.0
    w_gp: GradientPenaltyWeight = 0.0
    norm_dis: Literal["batch", "none", "spectral"] = "batch"
    """What tames the discriminators' layers: batch norm, as published, which hides from them how real and fake rows
    differ in mean and deviation; nothing; or weights divided by their largest singular value (arXiv:1802.05957)."""
    loss_gen_reg_type: Penalty = "none"
    """Norm of the parameters of both autoencoders (without the shared core) that is added to the generator's loss."""
    loss_gen_reg_param: Weight = 1e-3
    """Weight of that norm. 1e-6 to 1e-1, log."""
    loss_dis_reg_type: Penalty = "none"
    """Norm of the discriminators' parameters that is added to their loss."""
    loss_dis_reg_param: Weight = 1e-3
    """Weight of that norm. 1e-6 to 1e-1, log."""
    loss_scale: Literal["target_max", "target_var", "output_max", "none"] = "target_max"
    """What each domain's loss is divided by: the largest target of the training rows (published: of the batch), their
    mean variance per feature, or the largest output of the batch (as documented there), all after target_scaling."""
    w_adv: Weight = 0.0
    """Weight of fooling the discriminators. 1e-4 to 1, log; 0 leaves the term out, as the published code does."""
    w_recon_structure: Weight = 1.0
    """Weight of structure → structure. 0.1 to 10, log."""
    w_recon_spectrum: Weight = 1.0
    """Weight of spectrum → spectrum. 0.1 to 10, log."""
    w_predict_structure: Weight = 1.0
    """Weight of spectrum → structure. 0.1 to 10, log."""
    w_predict_spectrum: Weight = 1.0
    """Weight of structure → spectrum. 0.1 to 10, log."""
    energy_step: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Energy from one point of an absorption spectrum to the next, in eV: with it val/edge_shift and val/white_line are
    measured. 1/3 for the iron set."""
    fourier: bool = False
    """Learn spectra as the real part of their Fourier transform, twice as long; XANESNET's option. Figures and answers
    are of the spectra themselves, turned back without loss (``data/physics/fourier.py``)."""
    input_scaling: ScalingKind = "none"
    """Scaling of what the encoders see, fitted on the training rows."""
    target_scaling: ScalingKind = "none"
    """Scaling of what the decoders are asked for and the discriminators judge, fitted on the training rows."""
    w_cycle: Weight = 0.0
    """Weight of the way there and back, structure → spectrum → structure and the reverse (arXiv:1703.10593): it asks
    that either prediction keeps what the other needs. 0.01 to 1, log; 0, as published, leaves it out, and so does a
    mode that learns one way alone."""
    input_noise: Weight = 0.0
    """Deviation of Gaussian noise on the encoders' inputs while the generator trains, in units of the scaled input.
    0 to 0.3."""
    kernel_init: Kernel = "xavier_uniform"
    """How weights are drawn, by ``torch.nn.init``; ``default`` is torch's own way."""
    bias_init: Bias = "zeros"
    """What biases start from."""
    weight_init_seed: int | None = None
    """Seed of the weights alone; None draws them from the trial's seed. Published: 2023."""
    freeze: Freeze = Freeze()
    """Layers that keep the weights and statistics they start with."""
    pretrained: str | None = None
    """A .safetensors file with the state of an AEGAN of the same shape, to start from: weights, statistics, scaling. Or
    XANESNET's ``model_weights.pth``, read as tensors alone; it has no scaling."""

    @model_validator(mode="after")
    def _check_loss(self) -> Self:
        if self.loss_gen == "bce" and self.target_scaling != "minmax":
            raise ValueError(
                f"loss_gen 'bce' needs targets in [0, 1], but got target_scaling={self.target_scaling!r}; "
                f"set target_scaling to 'minmax', or loss_gen to 'mse'"
            )
        return self

    @model_validator(mode="after")
    def _check_freeze(self) -> Self:
        left = {}
        for net, (key, hidden) in FROZEN_BY.items():
            frozen, layers = getattr(self.freeze, key), getattr(self, hidden) + 1
            left[net] = layers - frozen
            if left[net] < 0:
                raise ValueError(f"freeze.{key}: {net} has {layers} linear layers, but got {frozen}; freeze fewer")
        for nets in (GENERATOR, DISCRIMINATORS):
            if not any(left[net] for net in nets):
                raise ValueError(f"freeze: of {', '.join(nets)} one layer must be left to train; freeze fewer")
        return self
