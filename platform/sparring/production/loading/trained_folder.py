"""A trained folder, read back: the model exactly as it was when its best epoch was written.

``model.json`` says which model it is, of which shapes, and on which data it was trained; ``config.json`` is its Config
and ``model.safetensors`` its weights. ``checksums.json`` is written last and has the SHA-256 of them all, so files of
two trainings are never taken for one model. Nothing is unpickled, and nothing is drawn or fitted again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...data.resampling import Scheme
from ...errors import ConfigError, DataError, FolderLocked, StudyLocked, UsageError, names_hint, sentence
from ...ledger import STUDY_FILE, disk
from ...ledger.lock import acquire, release
from ...models import find_config
from ...models.config import missing_fields
from ...records import RESULTS
from ..handover.manifest import FileEntry, check_entry, entry_of
from ..output import open_folder
from .loaded import About, Loaded, build

Parsed = TypeVar("Parsed", bound=BaseModel)

TRAINED = Path("trained")
"""Where ``train`` writes a folder per model unless told otherwise."""
ABOUT, CONFIG, WEIGHTS = "model.json", "config.json", "model.safetensors"
CHECKSUMS = "checksums.json"
LOCK = ".lock"
"""In a trained folder, held while something is trained into it."""
MEMBERS = "members.json"
"""In a folder of members instead: their scheme and names (``production/inference/ensemble.py``)."""
WAY_OUT = "train it anew"


class MembersFile(BaseModel):
    """The list of members in their common folder. Each member is a trained folder of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    scheme: Scheme
    members: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z]+-\d+$")], ...], Field(min_length=1)]
    """Their folders' names, in order."""
    version: str
    """The version of Sparring that trained them."""


class Checksums(BaseModel):
    """What ``checksums.json`` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    files: Mapping[str, FileEntry]
    """By name, every file of the training but this one."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Makes the folder and holds it against a second training while the block runs.

    Raises FolderLocked, naming the holder, or UsageError if the folder cannot be written.
    """
    open_folder(folder)
    try:
        descriptor = acquire(folder / LOCK)
    except StudyLocked as error:
        raise FolderLocked(
            f"-o: {folder}: one training at a time may write here, but {error.holder}; wait for it, or name another "
            "folder"
        ) from error
    try:
        yield
    finally:
        release(descriptor)


def write_folder(folder: Path, files: Mapping[str, bytes], about: About) -> None:
    """A training's files and its ``model.json`` in the place of an earlier training's. The folder must be there.

    Whatever dies meanwhile, the folder holds the model of one training or says that it holds none: ``model.json`` goes
    first and comes back after all others. Raises OSError.
    """
    files = {**files, ABOUT: (about.model_dump_json(indent=2) + "\n").encode()}
    sums = Checksums(files={name: entry_of(data) for name, data in files.items()})
    for name in (ABOUT, CHECKSUMS):
        disk.remove_file(folder / name)
    for name, data in {**files, CHECKSUMS: (sums.model_dump_json(indent=2) + "\n").encode()}.items():
        disk.replace_file(data, folder / name)


def read_folder(folder: Path, device: str = "cpu") -> Loaded:
    """The model in a trained folder. One from before ``checksums.json`` was written is taken as it is.

    Raises UsageError if a file is missing, ConfigError or DataError if one is torn, changed or of another model.
    """
    missing = [name for name in (ABOUT, CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if len(missing) == len((ABOUT, CONFIG, WEIGHTS)):
        known = [*_named(TRAINED, ABOUT), *_named(RESULTS, STUDY_FILE)]
        state = (
            "holds no trained model and no study" if folder.exists() else "no such folder, and no study of that name"
        )
        raise UsageError(
            f"{folder}: {state}; {names_hint(folder.name, known)}; make one with `sparring train best.toml -o FOLDER`"
        )
    if missing:
        raise UsageError(
            f"{folder}: a trained folder holds {ABOUT}, {CONFIG} and {WEIGHTS}, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not there; make one with `sparring train best.toml -o FOLDER`, or "
            "name a study"
        )
    if (folder / CHECKSUMS).exists():
        listed = read_json(folder / CHECKSUMS, Checksums).files
        for name in (ABOUT, CONFIG, WEIGHTS):
            if name not in listed:
                raise ConfigError(f"{folder / CHECKSUMS}: must list {name}, but does not; {WAY_OUT}")
            check_entry(listed[name], read_bytes(folder / name), str(folder / name), WAY_OUT)
    about = read_json(folder / ABOUT, About)
    config = read_json(folder / CONFIG, find_config(about.model))
    if lacking := missing_fields(about.model, config.fields, about.shapes):
        raise ConfigError(f"{folder / ABOUT}: shapes: {lacking}; {WAY_OUT}")
    weights = folder / WEIGHTS
    return build(folder, about, config, packed=read_bytes(weights), named=str(weights), device=device)


def _named(folder: Path, file: str) -> list[str]:
    """Names of the folders in ``folder`` that hold ``file``."""
    return sorted(path.parent.name for path in folder.glob(f"*/{file}"))


def check_lacks(folder: Path, file: str) -> None:
    """Raises UsageError if ``folder`` holds the other sort of training, by its file: a single model, or members."""
    if (folder / file).exists():
        held = "members" if file == MEMBERS else "a single model"
        raise UsageError(f"-o: {folder} holds {held} ({file}); name another folder, or remove it")


def read_json(path: Path, parsed: type[Parsed]) -> Parsed:
    """The file as a value of the class ``parsed``; raises ConfigError if it cannot be."""
    try:
        return parsed.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise ConfigError(f"{path}: {sentence(error)}; {WAY_OUT}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}; {WAY_OUT}") from error


def read_bytes(path: Path) -> bytes:
    """A file's bytes; raises DataError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; {WAY_OUT}") from error
