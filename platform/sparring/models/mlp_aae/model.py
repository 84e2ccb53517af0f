"""MLP-AAE: a dense autoencoder whose codes spar with a discriminator until they look like draws from the prior.

    image ─ encoder ─ N(mean, e^logvar) ─ code ─ decoder ─ reconstruction
                                           │
    N(0, prior_std²·I) ─ draw ─────────────┴─ critic

1. ``dis``  the discriminator learns draws from the prior from codes, which bring no gradient to the encoder.
2. ``gen``  encoder and decoder learn (1 - adv_share)·error + adv_share·adversarial(code); the discriminator is still.
3. ``cls``  the encoder learns the class of few rows, with labelled_rows; ``models/classes.py`` says what classes do.

Source: A. Makhzani et al., arXiv:1511.05644, as Keras-GAN's ``aae.py`` has it (github.com/eriklindernoren/Keras-GAN).

Differs from the published code: its discriminator takes one optimizer step on the draws and one on the codes, here one
on the mean of both losses, as its twin in torch. The discriminator returns a logit. Both phases have an optimizer of
their own; there one instance serves both. Adam's ε is torch's 1e-8; there it is Keras's 1e-7. The budget is 100 epochs
of a pass each; there it is 20,000 steps, which with steps_per_epoch = 200 it is here too. Images keep their own size;
there it is 28. Validation judges rows that were not trained on; there is none.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..autoencoder import Autoencoder
from ..base import Shapes, Step
from ..blocks.dense import Normalised, dense
from ..blocks.gaussian import reparameterise
from ..blocks.images import Images
from ..blocks.losses import ADVERSARIAL, fool, unreality
from ..blocks.mlp import initialize_weights
from ..blocks.prior_distance import match_prior
from ..blocks.scaling import Scaling
from ..blocks.slope import bound_slope
from ..blocks.spectral import bound_spectrum
from ..classes import ClassedAutoencoder
from ..forms import check_shape
from ..metrics.mmd import REFERENCE_ROWS
from ..metrics.parzen import Parzen
from . import config


class Frame(nn.Module):
    """Samples as the dense nets read them, (B, size) from -1 to 1, and back.

    Images, bytes or floats in [0, 1], go through ``Images``; flat rows are scaled by their range in training.
    """

    def __init__(self, shape: tuple[int, ...], image_size: int | None, channels: int | None) -> None:
        super().__init__()
        self.shape = shape
        if len(shape) == 1:
            self.scaling = Scaling(shape[0], "minmax")
        else:
            check_shape("image", shape)
            side = image_size or max(shape[1:])
            self.images = Images(channels or shape[0], side, is_signed=True)
            self.shape = (self.images.channels, side, side)
        self.size = torch.Size(self.shape).numel()

    def fit(self, rows: Tensor) -> None:
        if len(self.shape) == 1:
            self.scaling.fit(rows)

    def forward(self, rows: Tensor) -> Tensor:
        if len(self.shape) == 1:
            scaled: Tensor = self.scaling(rows)
            return 2 * scaled - 1
        image: Tensor = self.images(rows)
        return image.flatten(1)

    def inverse(self, x: Tensor) -> Tensor:
        """Images as (B, C, H, W) from 0 to 1; flat rows in raw units."""
        fraction = self.fraction(x)
        return self.scaling.inverse(fraction) if len(self.shape) == 1 else fraction.reshape(-1, *self.shape)

    @staticmethod
    def fraction(x: Tensor) -> Tensor:
        """(B, size) from 0 to 1: intensities of images, and of flat rows shares of their range in training."""
        return (x + 1) / 2


class MLPAAE(ClassedAutoencoder[config.Config]):
    """Three nets and two phases. The field ``image`` holds images, (B, C, H, W), or flat rows, (B, D)."""

    Config = config.Config
    row_free = (*Autoencoder.row_free, "window_samples", "parzen.tuned")

    adv_share: Tensor
    w_r1: Tensor
    w_gp: Tensor
    w_mmd: Tensor
    w_swd: Tensor
    windows: Tensor

    def __init__(self, config: config.Config, shapes: Shapes) -> None:
        super().__init__(config, shapes)
        c = config
        self.frame = Frame(self.shapes["image"], c.image_size, c.channels)
        outputs = self.n_said + (2 * c.latent_dim if c.encoder == "stochastic" else c.latent_dim)
        whole = c.latent_dim + self.n_classes
        # The twin normalises the second hidden layer alone, and as torch does.
        more = Normalised("before", first=1, make=nn.BatchNorm1d) if c.norm == "batch" else None
        hidden = (c.hidden_size, c.hidden_size)
        self.encoder = dense((self.frame.size, *hidden, outputs), norm=more, dropout=c.dropout)
        self.decoder = dense((whole, *hidden, self.frame.size), norm=more, dropout=c.dropout)
        self.critic = dense((whole, c.hidden_size_dis, c.hidden_size_dis // 2, 1), dropout=c.dropout)
        if c.norm_dis == "spectral":
            bound_spectrum(self.critic)
        self.register_weights(adv_share=c.adv_share, w_r1=c.w_r1, w_gp=c.w_gp, w_mmd=c.w_mmd, w_swd=c.w_swd)
        optional = {"auc_rows": c.auc_rows, "sample_rows": c.sample_rows}
        self.init_validation(self.frame.shape, c.latent_dim, c.prior_std, **optional)
        if c.parzen_samples:
            self.parzen = Parzen(self.frame.size)
            generator = torch.Generator().manual_seed(1)
            draws = torch.randn(c.parzen_samples, c.latent_dim, generator=generator)
            self.register_buffer("windows", draws, persistent=False)

    def initialize(self) -> None:
        """Keras's defaults: Glorot's uniform weights, biases 0."""
        initialize_weights((self.encoder, self.decoder, self.critic), "xavier_uniform", "zeros")

    @torch.no_grad()
    def prepare(self, train: Mapping[str, Tensor]) -> None:
        self.frame.fit(train["image"])
        super().prepare(train)
        if self.config.parzen_samples:
            self.parzen.fit(self.frame.fraction(self.view(train["image"][:REFERENCE_ROWS])))

    # -- phases -------------------------------------------------------------------------------------------------------

    def dis(self, x: Tensor, label: Tensor | None = None) -> Step:
        """The discriminator learns draws from the prior from codes; one that only guesses pays ln 2 = 0.693.

        loss = −½·[log D(draw) + log(1 − D(code))]
               + w_r1·½‖∇z(draw)‖² + w_gp·(‖∇z(between)‖ − 1)²

        The logarithms are bce's; another loss_dis has terms of its own. z: the discriminator's output, in eval mode;
        between: somewhere between a draw and a code.
        """
        with torch.no_grad():
            code, codes = self.draw_code(x, label)
        draws = self.draws_with_class(code, label)
        # One forward for draws and codes together; two would accumulate every gradient twice.
        of_draws, of_codes = self.critic(torch.cat([draws, codes])).chunk(2)
        judge = ADVERSARIAL[self.config.loss_dis]
        loss = (judge(of_draws, True) + judge(of_codes, False)) / 2
        loss = bound_slope(loss, self, self.critic, draws, codes)
        return Step(loss, {"train/loss_dis": loss}, {}, ((of_draws, of_codes),))

    def gen(self, x: Tensor, label: Tensor | None = None) -> Step:
        """Encoder and decoder learn to reconstruct, and to pass codes off as draws.

        loss = (1 − adv_share)·error − adv_share·log D(code)
               + w_mmd·MMD²(codes, draws) + w_swd·SW²(codes, draws)

        error: mean (reconstruction − x)² or, with l1, mean |reconstruction − x|, x from -1 to 1; −log D: or what
        loss_dis has instead; MMD, SW: maximum mean discrepancy and sliced Wasserstein distance between a batch's codes
        and as many draws from the prior. Whether a term is there at all is decided when the model is built, by its
        weight > 0.
        """
        code, whole = self.draw_code(x, label)
        measure = functional.mse_loss if self.config.loss_recon == "mse" else functional.l1_loss
        error = measure(self.decode(whole), x)
        metrics = {"train/loss_recon": error}
        loss = (1 - self.adv_share) * error
        if self.config.adv_share > 0:
            metrics["train/loss_adv"] = fool(self.config.loss_dis, self.critic(whole))
            loss = loss + self.adv_share * metrics["train/loss_adv"]
        loss = match_prior(loss, self, code / self.prior_std)
        return Step(loss, {"train/loss_gen": loss} | metrics, {})

    def draw_code(self, x: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
        """A code of each row, and the whole code."""
        mean, logvar, logits = self.encode_all(x)
        code = mean if logvar is None else reparameterise(mean, logvar)
        return code, self.with_class(code, logits, label)

    # -- what validation and the verbs need ---------------------------------------------------------------------------

    def view(self, rows: Tensor) -> Tensor:
        x: Tensor = self.frame(rows)
        return x

    def unview(self, x: Tensor) -> Tensor:
        return self.frame.inverse(x)

    def encode_all(self, x: Tensor, *, drops: bool = True) -> tuple[Tensor, Tensor | None, Tensor | None]:
        answer, logits = self.encoder(x), None
        if self.n_said:
            answer, logits = answer[:, : -self.n_said], answer[:, -self.n_said :]
        if self.config.encoder == "deterministic":
            return answer, None, logits
        mean, logvar = answer.chunk(2, dim=1)
        return mean, logvar, logits

    def decode(self, code: Tensor) -> Tensor:
        x: Tensor = self.decoder(code)
        return x.tanh()

    def evaluate(self, **batch: Tensor) -> dict[str, Tensor]:
        sums = super().evaluate(**batch)
        if self.config.parzen_samples:
            sums |= self.parzen.sums(self.frame.fraction(self.view(batch["image"])), self.window_samples())
        return sums

    def window_samples(self) -> Tensor:
        """Samples decoded from fixed codes, on which ``val/parzen`` puts its windows; as ``Parzen`` takes them."""
        return self.frame.fraction(self.decode(self.whole_draws(self.windows * self.prior_std)))

    def figures(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        figures = super().figures(sums)
        return figures | {"val/parzen": self.parzen.figure(sums)} if self.config.parzen_samples else figures

    def outlier_scores(self, x: Tensor) -> dict[str, Tensor]:
        """How strange each sample is, two ways, (B,); the larger, the stranger.

        ``reconstruction``  mean squared error
        ``discriminator``   1 - its probability that the code's mean is a draw from the prior, or, if loss_dis is not
                            bce, minus its output
        """
        _, _, code = self.whole_code(x)
        error = (self.unview(self.decode(code)) - self.unview(x)).square().flatten(1).mean(1)
        return {"reconstruction": error, "discriminator": unreality(self.config.loss_dis, self.critic(code))}
