"""Trees of ROOT files, read by uproot: ``pip install uproot``."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError

_TREES = {"TTree", "ROOT::RNTuple"}
MOST_RATIO = 1000
"""Bytes that the branches may unfold to, as a multiple of the file's."""
FLOOR = 1 << 26
"""Bytes that the smallest file may unfold to: 64 MiB."""
WIDTH = 8
"""Bytes of a number in memory."""


@contextmanager
def open_tree(path: Path, tree: str | None) -> Iterator[Any]:
    """uproot's tree of this name, or the only one. Raises DataError, with the names, unless one is meant."""
    try:
        uproot: Any = importlib.import_module("uproot")
    except ImportError:
        raise DataError(f"{path}: .root files need uproot; pip install uproot") from None
    with uproot_call(path):
        file = uproot.open(path)
    with file:
        with uproot_call(path):
            classes: dict[str, str] = file.classnames()
        trees = sorted({key.partition(";")[0] for key, name in classes.items() if name in _TREES})
        if tree not in trees and (tree is not None or len(trees) != 1):
            raise DataError(
                f"{path}: one tree must be named, but there are: {', '.join(trees) or 'none'}; "
                f"use --set data.tree={trees[0] if trees else 'NAME'}"
            )
        with uproot_call(path):
            opened = file[tree or trees[0]]
        yield opened


def read_branches(path: Path, tree: Any, names: Collection[str]) -> dict[str, np.ndarray]:
    """Branches of an open tree as arrays. Raises DataError if they cannot be read, or unfold to too much."""
    most, rows = path.stat().st_size * MOST_RATIO + FLOOR, int(tree.num_entries)
    if rows * max(len(names), 1) * WIDTH > most:
        raise DataError(
            f"{path}: its {rows:,} rows unfold to more than {most:,} bytes, as a bomb's do; it was not read"
        )
    with uproot_call(path):
        arrays: dict[str, np.ndarray] = tree.arrays([*names], library="np")
    return arrays


def number_branches(path: Path, tree: Any) -> tuple[list[str], list[str]]:
    """Branches of one number per row, and the others: lists, texts, objects."""
    with uproot_call(path):
        branches: list[str] = list(tree.keys())
        kinds = {name: str(tree[name].typename) for name in branches}
    numbers = [name for name, kind in kinds.items() if kind.removeprefix("std::") in _NUMBERS]
    return numbers, [name for name in kinds if name not in numbers]


_NUMBERS = {
    "bool", "char", "int8_t", "uint8_t", "int16_t", "uint16_t", "int32_t", "uint32_t", "int64_t", "uint64_t", "float",
    "double", "int", "unsigned int", "short", "unsigned short", "long", "unsigned long",
}  # fmt: skip


@contextmanager
def uproot_call(path: Path) -> Iterator[None]:
    """Raises DataError where uproot cannot read the file; nothing but its calls belongs inside."""
    try:
        yield
    except Exception as error:  # uproot names no base class of what a torn file raises
        raise DataError(f"{path}: expected a .root file with a tree, but it cannot be read: {error}") from error
