"""The scale on which figures are compared: logarithms where all are above zero, so noise is a share; low is good."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ...records import Objective


@dataclass(frozen=True)
class Scale:
    """From a figure to a number of which the lower is the better, and back."""

    sign: float
    is_log: bool

    def take(self, figure: float) -> float:
        """figure: finite, and above zero on a scale of logarithms."""
        return self.sign * (math.log(figure) if self.is_log else figure)

    def figure(self, taken: float) -> float:
        """The inverse of ``take``. The mean of logarithms becomes the geometric mean."""
        return math.exp(self.sign * taken) if self.is_log else self.sign * taken

    def show(self, distance: float) -> str:
        """A distance on the scale, in words: ``2.1 %`` where it is a share, else in the figure's unit."""
        return f"{100 * math.expm1(distance):.2g} %" if self.is_log else f"{distance:.2g}"


def scale_of(objective: Objective, figures: Iterable[float]) -> Scale:
    """Logarithms if every figure is above zero. A discrepancy that subtracts its own noise may lie below it."""
    return Scale(objective.sign, all(figure > 0 for figure in figures))
