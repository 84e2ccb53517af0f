"""Auxiliary GAN of muons: its generator is told how rare a muon to make, and frozen regressors check that it did.

    noise, aux ~ |N(0, 1)|, charge, both angles ─ generator ─ r, z, pt, pz ┬ discriminator ─ real or generated
                                                                           └ regressors (frozen) ─ aux again

With ``aux = "codes"`` these are the codes of an ``aux_aae``, independent where the four values of a muon are not.
``aux`` larger than usual makes rare muons more often: ``sample(n, boost=1.2)``.

Source: the auxiliary GANs of github.com/alexmarshallbristol/Enhanced_Generative_Networks (arXiv:1909.04451).

Differs from the published code: losses are on logits. Generator and discriminator have an optimizer each and take their
steps in turn; there both gradients are taken first, and one of the GANs has one optimizer for both nets.
Regressors see normal columns and are fitted in ``prepare`` without dropout, so that a study needs no second file.
Angles and charges are drawn from the training rows' own distributions, which are uniform in theirs. Batches do not
grow, and Adam is plain, with torch's eps of 1e-8, where theirs is AMSGrad with Keras's 1e-7.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...data.physics.kinematics import RARENESS, SKEWED
from ...errors import ConfigError
from ..base import Shapes, Step
from ..blocks.dense import Normalised, StackedMlp, dense, regress
from ..blocks.eval_mode import eval_mode
from ..blocks.losses import ADVERSARIAL, fool
from ..blocks.mlp import initialize_weights
from ..blocks.muon_frame import HALF_NORMAL_MEAN, SHRINK, HalfNormalRanks
from ..blocks.scaling import moments
from ..blocks.slope import bound_slope
from ..blocks.spectral import bound_spectrum
from ..metrics.keyed_noise import keyed_normal, keyed_uniform
from ..muons import MuonGenerator
from ..verbs import Fields, Rows
from . import config
from .codes import codes_of

_EDGE = 1e-6
"""Shares are kept so far from 0 and 1, 4.75 deviations, which float32 still tells from 1."""


class Generated(NamedTuple):
    """What the generator makes."""

    seen: Tensor
    """Six columns as the nets see them, (B, 6); both angles were drawn."""
    skewed: Tensor
    """The four of them that are the generator's own: r, z, pt and pz, (B, 4)."""
    charge: Tensor
    """1 or -1, (B, 1)."""
    aux: Tensor
    """The auxiliary values that were asked for, (B, values)."""


class AuxGAN(MuonGenerator[config.Config]):
    """Generator, discriminator and the regressors of the rareness. ``muons`` (B, 7) raw, ``rareness`` (B, 5)."""

    Config = config.Config

    w_adv: Tensor
    w_aux: Tensor
    w_r1: Tensor
    w_gp: Tensor
    steps: Tensor
    mixing: Tensor

    def __init__(self, config: config.Config, shapes: Shapes) -> None:
        super().__init__(config, shapes, frame=config.frame, auc_rows=config.auc_rows)
        coded = tuple(range(config.codes))
        self.columns: tuple[int, ...] = {
            "1d": (0, 1, 2, 3), "4d": (RARENESS.index("4d"),), "codes": coded, "none": (),
        }[config.aux]  # fmt: skip
        inputs = config.noise + len(self.columns) + 3
        norm = Normalised("after") if config.norm_gen == "batch" else None
        self.generator = dense([inputs, *config.hidden_gen, len(SKEWED)], norm=norm, end=nn.Tanh())
        self.discriminator = dense([7, *config.hidden_dis, 1], dropout=config.dropout)
        if config.norm_dis == "spectral":
            bound_spectrum(self.discriminator)
        widths = (len(SKEWED), 64, 128, 1) if config.aux in ("4d", "codes") else (1, 32, 64, 1)
        self.regressors = StackedMlp(len(self.columns), widths)
        self.stretch = SHRINK if config.scale_dis == "unit" and not self.is_boxed else 1.0
        self.ranks = HalfNormalRanks(len(RARENESS))
        self.register_buffer("steps", torch.zeros(()))
        if config.aux_draws == "correlated":
            self.register_buffer("mixing", torch.eye(len(self.columns)))
        self.register_weights(w_adv=config.w_adv, w_aux=config.w_aux, w_r1=config.w_r1, w_gp=config.w_gp)

    def initialize(self) -> None:
        initialize_weights([self.generator, self.discriminator], "xavier_uniform", "zeros")
        self.regressors.initialize(HALF_NORMAL_MEAN)

    @torch.no_grad()
    def prepare(self, train: Mapping[str, Tensor]) -> None:
        """Fits frame, ranks and share of positive charges, then the regressors, which are frozen from here on."""
        super().prepare(train)
        self.ranks.fit(train["rareness"])
        normal = self.judged(train["muons"])
        aux = self._aux_of(train["rareness"])
        if self.config.aux_draws == "correlated" and len(self.columns) > 1:
            scores = torch.special.ndtri(torch.erf(aux.double() / 2**0.5).clamp(_EDGE, 1 - _EDGE))
            self.mixing.copy_(torch.linalg.cholesky(torch.corrcoef(scores.T)))
        if self.columns:
            regress(self.regressors, self._asked(normal[:, SKEWED]), aux[..., None], steps=self.config.aux_steps)
        self.regressors.requires_grad_(False)

    # -- phases -------------------------------------------------------------------------------------------------------

    def transform_rows(self, **batch: Tensor) -> dict[str, Tensor]:
        """Charge and columns as the discriminator sees them, ``real`` (B, 7)."""
        muons = batch["muons"]
        return {"real": torch.cat([muons[:, :1], self._inward(muons) * self.stretch], dim=-1)}

    def dis(self, real: Tensor) -> Step:
        """The discriminator learns real muons from as many generated ones; ln 2 = 0.693 where it guesses.

        loss = −½·[log D(muon) + log(1 − D(generated))]
               + w_r1·½‖∇z(muon)‖² + w_gp·(‖∇z(between)‖ − 1)²

        The logarithms are bce's; another loss_dis has terms of its own. z: the discriminator's output, in eval mode;
        between: somewhere between a muon and a generated one.
        The generator is in inference mode, so it is judged as it will be used.
        """
        with torch.no_grad(), eval_mode(self.generator):
            made = self.generate(*self.draw_inputs(real))
        fake = torch.cat([made.charge, made.seen * self.stretch], dim=-1)
        # One forward for real and fake together; two would accumulate a million gradients twice.
        of_real, of_fake = self.discriminator(torch.cat([real, fake])).chunk(2)
        judge = ADVERSARIAL[self.config.loss_dis]
        loss = (judge(of_real, True) + judge(of_fake, False)) / 2
        loss = bound_slope(loss, self, self.discriminator, real, fake)
        return Step(loss, {"train/loss_dis": loss}, {}, ((of_real, of_fake),))

    def gen(self, real: Tensor) -> Step:
        """The generator learns to pass for real and to make muons as rare as asked, with noise of its own.

        loss = −w_adv·log D(generated) + w_aux·ramp·Σ_j (R_j(generated) − aux_j)²

        −log D: or what loss_dis has instead; R: the frozen regressors, j: the auxiliary values; ramp: 1, or rising from
        0 between ramp_start and ramp_end.
        """
        made = self.generate(*self.draw_inputs(real))
        fake = torch.cat([made.charge, made.seen * self.stretch], dim=-1)
        adversarial = fool(self.config.loss_dis, self.discriminator(fake))
        loss = self.w_adv * adversarial
        miss = torch.zeros_like(adversarial)
        if self.columns and self.config.w_aux > 0:
            miss = (self.rareness_of(self._skewed(made.skewed)) - made.aux).square().mean(0).sum()
            loss = loss + self.w_aux * self._ramp() * miss
        return Step(loss, {"train/loss_gen": loss, "train/loss_adv": adversarial, "train/loss_aux": miss}, {})

    def _aux_of(self, rareness: Tensor) -> Tensor:
        """The auxiliary values of muons, (N, 5) → (N, values)."""
        if self.config.aux != "codes":
            ranked: Tensor = self.ranks(rareness)
            return ranked[:, self.columns]
        codes = codes_of(Path(self.config.codes_of or ""), rareness)
        if codes.shape[1] != self.config.codes:
            raise ConfigError(f"codes_of: its codes have {codes.shape[1]} numbers, but codes is {self.config.codes}")
        return codes

    def _ramp(self) -> Tensor:
        """0 to 1 between the two steps of the configuration; counts the steps it is asked for."""
        start, end = self.config.ramp_start, self.config.ramp_end
        if not end:
            return torch.ones_like(self.w_aux)
        risen: Tensor = ((self.steps - start) / (end - start)).clamp(0, 1)
        self.steps.add_(1)
        return risen

    def draw_inputs(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normal noise, auxiliary values and three uniform numbers, a row for each of ``like``'s."""
        row = like[:, :1]
        noise = torch.randn_like(row.expand(-1, self.config.noise))
        aux = torch.randn_like(row.expand(-1, max(1, len(self.columns))))
        return noise, self._half_normal(aux[:, : len(self.columns)]), torch.rand_like(like[:, :3])

    def _half_normal(self, normal: Tensor) -> Tensor:
        """Auxiliary values of independent normal numbers, (…, values): half-normal each, and correlated if said so."""
        if self.config.aux_draws == "independent":
            return normal.abs()
        share = torch.special.ndtr(normal @ self.mixing.T).clamp(_EDGE, 1 - _EDGE)
        return 2**0.5 * torch.erfinv(share)

    def generate(self, noise: Tensor, aux: Tensor, uniform: Tensor) -> Generated:
        """Muons made of ``draw_inputs``."""
        charge = self.charges(uniform[:, :1])
        if self.is_boxed:
            angles = self.frame.angles(uniform[:, 1:])
        else:
            angles = torch.special.ndtri(uniform[:, 1:].clamp(1e-7, 1 - 1e-7)) / SHRINK
        skewed = self.generator(torch.cat([noise, aux, charge, angles], dim=-1))
        (r, z, pt, pz), (theta, theta_pt) = skewed.unbind(-1), angles.unbind(-1)
        return Generated(torch.stack([r, theta, z, pt, theta_pt, pz], dim=-1), skewed, charge, aux)

    def _skewed(self, four: Tensor) -> Tensor:
        """r, z, pt and pz as the nets see them, in normal columns, (B, 4)."""
        return self.frame.normalize_skewed(four) if self.is_boxed else four * SHRINK

    def _asked(self, four: Tensor) -> Tensor:
        """What each regressor looks at of r, z, pt and pz: all four, (B, values, 4), or its own column, (B, 4, 1)."""
        return four[..., None] if self.config.aux == "1d" else four[:, None].expand(-1, len(self.columns), -1)

    def rareness_of(self, four: Tensor) -> Tensor:
        """The regressors' auxiliary values of normal r, z, pt and pz, (B, 1 or 4)."""
        aux: Tensor = self.regressors(self._asked(four))
        return aux[..., 0]

    # -- validation ---------------------------------------------------------------------------------------------------

    def evaluate(self, **batch: Tensor) -> dict[str, Tensor]:
        """One generated muon per real one, with noise that belongs to that row (``models/metrics/keyed_noise.py``)."""
        muons = batch["muons"]
        noise = keyed_normal(muons, self.config.noise)
        aux = self._half_normal(keyed_normal(muons, len(self.columns), stream=1))
        made = self.generate(noise, aux, keyed_uniform(muons, 3, stream=2))
        normal = self.frame.normalize(self._outward(made.seen))
        sums = self.compared(self.judged(muons), normal, self.draw)
        miss = (
            (self.rareness_of(normal[:, SKEWED]) - aux).square().mean(-1).sum() if self.columns else muons.new_zeros(())
        )
        made_columns = moments(normal[:, SKEWED])  # both angles were drawn
        return sums | {"aux": miss, "made": made_columns, "n": torch.full_like(miss, len(muons))}

    def figures(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        return self.likeness(sums) | {"val/mse_aux": float(sums["aux"] / sums["n"])}

    # -- verbs --------------------------------------------------------------------------------------------------------

    def sample(self, n: int, *, seed: int, boost: float | None = None) -> Fields:
        """``n`` muons, (n, 7): charge, x, y, z in cm, px, py, pz in GeV.

        boost: factor on the auxiliary values; above 1 rare muons come more often (published: 1.2).
        """
        return self._draw_all(partial(self.draw, boost=1.0 if boost is None else boost), n, seed)

    @torch.no_grad()
    def draw(self, n: int, *, boost: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n muons, (n, 7), as ``sample``; generator: on the model's device, None is torch's own."""
        drawn = self.drawn(n, generator=generator)
        with eval_mode(self):
            return self.made_of(drawn | {"aux": drawn["aux"] * boost})["muons"]

    def drawn(self, n: int, *, generator: torch.Generator | None = None) -> Fields:
        """Noise, half-normal auxiliary values, (n, 1 or 4), and uniform numbers for the charge and both angles."""
        dtype, device = self.charged.dtype, self.charged.device
        noise = torch.randn(n, self.config.noise, dtype=dtype, device=device, generator=generator)
        normal = torch.randn(n, len(self.columns), dtype=dtype, device=device, generator=generator)
        aux = self._half_normal(normal)
        uniform = torch.rand(n, 3, dtype=dtype, device=device, generator=generator)
        return {"noise": noise, "aux": aux, "uniform": uniform}

    def made_of(self, drawn: Rows) -> Fields:
        made = self.generate(drawn["noise"], drawn["aux"], drawn["uniform"])
        return {"muons": self.frame.unbox(self._outward(made.seen), made.charge)}
