"""Figures of muons: every variable, every pair of variables, codes, the trees' scores, and the figures by epoch.

Most figures compare a real sample with a generated one in physical units. Real rows are drawn as points with
statistical errors, generated rows as a line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ...data.physics.kinematics import RARENESS
from .muon_variables import Variable
from .style import FRAME, histogram, in_symbols, look, name_all, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REAL, GENERATED = "real", "generated"
AUXILIARY = "the auxiliary values"
BINS = 50
SHOWN_CODES = 11


Two = tuple[np.ndarray, np.ndarray]
"""Real and generated, (N, columns) and (M, columns)."""


class Distribution(Protocol):
    """A distribution of scipy.stats, as far as it is used here."""

    def cdf(self, values: np.ndarray) -> np.ndarray:
        """Chance of a draw at or below each value, same shape."""
        ...

    def ppf(self, shares: Sequence[float]) -> np.ndarray:
        """The value below which each share of the draws lies."""
        ...


@look()
def draw_variables(
    variables: Sequence[Variable], samples: Mapping[str, np.ndarray], distances: Sequence[float] = ()
) -> Figure:
    """A histogram per variable, of one sample or two.

    samples: by name, (N, variables). distances: Kolmogorov and Smirnov's, by variable, for the titles.
    """
    figure, frames = sheet(len(variables), columns=4 if len(variables) > 4 else 2)
    for column, (variable, frame) in enumerate(zip(variables, frames, strict=True)):
        values = {name: rows[:, column] for name, rows in samples.items()}
        edges = variable.edges(list(values.values()), len(variable.names) or BINS, is_cut=variable.is_log)
        _lie_along(frame, variable, edges)
        _fill(frame, edges, values, is_log=variable.is_log_y)
        if variable.names:
            frame.set_xticks([-1, 1], variable.names)
        if distances:
            frame.set_title(f"KS {distances[column]:.3f}", loc="right")
    figure.supylabel("share per bin")
    name_all(figure)
    return figure


@look()
def draw_pairs(variables: Sequence[Variable], both: Two) -> Figure:
    """Two maps per pair of variables, real and generated, to one logarithmic scale; a charge is left out."""
    from matplotlib.colors import LogNorm

    bins = int(np.clip(np.sqrt(min(map(len, both))) / 2, 12, 60))
    columns = [column for column, variable in enumerate(variables) if not variable.names]
    pairs = list(combinations(columns, 2))
    edges = {
        column: variables[column].edges([rows[:, column] for rows in both], bins, is_cut=True) for column in columns
    }
    maps = [
        np.histogram2d(rows[:, first], rows[:, second], [edges[first], edges[second]])[0].T / len(rows)
        for first, second in pairs
        for rows in both
    ]
    # The scale begins below a single row, which would otherwise be nearly white.
    row = 1 / max(map(len, both))
    norm = LogNorm(0.2 * row, max(row, *(shares.max() for shares in maps)))
    figure, frames = sheet(len(maps), columns=6, size=(2.3, 2.0))
    for number, (frame, shares) in enumerate(zip(frames, maps, strict=True)):
        x, y = pairs[number // 2]
        cells = frame.pcolormesh(edges[x], edges[y], np.ma.masked_equal(shares, 0), norm=norm, cmap="Blues")
        frame.set_yscale(variables[y].scale)
        _lie_along(frame, variables[x], edges[x])
        if not variables[x].is_log:
            frame.locator_params("x", nbins=3)
        if number % 2:
            frame.set_title(GENERATED)
            frame.tick_params("y", which="both", labelleft=False)
        else:
            frame.set(title=REAL, ylabel=in_symbols(variables[y].label))
    figure.colorbar(cells, ax=frames, label="share per bin", aspect=60, fraction=0.02, pad=0.01)
    return figure


@look()
def draw_codes(
    codes: np.ndarray,
    priors: Sequence[Distribution],
    distances: Sequence[float],
    correlations: Mapping[str, np.ndarray],
) -> Figure:
    """Each number of the code against its prior, a distribution as scipy.stats has them, and correlations by name."""
    numbers = codes.T[:SHOWN_CODES]
    figure, frames = sheet(len(numbers) + len(correlations), columns=3)
    for number, (values, prior, distance, frame) in enumerate(
        zip(numbers, priors, distances, frames, strict=False), start=1
    ):
        ends = prior.ppf([1e-5, 1 - 1e-5])
        edges = np.linspace(min(ends[0], values.min()), max(ends[1], values.max()), BINS + 1)
        histogram(frame, edges, values, "codes", is_points=True)
        frame.stairs(np.diff(prior.cdf(edges)), edges, linewidth=1.2, label="prior")
        frame.set(xlabel=f"code {number}", ylabel="share per bin", ylim=(0, None))
        frame.set_title(f"KS {distance:.3f}", loc="right")
    for (name, matrix), frame in zip(correlations.items(), frames[len(numbers) :], strict=True):
        size = len(matrix)
        start, end = 0.5, size + 0.5
        table = frame.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto", extent=(start, end, end, start))
        frame.set_title(f"correlation of {name}")
        if name == AUXILIARY:
            names = [in_symbols(name) for name in RARENESS[:size]]
            frame.set(xticks=range(1, size + 1), xticklabels=names, yticks=range(1, size + 1), yticklabels=names)
        if size > SHOWN_CODES:  # numbers would overlap
            figure.colorbar(table, ax=frame)
            continue
        for (row, column), value in np.ndenumerate(matrix):
            colour = "white" if abs(value) > 0.6 else "black"
            frame.text(column + 1, row + 1, f"{round(value, 2) + 0.0:.2f}", ha="center", va="center", color=colour)
    name_all(figure)
    return figure


@look()
def draw_scores(scores: Two, names: tuple[str, str], auc: float, error: float) -> Figure:
    """The trees' scores of both sides, whose names are ``names``, and their ROC curve.

    scores: probabilities of the first side, (N,) and (M,); none of these rows trained the trees.
    """
    from sklearn.metrics import roc_curve

    figure, (spread, curve) = sheet(2, columns=2, size=(3.6, 2.8))
    _fill(spread, np.linspace(0, 1, BINS + 1), dict(zip(names, scores, strict=True)), is_log=True)
    spread.set(xlabel=f"trees' probability of being {names[0]}", ylabel="share per bin", xlim=(0, 1))
    false, true, _ = roc_curve(np.repeat([1, 0], [len(side) for side in scores]), np.concatenate(scores))
    curve.plot(false, true, color="C2", label="trees")
    curve.plot([0, 1], [0, 1], color=FRAME, label="guessing")
    curve.set(xlabel=f"{names[1]}, taken for {names[0]}", ylabel=f"{names[0]}, found")
    curve.set_title(f"AUC {auc:.4f} ± {error:.4f}")
    name_all(figure)
    return figure


@look()
def draw_progress(epochs: np.ndarray, figures: Mapping[str, np.ndarray], best: int) -> Figure:
    """Figures by epoch; ``best``: the epoch whose weights were kept."""
    figure, frames = sheet(len(figures), columns=3)
    for frame, (name, values) in zip(frames, figures.items(), strict=True):
        frame.plot(epochs, values)
        frame.plot(epochs[epochs == best], values[epochs == best], "o", label="weights kept")
        frame.set(title=name, xlabel="epoch")
        frame.set_xlim(0, epochs.max() + 1)
        frame.locator_params("x", integer=True)
        if name == "val/auc":
            frame.axhline(0.5, color=FRAME, zorder=1, label="perfect")
            frame.set_ylim(min(0.45, values.min()), 1)
        elif values.min() > 0:
            frame.set_yscale("log")
    name_all(figure)
    return figure


def _lie_along(frame: Axes, variable: Variable, edges: np.ndarray) -> None:
    """Makes the variable the horizontal axis. Labels of a logarithmic axis are long, so only some ticks get one."""
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    frame.set(xlabel=in_symbols(variable.label), xscale=variable.scale, xlim=(edges[0], edges[-1]))
    if not variable.is_log:
        return
    ratio = edges[-1] / edges[0]
    if ratio < 10:
        frame.xaxis.set_major_locator(MaxNLocator(3))
        numbers = ScalarFormatter()
        numbers.set_powerlimits((-3, 4))
        frame.xaxis.set_major_formatter(numbers)
    labelled = "25" if 10 <= ratio < 100 else ""  # the first digits of the minor ticks that get a label

    def label(value: float, _position: float) -> str:
        digit = f"{value:e}"[0]
        return "" if digit not in labelled else f"{value:g}" if value > 0.1 else digit

    frame.xaxis.set_minor_formatter(label)


def _fill(frame: Axes, edges: np.ndarray, samples: Mapping[str, np.ndarray], *, is_log: bool) -> None:
    """Histograms, of two samples the first as points. A logarithmic axis begins at half a row."""
    for number, (name, values) in enumerate(samples.items(), start=1):
        histogram(frame, edges, values, name, is_points=number < len(samples))
    if is_log:
        low = 0.5 / max(map(len, samples.values()))
        frame.set_ylim(low, 2 * max(frame.dataLim.ymax, low))
        frame.set_yscale("log")
    else:
        frame.set_ylim(0, None)
