"""Crystals in files: VASP's POSCAR, and ``.cif`` through ASE, ``pip install ase``.

Lengths in Å. A structure keeps its cell, and the descriptors see the periodic images of its atoms as far as they reach.
The symmetry of a ``.cif`` is applied, so its cell is whole. Sites that are occupied in part are refused: no one
structure is meant by them.
"""

from __future__ import annotations

import importlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError
from ..physics.wacsf import Structure
from .plain_text import finite, lines_of, shown
from .xyz import NUMBERS

MOST_BYTES = 1 << 20
"""Of a .cif: 1 MiB holds 10,000 sites, and ASE is slow."""
MOST_IMAGES = 20_000
"""Sites of a .cif times its symmetry operations: ASE compares each with all, some seconds at this number."""
_VECTORS = (3, 4, 5)
"""Lines of a POSCAR that hold its cell."""


def read_poscar(path: Path) -> Structure:
    """The atoms of a POSCAR of VASP 5, which names its elements, and their cell. Raises DataError."""
    lines = lines_of(path)
    if len(lines) < 9:
        raise DataError(f"{path}: a POSCAR has at least 9 lines, but got {len(lines)}; the file is cut short")
    given = np.array([_place(path, lines, row) for row in _VECTORS])
    scale, volume = finite(path, 2, lines[1].split()[:1])[0], abs(float(np.linalg.det(given)))
    if not scale or not volume:
        raise DataError(f"{path}: lines 2 to 5 must span a cell of some volume, but they span none")
    scale = scale if scale > 0 else (-scale / volume) ** (1 / 3)  # below 0 it is the cell's volume
    symbols, counts = lines[5].split(), lines[6].split()
    elements = [NUMBERS.get(word.partition("/")[0].partition("_")[0], 0) for word in symbols]
    if not symbols or not all(elements) or symbols[0].isdecimal():
        raise DataError(
            f"{path}: line 6 must name the elements, as VASP 5 writes them, but got {shown([lines[5]])}; insert a line "
            "such as: Fe O"
        )
    if len(counts) != len(symbols) or not all(word.isdecimal() and len(word) < 9 for word in counts):
        raise DataError(f"{path}: line 7 must say how many atoms each element has, but got {shown([lines[6]])}")
    atoms = [int(word) for word in counts]
    kind = 7 + (lines[7].strip()[:1].lower() == "s")  # after "Selective dynamics"
    follow = max(0, len(lines) - kind - 1)
    if not 0 < sum(atoms) <= follow:
        raise DataError(f"{path}: line 7 announces {sum(atoms):,} atoms, but {follow:,} follow; the file is cut short")
    places = np.array([_place(path, lines, kind + 2 + row) for row in range(sum(atoms))])
    is_cartesian = lines[kind].strip()[:1].lower() in ("c", "k")
    positions = scale * (places if is_cartesian else places @ given)
    return Structure(np.repeat(np.array(elements, dtype=np.int64), atoms), positions, scale * given)


def read_cif(path: Path) -> Structure:
    """The atoms of a ``.cif``'s cell in the file's order, symmetry applied, and the cell. Raises DataError."""
    try:
        cif: Any = importlib.import_module("ase.io.cif")
    except ImportError:
        raise DataError(f"{path}: .cif files need ASE; pip install ase") from None
    if (size := path.stat().st_size) > MOST_BYTES:
        raise DataError(f"{path}: a .cif has at most {MOST_BYTES:,} bytes, but got {size:,}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of settings that it interprets by a guess it warns once per file
            blocks = [block for block in cif.parse_cif(io.StringIO("\n".join(lines_of(path)))) if block.has_structure()]
            atoms = _atoms(path, blocks)
            numbers, positions, cell = atoms.numbers, atoms.positions, np.array(atoms.cell)
    except DataError:
        raise
    except Exception as error:  # ASE names no base class of what a torn file raises
        raise DataError(f"{path}: it cannot be read as a .cif: {' '.join(str(error).split())[:200]}") from error
    if not (np.isfinite(positions).all() and np.isfinite(cell).all() and abs(np.linalg.det(cell)) > 0):
        raise DataError(f"{path}: a crystal has finite positions and a cell of some volume, but it has none such")
    return Structure(np.asarray(numbers, dtype=np.int64), np.asarray(positions), cell)


def _atoms(path: Path, blocks: Sequence[Any]) -> Any:
    """ASE's atoms of the one block; raises DataError if no one structure is meant, or if it would take too long."""
    if len(blocks) != 1:
        raise DataError(f"{path}: it must hold one structure, but has {len(blocks)}; write each into a file of its own")
    (block,) = blocks
    sites = len(block.get_unsymmetrized_structure())
    operations = len(block.get_spacegroup(True).get_symop())
    if sites * operations > MOST_IMAGES:
        raise DataError(
            f"{path}: {sites:,} sites times {operations:,} symmetry operations may be {MOST_IMAGES:,}, but are "
            f"{sites * operations:,}; write the cell as a POSCAR or a part of it as .xyz"
        )
    partly = [share for share in block.get("_atom_site_occupancy") or () if not _is_whole(share)]
    if partly:
        raise DataError(
            f"{path}: every site must hold one atom, but {len(partly)} are occupied in part, such as by {partly[0]}; "
            "choose one of the structures that are meant"
        )
    return block.get_atoms()


def _is_whole(share: object) -> bool:
    """Whether an occupancy is 1; a site that says none, "?" or ".", is whole."""
    return share in ("?", ".") or (isinstance(share, int | float) and abs(share - 1) < 1e-6)


def _place(path: Path, lines: Sequence[str], line: int) -> list[float]:
    words = lines[line - 1].split()[:3]
    if len(words) < 3:
        raise DataError(f"{path}: line {line} must hold three numbers, but got {shown([lines[line - 1]])}")
    return finite(path, line, words)
