"""What the autoencoders of one field share: how they are judged, and the verbs. Not a system: it has no phases.

A system says how its rows become what its nets read (``view``) and back (``unview``), and how it encodes and decodes;
validation is the same for all, so that their figures may be compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ..data.dataset import LABEL
from .base import C, Model
from .blocks.eval_mode import eval_mode
from .blocks.images import coarse
from .blocks.losses import gaussian_kl
from .blocks.scaling import moments, positive_or_one, variance_of, variance_of_all
from .blocks.ssim import ms_ssim, ssim_window
from .metrics.mmd import REFERENCE_ROWS, PriorMatch, SampleMatch
from .metrics.probe import Probe
from .metrics.sample_figures import KNOWN_ROWS, SampleFigures
from .verbs import Fields, Rows, refuse_boost, take

CHUNK = 512
"""Rows that are looked at together outside training: the fastest per row on a CPU, and little memory on a GPU."""

VARIANCE_ROWS, VARIANCE_NUMBERS = 50_000, 1 << 28
"""Training rows whose variance is ``val/score``'s unit, and how many numbers they may be: all rows of CIFAR and of
MNIST, 21,845 of 64×64 in colour, 1,783 of 224×224. Which rows train is drawn at random, so the first are as good as
any, and the same for every trial, worker and attempt."""

DRAWS = 256
"""Codes drawn once from the prior; what the decoder makes of them is compared with the training rows."""

COLLAPSED = 0.15
"""About ``val/mmd_prior`` of codes that are all 0: 0.16 to 0.18 in 2 to 64 dimensions."""

ACTIVE = 0.01
"""Variance over samples, in the prior's, above which a number of the code counts as in use (arXiv:1509.00519)."""


class Autoencoder(Model[C]):
    """x → code → x̂ of one field. Subclasses call ``init_validation`` at the end of ``__init__``."""

    row_free: ClassVar[tuple[str, ...]] = ("match_of_samples", "known_codes", "compared_samples", "compared.made")

    draws: Tensor
    variance: Tensor
    prior_std: Tensor

    # -- what a system says -------------------------------------------------------------------------------------------

    def view(self, rows: Tensor) -> Tensor:
        """Rows of the data set as the nets read them: unless a system says otherwise bytes from 0 to 1, floats as they
        are."""
        return rows if rows.is_floating_point() else rows.to(self.draws.dtype) / 255

    def unview(self, x: Tensor) -> Tensor:
        """What the nets read or return, in the units of the figures: (B, C, H, W) from 0 to 1, or raw (B, T, C); unless
        a system says otherwise as it is."""
        return x

    def transform_rows(self, **batch: Tensor) -> dict[str, Tensor]:
        """The field as the nets read it, ``x``."""
        return {"x": self.view(batch[self.config.fields[0]])}

    def encode_x(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Codes (B, latent_dim) of what ``view`` gives; of an encoder of Gaussians, their means and log variances."""
        raise NotImplementedError

    def decode(self, code: Tensor) -> Tensor:
        """What ``view`` gives, of whole codes."""
        raise NotImplementedError

    def whole_code(self, x: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor | None, Tensor]:
        """As ``encode_x``, and what the decoder takes of the mean, the whole code: the mean itself unless a system has
        more to say of a row. label: the class of each row, (B,), where the data say one."""
        mean, logvar = self.encode_x(x)
        return mean, logvar, mean

    def whole_draws(self, code: Tensor) -> Tensor:
        """What the decoder takes of codes from the prior."""
        return code

    def measure_class(self, x: Tensor, label: Tensor | None) -> dict[str, Tensor]:
        """More sums for ``evaluate``, of a system that tells classes."""
        return {}

    # -- validation ---------------------------------------------------------------------------------------------------

    def init_validation(
        self,
        shape: tuple[int, ...],
        latent_dim: int,
        prior_std: float,
        *,
        auc_rows: int | None = None,
        sample_rows: int | None = None,
    ) -> None:
        """shape: of one sample as ``unview`` gives it; prior_std: the prior is N(0, prior_std²·I).

        auc_rows, sample_rows: what the figures of ``SampleFigures`` take, all of which are left out without.
        """
        self.register_weights(prior_std=prior_std)
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("draws", torch.randn(DRAWS, latent_dim, generator=generator), persistent=False)
        self.register_buffer("variance", torch.ones(()))
        self.prior_match = PriorMatch(latent_dim)
        known: int | None = getattr(self.config, "probe_rows", None)
        self.probe = None if known is None else Probe(known)
        self.sample_match = SampleMatch(coarse(torch.empty(1, *shape)).shape[1])
        self.compared = SampleFigures(shape, auc_rows, sample_rows)
        if len(shape) == 3:
            self.register_buffer("window", ssim_window(min(shape[1:])), persistent=False)

    @torch.no_grad()
    def prepare(self, train: Mapping[str, Tensor]) -> None:
        """Fits what the figures are relative to: the variance of the training rows, and how they are distributed."""
        rows = train[self.config.fields[0]]
        most = reference_rows(rows.shape[1:])
        few = min(most, REFERENCE_ROWS)
        if self.probe is not None:
            self.probe.fit(rows, train.get(LABEL))
        self.variance.copy_(positive_or_one(variance_of_all(self._targets(rows, most))))
        spread = positive_or_one(variance_of_all(coarse(chunk) for chunk in self._targets(rows, few)))
        self.sample_match.fit((coarse(chunk) for chunk in self._targets(rows, few)), spread)
        if self.compared.is_on:
            self.compared.fit(self._targets(rows, min(most, KNOWN_ROWS)), self.draws.shape[1])

    def evaluate(self, **batch: Tensor) -> dict[str, Tensor]:
        """Sums over the batch of squared errors, similarity, divergence and what tells the codes' distribution."""
        sums: dict[str, Tensor] = {}
        rows = batch[self.config.fields[0]]
        label = batch.get(LABEL)
        for start, chunk in zip(range(0, len(rows), CHUNK), _chunks(rows), strict=True):
            known = None if label is None else label[start : start + CHUNK]
            for name, value in self._measure(self.view(chunk), known).items():
                sums[name] = sums[name] + value if name in sums else value
        n = torch.full_like(sums["mse_recon"], len(rows))
        if self.probe is not None:
            sums["probe"] = self.probe.hits(self._codes(rows), self.known_codes(), batch[LABEL])
        match, diversity = self.match_of_samples(n.dtype)
        sums |= {"mmd_sample": n * match, "diversity": n * diversity, "n": n}
        if self.compared.is_on:
            with torch.autocast(rows.device.type, enabled=False):
                sums |= self.compared.sums(self.targets(rows), self.compared_samples())
        return sums

    def compared_samples(self) -> Tensor:
        """What the decoder makes of fixed codes, for the figures that are off unless asked for."""
        codes = _chunks(self.whole_draws(self.compared.codes * self.prior_std))
        return torch.cat([self.unview(self.decode(chunk)) for chunk in codes])

    def known_codes(self) -> Tensor:
        """Codes of the training rows that ``val/probe`` knows the classes of, (K, latent_dim): of no other row."""
        assert self.probe is not None
        return self._codes(self.probe.known)

    def _codes(self, rows: Tensor) -> Tensor:
        return torch.cat([self.encode_x(self.view(chunk))[0] for chunk in _chunks(rows)])

    def match_of_samples(self, dtype: torch.dtype) -> Tensor:
        """``val/mmd_sample`` and ``health/diversity``, (2,), computed in ``dtype``: of what the decoder makes of the
        fixed draws, so of no row."""
        generated = coarse(self.unview(self.decode(self.whole_draws(self.draws * self.prior_std)))).to(dtype)
        diversity = generated.var(0).mean() / self.sample_match.spread.to(dtype).square()
        return torch.stack([self.sample_match(generated), diversity])

    def _measure(self, x: Tensor, label: Tensor | None) -> dict[str, Tensor]:
        mean, logvar, whole = self.whole_code(x, label)
        truth, answer = self.unview(x), self.unview(self.decode(whole))
        mean = (mean / self.prior_std).to(truth.dtype)
        sums = {"mse_recon": (answer - truth).square().flatten(1).mean(1).sum(), **self.measure_class(x, label)}
        if truth.dim() == 4:
            sums["ms_ssim"] = ms_ssim(answer, truth, self.get_buffer("window")).sum()
        if logvar is not None:
            logvar = logvar.to(truth.dtype) - 2 * self.prior_std.log()
            sums["kld"] = gaussian_kl(mean, logvar).sum()
        with torch.autocast(x.device.type, enabled=False):  # the codes' match is a difference of nearly equal numbers
            return sums | self.prior_match.sums(mean, logvar) | {"codes": moments(mean)}

    def figures(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        means = ("mse_recon", "ms_ssim", "kld", "mmd_sample", "probe", "accuracy")
        n = float(sums["n"])
        figures = {f"val/{name}": float(sums[name]) / n for name in means if name in sums}
        figures |= self.prior_match.figures(sums) | {"val/score": figures["val/mse_recon"] / float(self.variance)}
        figures |= {"val/balance": figures["val/score"] + figures["val/mmd_prior"] / COLLAPSED}
        return figures | self.compared.figures(sums)

    def health(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        active = (variance_of(sums["codes"], sums["n"]) > ACTIVE).double().mean()
        return {"health/active_units": float(active), "health/diversity": float(sums["diversity"] / sums["n"])}

    @torch.no_grad()
    def targets(self, rows: Tensor) -> Tensor:
        """Rows as the figures see them: what a plain method must reconstruct to be compared with ``val/mse_recon``."""
        return torch.cat(list(self._targets(rows)))

    def _targets(self, rows: Tensor, most: int | None = None) -> Iterator[Tensor]:
        return (self.unview(self.view(chunk)) for chunk in _chunks(rows, most))

    # -- verbs --------------------------------------------------------------------------------------------------------

    def sample(self, n: int, *, seed: int, boost: float | None = None) -> Fields:
        """``n`` samples decoded from draws of the prior, in the units of the figures."""
        refuse_boost(self, boost)
        drawn = self.drawn(n, generator=torch.Generator().manual_seed(seed))
        field = self.config.fields[0]
        with torch.no_grad(), eval_mode(self):
            pieces = ({name: each[k : k + CHUNK] for name, each in drawn.items()} for k in range(0, n, CHUNK))
            samples = [self.made_of(piece)[field] for piece in pieces]
        return {field: torch.cat(samples)}

    def drawn(self, n: int, *, generator: torch.Generator | None = None) -> Fields:
        """Codes from the prior, (n, latent_dim), drawn on the CPU: the same on every device."""
        code = torch.randn(n, self.draws.shape[1], generator=generator)
        return {"code": code.to(self.draws) * self.prior_std}

    def made_of(self, drawn: Rows) -> Fields:
        return {self.config.fields[0]: self.unview(self.decode(drawn["code"]))}

    def reconstruct(self, rows: Rows) -> Fields:
        """The field as it comes back through the code (of a Gaussian, its mean): images of the model's size and colour
        as floats in [0, 1], tables and series in raw units."""
        field = self.config.fields[0]
        with torch.no_grad(), eval_mode(self):
            answers = [
                self.unview(self.decode(self.whole_code(self.view(chunk))[2]))
                for chunk in _chunks(take(rows, field, "reconstruct"))
            ]
        return {field: torch.cat(answers)}

    def codes(self, rows: Rows) -> Fields:
        """Whole ``codes`` of the field, (N, latent_dim), of an encoder of Gaussians their means; with the share of each
        class behind, (N, latent_dim + classes), where the decoder is told it."""
        with torch.no_grad(), eval_mode(self):
            chunks = _chunks(take(rows, self.config.fields[0], "encode"))
            return {"codes": torch.cat([self.whole_code(self.view(chunk))[2] for chunk in chunks])}

    def decoded(self, codes: Tensor) -> Fields:
        """The field of whole codes, as ``codes`` gives them, in the units of the figures."""
        with torch.no_grad(), eval_mode(self):
            answers = [self.unview(self.decode(chunk)) for chunk in _chunks(codes.to(self.draws))]
        return {self.config.fields[0]: torch.cat(answers)}

    def score(self, rows: Rows) -> Fields:
        """The system's ``outlier_scores`` of the field."""
        return self._score(take(rows, self.config.fields[0], "score"))

    def _score(self, rows: Tensor) -> Fields:
        with torch.no_grad(), eval_mode(self):
            scores = [self.outlier_scores(self.view(chunk)) for chunk in _chunks(rows)]
        return {name: torch.cat([score[name] for score in scores]) for name in scores[0]}

    def outlier_scores(self, x: Tensor) -> dict[str, Tensor]:
        """By name, (B,), of what ``view`` gives: the larger, the stranger. Called in eval mode.

        ``reconstruction``  mean squared error, all that is known of every system
        """
        return {
            "reconstruction": (self.unview(self.decode(self.whole_code(x)[2])) - self.unview(x))
            .square()
            .flatten(1)
            .mean(1)
        }


def reference_rows(shape: Sequence[int]) -> int:
    """The first so many training rows, of samples of ``shape``, fit what the figures are relative to."""
    return min(VARIANCE_ROWS, max(1, VARIANCE_NUMBERS // math.prod(shape)))


def _chunks(rows: Tensor, most: int | None = None) -> Iterator[Tensor]:
    """All rows, or the first ``most``; read as they are asked for, as rows that lie on disk have to be."""
    end = len(rows) if most is None else min(len(rows), most)
    return (rows[start : min(start + CHUNK, end)] for start in range(0, end, CHUNK))
