"""Which files may leave the mirror: those that are gone here and whose successor is there. One rule for each table.

gone: names in the mirror and no longer in the study's folder; kept: names in both. A name is relative to the study, as
in ``trials/00000042-t00007-a1-5f3a9c01.parquet``.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from .. import read_trials
from ..checkpoints import read_checkpoint_name
from ..parts import sequence_of
from ..weights import WEIGHTS


def is_merged(name: str) -> bool:
    """Is it a part that took the place of others?"""
    return "-merged-" in name or "-full-" in name


def replaced_parts(gone: Iterable[str], merged: Mapping[str, Collection[int]], folder: Path) -> list[str]:
    """Parts whose rows are in a merged part that is there.

    merged: by table the sequence numbers that its merged parts in the mirror have replaced. folder: the study's here.
    """
    # A part that was damaged here after it was sent has left its table too; the mirror may hold its last whole copy.
    torn = folder / "_torn"
    aside = set(os.listdir(torn)) if torn.exists() else set()

    def is_replaced(name: str) -> bool:
        table, _, part = name.partition("/")
        return sequence_of(part) in merged.get(table, ()) and f"{table}-{part}" not in aside

    return list(filter(is_replaced, gone))


def replaced_checkpoints(gone: Iterable[str], kept: Iterable[str], folder: Path) -> list[str]:
    """Checkpoints of which a later one of the same trial is there, and those whose trial has ended."""
    newest: dict[int, int] = {}
    for name in kept:
        checkpoint = read_checkpoint_name(name)
        if checkpoint is not None:
            newest[checkpoint.trial] = max(newest.get(checkpoint.trial, 0), checkpoint.epoch)
    replaced, without_later = [], {}
    for name in gone:
        checkpoint = read_checkpoint_name(name)
        if checkpoint is None:
            continue
        if checkpoint.epoch <= newest.get(checkpoint.trial, -1):
            replaced.append(name)
        else:
            without_later[name] = checkpoint.trial
    # The table of trials is read only where it decides: it may have 10,000 rows.
    ended = set(read_trials(folder).table["trial"].to_pylist()) if without_later else set()
    return replaced + [name for name, trial in without_later.items() if trial in ended]


def replaced_weights(gone: Iterable[str], kept: Iterable[str]) -> list[str]:
    """Weights of trials that lead no more, once those of some leader are there."""
    # A study always keeps its leaders' weights, so a folder without any has lost them, and the mirror must not follow.
    if not any(name.startswith(f"{WEIGHTS}/") for name in kept):
        return []
    return [name for name in gone if name.startswith(f"{WEIGHTS}/")]
