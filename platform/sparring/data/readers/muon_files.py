"""Muons from the user's files: ``.npy`` tables (one, or a folder of them), or a ``.root`` tree.

A table has one muon per row and either

7 columns   charge, x, y, z in cm, px, py, pz in GeV. ``reference`` rows, drawn with ``seed``, are set aside: in them
            the neighbours are sought that make the others' rareness, and then they are left out.
12 columns  as Enhanced_Generative_Networks writes them: charge, r, theta, z, pt, theta_pt, pz in the published box
            (-0.97 to 0.97, or 0 to 1 as its last version has them, told apart by their sign), then its auxiliary values
            of r, z, pt, pz and of all four, which stand for the rareness: models only use its ranks.

A tree holds one branch per column of the 7; where it has ``id`` (a PDG code) instead of charge, 13 is -1. It needs
uproot: ``pip install uproot``. Nothing unpickles.

The 7 columns are taken as they are. Enhanced_Generative_Networks does two things before its polar columns
(``DATA/PRE_PROCESS.py``). It undoes the scaling of its own source (x and y first: sign·value²): a file must have that
undone. It smears x and y by the width of the beam: a file may be smeared, or the option ``smear`` does it. The 12
columns have gone through both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ...errors import DataError
from ...untrusted.arrays import read_npy
from ..dataset import MIN_ROWS, Dataset
from ..formats.root_trees import open_tree, read_branches, uproot_call
from ..physics.kinematics import COLUMNS, FIRST, LAST, POLAR, RARENESS, from_box, to_cartesian
from ..physics.rareness import REFERENCE, rareness
from .pair_files import files_of

PUBLISHED = 1 + len(POLAR) + len(RARENESS)
_BEAM = 1
"""Second number of the generator's seed, so that smearing and the order of rows do not draw the same numbers."""
_SLACK = 1e-3  # published rows are float32 and were scaled back and forth

Length = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Options(BaseModel):
    """Which rows, and what their rareness is measured against."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    changes: ClassVar = {"smear": ("muons", "rareness")}

    reference: Annotated[int, Field(ge=100)] = REFERENCE
    """Rows of a table of 7 columns that are set aside for the neighbours."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the order in which rows are set aside, and of smear. Not the study's seed."""
    most: Annotated[int, Field(ge=MIN_ROWS)] | None = None
    """Most rows to keep, the first ones of that order; None keeps all."""
    smear: tuple[Length, Length] | None = None
    """Mean and deviation, in cm, of the normal radius at which the beam met the target; at a uniform angle it is added
    to x and y of 7 columns. The draws follow from seed. None adds nothing. Published: [5, 0.8]."""
    tree: str | None = None
    """Name of the tree in a .root file; None takes the only one."""


def read(path: Path | None, options: Options) -> Dataset:
    """The muons at ``path``; raises DataError, naming file and rule, if anything is amiss."""
    if path is None:
        raise DataError("muons are read from .npy tables or a .root file, but got no path; give --data-path")
    if path.suffix.lower() == ".root":
        table, names = _read_tree(path, options.tree), [path.stem]
        counts = [len(table)]
    else:
        parts = _tables(path)
        table, names, counts = np.concatenate([*parts.values()]), [*parts], [len(part) for part in parts.values()]
    ids = np.array([f"{name}-{row}" for name, count in zip(names, counts, strict=True) for row in range(1, count + 1)])
    order = np.random.default_rng(options.seed).permutation(len(table))
    if table.shape[1] == PUBLISHED:
        if options.smear is not None:
            raise DataError(f"{path}: the published {PUBLISHED} columns are smeared already; leave smear out")
        rows = order[: options.most]
        muons, rare = _from_published(path, table[rows])
    else:
        if len(table) < options.reference + MIN_ROWS:
            raise DataError(
                f"{path}: {options.reference} muons are set aside for the neighbours and at least {MIN_ROWS} must be "
                f"left, but got {len(table)}; add muons or --set data.reference={max(100, len(table) // 4)}"
            )
        known, rows = order[: options.reference], order[options.reference :][: options.most]
        _check_physical(path, table)
        table = _smeared(table, options)
        muons, rare = table[rows], rareness(table[rows], table[known])
    return Dataset(name=path.name, fields={"muons": muons, "rareness": rare}, ids=tuple(ids[rows].tolist()))


def _tables(path: Path) -> dict[str, np.ndarray]:
    files = files_of(path, ".npy") if path.is_dir() else [path]
    if not files or files[0].suffix.lower() != ".npy":
        raise DataError(f"{path}: expected a .npy table, a folder of them or a .root file, but got neither")
    tables: dict[str, np.ndarray] = {}
    for file in files:
        try:
            with file.open("rb") as opened:
                table = read_npy(opened, file.stat().st_size)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{file}: expected a .npy of plain numbers, but it cannot be read: {error}") from error
        if table.ndim != 2 or table.dtype.kind not in "fiu" or table.shape[1] not in (len(COLUMNS), PUBLISHED):
            raise DataError(
                f"{file}: a table of muons has {len(COLUMNS)} columns ({', '.join(COLUMNS)}) or the published "
                f"{PUBLISHED}, but got shape {table.shape} of {table.dtype}"
            )
        tables[file.stem] = table
    widths = {stem: table.shape[1] for stem, table in tables.items()}
    if len(set(widths.values())) > 1:
        raise DataError(f"{path}: all tables need equally many columns, but got {widths}; keep one kind")
    return tables


def _from_published(path: Path, table_M12: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cartesian muons and the auxiliary values of published rows."""
    charge, boxed, rare = table_M12[:, 0], table_M12[:, 1:7].astype(np.float64), table_M12[:, 7:]
    if not np.isfinite(table_M12).all():
        raise DataError(f"{path}: published rows are finite, but {(~np.isfinite(table_M12)).any(axis=1).sum()} are not")
    if (boxed >= -_SLACK).all():
        boxed = 2 * boxed - 1  # the last version keeps 0 to 1 on disk
    outside = (boxed < FIRST - 0.03 - _SLACK) | (boxed > LAST + 0.03 + _SLACK)
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise DataError(
            f"{path}: published rows lie within -1 and 1, but one has {POLAR[column]}={boxed[row, column]:g}; "
            f"physical units go into a table of the columns {', '.join(COLUMNS)}"
        )
    # r and pt may be a rounding below 0 at the box's edge; a negative radius would turn the muon round.
    polar = from_box(boxed)
    polar[:, [0, 3]] = polar[:, [0, 3]].clip(min=0)
    return to_cartesian(polar, np.where(charge > 0, 1.0, -1.0)), rare


def _smeared(table_M7: np.ndarray, options: Options) -> np.ndarray:
    """The muons as a beam that sweeps a ring makes them; a row's draw depends only on its number in the table."""
    if options.smear is None:
        return table_M7
    rng = np.random.default_rng([options.seed, _BEAM])
    mean, deviation = options.smear
    radius_M = mean + deviation * rng.standard_normal(len(table_M7))
    angle_M = rng.uniform(0, 2 * np.pi, len(table_M7))
    smeared = table_M7.astype(np.float64)
    smeared[:, COLUMNS.index("x")] += radius_M * np.cos(angle_M)
    smeared[:, COLUMNS.index("y")] += radius_M * np.sin(angle_M)
    return smeared


def _check_physical(path: Path, table_M7: np.ndarray) -> None:
    if not np.isfinite(table_M7).all():
        row, column = np.argwhere(~np.isfinite(table_M7))[0]
        raise DataError(f"{path}: muons are finite, but row {row + 1} has {COLUMNS[column]}={table_M7[row, column]}")
    if not np.isin(table_M7[:, 0], (-1, 1)).all():
        odd = table_M7[~np.isin(table_M7[:, 0], (-1, 1)), 0][0]
        raise DataError(f"{path}: a muon's charge (first column) is -1 or 1, but got {odd:g}")


def _read_tree(path: Path, name: str | None) -> np.ndarray:
    with open_tree(path, name) as tree:
        with uproot_call(path):
            known = set(tree.keys())
        missing = [name for name in COLUMNS[1:] if name not in known]
        if missing or not known & {"charge", "id"}:
            missing += [] if known & {"charge", "id"} else ["charge (or id)"]
            raise DataError(f"{path}: a tree of muons has {', '.join(COLUMNS)}, but lacks {', '.join(missing)}")
        names = ["charge" if "charge" in known else "id", *COLUMNS[1:]]
        arrays = read_branches(path, tree, names)
    columns = [np.asarray(arrays[name], dtype=np.float64) for name in names]
    if names[0] == "id":
        columns[0] = -np.sign(columns[0])
    return np.stack(columns, axis=1)
