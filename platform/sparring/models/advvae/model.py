"""AdvVAE: a convolutional variational autoencoder that spars with a discriminator of images.

    image ─ encoder ─ N(mean, e^logvar) ─ code ─ decoder ─ reconstruction ─┐
                                        N(0, I) ─ decoder ─ sample ────────┼─ critic
    image ─────────────────────────────────────────────────────────────────┘

Source: GenerativeZoo's documentation (github.com/caetas/GenerativeZoo, ``AdversarialVAE``); close to A. B. L. Larsen et
al., arXiv:1512.09300.

Differs from the published code: both adversarial terms act; its later commits multiply that of samples by 0. The
discriminator returns a logit. MS-SSIM is MS-SSIM; there the window has the wrong sign, and the coarsest scale counts
four times. The best epoch is found on rows that were not trained on, through the code's mean and in eval mode; there it
is that of the lowest training loss, and tests leave batch norm in training mode. The nets have default widths, without
which its documented commands do not run, and the learning rates are two.

Not here: reading the published command line (``published.py``), and training (``sparring.training``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from ..autoencoder import Autoencoder
from ..base import Shapes, Step
from ..blocks.convolutions import ImageCritic, ImageDecoder, ImageEncoder
from ..blocks.gaussian import reparameterise
from ..blocks.images import Images
from ..blocks.losses import ADVERSARIAL, fool, gaussian_kl, unreality
from ..blocks.prior_distance import match_prior
from ..blocks.slope import bound_slope
from ..blocks.spectral import bound_spectrum
from ..blocks.ssim import ms_ssim
from ..forms import check_shape
from ..metrics.out_of_distribution import Foreign
from ..verbs import Fields
from . import config


class AdvVAE(Autoencoder[config.Config]):
    """Three nets and two phases. Images are bytes or floats in [0, 1], (B, C, H, W); B ≥ 2 in training (batch norm)."""

    Config = config.Config
    row_free = (*Autoencoder.row_free, "ood_scores")

    kld_weight: Tensor
    recon_weight: Tensor
    gen_weight: Tensor
    w_r1: Tensor
    w_gp: Tensor
    w_mmd: Tensor
    w_swd: Tensor
    features_recon_weight: Tensor
    features_gen_weight: Tensor

    def __init__(self, config: config.Config, shapes: Shapes) -> None:
        super().__init__(config, shapes)
        check_shape("image", self.shapes["image"])
        channels, side = config.channels or self.shapes["image"][0], config.image_size
        self.images = Images(channels, side, fit=config.image_fit, is_signed=True)
        self.encoder = ImageEncoder(channels, side, config.hidden_dims, config.latent_dim)
        self.decoder = ImageDecoder(channels, side, config.hidden_dims, config.latent_dim)
        norm = "none" if config.norm_dis == "spectral" else config.norm_dis
        self.critic = ImageCritic(channels, side, config.hidden_dims_dis, norm)
        if config.norm_dis == "spectral":
            bound_spectrum(self.critic)
        self.register_weights(
            kld_weight=config.kld_weight,
            recon_weight=config.recon_weight,
            gen_weight=config.gen_weight,
            w_r1=config.w_r1,
            w_gp=config.w_gp,
            w_mmd=config.w_mmd,
            w_swd=config.w_swd,
            features_recon_weight=config.features_recon_weight,
            features_gen_weight=config.features_gen_weight,
        )
        optional = {"auc_rows": config.auc_rows, "sample_rows": config.sample_rows}
        self.init_validation((channels, side, side), config.latent_dim, prior_std=1.0, **optional)
        self.ood: Foreign | None = None

    # -- phases -------------------------------------------------------------------------------------------------------

    def gen(self, x: Tensor) -> Step:
        """Encoder and decoder learn to reconstruct, and that reconstructions and samples pass for real.

        loss = error + kld_weight·KL − recon_weight·log D(reconstruction) − gen_weight·log D(sample)
               + features_recon_weight·mean (f(reconstruction) − f(x))² + features_gen_weight·mean (f̄(sample) − f̄(x))²
               + w_mmd·MMD²(codes, draws) + w_swd·SW²(codes, draws)

        error: mean (reconstruction − x)² of images in [-1, 1], or 1 − MS-SSIM; KL: of the code from N(0, I), in nats;
        −log D: or what loss_dis has instead; f: the discriminator's last hidden layer, f̄: its mean over the batch; MMD,
        SW: maximum mean discrepancy and sliced Wasserstein distance between the batch's codes and as many draws from
        N(0, I). Whether a term is there at all is decided when the model is built, by its weight > 0.
        """
        mean, logvar = self.encoder(x)
        code = reparameterise(mean, logvar)
        recon = self.decoder(code)
        sample = self.decoder(torch.randn_like(mean))
        loss = error = self._error(recon, x)
        metrics = {"train/loss_recon": error}
        if self.config.kld_weight > 0:
            metrics["train/kld"] = gaussian_kl(mean, logvar).mean()
            loss = loss + self.kld_weight * metrics["train/kld"]
        fooled = []
        for kind, made in (("recon", recon), ("gen", sample)):
            spars, matches = (getattr(self.config, name) > 0 for name in (f"{kind}_weight", f"features_{kind}_weight"))
            if not (spars or matches):
                continue
            features = self.critic.features(made)
            if spars:
                fooled.append(fool(self.config.loss_dis, self.critic.leave(features)))
                loss = loss + self.get_buffer(f"{kind}_weight") * fooled[-1]
            if matches:
                with torch.no_grad():
                    wanted = self.critic.features(x)
                # A reconstruction has an image of its own to match; of samples only the mean can.
                pair = (features, wanted) if kind == "recon" else (features.mean(0), wanted.mean(0))
                loss = loss + self.get_buffer(f"features_{kind}_weight") * functional.mse_loss(*pair)
        if fooled:
            metrics["train/loss_adv"] = torch.stack(fooled).sum()
        loss = match_prior(loss, self, code)
        return Step(loss, {"train/loss_gen": loss} | metrics, {"recon": recon, "sampled": sample})

    def dis(self, x: Tensor, recon: Tensor, sampled: Tensor) -> Step:
        """The discriminator learns images from samples and reconstructions; one that only guesses pays ln 2 = 0.693.

        loss = −½·[log D(x) + ½·log(1 − D(sample)) + ½·log(1 − D(reconstruction))]
               + w_r1·½‖∇z(x)‖² + w_gp·(‖∇z(between)‖ − 1)²

        The logarithms are bce's; another loss_dis has terms of its own. z: the discriminator's output, in eval mode;
        between: somewhere between x and one of both fakes.
        """
        judge = ADVERSARIAL[self.config.loss_dis]
        of_samples, of_recon, of_real = self.critic(sampled), self.critic(recon), self.critic(x)
        loss = (judge(of_real, True) + (judge(of_samples, False) + judge(of_recon, False)) / 2) / 2
        loss = bound_slope(loss, self, self.critic, x, torch.cat([sampled, recon]))
        return Step(loss, {"train/loss_dis": loss}, {}, ((of_real, of_samples), (of_real, of_recon)))

    def _error(self, recon: Tensor, x: Tensor) -> Tensor:
        if self.config.loss_type == "mse":
            return functional.mse_loss(recon, x)
        return 1 - ms_ssim(self.unview(recon), self.unview(x), self.get_buffer("window")).mean()

    # -- what validation and the verbs need ---------------------------------------------------------------------------

    def view(self, rows: Tensor) -> Tensor:
        x: Tensor = self.images(rows)
        return x

    def unview(self, x: Tensor) -> Tensor:
        return self.images.inverse(x)

    def encode_x(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, logvar = self.encoder(x)
        return mean, logvar

    def decode(self, code: Tensor) -> Tensor:
        image: Tensor = self.decoder(code)
        return image

    def set_ood_samples(self, ood: Mapping[str, Tensor]) -> None:
        self.ood = Foreign(ood["image"])

    def evaluate(self, **batch: Tensor) -> dict[str, Tensor]:
        """As every autoencoder's; and, where there is an ``out_dataset``, how well each score tells its images."""
        sums = super().evaluate(**batch)
        if self.ood is not None:
            sums |= self.ood.sums(self._score(batch["image"]), self.ood_scores())
        return sums

    def ood_scores(self) -> Fields:
        """Scores of the images of ``out_dataset``, where there is one; by name, (M,)."""
        assert self.ood is not None
        return self._score(self.ood.image)

    def figures(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        n = float(sums["n"])
        aurocs = {f"val/{name}": float(total) / n for name, total in sums.items() if name.startswith("auroc_")}
        return super().figures(sums) | aurocs

    def outlier_scores(self, x: Tensor) -> dict[str, Tensor]:
        """How strange each image is, two ways, (B,); the larger, the stranger.

        ``reconstruction``  error + kld_weight·KL + recon_weight·adversarial(reconstruction), as optimised
        ``discriminator``   1 - the discriminator's probability of the image, or, if loss_dis is not bce, minus its
                            output
        """
        mean, logvar = self.encoder(x)
        recon = self.decoder(mean)
        if self.config.loss_type == "mse":
            error = (recon - x).square().flatten(1).mean(1)
        else:
            error = 1 - ms_ssim(self.unview(recon), self.unview(x), self.get_buffer("window"))
        fooled = torch.func.vmap(partial(fool, self.config.loss_dis))(self.critic(recon))
        return {
            "reconstruction": error + self.kld_weight * gaussian_kl(mean, logvar) + self.recon_weight * fooled,
            "discriminator": unreality(self.config.loss_dis, self.critic(x)),
        }
