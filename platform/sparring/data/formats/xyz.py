"""Molecules in ``.xyz`` files: line 1 says how many atoms, line 2 is a comment, then per atom element, x, y, z in Å."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import DataError
from ..physics.wacsf import Structure
from .plain_text import finite, lines_of, shown

PERIODIC_TABLE = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
    "Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv "
    "Ts Og"
)
NUMBERS = {name: number for number, symbol in enumerate(PERIODIC_TABLE.split(), 1) for name in (symbol, str(number))}
LONGEST_COUNT = 20
"""Characters of a line that says how many atoms follow."""


def read_xyz(path: Path) -> Structure:
    """The atoms of an ``.xyz`` file, the absorber first.

    What follows the announced atoms is not read: published sulphur files repeat the absorber there. A second frame is
    refused, because nobody says which one is meant.
    """
    lines = lines_of(path)
    count = int(lines[0]) if lines and lines[0].strip().isdecimal() and len(lines[0]) < LONGEST_COUNT else 0
    if count < 1:
        raise DataError(f"{path}: line 1 must say how many atoms follow, but got {shown(lines[:1])}")
    if len(lines) < count + 2:
        follow = max(0, len(lines) - 2)
        raise DataError(f"{path}: line 1 announces {count} atoms, but {follow} follow; the file is cut short")
    if len(lines) > count + 2 and lines[count + 2].strip().isdecimal():
        raise DataError(
            f"{path}: it must hold one structure, but line {count + 3} announces another; write each frame into a file "
            "of its own"
        )
    numbers, positions = np.empty(count, dtype=np.int64), np.empty((count, 3))
    for row, line in enumerate(lines[2 : count + 2]):
        words = line.split()
        if len(words) < 4:
            raise DataError(f"{path}: line {row + 3} must hold an element, x, y and z, but got {shown([line])}")
        number = NUMBERS.get(words[0]) or NUMBERS.get(words[0].capitalize())
        if number is None:
            raise DataError(
                f"{path}: line {row + 3} must begin with an element's symbol or atomic number, but got {words[0]!r}"
            )
        numbers[row], positions[row] = number, finite(path, row + 3, words[1:4])
    on_absorber = np.flatnonzero((positions[1:] == positions[0]).all(1))
    if len(on_absorber):
        raise DataError(f"{path}: line {on_absorber[0] + 4} puts an atom onto the absorber of line 3; remove one")
    return Structure(numbers, positions)
