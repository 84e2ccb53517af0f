"""Variational autoencoder of muons that may be boosted, so that rare muons get more say than they have numbers.

    r, theta, z, pt, theta_pt, pz ─ encoder ─ mean, log variance ─ code ─ decoder ─ the six again (tanh)

Source: the VAE of github.com/alexmarshallbristol/Enhanced_Generative_Networks (commit 3a64d0d).

Differs from the published code: under ``sample`` boost, which there too draws a pass with replacement from the whole
training file, the inverse weights on the divergence are those of the rows that were drawn, with mean 1 over the draw;
there they stay in the order before it, so that each row gets another's, with mean 1 over the file. And there losses of
shape (B,) times weights of shape (B, 1) make (B, B), so that under either boost a batch's mean loss meets its mean
weight; here each row's loss meets its own. The weight's power, ½ there, is ``boost_power``. Adam is plain, with torch's
eps of 1e-8, where theirs is AMSGrad with Keras's 1e-7. A learned ``prior`` and ``decoder_noise`` are not published.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ...data.physics.kinematics import RARENESS
from ..base import Shapes, Step
from ..blocks import losses
from ..blocks.dense import Normalised, dense
from ..blocks.eval_mode import eval_mode
from ..blocks.gaussian import Mixture, reparameterise
from ..blocks.mlp import initialize_weights
from ..blocks.muon_frame import HalfNormalRanks
from ..blocks.scaling import moments
from ..metrics.keyed_noise import keyed_normal, keyed_uniform
from ..muons import COLUMNS, MuonGenerator, chunks
from ..verbs import Fields, Rows, refuse_boost, take
from . import config


class BoostVAE(MuonGenerator[config.Config]):
    """Encoder and decoder. ``muons`` (B, 7) raw; ``rareness`` (B, 5), of which the last column weighs the rows."""

    Config = config.Config
    mixture: Mixture

    w_recon: Tensor
    w_kld: Tensor
    boost_power: Tensor
    mean_weight: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, config: config.Config, shapes: Shapes) -> None:
        super().__init__(config, shapes, frame=config.frame, auc_rows=config.auc_rows)
        norm = Normalised("before")
        self.encoder = dense([COLUMNS, *config.hidden, 2 * config.latent_dim], norm=norm)
        self.decoder = dense([config.latent_dim, *reversed(config.hidden), COLUMNS], norm=norm, end=nn.Tanh())
        if config.prior == "mixture":
            self.mixture = Mixture(config.components, config.latent_dim)
        self.ranks = HalfNormalRanks(1)
        self.register_buffer("mean_weight", torch.ones(()))
        self.register_buffer("mean", torch.zeros(COLUMNS))
        self.register_buffer("variance", torch.ones(COLUMNS))
        self.register_weights(w_recon=config.w_recon, w_kld=config.w_kld, boost_power=config.boost_power)

    def initialize(self) -> None:
        initialize_weights([self.encoder, self.decoder], "xavier_uniform", "zeros")
        if self.config.prior == "mixture":
            self.mixture.initialize()

    @torch.no_grad()
    def prepare(self, train: Mapping[str, Tensor]) -> None:
        """Fits frame, ranks, share of positive charges, and the mean weight of a row."""
        super().prepare(train)
        self.ranks.fit(train["rareness"][:, [RARENESS.index("4d")]])
        self.mean_weight.copy_(self.row_weights(train["rareness"]).mean())
        normal = self.judged(train["muons"])
        self.mean.copy_(normal.mean(0))
        self.variance.copy_(normal.var(0, correction=0).clamp_min(1e-12))

    # -- the phase ----------------------------------------------------------------------------------------------------

    def transform_rows(self, **batch: Tensor) -> dict[str, Tensor]:
        """Muons in the nets' frame, ``seen`` (B, 6), and their auxiliary values, ``aux`` (B,)."""
        return {"seen": self._inward(batch["muons"]), "aux": self._aux(batch["rareness"])}

    def gen(self, seen: Tensor, aux: Tensor) -> Step:
        """Encoder and decoder learn to reconstruct from codes that fit the prior, rows weighed as ``boost`` says.

        loss = w_recon·mean a·(reconstruction − x)² + w_kld·mean b·KL

        KL: of the code from N(0, I) or from the mixture (there an upper bound), in nats; a, b: each row's weights, of
        mean 1. By ``boost``:

        none    a = b = 1
        sample  rows drawn with p ∝ weight, with replacement, from all training rows; a = 1, b = mean weight / own
                weight, so that the divergence has over the draw the expectation of its plain mean over the rows
        loss    a = own weight / mean weight, b = 1

        The mean weight is that of the training rows.
        """
        mean, log_variance = self._encode(seen)
        code = reparameterise(mean, log_variance)
        error, kld = (self.decoder(code) - seen).square().mean(-1), self._divergence(mean, log_variance)
        if self.config.boost == "sample":
            kld = self.mean_weight / aux**self.boost_power * kld
        elif self.config.boost == "loss":
            error = aux**self.boost_power / self.mean_weight * error
        recon, kld = error.mean(), kld.mean()
        loss = self.w_recon * recon + self.w_kld * kld
        return Step(loss, {"train/loss_gen": loss, "train/loss_recon": recon, "train/kld": kld}, {})

    def sampling_weights(self, train: Mapping[str, Tensor]) -> Tensor | None:
        """Each training row's weight under ``sample`` boost: rare muons come up more often."""
        return self.row_weights(train["rareness"]).detach() if self.config.boost == "sample" else None

    def row_weights(self, rareness: Tensor) -> Tensor:
        """Each row's weight, (B,), above 0: its auxiliary value to boost_power."""
        return self._aux(rareness) ** self.boost_power

    def _aux(self, rareness: Tensor) -> Tensor:
        aux: Tensor = self.ranks(rareness[:, [RARENESS.index("4d")]])
        return aux[:, 0]

    def _encode(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(seen).chunk(2, dim=-1)
        return mean, log_variance

    def _divergence(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        if self.config.prior == "mixture":
            return self.mixture.divergence(mean, log_variance)
        return losses.gaussian_kl(mean, log_variance)

    # -- validation ---------------------------------------------------------------------------------------------------

    def evaluate(self, **batch: Tensor) -> dict[str, Tensor]:
        """Muons decoded from the prior against the real ones, and reconstructions (from the code's mean) too.

        The prior's draws belong to the rows (``models/metrics/keyed_noise.py``). All in normal columns, whatever the
        nets see.
        """
        muons = batch["muons"]
        real = self.judged(muons)
        code = self._placed(keyed_normal(muons, self.config.latent_dim), keyed_uniform(muons, 1, stream=1))
        made = self.frame.normalize(self._outward(self._decoded(code, keyed_normal(muons, COLUMNS, stream=2))))
        sums = self.compared(real, made, self.draw) | {"made": moments(made)}
        mean, _ = self._encode(self._inward(muons))
        sums["codes"] = moments(mean)
        recon = self.frame.normalize(self._outward(self.decoder(mean)))
        error = (recon - real).square().sum(0) / self.variance
        # Twice the digits: of an untrained net's outputs the variance is a millionth of the squares.
        values = (real, recon, real * real, recon * recon, real * recon)
        sums["moments"] = torch.stack([value.double().sum(0) for value in values])  # (5, columns)
        return sums | {"recon": error.mean(), "n": torch.full_like(error.mean(), len(muons))}

    def figures(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        n = float(sums["n"])
        correlations = []
        for a, b, aa, bb, ab in (sums["moments"].T / n).tolist():
            spread = max(aa - a * a, 0.0) * max(bb - b * b, 0.0)
            correlations.append((ab - a * b) / spread**0.5 if spread > 1e-12 else 0.0 * ab)
        of_recon = {"val/share_recon": float(sums["recon"]) / n, "val/pearson": sum(correlations) / COLUMNS}
        return self.likeness(sums) | of_recon

    # -- verbs --------------------------------------------------------------------------------------------------------

    @property
    def prior_name(self) -> str | None:
        return "norm" if self.config.prior == "normal" else None

    def sample(self, n: int, *, seed: int, boost: float | None = None) -> Fields:
        """``n`` muons decoded from N(0, I), (n, 7): charge, x, y, z in cm, px, py, pz in GeV."""
        refuse_boost(self, boost)
        return self._draw_all(self.draw, n, seed)

    @torch.no_grad()
    def reconstruct(self, rows: Rows) -> Fields:
        """Muons as they come back through the mean of their code, raw units, with their own charges, (N, 7)."""
        muons = take(rows, "muons", "reconstruct")
        with eval_mode(self):
            mean, _ = self._encode(self._inward(muons))
            return {"muons": self.frame.unbox(self._outward(self.decoder(mean)), muons[:, :1])}

    @torch.no_grad()
    def encode(self, rows: Rows, *, seed: int) -> Fields:
        """``codes`` drawn as in training, one of each muon, (N, latent_dim), all together about N(0, I), and ``draws``
        from that."""
        muons = take(rows, "muons", "encode")
        generator = torch.Generator(muons.device).manual_seed(seed)
        codes = [self._draw_codes(chunk, generator) for chunk in chunks(muons)]
        return {"codes": torch.cat(codes), "draws": self.prior(len(muons), generator=generator)}

    def _draw_codes(self, muons: Tensor, generator: torch.Generator) -> Tensor:
        with eval_mode(self):
            mean, log_variance = self._encode(self._inward(muons))
        noise = torch.randn(mean.shape, dtype=mean.dtype, device=mean.device, generator=generator)
        return mean + noise * (log_variance / 2).exp()

    @torch.no_grad()
    def draw(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """n muons, (n, 7), as ``sample``; generator: on the model's device, None is torch's own."""
        drawn = self.drawn(n, generator=generator)
        with eval_mode(self):
            return self.made_of(drawn)["muons"]

    def drawn(self, n: int, *, generator: torch.Generator | None = None) -> Fields:
        """Codes from the prior, (n, latent_dim), a uniform number for the charge, (n, 1), and the decoder's noise."""
        code, uniform = self.prior(n, generator=generator), self._uniform(n, generator)
        noise = {"noise": self._normal(n, COLUMNS, generator)} if self._is_noisy else {}
        return {"code": code, "uniform": uniform} | noise

    def made_of(self, drawn: Rows) -> Fields:
        seen = self._decoded(drawn["code"], drawn.get("noise"))
        return {"muons": self.frame.unbox(self._outward(seen), self.charges(drawn["uniform"]))}

    def prior(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """n draws from the prior, as codes should be, (n, latent_dim)."""
        normal = self._normal(n, self.config.latent_dim, generator)
        return self._placed(normal, self._uniform(n, generator) if self.config.prior == "mixture" else None)

    def _placed(self, normal: Tensor, uniform: Tensor | None) -> Tensor:
        """Draws from N(0, I), (B, latent_dim), as draws from the prior; a mixture needs a uniform number, (B, 1)."""
        return normal if self.config.prior == "normal" or uniform is None else self.mixture.place(normal, uniform)

    def _decoded(self, code: Tensor, noise: Tensor | None) -> Tensor:
        """What is generated from codes, as the nets see muons, (B, 6); noise from N(0, I), (B, 6), for the decoder's.

        mean of (x - decoded)² + w_kld/w_recon·KL, over six columns, is -log N(x; decoded, s²) + KL up to a factor and
        a constant where s² = 6/2·w_kld/w_recon (Rybkin et al., ICML 2021).
        """
        mean: Tensor = self.decoder(code)
        if not self._is_noisy or noise is None:
            return mean
        deviation = (COLUMNS / 2 * self.w_kld / self.w_recon.clamp_min(1e-12)).sqrt().clamp_max(1)
        return (mean + deviation * noise).clamp(-1, 1)  # where tanh ends

    @property
    def _is_noisy(self) -> bool:
        return self.config.decoder_noise == "likelihood"

    def _normal(self, n: int, columns: int, generator: torch.Generator | None) -> Tensor:
        return torch.randn(n, columns, dtype=self.charged.dtype, device=self.charged.device, generator=generator)

    def _uniform(self, n: int, generator: torch.Generator | None) -> Tensor:
        return torch.rand(n, 1, dtype=self.charged.dtype, device=self.charged.device, generator=generator)
