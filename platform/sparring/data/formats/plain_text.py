"""Lines and numbers of the texts that programs of the field write."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from ...errors import DataError


def lines_of(path: Path) -> list[str]:
    """Lines without byte order mark and trailing blank ones; what is no UTF-8 may only be in a comment."""
    return path.read_text(encoding="utf-8-sig", errors="replace").rstrip().split("\n")


def finite(path: Path, line: int, words: Sequence[str]) -> list[float]:
    """The words of a line as numbers; raises DataError, naming it, unless there are some and all are finite."""
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if not numbers or not all(map(math.isfinite, numbers)):
        raise DataError(f"{path}: line {line} must hold finite numbers, but got {shown([' '.join(words)])}")
    return numbers


def are_numbers(words: Sequence[str]) -> bool:
    """Whether there are words, and all of them numbers."""
    try:
        return bool(words) and all(map(math.isfinite, map(float, words)))
    except ValueError:
        return False


def shown(lines: Sequence[str]) -> str:
    """The first of these lines as a message shows it."""
    return repr(lines[0][:60]) if lines else "nothing"
