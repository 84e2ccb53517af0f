"""The AAE's three phases, of images and of series alike. Not a system: ``aae`` and ``aae_series`` are.

1. ``recon``  encoder and decoder learn to reconstruct; the discriminator is not run.
2. ``dis``    the discriminator learns draws from the prior from codes; the encoder looks without dropout.
3. ``reg``    the encoder learns to pass its codes off as draws; the discriminator looks without dropout.

4. ``cls``    the encoder learns the class of few rows.

With adversarial false, the published default, only the first is trained; with is_joint the third becomes a term of it.
The fourth is there with labelled_rows. What classes do is said in ``models/classes.py``.

Source: A. Makhzani et al., arXiv:1511.05644, as github.com/sachaRfd/Adversarial-Autoencoders has it.

Differs from the published code: the discriminator returns a logit; there dropout, ReLU and a sigmoid at its end kept it
above ½, so that it could never call a draw a draw. Inputs lie where the decoder can reach them; there images from -0.42
to 2.82 met a sigmoid. Rates decay by epoch, not by batch (0.99 to the 938th, an epoch of MNIST, is 8e-5). Each phase
has an optimizer of its own; there the encoder had one for both. The discriminator drops no units in the third phase.
Draws are called real and codes fake, as in the paper. Series are new here: the published text promises them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from ..base import Step
from ..blocks.convolutions import CodeCritic, CodeDecoder, CodeEncoder
from ..blocks.losses import ADVERSARIAL, fool, unreality
from ..blocks.prior_distance import match_prior
from ..blocks.slope import bound_slope
from ..blocks.spectral import bound_spectrum
from ..classes import ClassedAutoencoder
from .config import CodeConfig

K = TypeVar("K", bound=CodeConfig, covariant=True)


class AdversarialCodes(ClassedAutoencoder[K]):
    """Nets and phases; subclasses say how rows become (B, channels, *extents) and call ``build`` in ``__init__``."""

    w_adv: Tensor
    input_noise: Tensor
    w_r1: Tensor
    w_gp: Tensor
    w_mmd: Tensor
    w_swd: Tensor

    def build(self, channels: int, extents: Sequence[int], shape: tuple[int, ...]) -> None:
        """channels, extents: of what the nets read; shape: of one sample as ``unview`` gives it."""
        c = self.config
        whole = c.latent_dim + self.n_classes
        self.encoder = CodeEncoder(channels, extents, c.width, c.n_stages, c.latent_dim + self.n_said, c.dropout)
        self.decoder = CodeDecoder(channels, extents, c.width, c.n_stages, whole)
        self.critic = CodeCritic(whole, c.width_dis, c.dropout)
        if c.norm_dis == "spectral":
            bound_spectrum(self.critic)
        self.register_weights(w_adv=c.w_adv, input_noise=c.input_noise, w_r1=c.w_r1, w_gp=c.w_gp)
        self.register_weights(w_mmd=c.w_mmd, w_swd=c.w_swd)
        optional = {"auc_rows": c.auc_rows, "sample_rows": c.sample_rows}
        self.init_validation(shape, c.latent_dim, c.prior_std, **optional)

    # -- phases -------------------------------------------------------------------------------------------------------

    def recon(self, x: Tensor, label: Tensor | None = None) -> Step:
        """Phase 1: encoder and decoder learn to reconstruct, from inputs with noise where input_noise is above 0.

        loss = mean (reconstruction − x)²  [− w_adv·log D(code), with adversarial and is_joint]
               + w_mmd·MMD²(codes, draws) + w_swd·SW²(codes, draws)

        x: an image's intensities from 0 to 1, or a series' scaled values; MMD, SW: maximum mean discrepancy and sliced
        Wasserstein distance between the batch's codes and as many draws from the prior.
        """
        seen = x + self.input_noise * torch.randn_like(x) if self.config.input_noise > 0 else x
        code, _, logits = self.encode_all(seen)
        whole = self.with_class(code, logits, label)
        loss = error = functional.mse_loss(self.decode(whole), x)
        metrics = {"train/loss_recon": error}
        if self.config.adversarial and self.config.is_joint and self.config.w_adv > 0:
            metrics["train/loss_adv"] = fool(self.config.loss_dis, self.critic(whole, drops=False))
            loss = loss + self.w_adv * metrics["train/loss_adv"]
        loss = match_prior(loss, self, code / self.prior_std)
        return Step(loss, metrics, {})

    def dis(self, x: Tensor, label: Tensor | None = None) -> Step:
        """Phase 2: draws from the prior are real and codes fake; a discriminator that guesses pays 2·ln 2 = 1.386.

        loss = −log D(draw) − log(1 − D(code))
               + w_r1·½‖∇z(draw)‖² + w_gp·(‖∇z(between)‖ − 1)²

        The logarithms are bce's; another loss_dis has terms of its own. z: the discriminator's output, in eval mode;
        between: somewhere between a draw and a code.
        """
        with torch.no_grad():
            code, _, logits = self.encode_all(x, drops=False)
            codes = self.with_class(code, logits, label)
        draws = self.draws_with_class(code, label)
        judge = ADVERSARIAL[self.config.loss_dis]
        of_draws, of_codes = self.critic(draws), self.critic(codes)
        loss = judge(of_draws, True) + judge(of_codes, False)
        loss = bound_slope(loss, self, self.critic, draws, codes)
        return Step(loss, {"train/loss_dis": loss}, {}, ((of_draws, of_codes),))

    def reg(self, x: Tensor, label: Tensor | None = None) -> Step:
        """Phase 3: the encoder learns to pass codes off as draws; ln 2 where the discriminator guesses.

        loss = −log D(code), or what loss_dis has instead
        """
        code, _, logits = self.encode_all(x)
        loss = fool(self.config.loss_dis, self.critic(self.with_class(code, logits, label), drops=False))
        return Step(loss, {"train/loss_reg": loss}, {})

    # -- what validation and the verbs need ---------------------------------------------------------------------------

    def encode_all(self, x: Tensor, *, drops: bool = True) -> tuple[Tensor, None, Tensor | None]:
        code = self.encoder(x, drops=drops)
        return (code[:, : -self.n_said], None, code[:, -self.n_said :]) if self.n_said else (code, None, None)

    def outlier_scores(self, x: Tensor) -> dict[str, Tensor]:
        """How strange each sample is, (B,) by name; the larger, the stranger.

        ``reconstruction``  mean squared error of intensities, or of a series' raw values
        ``code``            mean square of the code, in units of the prior's variance
        ``discriminator``   1 - its probability that the code is a draw from the prior, or, if loss_dis is not bce,
                            minus its output; not of a plain autoencoder

        The first is the one to use: of digits turned upside down, inverted or shuffled it finds nine tenths and more
        (area under the ROC curve), while strange images may have codes like any other: 0.06 to 0.95 and 0.01 to 0.43.
        """
        code, _, whole = self.whole_code(x)
        error = (self.unview(self.decode(whole)) - self.unview(x)).square().flatten(1).mean(1)
        scores = {"reconstruction": error, "code": (code / self.prior_std).square().mean(1)}
        if self.config.adversarial:
            scores["discriminator"] = unreality(self.config.loss_dis, self.critic(whole))
        return scores
