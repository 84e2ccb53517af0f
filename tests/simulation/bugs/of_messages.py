"""Bugs of what slots are told, and of the mirror."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.ledger.mirror import seeding
from sparring.ledger.mirror.mirror import Mirror
from sparring.referee import trials
from sparring.referee.referee import Referee

from .registry import Patch, bug


@bug
def a_slot_is_told_that_all_is_durable(patch: Patch) -> None:
    real = Referee.report

    def report(self: Referee, rows: Any, **about: Any) -> Any:
        return trials.replace(real(self, rows, **about), durable=rows[-1].epoch)

    patch.setattr(Referee, "report", report)


@bug
def the_mirror_gets_no_weights(patch: Patch) -> None:
    real = Mirror._tensors
    patch.setattr(Mirror, "_tensors", lambda self, folder: {} if folder == "weights" else real(self, folder))


@bug
def a_study_comes_back_without_its_last_part(patch: Patch) -> None:
    real = seeding._fetch

    def fetch(names: Any, folder: Path, store: Any) -> Any:
        ordered = sorted(names, key=lambda name: name.rpartition("/")[2])
        last = [name for name in ordered if name.endswith(".parquet")][-1:]
        return real(set(names) - set(last), folder, store)

    patch.setattr(seeding, "_fetch", fetch)
