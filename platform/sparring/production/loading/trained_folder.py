"""A trained folder, read back: the model exactly as it was when its best epoch was written.

``model.json`` says which model it is, of which shapes, and on which data it was trained; ``config.json`` is its Config
and ``model.safetensors`` its weights. Nothing is unpickled, and nothing is drawn or fitted again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...data.resampling import Scheme
from ...errors import ConfigError, DataError, UsageError, sentence
from ...models import find_config
from ...models.config import missing_fields
from .loaded import About, Loaded, build

Parsed = TypeVar("Parsed", bound=BaseModel)

TRAINED = Path("trained")
"""Where ``train`` writes a folder per model unless told otherwise."""
ABOUT, CONFIG, WEIGHTS = "model.json", "config.json", "model.safetensors"
MEMBERS = "members.json"
"""In a folder of members instead: their scheme and names (``production/inference/ensemble.py``)."""


class MembersFile(BaseModel):
    """The list of members in their common folder. Each member is a trained folder of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    scheme: Scheme
    members: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z]+-\d+$")], ...], Field(min_length=1)]
    """Their folders' names, in order."""
    version: str
    """The version of Sparring that trained them."""


def write_about(folder: Path, about: About) -> None:
    """Puts ``model.json`` beside the weights."""
    (folder / ABOUT).write_text(about.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_folder(folder: Path, device: str = "cpu") -> Loaded:
    """The model in a trained folder.

    Raises UsageError if a file is missing, ConfigError or DataError if one is torn or of another model.
    """
    missing = [name for name in (ABOUT, CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise UsageError(
            f"{folder}: a trained folder holds {ABOUT}, {CONFIG} and {WEIGHTS}, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not there; make one with `sparring train best.toml -o FOLDER`, or "
            "name a study"
        )
    about = read_json(folder / ABOUT, About)
    config = read_json(folder / CONFIG, find_config(about.model))
    if lacking := missing_fields(about.model, config.fields, about.shapes):
        raise ConfigError(f"{folder / ABOUT}: shapes: {lacking}; train it anew")
    weights = folder / WEIGHTS
    return build(folder, about, config, packed=read_bytes(weights), named=str(weights), device=device)


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
        raise ConfigError(f"{path}: {sentence(error)}; train it anew") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}; train it anew") from error


def read_bytes(path: Path) -> bytes:
    """A file's bytes; raises DataError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; train it anew") from error
