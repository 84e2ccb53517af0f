"""What Prometheus reads at /metrics, in its text format, version 0.0.4."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Histogram:
    """Counts by upper bound."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, labels: str = "") -> list[str]:
        """Of the text format. labels: ``verb="predict"``."""
        comma = "," if labels else ""
        lines, total = [], 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            lines.append(f'{name}_bucket{{{labels}{comma}le="{bound}"}} {total}')
        inside = f"{{{labels}}}" if labels else ""
        return [*lines, f"{name}_sum{inside} {self._sum}", f"{name}_count{inside} {total}"]


class Meter:
    """Counts of one server. It is used from its event loop alone."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.switches = 0
        self.failed_looks = 0
        self._requests: dict[tuple[str, int], int] = defaultdict(int)
        self._seconds: dict[str, Histogram] = defaultdict(lambda: Histogram(SECONDS))
        self._rows: dict[str, int] = defaultdict(int)
        self._batches = Histogram(ROWS)

    def count_request(self, verb: str, status: int, seconds: float) -> None:
        """One request that has ended. status: 0 if the caller went away."""
        self._requests[verb, status] += 1
        self._seconds[verb].add(seconds)

    def count_batch(self, verb: str, rows: int) -> None:
        """One call of the model."""
        self._rows[verb] += rows
        self._batches.add(rows)

    def page(self, model: str, version: int) -> str:
        """What Prometheus reads. version: that is in use."""
        lines = [
            *_head("sparring_requests_total", "counter", "Requests that ended, by verb and status; 0: caller left."),
            *(
                f'sparring_requests_total{{verb="{verb}",status="{status}"}} {count}'
                for (verb, status), count in sorted(self._requests.items())
            ),
            *_head("sparring_request_seconds", "histogram", "From a request's first byte to its answer's last."),
        ]
        for verb, seconds in sorted(self._seconds.items()):
            lines += seconds.lines("sparring_request_seconds", f'verb="{verb}"')
        lines += [
            *_head("sparring_rows_total", "counter", "Rows answered, by verb."),
            *(f'sparring_rows_total{{verb="{verb}"}} {count}' for verb, count in sorted(self._rows.items())),
            *_head("sparring_batch_rows", "histogram", "Rows of one call of the model."),
            *self._batches.lines("sparring_batch_rows"),
            *_head("sparring_requests_in_flight", "gauge", "Requests that are being read or answered."),
            f"sparring_requests_in_flight {self.in_flight}",
            *_head("sparring_model_version", "gauge", "The version in use."),
            f'sparring_model_version{{model="{model}"}} {version}',
            *_head("sparring_switches_total", "counter", "Switches to another version."),
            f"sparring_switches_total {self.switches}",
            *_head("sparring_failed_looks_total", "counter", "Looks at production that failed; the old version stays."),
            f"sparring_failed_looks_total {self.failed_looks}",
        ]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, words: str) -> list[str]:
    return [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
