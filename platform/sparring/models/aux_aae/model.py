"""Adversarial autoencoder of auxiliary values: four that depend on each other become independent half-Gaussians.

    rareness in r, z, pt, pz ─ ranks ─ aux ─ encoder ─ code ┬ decoder ─ aux
                        independent |N(0, 1)| draws ────────┴ discriminator

A muon's four auxiliary values are each half-normal, but not independent; a generator that is to be told four of them
would have to draw them together. Their codes can be drawn one by one.

Source: the AAE of github.com/alexmarshallbristol/Enhanced_Generative_Networks (commit 3a64d0d).

Differs from the published code: the discriminator returns logits. The reconstruction's loss has a minimum; theirs is
binary cross entropy of values above 1. Both phases see the whole batch, one after the other; there each sees one half,
and both gradients are taken first. The last bias of encoder and decoder starts at the half-normal's mean: below a final
ReLU one of 0 leaves a unit dead from birth in half of all draws. Adam's eps is torch's 1e-8, there Keras's 1e-7.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations, combinations_with_replacement
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...data.physics.kinematics import RARENESS
from ..base import Shapes, Step
from ..blocks.dense import dense, set_output_bias
from ..blocks.eval_mode import eval_mode
from ..blocks.losses import ADVERSARIAL, RECONSTRUCTION, fool
from ..blocks.mlp import initialize_weights
from ..blocks.muon_frame import HALF_NORMAL_MEAN, HalfNormalRanks, check_muons
from ..blocks.prior_distance import match_prior
from ..blocks.scaling import moments
from ..blocks.slope import bound_slope
from ..blocks.spectral import bound_spectrum
from ..metrics.characteristic_distance import CharacteristicDistance
from ..metrics.classifier_auc import Detection
from ..metrics.keyed_noise import keyed_normal
from ..muons import MuonTables, chunks
from ..verbs import Fields, Rows, take
from . import config

AUX = len(RARENESS) - 1
"""The four one-dimensional values; that of all four together is left out."""
DEVIATION = math.sqrt(1 - 2 / math.pi)
"""Standard deviation of the half-normal distribution."""


class AuxAAE(MuonTables[config.Config]):
    """Encoder, decoder and the codes' discriminator. ``rareness`` (B, 5), of which the first four are read."""

    Config = config.Config
    prior_name: ClassVar[str] = "halfnorm"

    w_adv: Tensor
    w_r1: Tensor
    w_gp: Tensor
    w_mmd: Tensor
    w_swd: Tensor
    raw_distance: Tensor

    def __init__(self, config: config.Config, shapes: Shapes) -> None:
        super().__init__(config, shapes)
        check_muons(self.shapes)
        positive = {"relu": nn.ReLU, "softplus": nn.Softplus}[config.code]
        net = partial(dense, slope=0.3, dropout=config.dropout)  # Keras's LeakyReLU
        self.encoder = net([AUX, *config.hidden_gen, config.latent_dim], end=positive())
        self.decoder = net([config.latent_dim, *reversed(config.hidden_gen), AUX], end=nn.ReLU())
        self.discriminator = net([config.latent_dim, *config.hidden_dis, 1])
        if config.norm_dis == "spectral":
            bound_spectrum(self.discriminator)
        self.ranks = HalfNormalRanks(AUX)
        self.closeness = CharacteristicDistance(config.latent_dim)
        self.detection = Detection(config.auc_rows or 0)
        self.register_buffer("raw_distance", torch.ones(()))
        c = config
        self.register_weights(w_adv=c.w_adv, w_r1=c.w_r1, w_gp=c.w_gp, w_mmd=c.w_mmd, w_swd=c.w_swd)

    def initialize(self) -> None:
        nets = [self.encoder, self.decoder, self.discriminator]
        initialize_weights(nets, "xavier_uniform", "zeros")
        for net in (self.encoder, self.decoder):
            set_output_bias(net, HALF_NORMAL_MEAN)

    @torch.no_grad()
    def prepare(self, train: Mapping[str, Tensor]) -> None:
        """Fits the ranks, and how far the auxiliary values themselves are from independent half-normals."""
        self.ranks.fit(train["rareness"][:, :AUX])
        aux = self.aux(train["rareness"])
        raw = CharacteristicDistance(AUX).to(aux)
        sums = raw.sums(_standard(aux), _standard(keyed_normal(train["rareness"], AUX).abs()))
        self.raw_distance.fill_(max(raw.distance(sums, len(aux)), 1e-6))
        if self.config.auc_rows:
            self.detection.fit(train["rareness"])

    # -- phases -------------------------------------------------------------------------------------------------------

    def transform_rows(self, **batch: Tensor) -> dict[str, Tensor]:
        """The auxiliary values, ``aux`` (B, 4)."""
        return {"aux": self.aux(batch["rareness"])}

    def dis(self, aux: Tensor) -> Step:
        """The discriminator learns half-normal draws from codes; the encoder drops no units. ln 2 where it guesses.

        loss = −½·[log D(draw) + log(1 − D(code))]
               + w_r1·½‖∇z(draw)‖² + w_gp·(‖∇z(between)‖ − 1)²

        The logarithms are bce's; another loss_dis has terms of its own. z: the discriminator's output, in eval mode;
        between: somewhere between a draw and a code.
        """
        with torch.no_grad(), eval_mode(self.encoder):
            code = self.encoder(aux)
        prior = torch.randn_like(code).abs()
        # One forward for real and fake together; two would accumulate a million gradients twice.
        of_prior, of_code = self.discriminator(torch.cat([prior, code])).chunk(2)
        judge = ADVERSARIAL[self.config.loss_dis]
        loss = (judge(of_prior, True) + judge(of_code, False)) / 2
        loss = bound_slope(loss, self, self.discriminator, prior, code)
        return Step(loss, {"train/loss_dis": loss}, {}, ((of_prior, of_code),))

    def gen(self, aux: Tensor) -> Step:
        """Encoder and decoder learn to reconstruct, and to pass codes off as draws; the discriminator drops no units.

        loss = L(decoder(code), aux) − w_adv·log D(code) + w_mmd·MMD²(codes, draws) + w_swd·SW²(codes, draws)

        L: loss_recon; −log D: or what loss_dis has instead; MMD, SW: maximum mean discrepancy and sliced Wasserstein
        distance between the batch's codes and as many half-normal draws.
        """
        code = self.encoder(aux)
        recon = RECONSTRUCTION[self.config.loss_recon](self.decoder(code), aux)
        loss, metrics = recon, {"train/loss_recon": recon}
        if self.config.w_adv > 0:
            with eval_mode(self.discriminator):
                metrics["train/loss_adv"] = fool(self.config.loss_dis, self.discriminator(code))
            loss = loss + self.w_adv * metrics["train/loss_adv"]
        loss = match_prior(loss, self, code, folded=True)
        return Step(loss, metrics | {"train/loss_gen": loss}, {})

    def aux(self, rareness: Tensor) -> Tensor:
        """The four auxiliary values by their ranks, each half-normal on the training rows, (B, 5) → (B, 4)."""
        aux: Tensor = self.ranks(rareness[:, :AUX])
        return aux

    # -- validation ---------------------------------------------------------------------------------------------------

    def evaluate(self, **batch: Tensor) -> dict[str, Tensor]:
        """Codes against half-normal draws, and the codes' reconstructions.

        The draws belong to the rows (``models/metrics/keyed_noise.py``).
        """
        rareness = batch["rareness"]
        aux = self.aux(rareness)
        code = self.encoder(aux)
        prior = keyed_normal(rareness, self.config.latent_dim).abs()
        sums = self.closeness.sums(_standard(prior), _standard(code))
        # Column by column: a matrix product adds in another order, and val/correlation would change in its last digits.
        columns = code.unbind(1)
        sums["code"] = torch.stack([column.sum() for column in columns])
        sums["products"] = torch.stack([(a * b).sum() for a, b in combinations_with_replacement(columns, 2)])
        returned = self.decoder(code)
        recon = (returned - aux).square().mean(-1).sum()
        sums |= {"made": moments(_standard(returned)), "codes": moments(_standard(code))}
        if self.config.auc_rows:
            known = self.encoder(self.aux(self.detection.known))
            sums |= self.detection.sums(code, known, self.detection.draws(self.prior))
        return sums | {"recon": recon, "n": torch.full_like(recon, len(aux))}

    def figures(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        n = float(sums["n"])
        distance = self.closeness.distance(sums, n)
        recon = float(sums["recon"]) / n / DEVIATION**2
        figures = {
            "val/distance": distance,
            "val/share_recon": recon,
            "val/code_score": distance / float(self.raw_distance) + recon,
            "val/correlation": _largest_correlation(sums["code"].tolist(), sums["products"].tolist(), n),
        }
        return figures | {"val/auc": float(sums["auc"]) / n} if self.config.auc_rows else figures

    # -- verbs --------------------------------------------------------------------------------------------------------

    def sample(self, n: int, *, seed: int, boost: float | None = None) -> Fields:
        """``n`` draws of the rareness in r, z, pt and pz together, raw units, (n, 4), from independent half-normals.

        boost: factor on those; above 1, rare muons come more often.
        """
        return self._draw_all(partial(self.draw, boost=1.0 if boost is None else boost), n, seed)

    @torch.no_grad()
    def reconstruct(self, rows: Rows) -> Fields:
        """Rareness in r, z, pt and pz as it comes back through the code, raw units, (N, 5) → (N, 4)."""
        rareness = take(rows, "rareness", "reconstruct")
        with eval_mode(self):
            return {"rareness": self.ranks.inverse(self.decoder(self.encoder(self.aux(rareness))))}

    @torch.no_grad()
    def encode(self, rows: Rows, *, seed: int) -> Fields:
        """``codes`` of muons by their rareness, (N, 5) → (N, latent_dim), about independent half-normals; ``draws`` of
        those; and ``given``, the auxiliary values, (N, 4), each half-normal but not independent."""
        rareness = take(rows, "rareness", "encode")
        generator = torch.Generator(rareness.device).manual_seed(seed)
        with eval_mode(self):
            codes = [self.encoder(self.aux(chunk)) for chunk in chunks(rareness)]
        draws = self.prior(len(rareness), generator=generator)
        return {"codes": torch.cat(codes), "draws": draws, "given": self.aux(rareness)}

    @torch.no_grad()
    def draw(self, n: int, *, boost: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n draws of the rareness, (n, 4), as ``sample``; generator: on the model's device, None is torch's own."""
        code = self.drawn(n, generator=generator)["code"] * boost
        with eval_mode(self):
            return self.made_of({"code": code})["rareness"]

    def drawn(self, n: int, *, generator: torch.Generator | None = None) -> Fields:
        """Half-normal codes, (n, latent_dim)."""
        return {"code": self.prior(n, generator=generator)}

    def made_of(self, drawn: Rows) -> Fields:
        return {"rareness": self.ranks.inverse(self.decoder(drawn["code"]))}

    def prior(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """n independent half-normal draws, as codes should be, (n, latent_dim)."""
        dtype, device = self.raw_distance.dtype, self.raw_distance.device
        return torch.randn(n, self.config.latent_dim, dtype=dtype, device=device, generator=generator).abs()


def _standard(values: Tensor) -> Tensor:
    """Half-normal values with mean 0 and deviation 1."""
    return (values - HALF_NORMAL_MEAN) / DEVIATION


def _largest_correlation(totals: Sequence[float], products: Sequence[float], n: float) -> float:
    """The largest |Pearson r| between two columns; a column that never changes correlates with none.

    totals: each column's sum over n rows; products: of each two columns (a ≤ b, a first) the sum of their product.
    """
    columns = range(len(totals))
    mean = [total / n for total in totals]
    product = dict(zip(combinations_with_replacement(columns, 2), products, strict=True))
    spread = [max(product[a, a] / n - mean[a] ** 2, 0.0) for a in columns]
    correlations = [0.0]
    for a, b in combinations(columns, 2):
        if spread[a] * spread[b] > 1e-12:
            correlations.append(abs(product[a, b] / n - mean[a] * mean[b]) / math.sqrt(spread[a] * spread[b]))
    return max(correlations) if all(map(math.isfinite, mean + spread)) else math.nan
