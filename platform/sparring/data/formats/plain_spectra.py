"""Spectra in plain ``.txt`` files: header lines, then per point an energy and an intensity."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import DataError
from .plain_text import are_numbers, finite, lines_of, shown

HEADERS = 2
"""Header lines that most programs write; among these any line that is no point is one."""
BEGINS_POINT = re.compile(r"\s*([-+.]*\d|[-+]?(nan|inf)\b)", re.IGNORECASE)
FAR = 20
"""A first energy that lies more than so many steps before the next is none."""


def read_plain(path: Path) -> np.ndarray:
    """Energy and intensity of a ``.txt`` file, (points, 2); a third column headed ``std`` is passed over.

    Any number of header lines may stand before the points. One that is two numbers, in the midst of others or far from
    the energies that follow, is refused: it might be a point, and might not.
    """
    lines = lines_of(path)
    start = _first_point(lines)
    width = 3 if lines[:start] and lines[start - 1].strip().endswith(" std") else 2
    if len(lines) - start < 2:
        raise DataError(f"{path}: at least 2 points are needed, but got {len(lines) - start}")
    points = np.empty((len(lines) - start, 2))
    for row, line in enumerate(lines[start:]):
        words = line.split()
        if len(words) != width:
            raise DataError(
                f"{path}: line {start + row + 1} must hold an energy and an intensity, but got {shown([line])}"
            )
        points[row] = finite(path, start + row + 1, words)[:2]
    doubtful = next((line for line in lines[: min(start, HEADERS)] if _is_point(line)), None)
    steps = np.abs(np.diff(points[:3, 0]))
    if start < HEADERS and len(steps) == 2 and steps[0] > FAR * steps[1]:
        doubtful = lines[start]
    if doubtful is not None:
        raise DataError(
            f"{path}: a line of the header may not be two numbers, but got {shown([doubtful])}; remove it, or put a # "
            "before it"
        )
    return points


def _first_point(lines: Sequence[str]) -> int:
    """The first line of the points: after the first two, any line that begins as a number is one, a torn one too."""
    for row, line in enumerate(lines):
        if row >= HEADERS and BEGINS_POINT.match(line):
            return row
        if _is_point(line) and all(map(_is_point, lines[row : HEADERS + 1])):
            return row
    return len(lines)


def _is_point(line: str) -> bool:
    words = line.split()
    return len(words) == 2 and are_numbers(words)
