"""The files of a version, whole: against the manifest of the bundle, and the manifest against the history."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.numpy import load as read_tensors

from ..errors import DataError, UnknownName
from .asking import ReadModel
from .systems import SYSTEMS

MANIFEST, CURRENT, HISTORY = "manifest.json", "current", "history"
FORMAT = 1
"""Of the bundle's files; a newer one is refused."""
WAY_OUT = "restore it from a copy, or promote it anew"


def load(place: str | Path, version: int | None = None) -> ReadModel:
    """The model that is current at ``place``, such as ``production/aegan``, or another ``version``.

    ``production/aegan/2`` and a bundle outside any registry do as well. Raises UnknownName if there is none, or if the
    system is not one of those that are read here; DataError if a file is missing, torn or changed.
    """
    folder = Path(place)
    if version is not None:
        folder = folder / str(version)
    elif (folder / CURRENT).is_file():
        folder = folder / str(_json(folder / CURRENT)["version"])
    if not (folder / MANIFEST).is_file():
        raise UnknownName(f"no model in production at {place}{f', version {version}' if version else ''}")
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    manifest = _verified(files, folder)
    if (folder.parent / HISTORY).is_dir():
        _check_history(folder, hashlib.sha256(files[MANIFEST]).hexdigest())
    about, config, schema = (json.loads(files[name]) for name in ("model.json", "config.json", "schema.json"))
    system = SYSTEMS.get(about["model"])
    if system is None:
        raise UnknownName(
            f"{folder}: {about['model']} is not read without torch; {', '.join(SYSTEMS)} are; use sparring.load"
        )
    shapes = {name: tuple(shape) for name, shape in about["shapes"].items()}
    return ReadModel(
        name=manifest["name"],
        version=manifest["version"],
        schema=schema,
        system=system(config, shapes, read_tensors(files["model.safetensors"])),
    )


def _verified(files: Mapping[str, bytes], folder: Path) -> dict[str, Any]:
    """The manifest, if every file is there with the size and checksum that it has for it."""
    try:
        manifest: dict[str, Any] = json.loads(files[MANIFEST])
        own = manifest.pop("sha256")
        packed = json.dumps(manifest, sort_keys=True, ensure_ascii=False).encode()
        listed = {name: entry["sha256"] for name, entry in manifest["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{folder}: {MANIFEST} must be JSON, but is torn; {WAY_OUT}") from error
    if manifest.get("format", 0) > FORMAT:
        raise DataError(
            f"{folder}: this reads bundles of format {FORMAT}, but got {manifest['format']}; update Sparring"
        )
    if own != hashlib.sha256(packed).hexdigest():
        raise DataError(f"{folder}: {MANIFEST} must have the SHA-256 that it carries, but was changed; {WAY_OUT}")
    if different := sorted(listed.keys() ^ (files.keys() - {MANIFEST})):
        raise DataError(f"{folder}: must hold the files of its manifest, but {different[0]} differs; {WAY_OUT}")
    for name, sha256 in listed.items():
        if hashlib.sha256(files[name]).hexdigest() != sha256:
            raise DataError(f"{folder}: {name}: must have the SHA-256 of the manifest, but was changed; {WAY_OUT}")
    return manifest


def _check_history(folder: Path, sha256: str) -> None:
    """Raises DataError unless some entry of the history promoted exactly this bundle."""
    entries = [_json(path) for path in sorted((folder.parent / HISTORY).glob("*.json"))]
    if not any(str(entry["version"]) == folder.name and entry["manifest"] == sha256 for entry in entries):
        raise DataError(f"{folder}: not the bundle that was promoted: the history has another manifest; {WAY_OUT}")


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: must be JSON, but is torn; {WAY_OUT}") from error
    return content
