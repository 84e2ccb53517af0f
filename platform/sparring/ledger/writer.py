"""The one writer of a study: each append is on disk, whole, when it returns."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import LedgerError
from ..records import AttemptRow, EpochRow, Kind, Retraining, TrialRow
from .checkpoints import CHECKPOINTS
from .disk import link, make_folder, publish, remove_folder, rename, swap_folder, sync_folder
from .lock import acquire, release, still_held
from .looks import Look, of_look
from .parts import (
    Parts,
    is_full,
    list_parts,
    merged_folder,
    name_merged,
    name_part,
    old_folder,
    pack,
    read_parts,
    sequence_of,
)
from .retrainings import of_retraining
from .schema import KEYS, Columns
from .weights import WEIGHTS


def _now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """Appends to the tables of one study (``KEYS`` names them), as its only writer; safe among threads.

    folder: the study's, which must exist; kinds: searched hyperparameter -> type; metrics: every metric's name;
    wait_s: seconds to wait for another writer, since one orphaned by ``kill -9`` of its search lives a little longer;
    clock: gives the UTC time for ``started`` and ``ended``, which order nothing: ``seq`` does.

    Opening finishes what a killed writer left half done and moves damaged parts to ``_torn/`` (see ``torn``).
    Raises StudyLocked if another writer stays, LedgerError if the disk refuses.
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        *,
        kinds: Mapping[str, Kind],
        metrics: Sequence[str],
        wait_s: float = 30.0,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.folder = Path(folder)
        self.torn: tuple[str, ...] = ()
        """Damaged parts set aside by this ledger, each with its reason."""
        self.commit_s: deque[float] = deque(maxlen=1000)
        """Seconds that the newest commits took."""
        self._columns = Columns(self.folder.resolve().name, kinds, metrics)
        self._clock = clock
        self._guard = threading.RLock()
        self._lock_path = self.folder / "writer.lock"
        with self._reporting("the ledger could not be opened"):
            self._lock: int | None = acquire(self._lock_path, wait_s)
        try:
            with self._reporting("the ledger could not be opened"):
                self._recover()
        except BaseException:
            self.close()
            raise

    def append_attempt(self, row: AttemptRow) -> bool:
        """Commits the attempt. False, and nothing written, if this attempt is known. Raises LedgerError."""
        with self._guard:
            if (row.trial, row.attempt) in self._attempts:
                return False
            now = self._clock()
            self._commit("attempts", _label(row), lambda seq: self._columns.of_attempt(row, seq, now))
            self._attempts.add((row.trial, row.attempt))
            self._started.setdefault(row.trial, now)
            return True

    def append_epochs(self, rows: Sequence[EpochRow]) -> None:
        """Commits the epochs as one part. Of an epoch appended twice, readers take the later. Raises LedgerError."""
        if rows:
            label = _label(rows[0]) if len({(row.trial, row.attempt) for row in rows}) == 1 else "many"
            with self._guard:
                self._commit("epochs", label, lambda seq: self._columns.of_epochs(rows, seq))

    def append_trial(self, row: TrialRow) -> bool:
        """Commits the trial's end. False, and nothing written, if the trial has ended before. Raises LedgerError."""
        with self._guard:
            if row.trial in self._finished:
                return False
            now = self._clock()
            started = self._started.get(row.trial)
            self._commit("trials", _label(row), lambda seq: self._columns.of_trial(row, seq, started, now))
            self._finished.add(row.trial)
            return True

    def append_look(self, look: Look) -> None:
        """Commits a look at the test rows as one part. Raises LedgerError."""
        with self._guard:
            now = self._clock()
            self._commit("test", f"look-{look.number}", lambda seq: of_look(self._columns, look, seq, now))

    def append_retraining(self, row: Retraining) -> bool:
        """Commits a training from a fresh seed. False, and nothing written, if it is known. Raises LedgerError."""
        with self._guard:
            if (row.trial, row.seed) in self._retrained:
                return False
            now, label = self._clock(), f"t{row.trial:05d}-s{row.seed}"
            self._commit("retrainings", label, lambda seq: of_retraining(self._columns, row, seq, now))
            self._retrained.add((row.trial, row.seed))
            return True

    def part_counts(self) -> dict[str, int]:
        """Parts per table that are not full yet, known without looking at the disk."""
        return dict(self._counts)

    def compact(self, *tables: str) -> None:
        """Merges the parts of each named table (all, if none is named) into one; full parts stay. Raises LedgerError.

        Killed anywhere, it leaves the same rows; the next opening removes what is left over. A foreign reader that has
        listed the parts and not yet opened them meets FileNotFoundError and must list again; ours do.
        """
        with self._guard, self._reporting("the parts could not be merged"):
            for name in tables or KEYS:
                self._check_home()
                self._finish_swap(name)
                folder, merged, old = self._folders(name)
                full = self._parts(name, full=True)
                parts = self._read(name, without=full)
                if parts.sound < 2:
                    continue
                data = pack(parts.table, parts.sequences)
                target = name_merged(self._next_seq(), data)
                make_folder(merged)
                for part in full:
                    link(folder / part, merged / part)
                publish(data, merged / target)  # and with it, by the folder's sync, the links
                swap_folder(folder, merged, old)
                self._counts[name] = 0 if is_full(target) else 1
                remove_folder(old)

    def close(self) -> None:
        """Gives the writer's lock back. Nothing else is pending: appends are on disk when they return."""
        with self._guard:
            if self._lock is not None:
                release(self._lock)
                self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _recover(self) -> None:
        for name in KEYS:
            if (self.folder / name).is_symlink():  # merging renames the folder, which a link would not survive
                raise LedgerError(
                    f"{self.folder / name}: a table is a folder of its own, but this is a link; put the folder here, "
                    "or link the whole study"
                )
            self._finish_swap(name)
            folder = self.folder / name
            make_folder(folder)
            sync_folder(folder)  # what a killed writer had linked, but not synced, counts from here on
        for leftover in (
            path for name in (*KEYS, CHECKPOINTS, WEIGHTS) for path in (self.folder / name).glob(".*.tmp")
        ):
            leftover.unlink()
        self._seq = max((sequence_of(name) for table in KEYS for name in list_parts(self.folder / table)[1]), default=0)
        # Epochs are read for their torn parts alone, which are set aside; millions of rows would not fit in memory.
        tables = {name: self._read(name, keep=pc.scalar(False) if name == "epochs" else None) for name in KEYS}
        self._counts = {name: len(self._parts(name, full=False)) for name in KEYS}
        self._finished: set[int] = set(tables["trials"].table["trial"].to_pylist())
        again = tables["retrainings"].table
        self._retrained = set(zip(again["trial"].to_pylist(), again["seed"].to_pylist(), strict=True))
        self._attempts: set[tuple[int, int]] = set()
        self._started: dict[int, datetime] = {}
        columns = [tables["attempts"].table[name].to_pylist() for name in ("trial", "attempt", "started")]
        for trial, attempt, started in zip(*columns, strict=True):  # sorted, so a trial's first attempt comes first
            self._attempts.add((trial, attempt))
            self._started.setdefault(trial, started)

    def _folders(self, name: str) -> tuple[Path, Path, Path]:
        folder = self.folder / name
        return folder, merged_folder(folder), old_folder(folder)

    def _finish_swap(self, name: str) -> None:
        """Ends what a killed compaction began. If the folder is gone, its merged parts were complete."""
        folder, merged, old = self._folders(name)
        if merged.exists() and not folder.exists():
            rename(merged, folder)
        remove_folder(merged)
        if old.exists():
            sync_folder(self.folder)  # killed before this, the swap might still be undone by a power cut
            remove_folder(old)

    def _parts(self, name: str, *, full: bool) -> list[str]:
        return [part for part in list_parts(self.folder / name)[1] if is_full(part) is full]

    def _read(self, name: str, *, keep: pc.Expression | None = None, without: Sequence[str] = ()) -> Parts:
        """The table's sound parts, see ``read_parts``; torn ones are moved out of every reader's way."""
        folder = self.folder / name
        parts = read_parts(folder, self._columns.schemas[name], KEYS[name], keep=keep, without=without)
        for part, reason in parts.torn.items():
            aside = self.folder / "_torn"
            make_folder(aside)
            text = json.dumps({"part": f"{name}/{part}", "reason": reason, "found": self._clock().isoformat()})
            (aside / f"{name}-{part}.reason.json").write_text(text, encoding="utf-8")
            rename(folder / part, aside / f"{name}-{part}")
            self.torn += (f"{name}/{part}: {reason}",)
        return parts

    def _next_seq(self) -> int:
        self._seq += 1  # also spent by a commit that fails, so that no name is ever given twice
        return self._seq

    def _commit(self, name: str, label: str, build: Callable[[int], pa.Table]) -> None:
        with self._reporting(f"{name}: {label} could not be committed"):
            self._check_home()
            began = time.perf_counter()
            seq = self._next_seq()
            data = pack(build(seq))
            publish(data, self.folder / name / name_part(seq, label, data))
            self.commit_s.append(time.perf_counter() - began)
            self._counts[name] += 1

    def _check_home(self) -> None:
        if self._lock is None:
            raise LedgerError(f"{self.folder}: this ledger is closed; open it again to write")
        if not still_held(self._lock, self._lock_path):
            raise LedgerError(
                f"{self.folder}: the study's folder was removed, moved or unmounted while the search ran; "
                f"put it back and run the same command again"
            )

    @contextmanager
    def _reporting(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException, OverflowError) as error:
            raise LedgerError(
                f"{self.folder}: {what}: {error}; all that was committed before is safe: "
                f"mend that and run the same command again"
            ) from error


def _label(row: AttemptRow | TrialRow | EpochRow) -> str:
    return f"t{row.trial:05d}-a{row.attempt}"
