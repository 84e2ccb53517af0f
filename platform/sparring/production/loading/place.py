"""What the user named: a trained folder, its weights file, members, a study, a model in production, or a bare name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import UsageError
from ...ledger import STUDY_FILE
from ...records import RESULTS
from ..device import check_device
from ..handover.manifest import MANIFEST
from ..registry.opening import is_production, load
from .loaded import Loaded
from .study_winner import read_winner
from .trained_folder import ABOUT, MEMBERS, TRAINED, WEIGHTS, MembersFile, read_folder, read_json


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where that lies, and what it is."""

    folder: Path
    holds: Literal["model", "members", "study", "production", "nothing"]
    """One trained model, the members of a k-fold, bootstrap or ensemble, a study, or a model in production, be it its
    current version or one by number. Nothing: no file says which."""


def find_place(named: Path) -> Place:
    """The folder that ``named`` leads to, by the file that says what lies there; its content is not read.

    A weights file leads to its folder. A bare name leads to ``trained/NAME``, else to the study ``results/NAME``.
    """
    folder = named.parent if named.name == WEIGHTS else named
    if not folder.exists() and (TRAINED / folder).is_dir():
        folder = TRAINED / folder
    if is_production(folder) or (folder / MANIFEST).is_file():
        return Place(folder=folder, holds="production")
    if (folder / ABOUT).is_file():
        return Place(folder=folder, holds="model")
    if (folder / MEMBERS).is_file():
        return Place(folder=folder, holds="members")
    study = find_study(folder)
    return Place(folder=folder, holds="nothing") if study is None else Place(folder=study, holds="study")


def find_study(named: Path, results: Path = RESULTS) -> Path | None:
    """The study's folder, or that of the study of this name under ``results``; None if there is none."""
    return next((folder for folder in (named, results / named) if (folder / STUDY_FILE).is_file()), None)


def read_trained(named: Path, device: str = "cpu", trial: int | None = None) -> Loaded:
    """The model in what ``find_place`` finds: of a study the best trial's, or that of another ``trial`` that is kept.

    Raises UsageError, ConfigError or DataError, one sentence, if a file is missing, torn or of another model.
    """
    return read_place(find_place(named), device, trial)


def read_place(place: Place, device: str = "cpu", trial: int | None = None) -> Loaded:
    """See ``read_trained``; members are refused, since one model is wanted."""
    check_device(device)
    if place.holds == "study":
        return read_winner(place.folder, device, trial)
    if trial is not None:
        raise UsageError(
            f"--trial: wants a study, but {place.folder} is none; leave it out, or name the folder of a search"
        )
    if place.holds == "production":
        return load(place.folder).on(device)
    if place.holds == "members":
        names = read_json(place.folder / MEMBERS, MembersFile).members
        raise UsageError(
            f"{place.folder}: {len(names)} members lie here, which predict and reconstruct ask together; this works on "
            f"one: name its folder, such as {place.folder / names[0]}"
        )
    return read_folder(place.folder, device)
