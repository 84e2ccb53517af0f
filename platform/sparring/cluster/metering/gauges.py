"""Ray's gauges of one study: what is shown to them reaches Prometheus through Ray's own metrics agent.

Ray takes a gauge's value to the agent every ten seconds and forgets it after twenty, so a figure that is no longer
known goes, and so does all of a process that died.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .series import MOST, SERIES, STUDY, Reading

if TYPE_CHECKING:
    from ray.util.metrics import Gauge

RECORD_S = 5.0
"""Seconds between two takings: two in each of Ray's ten."""

_LOGGER = logging.getLogger(__name__)


class Gauges:
    """The gauges that one process shows. study: its name. clock: monotonic seconds."""

    def __init__(self, study: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._study, self._clock = study, clock
        self._gauges: dict[str, Gauge] = {}
        self._shown: set[tuple[str, ...]] = set()
        self._due = -math.inf

    def show(self, take: Callable[[], Iterable[Reading]]) -> bool:
        """Takes readings if it is time, and shows them; whether it did.

        Beyond ``MOST`` series new ones are left out: a study must not flood the cluster's Prometheus.
        """
        if self._clock() < self._due:
            return False
        self._due = self._clock() + RECORD_S
        with self.tolerating():
            for name, value, tags in take():
                known = (name, *tags.values())
                if math.isfinite(value) and (known in self._shown or len(self._shown) < MOST):
                    self._shown.add(known)
                    self._gauge(name).set(float(value), tags={STUDY: self._study, **tags})
        return True

    @contextmanager
    def tolerating(self) -> Iterator[None]:
        """Whatever goes wrong inside costs the metrics and never the search; it is logged once."""
        try:
            yield
        except Exception as error:  # a mistake of ours too
            if self._due < math.inf:
                _LOGGER.warning("study %s shows no more metrics: %r", self._study, error)
            self._due = math.inf

    def _gauge(self, name: str) -> Gauge:
        if name not in self._gauges:
            # Not before the driver has said how Ray authenticates: at its import Ray reads that, once.
            from ray.util.metrics import Gauge

            series = SERIES[name]
            self._gauges[name] = Gauge(name, series.help, (STUDY, *series.tags))
        return self._gauges[name]
