"""``manifest.json``: size and SHA-256 of every other file of a bundle. It is written last, so it means a whole bundle.

safetensors has no checksum of its own, so one flipped bit would change answers in silence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ... import __version__
from ...errors import DataError, sentence
from ...untrusted.texts import read_json

MANIFEST = "manifest.json"
FORMAT = 1
"""Of the bundle's files; a reader refuses a newer one."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class FileEntry(BaseModel):
    """One file of the bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    bytes: Annotated[int, Field(ge=0)]
    sha256: Digest


class Manifest(BaseModel):
    """What ``manifest.json`` holds beside its own checksum."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    format: Annotated[int, Field(ge=1)] = FORMAT
    name: str
    """Under which the registry keeps the model."""
    version: Annotated[int, Field(ge=0)]
    """Its number there, from 1; 0 while nobody has promoted it."""
    sparring: str = __version__
    """The version of Sparring that wrote it."""
    files: Mapping[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")], FileEntry]
    """By name, every file but the manifest."""


def seal(name: str, version: int, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files with their manifest, which comes last: the order in which they are to be written."""
    listed = {file: entry_of(data) for file, data in files.items() if file != MANIFEST}
    content = Manifest(name=name, version=version, files=listed).model_dump(mode="json")
    text = json.dumps({**content, "sha256": _own(content)}, indent=2) + "\n"
    return {file: data for file, data in files.items() if file != MANIFEST} | {MANIFEST: text.encode()}


def verify(files: Mapping[str, bytes], where: str) -> Manifest:
    """The manifest of a whole bundle.

    files: everything there is. where: what messages call the place. Raises DataError, naming the first file that is
    missing, besides the list, of another size or of other bytes, or the manifest itself.
    """
    manifest = read_manifest(files, where)
    if missing := sorted(manifest.files.keys() - files.keys()):
        raise DataError(f"{where}: {', '.join(missing)}: in the manifest, but not there; {WAY_OUT}")
    if surplus := sorted(files.keys() - manifest.files.keys() - {MANIFEST}):
        raise DataError(
            f"{where}: {', '.join(surplus)}: there, but not in the manifest; remove what is not the bundle's"
        )
    for name, entry in manifest.files.items():
        check_entry(entry, files[name], f"{where}: {name}", WAY_OUT)
    return manifest


def entry_of(data: bytes) -> FileEntry:
    """The size and checksum of a file's bytes."""
    return FileEntry(bytes=len(data), sha256=digest(data))


def check_entry(entry: FileEntry, data: bytes, named: str, way_out: str) -> None:
    """Raises DataError, by the file's name ``named``, unless ``data`` has the size and checksum of ``entry``."""
    if len(data) != entry.bytes:
        raise DataError(f"{named}: must have {entry.bytes:,} bytes, but has {len(data):,}; {way_out}")
    if digest(data) != entry.sha256:
        raise DataError(f"{named}: must have the SHA-256 that was written down with it, but was changed; {way_out}")


def read_manifest(files: Mapping[str, bytes], where: str) -> Manifest:
    """The manifest alone. Raises DataError if it is missing, torn, changed or of a newer format."""
    if MANIFEST not in files:
        raise DataError(f"{where}: a bundle ends with {MANIFEST}, but there is none, so it is not whole; {WAY_OUT}")
    try:
        content: dict[str, Any] = read_json(files[MANIFEST])
        own = content.pop("sha256", None)
    except (ValueError, AttributeError, TypeError) as error:  # not UTF-8, not JSON, not an object
        raise DataError(f"{where}: {MANIFEST} must be JSON, but is torn ({error}); {WAY_OUT}") from error
    if own != _own(content):
        raise DataError(f"{where}: {MANIFEST} must have the SHA-256 that it carries, but was changed; {WAY_OUT}")
    if isinstance(content.get("format"), int) and content["format"] > FORMAT:
        raise DataError(
            f"{where}: this Sparring reads bundles of format {FORMAT}, but got {content['format']}; update it"
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        raise DataError(f"{where}: {MANIFEST}: {sentence(error)}; {WAY_OUT}") from error


WAY_OUT = "restore it from a copy, or promote it anew"


def digest(data: bytes) -> str:
    """The SHA-256 of the bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _own(content: Mapping[str, object]) -> str:
    return digest(json.dumps(content, sort_keys=True, ensure_ascii=False).encode())
