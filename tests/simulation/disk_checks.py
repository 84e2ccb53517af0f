"""What lies on the disk: the tables as any reader sees them, the leader's weights, and the mirror beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sparring.ledger import attempt_rows, epoch_rows, trial_rows
from sparring.ledger.parts import list_parts
from sparring.ledger.schema import KEYS
from sparring.records import EpochRow
from sparring.referee.referee import Referee

from .slots import weights_of


def tables_hold(folder: Path, is_true: Callable[[EpochRow], None]) -> None:
    """No trial ended twice, no epoch counted twice or missing. is_true: compares an epoch with the truth."""
    rows = trial_rows(folder)
    assert len({row.trial for row in rows}) == len(rows), "a trial ended twice"
    numbers = sorted({row.trial for row in attempt_rows(folder)})
    assert numbers == list(range(len(numbers))), f"begun were {numbers}"
    epochs = Counter[tuple[int, int]]()
    for row in epoch_rows(folder):
        epochs[row.trial, row.epoch] += 1
        is_true(row)
    twice = {each: count for each, count in epochs.items() if count > 1}
    assert not twice, f"epochs counted twice: {twice}"
    of_trial: dict[int, set[int]] = {}
    for trial, epoch in epochs:
        of_trial.setdefault(trial, set()).add(epoch)
    for row in rows:
        own = of_trial.get(row.trial, set())
        assert own == set(range(1, row.epochs + 1)), f"trial {row.trial} of {row.epochs} epochs has {sorted(own)}"


def leader_has_weights(referee: Referee, keys: Mapping[int, str]) -> None:
    """The best trial's weights are there, and are its own. keys: by trial, its values."""
    best = referee.trials.ended.best
    if best is not None:
        packed = referee.trials._weights.read(best.trial)
        assert packed is not None, f"trial {best.trial} leads, and its weights are gone"
        assert packed == weights_of(keys[best.trial], best.epochs), "other weights than the leader's"


def mirror_holds(folder: Path, address: Path) -> None:
    """The mirror holds no row that the ledger lacks."""
    for table in KEYS:
        home, names = list_parts(folder / table)  # a merger may have died between its two renames
        here = set(names)
        beyond = [path for path in sorted((address / table).glob("*.parquet")) if path.name not in here]
        if not beyond:
            continue
        own = {row for name in here for row in _keys_in(home / name, table)}
        for path in beyond:
            more = set(_keys_in(path, table)) - own
            assert not more, f"the mirror's {path.name} has {sorted(more)}, which the ledger lacks"


def _keys_in(part: Path, table: str) -> list[tuple[Any, ...]]:
    rows = pq.read_table(part, columns=list(KEYS[table]), partitioning=None).to_pylist()
    return [tuple(row.values()) for row in rows]
