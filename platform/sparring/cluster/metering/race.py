"""The gauges of a race, which the driver's process shows: the referee has ended by then."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .gauges import Gauges
from .series import Reading


class RaceGauges:
    """How many re-trainings have ended and how many are to be; ``noise``: σ, once fresh seeds have measured it."""

    def __init__(self, study: str) -> None:
        self._gauges = Gauges(study)
        self._ended, self._asked = 0, 0
        self.noise = math.nan

    def begin(self, count: int) -> None:
        """So many more are trained now."""
        self._asked += count
        self.show()

    def tell(self) -> None:
        """One has ended."""
        self._ended += 1

    def show(self) -> None:
        """As often as one likes: Ray forgets what it is not shown again."""
        self._gauges.show(self.readings)

    def readings(self) -> Iterator[Reading]:
        """What is known now."""
        yield Reading("sparring_retrainings", self._ended, {"state": "ended"})
        yield Reading("sparring_retrainings", self._asked - self._ended, {"state": "to_go"})
        yield Reading("sparring_noise", self.noise, {"of": "fresh_seeds"})
