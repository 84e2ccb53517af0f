"""Folders that hold the parts of a published split side by side, told by how their names end: xyz_train, xanes_test.

They are parts and not one pool: rows that were published to be tested on must never be trained on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...errors import DataError
from ..dataset import PARTS, Part

_WORDS: Mapping[str, Part] = {
    "train": "train", "training": "train", "val": "valid", "valid": "valid", "validation": "valid", "test": "test",
    "testing": "test",
}  # fmt: skip


def part_of(folder: Path) -> Part | None:
    """The part that the last word of a folder's name says, words ending at ``_``, ``-``, ``.`` or a space."""
    return _WORDS.get(re.split(r"[_\-. ]", folder.name.lower())[-1])


def folders_by_part(path: Path, folders: Iterable[Path]) -> dict[Part, list[Path]]:
    """The parts in ``path``, in their order, each with its folders; empty unless train and another part are there.

    folders: those that hold samples, ``path`` itself among them if it does. Raises DataError if some say no part.
    """
    found = {folder: part_of(folder) if folder != path else None for folder in folders}
    parts = {part: [folder for folder, own in found.items() if own == part] for part in PARTS if part in found.values()}
    if "train" not in parts or len(parts) < 2:
        return {}
    for folder, own in found.items():
        if own is None:
            raise DataError(
                f"{path}: its folders are the parts {' and '.join(parts)} of a split, but {folder} holds samples and "
                "says no part; end its name in _train, _valid or _test, or move it away"
            )
    return parts
