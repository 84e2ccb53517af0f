"""What is drawn of muons: every variable, every pair of them, codes, the trees' scores, and the figures by epoch.

All compare a real sample with a generated one in physical units. Real ones are points with the error that their number
implies, generated ones a line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from PIL import Image

from ..data.kinematics import RARENESS, to_polar
from .charts import Axis, Chart, draw

REAL, GENERATED = "real", "generated"
AUXILIARY = "the auxiliary values"
BINS = 50
SHOWN_CODES = 11
TAIL = 5e-4
"""Share of the rows beyond either end of a map or of a logarithmic axis; linear histograms show all."""


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A column of a table as it is shown."""

    label: str
    """With its unit."""
    is_log: bool = False
    is_log_y: bool = True
    names: tuple[str, ...] = ()
    """Of its two values, if it has no more."""


MUONS = (
    Variable(label="charge", is_log_y=False, names=("-1", "+1")),
    Variable(label="r [cm]"),
    Variable(label="theta [rad]", is_log_y=False),
    Variable(label="z [cm]"),
    Variable(label="pt [GeV]", is_log=True),
    Variable(label="theta_pt [rad]", is_log_y=False),
    Variable(label="pz [GeV]", is_log=True),
)
RARE = tuple(Variable(label=f"rareness in {name}", is_log=True) for name in RARENESS[:4])
Two = tuple[np.ndarray, np.ndarray]
"""Real and generated, (N, columns) and (M, columns)."""


def shown(name: str, rows: np.ndarray) -> tuple[tuple[Variable, ...], np.ndarray]:
    """The variables of a field, and its rows in them: of muons the charge and the six polar columns."""
    if name == "muons":
        return MUONS, np.concatenate([rows[:, :1], to_polar(rows)], axis=1)
    return RARE, np.asarray(rows[:, :4], dtype=np.float64)


def draw_variables(variables: Sequence[Variable], both: Two, distances: Sequence[float]) -> Image.Image:
    """A histogram per variable, of both samples. distances: Kolmogorov and Smirnov's, by variable."""
    charts = []
    for column, (variable, distance) in enumerate(zip(variables, distances, strict=True)):
        pair = both[0][:, column], both[1][:, column]
        axis = _axis(variable, pair, is_cut=variable.is_log)
        edges = axis.edges(len(variable.names) or BINS)
        charts.append(_histogram(axis, edges, pair, is_log=variable.is_log_y, words=(f"KS {distance:.3f}",)))
    return draw(charts, columns=3 if len(charts) != 4 else 2)


def draw_pairs(variables: Sequence[Variable], both: Two) -> Image.Image:
    """Two maps per pair of variables, real and generated, to one logarithmic scale; a charge is left out."""
    bins = int(np.clip(np.sqrt(min(map(len, both))) / 2, 12, 60))
    charts = []
    columns = [column for column, variable in enumerate(variables) if not variable.names]
    for first, second in combinations(columns, 2):
        x, y = (
            _axis(variables[column], (both[0][:, column], both[1][:, column]), is_cut=True)
            for column in (first, second)
        )
        shares = []
        for rows in both:
            counts, _, _ = np.histogram2d(rows[:, first], rows[:, second], bins=[x.edges(bins), y.edges(bins)])
            shares.append(counts / len(rows))
        least, most = 1 / max(map(len, both)), max(share.max() for share in shares)
        for title, share in zip((REAL, GENERATED), shares, strict=True):
            with np.errstate(divide="ignore"):
                height = np.log(share / least) / max(np.log(most / least), 1e-9)
            cells = np.where(share > 0, np.clip(height, 0, 1), np.nan)
            charts.append(Chart(x=x, y=y, title=title, cells=cells))
    return draw(charts, columns=6, heading="Share per bin", size=(300, 250))


def draw_codes(
    codes: np.ndarray,
    prior: Any,
    distances: Sequence[float],
    correlations: Mapping[str, np.ndarray],
) -> Image.Image:
    """Each number of the code against its prior, a distribution of scipy.stats, and correlations by name."""
    charts = []
    low, high = prior.ppf(1e-5), prior.ppf(1 - 1e-5)
    for column, distance in enumerate(distances[:SHOWN_CODES]):
        values = codes[:, column]
        axis = Axis(label=f"code {column + 1}", low=min(low, values.min()), high=max(high, values.max()))
        edges = axis.edges(BINS)
        counts, _ = np.histogram(values, edges)
        expected = np.diff(prior.cdf(edges))
        share = counts / len(values)
        top = 1.25 * max(share.max(), expected.max())
        y = Axis(label="share per bin", low=0.0, high=top)
        middles = (edges[:-1] + edges[1:]) / 2
        points = {"codes": (middles, share, np.sqrt(counts) / len(values))}
        words = (f"KS {distance:.3f}",)
        charts.append(Chart(x=axis, y=y, points=points, steps={"prior": (edges, expected)}, words=words))
    for name, matrix in correlations.items():
        names = RARENESS[:4] if name == AUXILIARY else tuple(str(n + 1) for n in range(len(matrix)))
        axis = Axis(label="", low=0.0, high=1.0, names=names)
        charts.append(Chart(x=axis, y=axis, title=f"correlation of {name}", cells=matrix, is_signed=True))
    return draw(charts, columns=3)


def draw_scores(scores: Two, names: tuple[str, str], auc: float, error: float) -> Image.Image:
    """The trees' scores of the held-out rows of both kinds, called ``names``, and their ROC curve."""
    axis = Axis(label=f"trees' probability of being {names[0]}", low=0.0, high=1.0)
    spread = _histogram(axis, axis.edges(BINS), scores, is_log=True, names=names)
    thresholds = np.unique(np.concatenate(scores))[::-1]
    rates = [1 - np.searchsorted(np.sort(each), thresholds) / len(each) for each in scores]
    true, false = (np.concatenate([[0.0], rate, [1.0]]) for rate in rates)
    curve = Chart(
        x=Axis(label=f"{names[1]}, taken for {names[0]}", low=0.0, high=1.0),
        y=Axis(label=f"{names[0]}, found", low=0.0, high=1.0),
        lines={"trees (guessing: the diagonal)": (false, true)},
        guides=[(np.array([0.0, 1.0]), np.array([0.0, 1.0]))],
        title=f"AUC {auc:.4f} ± {error:.4f}",
    )
    return draw([spread, curve], columns=2)


def draw_progress(epochs: np.ndarray, figures: Mapping[str, np.ndarray], best: int) -> Image.Image:
    """Figures by epoch; ``best``: the epoch whose weights were kept."""
    charts = []
    x = Axis(label="epoch", low=0.0, high=float(max(epochs.max(), 1)))
    for name, values in figures.items():
        is_log = bool(values.min() > 0) and name != "val/auc"
        low, high = (0.8 * values.min(), 1.25 * values.max()) if is_log else (min(0.0, values.min()), values.max())
        guides: list[tuple[np.ndarray, np.ndarray]] = []
        if name == "val/auc":
            low, high = min(0.45, values.min()), max(1.0, values.max())
            guides = [(np.array([0.0, x.high]), np.array([0.5, 0.5]))]
        kept = values[epochs == best]
        marks = {"weights kept": (epochs[epochs == best], kept, np.zeros(len(kept)))}
        y = Axis(label="", low=float(low), high=float(high) if high > low else float(low) + 1, is_log=is_log)
        charts.append(Chart(x=x, y=y, title=name, lines={name: (epochs, values)}, points=marks, guides=guides))
    return draw(charts, columns=2)


def _axis(variable: Variable, pair: Sequence[np.ndarray], *, is_cut: bool) -> Axis:
    """Wide enough for both samples, or for all but ``TAIL`` at either end."""
    if variable.names:
        return Axis(label=variable.label, low=-2.0, high=2.0, names=variable.names)
    ends = [np.quantile(each, [TAIL, 1 - TAIL] if is_cut else [0, 1]) for each in pair]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    if variable.is_log:
        low = max(low, 1e-4 * high)
    return Axis(
        label=variable.label, low=float(low), high=float(high if high > low else low + 1), is_log=variable.is_log
    )


def _histogram(
    axis: Axis,
    edges: np.ndarray,
    pair: Sequence[np.ndarray],
    *,
    is_log: bool,
    names: tuple[str, str] = (REAL, GENERATED),
    words: tuple[str, ...] = (),
) -> Chart:
    """The first as points with errors, the second as a line, both as shares of all."""
    counts = [np.histogram(each, edges)[0] for each in pair]
    first, second = (count / len(each) for count, each in zip(counts, pair, strict=True))
    top = max(first.max(), second.max(), 1e-9)
    low, high = (0.5 / max(map(len, pair)), 3 * top) if is_log else (0.0, 1.25 * top)
    y = Axis(label="share per bin", low=low, high=high, is_log=is_log)
    middles = np.sqrt(edges[:-1] * edges[1:]) if axis.is_log else (edges[:-1] + edges[1:]) / 2
    points = {names[0]: (middles, first, np.sqrt(counts[0]) / len(pair[0]))}
    return Chart(x=axis, y=y, points=points, steps={names[1]: (edges, second)}, words=words)
