"""What the checks look at. Each piece is made when the first check asks for it, and only once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ...data.variants import differing
from ...errors import SparringError
from ...records import Interval
from ...study.intervals import difference
from ..registry.entries import Current, Entry
from ..registry.registry import Registry
from .asking import ProductionModel
from .bundle import TRAINING, open_bundle, read_files
from .candidate import Candidate
from .drift import MOST_ROWS, Drift, measure
from .fresh import PROBE, Examination, write_probe
from .scoring import score


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a promotion demands of speed, memory and rounding."""

    rows: int = 1000
    """Rows on which answers are compared."""
    latency_ms: float = 250.0
    """For 99 % of requests of one row."""
    memory_mb: float = 4000.0
    """For the whole process, MB of 10⁶ bytes."""
    tolerance: float = 1e-5
    """Of answers in float32, as a share of the field's largest value: other batch sizes round otherwise."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A bundle beside what is in production, on the same rows."""

    other: Interval
    """The figure of what is in production."""
    difference: Interval
    """The bundle's figure less that."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A staged bundle, the candidate it was made from, and the registry that it is to enter."""

    candidate: Candidate
    folder: Path
    """Of the staged bundle."""
    name: str
    """Of the model in the registry."""
    registry: Registry
    limits: Limits
    rivals: Mapping[str, float]
    """Figures of methods without a search."""
    begin: Callable[[Path, Path], Callable[[], Examination]]
    """Begins to examine a bundle by a probe; what it returns waits for the end."""

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The staged bundle, as it lies on disk."""
        return read_files(self.folder)

    @cached_property
    def examination(self) -> Examination:
        """What the bundle does alone. Meanwhile what later checks look at is made here."""
        probe = self.folder.parent / PROBE
        write_probe(probe, self.candidate.source, self.candidate.schema, self.candidate.probe(self.limits.rows))
        wait = self.begin(self.folder, probe)
        for name in ("comparison", "interval", "drift"):
            with suppress(Exception):  # whatever it is, the check that looks at it meets it again
                getattr(self, name)
        return wait()

    @cached_property
    def model(self) -> ProductionModel:
        """The bundle's model, in this process. Raises what ``open_bundle`` raises."""
        return open_bundle(self.files, str(self.folder))

    @cached_property
    def interval(self) -> Interval | None:
        """The objective of the bundle's model on held-out rows; None if there are none."""
        return self._score(self.model)

    @cached_property
    def current(self) -> Current | None:
        """What is in production under this name."""
        return self.registry.current(self.name)

    @cached_property
    def history(self) -> tuple[Entry, ...]:
        """Earlier promotions. Raises DataError if the chain is broken."""
        return self.registry.history(self.name)

    @cached_property
    def comparison(self) -> Comparison | str | None:
        """With what is in production, on the same rows; or why it cannot be compared. None if nothing is."""
        if self.current is None:
            return None
        objective, own = self.candidate.study.spec.objective, self.model.loaded.about
        try:
            incumbent = open_bundle(self.registry.read(self.name), f"{self.name}/{self.current.version}")
        except SparringError as error:
            return f"it cannot be read: {error}"
        about, config = incumbent.loaded.about, incumbent.loaded.model.config
        if about.model != own.model or objective.metric not in config.emitted():
            return f"it is another system, {about.model}"
        if about.shapes != own.shapes:
            return f"it reads other rows, of shapes {dict(about.shapes)}"
        if about.dataset == own.dataset and (options := differing(own.dataset, about.data, own.data)):
            return f"it reads the data under another {' and another '.join(options)}"
        if self.interval is None or (other := self._score(incumbent)) is None:
            return "no row is left that did not train this one"
        return Comparison(other=other, difference=difference(self.interval, other))

    @cached_property
    def drift(self) -> Drift | None:
        """How held-out rows lie within the training rows; None if there are none."""
        part = self.candidate.held
        if part is None:
            return None
        return measure(self.files[TRAINING], self.candidate.arrays(part, MOST_ROWS), str(self.folder / TRAINING))

    def _score(self, model: ProductionModel) -> Interval | None:
        part, study = self.candidate.held, self.candidate.study
        return None if part is None else score(model.loaded, study, part)[study.spec.objective.metric]
