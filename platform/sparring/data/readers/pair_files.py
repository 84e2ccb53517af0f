"""The files of pairs, structures and spectra, each in one of the forms that programs of the field write.

Training and every verb find and read them here, so that a folder from which a model was trained can be predicted from.
The structures of a folder are of one kind, the first in ``_STRUCTURES`` of which it holds any, and so are its spectra;
options say another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar, get_args

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ...errors import DataError
from ..formats.athena import normalised, read_project
from ..formats.column_spectra import groups_of, read_columns
from ..formats.crystals import read_cif, read_poscar
from ..formats.plain_spectra import read_plain
from ..formats.xyz import NUMBERS, read_xyz
from ..physics.wacsf import Structure
from .part_folders import folders_by_part

StructureKind = Literal[".xyz", ".cif", ".vasp"]
SpectrumKind = Literal["_conv.txt", ".txt", ".nor", ".xmu", ".dat", ".prj"]
POSCAR = "POSCAR"
"""What VASP calls its structure in every folder; it is named for the folder."""
_STRUCTURES: Mapping[str, Callable[[Path], Structure]] = {".xyz": read_xyz, ".cif": read_cif, ".vasp": read_poscar}
_SPECTRA: tuple[SpectrumKind, ...] = ("_conv.txt", ".txt", ".nor", ".xmu", ".dat", ".prj")
_ORCA = re.compile(r"(\.out)?(\.(abs|xas|xes)\w{0,6})?\.dat$", re.IGNORECASE)
"""What orca_mapspc puts behind a stem: m1.out.abs.dat."""

T = TypeVar("T")
Finite = Annotated[float, Field(allow_inf_nan=False)]


def _element(symbol: str) -> str:
    if symbol.isdecimal() or symbol not in NUMBERS:
        raise ValueError(f"it must be an element's symbol, such as Fe, but got {symbol!r}")
    return symbol


class PairForm(BaseModel):
    """In what form structures and spectra lie in their files."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    structures: StructureKind | None = None
    """Kind of the structures' files: .xyz, .cif, or .vasp, which POSCAR in a folder of each is too. None: the first of
    these that is there."""
    spectra: SpectrumKind | None = None
    """Kind of the spectra's files; None: the first of _conv.txt, .txt, .nor, .xmu, .dat and .prj that is there."""
    absorber: Annotated[str, AfterValidator(_element)] | None = None
    """Element whose first atom absorbs; None: the first atom of the file."""
    column: str | None = None
    """Name of the intensity's column in _conv.txt, .nor, .xmu and .dat; None: <xanes>, norm, xmu, and ORCA's second."""
    energy_unit: Literal["eV", "keV", "cm-1"] = "eV"
    """Unit of energies in .nor, .xmu, .dat and _conv.txt whose header does not say it."""
    normalise: bool = True
    """Are the spectra of an Athena project normalised by its settings? False takes its raw μ(E)."""
    energies: tuple[Finite, Finite, Annotated[int, Field(ge=2, le=100_000)]] | None = None
    """First and last energy in eV and how many points: every spectrum is interpolated onto these, between its points
    by straight lines. None: all spectra lie on one grid already."""


PLAIN = PairForm()


class Source(NamedTuple):
    """A spectrum in a file."""

    path: Path
    kind: str
    group: str | None = None
    """Its name in a file of several."""


def read_structure(path: Path, form: PairForm = PLAIN) -> Structure:
    """The atoms of a file, the absorber first; a crystal's with their cell. Raises DataError."""
    structure = _STRUCTURES[_structure_kind(path) or ".xyz"](path)
    if form.absorber is None:
        return structure
    found = np.flatnonzero(structure.numbers == NUMBERS[form.absorber])
    if not len(found):
        raise DataError(f"{path}: the absorber is {form.absorber}, but it holds none; set data.absorber, or remove it")
    order = np.r_[found[0], np.delete(np.arange(len(structure.numbers)), found[0])]
    positions = structure.positions[order]
    if (positions[1:] == positions[0]).all(1).any():
        raise DataError(f"{path}: an atom lies on the absorber, the first {form.absorber}; remove one")
    return Structure(structure.numbers[order], positions, structure.cell)


def read_spectrum(path: Path, form: PairForm = PLAIN) -> np.ndarray:
    """Energy in eV and intensity of a file of one spectrum, (points, 2). Raises DataError."""
    return read_spectra([Source(path, _spectrum_kind(path) or ".txt")], form)[0]


def read_spectra(sources: Iterable[Source], form: PairForm = PLAIN) -> list[np.ndarray]:
    """Energies in eV and intensities, (points, 2) each. Raises DataError."""
    projects: dict[Path, dict[str, np.ndarray]] = {}
    spectra = []
    for path, kind, group in sources:
        if kind == ".prj":
            if path not in projects:
                groups = read_project(path)
                projects[path] = {
                    each.label: normalised(path, each) if form.normalise else each.points for each in groups
                }
            spectra.append(projects[path][group] if group else next(iter(projects[path].values())))
        elif kind in ("_conv.txt", ".nor", ".xmu", ".dat"):
            spectra.append(read_columns(path, kind, group or form.column, form.energy_unit))
        else:
            spectra.append(read_plain(path))
        if form.energies is not None:
            spectra[-1] = _interpolated(path, spectra[-1], form.energies)
    return spectra


def resolved(path: Path, form: PairForm = PLAIN) -> PairForm:
    """The form with the kinds of structures and of spectra that lie in the folder ``path``; None where none lies."""
    files = [file for folder in folders_of(path) for file in _visible(folder)]
    structures, spectra = {_structure_kind(file) for file in files}, {_spectrum_kind(file) for file in files}
    if any(file.name.lower().endswith("_conv.xyz") for file in files):  # a stem that ends so, and no FDMNES
        spectra = {".txt" if kind == "_conv.txt" else kind for kind in spectra}
    found = {
        "structures": form.structures or next((kind for kind in _STRUCTURES if kind in structures), None),
        "spectra": form.spectra or next((kind for kind in _SPECTRA if kind in spectra), None),
    }
    return form.model_copy(update=found)


def structures_by_stem(path: Path, folders: Collection[Path], form: PairForm) -> dict[str, Path]:
    """Structures of the form's kind in ``folders``, all in ``path``; raises DataError where two have one stem."""
    files = [file for folder in folders for file in _visible(folder) if _structure_kind(file) == form.structures]
    named = [(file.parent.name if file.name == POSCAR and file.parent != path else file.stem, file) for file in files]
    return _unique(path, named, f"one {form.structures} per stem")


def spectra_by_stem(path: Path, folders: Collection[Path], form: PairForm) -> dict[str, Source]:
    """Spectra of the form's kind in ``folders``, and of a file of several each by its name.

    Raises DataError where two have one stem.
    """
    files = [file for folder in folders for file in _visible(folder)]
    named = [pair for file in files if _is_spectrum(file, form.spectra) for pair in _sources(file, form)]
    return _unique(path, named, f"one {form.spectra} per stem")


def named_structures(path: Path, form: PairForm = PLAIN) -> dict[str, Path]:
    """Structures in ``path``, a file or a folder and its direct sub-folders, by the names that a data set read from it
    has for rows. Raises DataError where two have one name."""
    if path.is_file():
        return {path.stem: path} if _structure_kind(path) else {}
    return _by_part(path, resolved(path, form), structures_by_stem)


def named_spectra(path: Path, form: PairForm = PLAIN) -> dict[str, Source]:
    """The same of spectra."""
    if not path.is_file():
        return _by_part(path, resolved(path, form), spectra_by_stem)
    kind = form.spectra if _is_spectrum(path, form.spectra) else _spectrum_kind(path)
    return dict(_sources(path, form.model_copy(update={"spectra": kind}))) if kind else {}


def holding(path: Path, form: PairForm, structures: bool = True, spectra: bool = True) -> list[Path]:
    """The folders of ``path`` in which files of the form's kinds lie."""
    return [
        folder
        for folder in folders_of(path)
        if any(
            (structures and _structure_kind(file) is not None and _structure_kind(file) == form.structures)
            or (spectra and _is_spectrum(file, form.spectra))
            for file in _visible(folder)
        )
    ]


def folders_of(path: Path) -> list[Path]:
    """The folder and its direct sub-folders, in order; hidden ones are left out."""
    return [path, *sorted(item for item in path.iterdir() if item.is_dir() and not item.name.startswith("."))]


def files_of(folder: Path, suffix: str) -> list[Path]:
    """Files of one kind in a folder, sorted; hidden ones are left out, such as macOS's ``._NAME`` on shared disks."""
    return [file for file in _visible(folder) if file.suffix.lower() == suffix]


def _visible(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if not file.name.startswith(".") and file.is_file())


def _structure_kind(path: Path) -> StructureKind | None:
    if path.name == POSCAR:
        return ".vasp"
    return next((kind for kind in get_args(StructureKind) if path.suffix.lower() == kind), None)


def _spectrum_kind(path: Path) -> SpectrumKind | None:
    return next((kind for kind in _SPECTRA if _is_spectrum(path, kind)), None)


def _is_spectrum(path: Path, kind: SpectrumKind | None) -> bool:
    return kind is not None and path.name.lower().endswith(kind)


def _sources(path: Path, form: PairForm) -> Iterator[tuple[str, Source]]:
    """The spectra in a file of the form's kind, by name."""
    kind = form.spectra or ".txt"
    groups = [each.label for each in read_project(path)] if kind == ".prj" else groups_of(path, kind)
    if groups and form.column is None:
        yield from ((group, Source(path, kind, group)) for group in groups)
    else:
        stem = _ORCA.sub("", path.name) if kind == ".dat" else path.name[: -len(kind)]
        yield stem, Source(path, kind)


def _by_part(
    path: Path, form: PairForm, read: Callable[[Path, Collection[Path], PairForm], dict[str, T]]
) -> dict[str, T]:
    are_structures = read is structures_by_stem
    folders = holding(path, form, structures=are_structures, spectra=not are_structures)
    parts = folders_by_part(path, folders)
    if not parts:
        return read(path, folders, form)
    return {f"{part}/{stem}": file for part, own in parts.items() for stem, file in read(path, own, form).items()}


def _unique(path: Path, named: Iterable[tuple[str, T]], rule: str) -> dict[str, T]:
    """By name, sorted; raises DataError where two have one."""
    found: dict[str, T] = {}
    for name, item in named:
        if name in found:
            one, other = (each.path if isinstance(each, Source) else each for each in (found[name], item))
            where = f"{one} and {other}" if one != other else f"two called {name!r} in {one}"
            raise DataError(f"{path}: {rule}, but there are {where}; remove one, or rename it")
        found[name] = item
    return dict(sorted(found.items()))


def _interpolated(path: Path, points: np.ndarray, onto: tuple[float, float, int]) -> np.ndarray:
    """The spectrum at evenly spaced energies. Raises DataError where it does not reach them."""
    order = np.argsort(points[:, 0], kind="stable")
    energy, intensity = points[order].T
    grid = np.linspace(*onto)
    if (np.diff(energy) <= 0).any():
        raise DataError(f"{path}: energies must differ from point to point to be interpolated, but two are the same")
    if grid.min() < energy[0] or grid.max() > energy[-1]:
        raise DataError(
            f"{path}: it reaches from {energy[0]:g} to {energy[-1]:g} eV, which does not hold data.energies, "
            f"{grid.min():g} to {grid.max():g}; narrow these, or leave the file out"
        )
    return np.stack([grid, np.interp(grid, energy, intensity)], axis=1)
