"""Where the trials' seconds went: waiting for a slot, starting, training, reporting, lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ..ledger.schema import OVERHEAD
from ..records import TrialRow

STAGES: Mapping[str, str] = {
    "wait_s": "waiting for a slot",
    "start_s": "starting",
    "wall_s": "training and validation",
    "report_s": "reports and checkpoints",
    "lost_s": "lost with a slot or an error",
}
"""What each of TrialRow's seconds is called, in the order in which a trial comes by them."""


class Stage(NamedTuple):
    """One part of what the timed trials took together."""

    name: str
    seconds: float
    share: float
    """Of all their seconds, 0 to 1."""


def timed(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """Those of which all seconds are known: not those of an older study, nor those that outlived a referee."""
    return [row for row in rows if all(getattr(row, name) is not None for name in OVERHEAD)]


def stages(rows: Sequence[TrialRow]) -> Iterator[Stage]:
    """The parts in their order. rows: timed ones."""
    sums = {name: sum(getattr(row, name) for row in rows) for name in STAGES}
    whole = sum(sums.values()) or 1.0
    for name, said in STAGES.items():
        yield Stage(said, sums[name], sums[name] / whole)


def timing_sentence(rows: Sequence[TrialRow]) -> str:
    """Of which trials the seconds are; rows: all that have ended."""
    known = len(timed(rows))
    whose = f"all {known}" if known == len(rows) else f"{known} of {len(rows)}"
    rest = "" if known == len(rows) else "; of the others, which a resume went on with, only the training is known"
    return f"Seconds of {whose} trials by the wall's clock, pauses left out{rest}"
