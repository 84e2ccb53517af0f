"""What a plain method is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...records import Interval
from ...study.intervals import blocks_of

if TYPE_CHECKING:
    from ...models.config import Config


class RowNumbers(Protocol):
    """Which rows train, validate and test; ``sparring.data.Split`` is one."""

    @property
    def train(self) -> NDArray[np.int64]: ...
    @property
    def valid(self) -> NDArray[np.int64]: ...
    @property
    def test(self) -> NDArray[np.int64]: ...


@dataclass(frozen=True, kw_only=True)
class Task:
    """What the winner was trained for, and on which rows."""

    model: str
    config: Config
    """The winner's; it says how long the code is and in which form the data are read."""
    fields: Mapping[str, np.ndarray]
    """Arrays (n, …) by name; a memory map is read by the rows that are needed."""
    split: RowNumbers
    seed: int = 0
    tests: bool = False
    """Have the winner and the default met on the test rows, so that the methods are to be scored there too?"""

    def rows(self, field: str, part: Literal["train", "valid", "test"], most: int | None = None) -> np.ndarray:
        """The first ``most`` rows of a part, by default all. A split is shuffled, so they are a random draw."""
        return np.ascontiguousarray(self.fields[field][getattr(self.split, part)[:most]])

    @property
    def blocks(self) -> list[NDArray[np.int64]]:
        """The test rows in the blocks by which the winner was scored; none unless they are to be looked at."""
        return blocks_of(self.split.test) if self.tests else []


Figures = Mapping[str, float | Interval]
"""``val/…`` figures, which are numbers, and ``test/…`` figures with their intervals."""


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A plain method, not yet measured."""

    name: str
    figures: Callable[[], Figures]
    """Fits it on the training rows and gives its figures on the validation rows and, if asked, on the test rows."""
    is_floor: bool = False


@dataclass(frozen=True, kw_only=True)
class Yardstick:
    """What one plain method reaches on the validation rows, and on the test rows once they are looked at."""

    name: str
    figures: Mapping[str, float]
    """By the metric's name, in its unit; only metrics that apply to this method."""
    seconds: float
    """Fitting and measuring."""
    is_floor: bool = False
    """Is it the figure that a perfect model would get by chance? A trial is not said to lose to it."""
    test: Mapping[str, Interval] = field(default_factory=dict)
    """Its figures on the test rows, by ``test/…``; empty before the winner is scored there."""

    def figure(self, metric: str) -> float | None:
        """What the method reaches on ``metric``; None where the metric does not apply to it."""
        return self.figures.get(metric)


@contextmanager
def library_call() -> Iterator[None]:
    """Raises DataError, in the library's words, where NumPy or scikit-learn refuses the data.

    Nothing but the library's call belongs inside, so that a mistake of ours surfaces.
    """
    try:
        yield
    except (ValueError, ArithmeticError, RuntimeError) as error:
        raise DataError(first_line(error)) from error


def first_line(error: BaseException) -> str:
    """An error's first line; its class where it has no text."""
    return str(error).partition("\n")[0] or type(error).__name__
