"""How like a generated sample is to held-out rows: the published figure of merit, and where a difference comes from.

For ``sample --against``: boosted trees learn from one half of both and are scored on the other half
(``two_sample.py``). If the model has codes, the trees also tell codes of the held-out rows from draws of the prior.
Kolmogorov-Smirnov tests and correlations say where a difference comes from. ``likeness_files.py`` writes it all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import torch

from ...data.physics.kinematics import to_box, to_polar
from ...errors import UsageError
from ...models.metrics.two_sample import Auc, auc
from ...models.verbs import Encodes
from ..drawing.muon_charts import AUXILIARY, BINS, Distribution, Two
from ..drawing.muon_variables import Variable
from ..loading.loaded import Loaded
from .answers import Answers
from .samples import NamedRows

PARTS = ("valid", "test")
"""Parts that trained nothing."""
TABLES = ("muons", "rareness")
"""Fields whose samples can be compared."""


@dataclass(frozen=True, kw_only=True)
class Codes:
    """Codes of held-out rows beside their prior."""

    values: np.ndarray
    """(N, latent_dim)."""
    draws: np.ndarray
    """As many draws of the prior, (N, latent_dim)."""
    priors: tuple[Distribution, ...]
    """The distribution that each number of a code should have, one of scipy.stats or, if it has no name, the draws'."""
    is_named: bool
    """Whether that has a name in scipy.stats."""
    before: np.ndarray | None
    """What was encoded, where that should be distributed as the prior is: auxiliary values, (N, 4)."""


class KstestResult(Protocol):
    """What scipy's tests answer, as far as it is used here."""

    statistic: float
    pvalue: float


class KsTest(NamedTuple):
    """Kolmogorov and Smirnov's test of two samples, or of a sample and a distribution."""

    distance: float
    """Largest difference of the two cumulative distributions, 0 to 1."""
    p: float
    """Chance of so large a distance between samples of one distribution."""


@dataclass(frozen=True, kw_only=True)
class Differences:
    """Where a difference comes from: column by column, and in the codes."""

    by_variable: Mapping[str, KsTest]
    """By variable's label, real against generated rows."""
    by_code: tuple[KsTest, ...] = ()
    """By number of the code, codes of real rows against the prior; empty if the model has no codes."""
    correlations: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By name, (columns, columns): of the codes, and of the auxiliary values if those were encoded."""


def check_against(loaded: Loaded, part: str | None, rows: int | None) -> None:
    """Raises UsageError unless the model makes muons or their rareness, and ``part`` is held out."""
    if part is None:
        if rows is not None:
            raise UsageError("--rows: says how many real rows --against compares with; name a part: --against valid")
        return
    if part not in PARTS:
        raise UsageError(f"--against: wants rows that were held out, {' or '.join(PARTS)}, but got {part!r}")
    if loaded.fields[0] not in TABLES:
        raise UsageError(f"--against: compares tables of muons, but the model {loaded.about.model} makes another kind")


def compare(loaded: Loaded, answers: Answers, real: NamedRows, seed: int) -> tuple[dict[str, Auc], Codes | None]:
    """By what is compared, how well trees tell its two sides apart; and the codes, if the model has any.

    Compared are the sample with the real rows and, of a model with codes, codes with draws of their prior.
    """
    (name, generated), *_ = answers.items()
    real_rows = real.fields[name].double().cpu().numpy()
    figures = {name: auc(_columns(name, real_rows), _columns(name, generated), seed=seed)}
    codes = _codes(loaded, real, seed)
    if codes is not None:
        figures["codes"] = auc(codes.values, codes.draws, seed=seed)
        if codes.before is not None:
            figures["auxiliary values"] = auc(codes.before, np.abs(_normal(codes.before.shape, seed)), seed=seed)
    return figures, codes


def find_differences(variables: Sequence[Variable], both: Two, codes: Codes | None) -> Differences:
    """Tests of real against generated rows by variable, and of the codes if there are any.

    both: real and generated rows, (N, variables) and (M, variables).
    """
    from scipy.stats import ks_2samp, kstest

    real, generated = both
    by_variable = {
        variable.label: _ks_test(ks_2samp(real[:, column], generated[:, column]))
        for column, variable in enumerate(variables)
    }
    if codes is None:
        return Differences(by_variable=by_variable)
    correlations = {"the codes": _correlation(codes.values)}
    if codes.before is not None:
        correlations[AUXILIARY] = _correlation(codes.before)
    by_code = tuple(
        _ks_test(kstest(column, prior.cdf) if codes.is_named else ks_2samp(column, drawn))
        for column, drawn, prior in zip(codes.values.T, codes.draws.T, codes.priors, strict=True)
    )
    return Differences(by_variable=by_variable, by_code=by_code, correlations=correlations)


def _columns(name: str, rows: np.ndarray) -> np.ndarray:
    """What the trees see: of muons the six polar columns without the charge, as published."""
    return to_box(to_polar(rows)) if name == "muons" else np.asarray(rows[:, :4], dtype=np.float64)


def _codes(loaded: Loaded, real: NamedRows, seed: int) -> Codes | None:
    """None if the model has no encoder. Its noise and the prior's draws hang on the seed alone."""
    import scipy.stats

    if not isinstance(loaded.model, Encodes):
        return None
    encoded = loaded.model.encode(real.fields, seed=seed)
    draws, name = _numbers(encoded["draws"]), loaded.model.prior_name
    if name is None:
        priors = tuple(scipy.stats.rv_histogram(np.histogram(column, BINS)) for column in draws.T)
    else:
        priors = (getattr(scipy.stats, name),) * draws.shape[1]
    return Codes(
        values=_numbers(encoded["codes"]),
        draws=draws,
        priors=priors,
        is_named=name is not None,
        before=_numbers(encoded["given"]) if "given" in encoded else None,
    )


def _numbers(rows: torch.Tensor) -> np.ndarray:
    array: np.ndarray = rows.detach().double().cpu().numpy()
    return array


def _normal(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def _ks_test(result: KstestResult) -> KsTest:
    return KsTest(distance=float(result.statistic), p=float(result.pvalue))


def _correlation(rows: np.ndarray) -> np.ndarray:
    """Pearson's, (columns, columns); 0 with a column that never changes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        matrix: np.ndarray = np.nan_to_num(np.atleast_2d(np.corrcoef(rows, rowvar=False)))
    return matrix
