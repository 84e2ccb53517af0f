"""A study's tables as they grow: parts never change, so only new ones are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ...ledger import read_study
from ...ledger.parts import latest, list_parts, read_parts
from ...ledger.schema import KEYS, Columns


class GrowingTable:
    """One table of a study, unique and sorted by its keys; read anew only where parts have come or were merged."""

    def __init__(self, folder: Path, name: str, schema: pa.Schema, keep: pc.Expression | None = None) -> None:
        self.folder, self.keys, self.schema, self.keep = folder / name, KEYS[name], schema, keep
        self.table: pa.Table = schema.empty_table()
        self._known: frozenset[str] = frozenset()

    def poll(self) -> bool:
        """Looks for new parts; True if there were some. Raises LedgerError if the folder may not be read."""
        names = frozenset(list_parts(self.folder)[1])
        if names == self._known:
            return False
        if self._known <= names:
            fresh = read_parts(self.folder, self.schema, self.keys, keep=self.keep, without=self._known)
            self.table = latest(pa.concat_tables([self.table, fresh.table]), self.keys)
        else:  # parts were merged: which of the rows are known can no longer be told by name
            self.table = read_parts(self.folder, self.schema, self.keys, keep=self.keep).table
        # A part that came between the two looks is read twice, which ``latest`` undoes.
        self._known = names
        return True


class StudyTables:
    """Trials, attempts and the leading objective by epoch. Raises as ``read_study``."""

    def __init__(self, folder: Path, metric: str) -> None:
        study = read_study(folder)
        self.kinds, self.metrics = study["kinds"], study["metrics"]
        schemas = Columns(folder.resolve().name, self.kinds, self.metrics).schemas
        self.trials = GrowingTable(folder, "trials", schemas["trials"])
        self.attempts = GrowingTable(folder, "attempts", schemas["attempts"])
        self.epochs = GrowingTable(folder, "epochs", schemas["epochs"], pc.field("metric") == metric)

    def poll(self) -> bool:
        """Looks for new rows in all three; True if there were some."""
        grown = [table.poll() for table in self._all]  # all of them, also after one that has grown
        return any(grown)

    @property
    def seq(self) -> int:
        """The greatest sequence number of any row; 0 before the first."""
        return max((pc.max(table.table["seq"]).as_py() or 0 for table in self._all), default=0)

    @property
    def _all(self) -> Sequence[GrowingTable]:
        return self.trials, self.attempts, self.epochs
