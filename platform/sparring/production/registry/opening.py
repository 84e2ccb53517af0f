"""A model in production by its place: ``production/aegan``, ``production/aegan/2``, ``s3://bucket/models/aegan``.

Every byte is checked against the manifest, and the manifest against the history, before the weights are read. A bundle
that was copied out of its registry is checked against its manifest alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import UnknownName
from ..handover.asking import ProductionModel
from ..handover.bundle import open_bundle, read_files
from ..handover.manifest import MANIFEST, verify
from .registry import CURRENT, HISTORY, Registry


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a model lies."""

    named: str
    """As messages call it."""
    registry: Registry | None
    """None of a bundle outside any registry."""
    name: str = ""
    """In the registry."""
    version: int | None = None
    """None: the current one, whichever that is."""

    def absolute(self) -> Place:
        """The same place from any current folder."""
        if "://" in self.named:
            return self
        registry = self.registry and replace(self.registry, address=os.path.abspath(self.registry.address))
        return replace(self, named=os.path.abspath(self.named), registry=registry)


def find(place: str | Path, version: int | None = None) -> Place:
    """Where ``place`` leads. Raises UnknownName if it is a folder without a model."""
    named = str(place).rstrip("/")
    folder = Path(named)
    if "://" not in named and is_alone(folder):
        return Place(named=named, registry=None)
    named, mark, query = named.partition("?") if "://" in named else (named, "", "")
    address, _, last = named.rpartition("/")
    if last.isdigit() and version is None:  # the folder of a version
        version, (address, _, last) = int(last), address.rpartition("/")
    registry = Registry(address=f"{address or '.'}{mark}{query}", flag="load")
    if "://" not in named and not is_production(folder) and not is_production(folder.parent):
        there = ", ".join(f"{address or '.'}/{name}" for name in registry.names()) or "none"
        raise UnknownName(f"no model in production at {named}; there are: {there}; put one there with sparring promote")
    return Place(named=named, registry=registry, name=last, version=version)


def load(place: str | Path, version: int | None = None) -> ProductionModel:
    """The model that is current at ``place``, or another ``version``, ready to be asked.

    Raises UnknownName if there is none, DataError if a file is missing, torn or changed, UsageError for an address that
    cannot be opened.
    """
    return load_found(find(place, version))


def load_found(place: Place) -> ProductionModel:
    """The model that lies there. Raises as ``load`` does."""
    if place.registry is not None:
        return open_bundle(place.registry.read(place.name, place.version), place.named)
    files = read_files(Path(place.named))
    verify(files, place.named)
    return open_bundle(files, place.named)


def is_production(folder: Path) -> bool:
    """Is it the folder of a model's versions?"""
    return (folder / CURRENT).is_file() and (folder / HISTORY).is_dir()


def is_alone(folder: Path) -> bool:
    """Is it a bundle outside any registry?"""
    return (folder / MANIFEST).is_file() and not is_production(folder.parent)
