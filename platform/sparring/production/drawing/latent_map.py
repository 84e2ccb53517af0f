"""Codes as points of a plane: the two directions in which they spread the most, coloured by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import look, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 20
"""Classes with a colour of their own, the largest; the others share grey."""
OTHERS = "#b8c0c8"


@look()
def draw_map(codes: np.ndarray, labels: Sequence[str]) -> Figure:
    """codes: (N, numbers). Of more than two numbers the first two principal components, with their share of variance.

    labels: the class of each; empty draws all alike.
    """
    from matplotlib import colormaps

    plane, names = _plane(codes.astype(np.float64))
    figure, (frame,) = sheet(1, columns=1, size=(5.2, 4.6))
    if labels:
        classes = [name for name, _ in Counter(labels).most_common()]
        found = np.array(labels)
        for row, name in enumerate(sorted(classes[:MOST_CLASSES])):
            colour = colormaps["tab10" if len(classes) <= 10 else "tab20"](row)
            x, y = plane[found == name].T
            frame.scatter(x, y, s=6, color=colour, linewidths=0, alpha=0.8, label=name)
        if others := classes[MOST_CLASSES:]:
            x, y = plane[np.isin(found, others)].T
            frame.scatter(x, y, s=6, color=OTHERS, linewidths=0, label=f"{len(others)} more")
    else:
        x, y = plane.T
        frame.scatter(x, y, s=6, linewidths=0, alpha=0.8, label="codes")
    frame.margins(0.05)
    frame.set_xlabel(names[0])
    frame.set_ylabel(names[1])
    figure.legend(loc="outside right upper", markerscale=2, handletextpad=0.2)
    return figure


def _plane(codes: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    """Where the codes lie in the plane, (N, 2), and what its axes are."""
    if codes.shape[1] == 1:
        return np.column_stack([codes[:, 0], np.zeros(len(codes))]), ("code 1", "")
    if codes.shape[1] == 2:
        return codes, ("code 1", "code 2")
    centred = codes - codes.mean(0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    share = np.square(spread) / max(float(np.square(spread).sum()), np.finfo(float).tiny)
    first, second = (f"component {row + 1}, {share[row]:.0%} of the variance" for row in range(2))
    return centred @ directions[:2].T, (first, second)
