"""Studies side by side, as values: each with its best, its way there, and what it was told; and which of them compare.

Two figures compare where they are the same figure of the same rows: one leading objective, one data set to the last
byte, one split. Whatever else differs, be it the system, the space or the code, is what a comparison is for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from string import ascii_uppercase

from ...display import nearby
from ...errors import UsageError
from ...ledger import Look, queued_trials, read_looks, read_study, read_trials, spec_from_json
from ...ledger.schema import to_trial_rows
from ...ledger.study_json import StudyDocument
from ...records import Interval, StudySpec, TrialRow
from ...space.tries import try_names
from ...study.claim import sentences_of
from ...study.fresh_seeds import find_winner
from ..held_out import HeldOut
from .progress import Axis, Line, read_lines
from .settings import Settings, settings_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """One of the studies."""

    label: str
    """A letter, by which tables call it."""
    name: str
    """The study's name; where several have it, its folder."""
    folder: Path
    spec: StudySpec
    rows: tuple[TrialRow, ...]
    """Trials that have ended."""
    looks: tuple[Look, ...]
    settings: Settings
    lines: Mapping[Axis, Line]
    """The best so far, against trials and against seconds."""
    data_sha256: str
    claim: str = ""
    """What the study may claim, by fresh seeds or without them, in a sentence; empty where that is nothing."""
    notes: tuple[str, ...] = ()
    """What the reader must know: torn parts."""

    @cached_property
    def best(self) -> TrialRow | None:
        return find_winner(self.folder, self.rows)

    @property
    def reached(self) -> float | None:
        """The best trial's figure."""
        return None if self.best is None else self.best.value

    @cached_property
    def names(self) -> Mapping[int, str]:
        """What trials are called beside their numbers."""
        return {**try_names(self.spec.space, queued_trials(self.folder)), 0: "default"}

    @cached_property
    def default(self) -> float | None:
        """The published default's, trial 0's; None while it is unfinished."""
        return next((row.value for row in self.rows if row.trial == 0), None)

    @cached_property
    def tested(self) -> Interval | None:
        """The best trial's leading figure on the test rows; None where it was not scored there."""
        held_out = HeldOut(
            objective=self.spec.objective, looks=self.looks, rows=0, ended=len(self.rows), split=self.spec.split,
            best=None if self.best is None else self.best.trial,
        )  # fmt: skip
        return held_out.figure(self.best)

    @cached_property
    def figure_key(self) -> str:
        """The same for studies whose figures compare."""
        objective = self.spec.objective
        return json.dumps([objective.metric, objective.goal, self.spec.dataset, self.data_sha256, self.spec.split])

    @cached_property
    def all_but_seed(self) -> str:
        """The same for studies that differ in nothing but their seed."""
        return self.figure_key + self.settings.without_seed()


@dataclass(frozen=True)
class Comparison:
    """Studies in the order of their labels: those that compare beside each other, within them those of other seeds."""

    studies: tuple[Compared, ...]

    @cached_property
    def groups(self) -> tuple[tuple[Compared, ...], ...]:
        """Studies whose figures compare."""
        return tuple(tuple(each) for _, each in groupby(self.studies, key=lambda study: study.figure_key))


def seeds_of(group: Sequence[Compared]) -> tuple[tuple[Compared, ...], ...]:
    """Those of a group that differ in their seed alone, two or more."""
    found = (tuple(each) for _, each in groupby(group, key=lambda study: study.all_but_seed))
    return tuple(each for each in found if len(each) > 1)


def read_comparison(folders: Sequence[Path]) -> Comparison:
    """Reads the studies, also while they are searched.

    Raises UsageError for fewer than two or one named twice, UnknownName or LedgerError if one is no sound study.
    """
    whole = [folder.resolve() for folder in folders]
    if len(whole) < 2:
        raise UsageError(f"compare: wants two studies or more, but got {len(whole)}; `sparring report` shows one alone")
    twice = next((folder for folder in whole if whole.count(folder) > 1), None)
    if twice is not None:
        raise UsageError(f"compare: study {twice.name} is named twice; name each once")
    names = [folder.name for folder in whole]
    said = [nearby(folder) if names.count(folder.name) > 1 else folder.name for folder in whole]
    read = [_read(folder, name) for folder, name in zip(whole, said, strict=True)]
    ordered = sorted(read, key=lambda study: (_first(read, "figure_key", study), _first(read, "all_but_seed", study)))
    return Comparison(tuple(replace(study, label=label_of(n)) for n, study in enumerate(ordered)))


def label_of(number: int) -> str:
    """A to Z, then AA, AB and so on."""
    letter = ascii_uppercase[number % 26]
    return letter if number < 26 else label_of(number // 26 - 1) + letter


def _first(studies: Sequence[Compared], key: str, study: Compared) -> int:
    """Where the first study of the same key stands, so that a sort keeps the order in which they were named."""
    return [getattr(each, key) for each in studies].index(getattr(study, key))


def _read(folder: Path, name: str) -> Compared:
    document = read_study(folder)
    spec = spec_from_json(document["spec"])
    reading = read_trials(folder)
    return Compared(
        label="",
        name=name,
        folder=folder,
        spec=spec,
        rows=tuple(to_trial_rows(reading.table)),
        looks=read_looks(folder),
        settings=settings_of(spec, document),
        lines=read_lines(folder, spec, reading.table),
        data_sha256=_sha256(document),
        claim=next(iter(sentences_of(folder)), ""),
        notes=tuple(f"{name}: left out, torn: {part}" for part in reading.torn),
    )


def _sha256(document: StudyDocument) -> str:
    identity: Mapping[str, object] = document.get("identity", {})
    return str(identity.get("data_sha256", ""))
