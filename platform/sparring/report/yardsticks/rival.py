"""What a plain method is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ...models.config import Config


class Rows(Protocol):
    """Row numbers of a split; ``sparring.data`` gives one."""

    @property
    def train(self) -> NDArray[Any]: ...
    @property
    def valid(self) -> NDArray[Any]: ...


@dataclass(frozen=True, kw_only=True)
class Task:
    """What the winner was trained for, and on which rows."""

    model: str
    config: Config
    """The winner's: how long its code is, and in which form it reads the data."""
    fields: Mapping[str, NDArray[Any]]
    """Arrays (n, …) by name; a memory map is read by the rows that are needed."""
    split: Rows
    seed: int = 0

    def rows(self, field: str, part: str, most: int | None = None) -> NDArray[Any]:
        """A field's rows of ``train`` or ``valid``, at most so many; a split is shuffled, so the first are a draw."""
        rows: NDArray[Any] = np.ascontiguousarray(self.fields[field][getattr(self.split, part)[:most]])
        return rows


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A plain method, not yet measured."""

    name: str
    figures: Callable[[], Mapping[str, float]]
    """Fits it on the training rows and gives its ``val/…`` figures on the validation rows."""
    is_floor: bool = False


@dataclass(frozen=True, kw_only=True)
class Yardstick:
    """What one plain method reaches on the validation rows."""

    name: str
    figures: Mapping[str, float]
    """By the metric's name, in its unit; only those that mean something of this method."""
    seconds: float
    """Fitting and measuring."""
    is_floor: bool = False
    """Is it what a perfect model would be given, by chance alone? Nobody loses to that."""

    def figure(self, metric: str) -> float | None:
        """What the method reaches on ``metric``; None where that says nothing of it."""
        return self.figures.get(metric)
