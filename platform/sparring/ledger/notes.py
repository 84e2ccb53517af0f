"""What people write about a study and its trials: ``notes.toml``, a plain file to which every note is added at the end.

A note is one block, written by one call to the end of the file, so that two writers lose nothing and a person may
edit the file by hand. It is no part of what the study found: nothing is computed from it, and no mirror holds it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import tomli_w

from ..errors import LedgerError, UsageError
from ..untrusted.texts import read_toml

NOTES = "notes.toml"

LONGEST = 2_000
"""Characters of a note."""

MOST_BYTES = 1_000_000
"""Of the file."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """One note."""

    text: str
    trial: int | None = None
    """None: it is of the study."""
    written: datetime | None = None
    """In UTC; None where somebody wrote the file by hand and left it out."""


def read_notes(folder: Path) -> tuple[Note, ...]:
    """A study's notes, in the order in which they stand. Raises LedgerError for a file that is not understood."""
    path = folder / NOTES
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MOST_BYTES:
        raise LedgerError(f"{path} holds more than {MOST_BYTES:,} bytes; shorten it")
    try:
        tables = read_toml(data.decode("utf-8"))
        return tuple(_note(table) for table in tables.get("note", []))
    except (ValueError, TypeError) as error:
        raise LedgerError(f"{path} is not as it must be: {error}; mend it by hand, or move it away") from error


def add_note(folder: Path, text: str, trial: int | None = None, now: datetime | None = None) -> Note:
    """Adds a note durably. trial: one that has begun; the caller's to check.

    Raises UsageError for an empty or too long text, or a file that is full or cannot be written, LedgerError as
    ``read_notes``: nothing is added to a file that is not understood.
    """
    text = text.strip()
    if not 0 < len(text) <= LONGEST:
        raise UsageError(f"a note has 1 to {LONGEST:,} characters, but this one has {len(text):,}")
    read_notes(folder)
    written = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    table = {"written": written, **({} if trial is None else {"trial": trial}), "text": text}
    path, block = folder / NOTES, f"[[note]]\n{tomli_w.dumps(table)}\n".encode()
    if path.exists() and path.stat().st_size + len(block) > MOST_BYTES:
        raise UsageError(f"{path} is full: {MOST_BYTES:,} bytes at most; shorten it by hand")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            os.write(descriptor, block)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    return Note(text=text, trial=trial, written=written)


def notes_of(notes: Sequence[Note], trial: int | None) -> list[Note]:
    """Those of one trial, or with None those of the study."""
    return [note for note in notes if note.trial == trial]


def _note(table: object) -> Note:
    if not isinstance(table, dict) or not isinstance(table.get("text"), str):
        raise ValueError('every [[note]] has a text = "…"')
    trial, written = table.get("trial"), table.get("written")
    if trial is not None and (not isinstance(trial, int) or isinstance(trial, bool) or trial < 0):
        raise ValueError(f"a note's trial is a number from 0 on, but got {trial!r}")
    if written is not None and not isinstance(written, datetime):
        raise ValueError(f"a note's written is a time such as 2026-11-30T12:00:00Z, but got {written!r}")
    return Note(text=table["text"], trial=trial, written=written)
