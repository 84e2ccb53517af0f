"""Spectra in columns under a line of names, as programs of X-ray absorption write them.

``_conv.txt``  FDMNES, convolved: ``Energy`` and ``<xanes>``; a header that says E_edge makes energies from it absolute
``.nor``       Athena, normalised: the column ``norm``; or a column per group, under the groups' names
``.xmu``       Athena, raw: the column ``xmu``; or a column per group
``.dat``       ORCA (orca_mapspc): energy, the whole intensity, then its x, y and z; nothing is named

Lines that begin with ``#`` and all before the first numbers are headers. XDI headers say the unit of the energy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ...errors import DataError
from .plain_spectra import BEGINS_POINT
from .plain_text import are_numbers, finite, lines_of, shown

WANTED: Mapping[str, tuple[str, ...]] = {
    "_conv.txt": ("<xanes>", "xanes"), ".nor": ("norm",), ".xmu": ("xmu", "mu"), ".dat": (),
}  # fmt: skip
"""By kind of file, what the column of the intensity may be called."""
WIDTHS_OF_ORCA = (2, 5)
"""Columns of a .dat without names whose second is the whole intensity."""
EDGES_END = 2e5
"""eV beyond which no edge lies: larger numbers are in another unit."""
_ENERGY_UNIT = re.compile(r"#\s*Column\.1:\s*\S+\s+(\S+)", re.IGNORECASE)
_EDGE = re.compile(r"\s*([-+\d.eE]+)\b.*=\s*E_edge", re.IGNORECASE)
PER_UNIT = {"ev": 1.0, "kev": 1000.0, "cm-1": 1 / 8065.543937}
"""eV in a unit; cm⁻¹ by CODATA 2018: e / (100 h c)."""


def groups_of(path: Path, kind: str) -> tuple[str, ...]:
    """The spectra of Athena's file of several, a column each, by their names; empty for a file of one."""
    if kind not in (".nor", ".xmu"):
        return ()
    header, _, rows = _split(path)
    names = _names(header)
    width = len(rows[0].split()) if rows else 0
    is_of_groups = width > 2 and len(names) == width and not {*names} & {*WANTED[kind]}
    return tuple(names[1:]) if is_of_groups else ()


def read_columns(path: Path, kind: str, column: str | None = None, unit: str = "eV") -> np.ndarray:
    """Energies in eV and intensities, (points, 2), of a file of a kind in ``WANTED``.

    column: the name of the intensity's, or the group; None: what the kind says. unit: of energies, where no header says
    it. Raises DataError.
    """
    header, first, rows = _split(path)
    if len(rows) < 2:
        raise DataError(f"{path}: at least 2 points are needed, but got {len(rows)}")
    width = len(rows[0].split())
    place = _place(path, kind, column, _names(header), width)
    points = np.empty((len(rows), 2))
    for row, line in enumerate(rows):
        words = line.split()
        if len(words) != width:
            raise DataError(
                f"{path}: line {first + row + 1} must hold {width} numbers like the first, but got {shown([line])}"
            )
        points[row] = finite(path, first + row + 1, [words[0], words[place]])
    points[:, 0] *= _unit(path, header, unit)
    edge = next((float(found[1]) for line in header if (found := _EDGE.match(line)) and are_numbers([found[1]])), 0.0)
    if kind == "_conv.txt" and points[-1, 0] < edge / 2:
        points[:, 0] += edge
    if points[-1, 0] > EDGES_END:
        raise DataError(
            f"{path}: energies are in eV, but reach {points[-1, 0]:g}, where no edge lies; if they are wave numbers, "
            "give --set data.energy_unit=cm-1"
        )
    return points


def _split(path: Path) -> tuple[list[str], int, list[str]]:
    """The lines before the first that begins as a number, how many they are, and all from there on.

    A torn first point is none of the header. FDMNES's constants, told by their =, are.
    """
    lines = lines_of(path)
    rows = (row for row, line in enumerate(lines) if BEGINS_POINT.match(line) and "=" not in line)
    first = next(rows, len(lines))
    return lines[:first], first, lines[first:]


def _names(header: Sequence[str]) -> list[str]:
    """The words of the last header line; Athena's begins with a #."""
    return header[-1].strip().lstrip("#").split() if header else []


def _place(path: Path, kind: str, column: str | None, names: Sequence[str], width: int) -> int:
    """Which column holds the intensity."""
    wanted = WANTED[kind] if column is None else (column,)
    found = [place for place, name in enumerate(names[:width]) if name in wanted and place]
    if found:
        return found[0]
    is_plain = width in WIDTHS_OF_ORCA if kind == ".dat" else width == 2
    if column is None and is_plain:
        return 1
    asked = f"a column {' or '.join(wanted)}" if wanted else "2 columns, or the 5 of orca_mapspc,"
    raise DataError(
        f"{path}: {asked} is needed, but there are {width}: {', '.join(names[:8]) or 'without names'}; say which by "
        "--set data.column=NAME"
    )


def _unit(path: Path, header: Sequence[str], unit: str) -> float:
    """eV per unit of the energies, as an XDI header says, or else ``unit``."""
    said = next((found[1] for line in header if (found := _ENERGY_UNIT.match(line))), unit)
    if said.lower() not in PER_UNIT:
        raise DataError(f"{path}: energies must be in eV, keV or cm-1, but its header says {said!r}; convert them")
    return PER_UNIT[said.lower()]
