"""What an earlier training left in a folder: its weights are not lost, its answers not taken for those of new ones."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path

from ...errors import SpaceError, UsageError
from ...space import changes, read_space, settings_of
from ..handover.manifest import digest
from ..loading.trained_folder import WEIGHTS

PINNED = "pinned.toml"
ANSWERS = ("predictions", "reconstructions", "samples", "outliers")
"""Folders that the verbs make beside the weights which answered."""


def check_same(folder: Path, raw: Mapping[str, object]) -> None:
    """Raises UsageError if ``folder`` holds weights of another configuration than ``raw``, with what differs."""
    if not (folder / WEIGHTS).is_file():
        return
    try:
        told = changes(settings_of(read_space(folder / PINNED)), settings_of(raw))
    except SpaceError as error:
        told = str(error)
    if told:
        free = next(each for n in count(2) if not (each := folder.with_name(f"{folder.name}-{n}")).exists())
        raise UsageError(
            f"-o: {folder} holds weights of another configuration, and they are not overwritten: {told}; "
            f"name another folder, such as -o {free}, or remove this one"
        )


def weights_of(folder: Path) -> str | None:
    """The checksum of the folder's weights; None if there are none."""
    path = folder / WEIGHTS
    return digest(path.read_bytes()) if path.is_file() else None


def set_answers_aside(folder: Path, before: str | None) -> Path | None:
    """Moves the answers of other weights, whose checksum was ``before``, into a folder ``earlier-N``; returns that."""
    found = [folder / name for name in ANSWERS if (folder / name).is_dir()]
    if not found or before is None or before == weights_of(folder):
        return None
    aside = next(each for n in count(1) if not (each := folder / f"earlier-{n}").exists())
    aside.mkdir()
    for each in found:
        each.rename(aside / each.name)
    return aside
