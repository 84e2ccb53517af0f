"""Athena's project files, ``.prj``: the spectra of a whole beam time, text in Perl's notation, most often zipped.

A group has its settings, ``@args = ('label','foil',…)``, energies in eV, ``@x``, and μ(E), ``@y``, and ends at
``[record]``. Only texts and numbers between quotes and commas are read; nothing is run. A project holds raw μ(E), and
Athena normalises what it shows. So does this reader, by the group's own settings, as the field does it: a line through
the points before the edge and a polynomial through those after it, and their distance at the edge as the unit.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import DataError

MOST_RATIO = 50
"""Bytes of text per byte of the file. Digits deflate to a few times less; a bomb to a thousand."""
FLOOR = 1 << 24
"""Bytes of text that the smallest file may unfold to: 16 MiB."""
_ARRAY = re.compile(r"@(args|x|y)\s*=\s*\((.*)\)\s*;?\s*$")
_TOKEN = re.compile(r"""'((?:[^'\\]|\\.)*+)'|"((?:[^"\\]|\\.)*+)"|([^\s,'"]++)""")
_ESCAPE = re.compile(r"\\(.)")


class Group(NamedTuple):
    """A spectrum of a project."""

    label: str
    args: Mapping[str, str]
    """Athena's settings."""
    points: np.ndarray
    """Energy in eV, shifted as the group says, and μ(E) as the project holds it, (points, 2)."""


def read_project(path: Path) -> list[Group]:
    """The groups of a project in its order; raises DataError, naming the group, for what is torn or no spectrum."""
    groups: list[Group] = []
    found: dict[str, list[str]] = {}
    for line in _text(path).split("\n"):
        if array := _ARRAY.match(line.strip()):
            found[array[1]] = list(_words(array[2]))
        elif line.startswith("[record]"):
            groups.append(_group(path, found, len(groups) + 1))
            found = {}
    if not groups:
        raise DataError(f"{path}: expected Athena's project, groups of @args, @x and @y, but found none")
    return groups


def normalised(path: Path, group: Group) -> np.ndarray:
    """The group's points with the edge's step as unit of μ(E); raises DataError if its settings do not allow it."""
    energy, mu = group.points.T
    if group.args.get("datatype") == "norm" or group.args.get("is_nor") == "1":
        return group.points
    try:
        edge, *ends = (float(group.args[f"bkg_{name}"]) for name in ("e0", "pre1", "pre2", "nor1", "nor2"))
        degree = min(max(int(group.args.get("bkg_nnorm", "3")) - 1, 0), 2)
        before, after = (
            (energy >= edge + low) & (energy <= edge + high) for low, high in (sorted(ends[:2]), sorted(ends[2:]))
        )
        if before.sum() < 2 or after.sum() <= degree:
            raise ValueError(f"{before.sum()} points lie in its range before the edge and {after.sum()} after it")
        line = np.polynomial.Polynomial.fit(energy[before], mu[before], 1)
        curve = np.polynomial.Polynomial.fit(energy[after], mu[after], degree)
        is_fixed = group.args.get("bkg_fixstep") == "1"
        step = float(group.args["bkg_step"]) if is_fixed else float(curve(edge) - line(edge))
        if not (np.isfinite(step) and step > 0):
            raise ValueError(f"its step at the edge is {step:g}")
    except (KeyError, ValueError) as error:
        reason = f"it has no setting {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(
            f"{path}: group {group.label!r} cannot be normalised, for {reason}; set its ranges in Athena, or give "
            "--set data.normalise=false"
        ) from error
    return np.stack([energy, (mu - line(energy)) / step], axis=1)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            is_zipped = file.read(2) == b"\x1f\x8b"
        most = path.stat().st_size * MOST_RATIO + FLOOR
        with gzip.open(path) if is_zipped else path.open("rb") as file:
            text = file.read(most + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: it is torn: {error}; copy it again") from error
    if len(text) > most:
        raise DataError(f"{path}: it unfolds to more than {most:,} bytes, as a bomb does; it was not read")
    if text.lstrip()[:1] == b"{":
        raise DataError(f"{path}: it is a project in JSON; save it from Athena or Larix in Athena's own notation")
    return text.decode("utf-8", errors="replace")


def _words(text: str) -> Iterator[str]:
    """Texts and numbers between commas, as Perl quotes them."""
    for token in _TOKEN.finditer(text):
        quoted = token[1] if token[1] is not None else token[2]
        yield token[3] if quoted is None else _ESCAPE.sub(r"\1", quoted)


def _group(path: Path, found: Mapping[str, list[str]], number: int) -> Group:
    words = found.get("args", [])
    args = dict(zip(words[::2], words[1::2], strict=False))
    label = args.get("label") or f"group-{number}"
    if args.get("datatype") == "chi":
        raise DataError(f"{path}: group {label!r} is chi(k) and has no energies; remove it from the project")
    try:
        energy, mu = (np.array([float(word) for word in found[name]]) for name in ("x", "y"))
        shift = float(args.get("bkg_eshift") or 0)
    except KeyError as error:
        raise DataError(f"{path}: group {label!r} has no @{error.args[0]}; save the project again") from None
    except ValueError as error:
        raise DataError(f"{path}: group {label!r} must hold numbers: {error}") from None
    points = np.stack([energy + shift, mu], axis=1) if len(energy) == len(mu) else np.empty((0, 2))
    if len(points) < 2 or not np.isfinite(points).all():
        raise DataError(
            f"{path}: group {label!r} needs as many finite energies as values, 2 at least, but got {len(energy)} and "
            f"{len(mu)}; save the project again"
        )
    return Group(label, args, points)
