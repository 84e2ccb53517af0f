"""A trained folder, read back: the model exactly as it was when its best epoch was written.

``model.json`` says which model it is, of which shapes, and on which data it was trained; ``config.json`` is its Config
and ``model.safetensors`` its weights. Nothing is unpickled, and nothing is drawn or fitted again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..data.resampling import Scheme
from ..errors import ConfigError, DataError, UsageError, sentence
from ..models import find_config
from .loaded import About, Loaded, build, check_device
from .winner import find_study, read_winner

Kind = TypeVar("Kind", bound=BaseModel)

TRAINED = Path("trained")
"""Where ``train`` writes a folder per model unless told otherwise."""
ABOUT, CONFIG, WEIGHTS = "model.json", "config.json", "model.safetensors"
MEMBERS = "members.json"
"""In a folder of members instead: their scheme and names (``committee.py``)."""


class Roll(BaseModel):
    """What a folder of members holds; each is a trained folder of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    scheme: Scheme
    members: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z]+-\d+$")], ...], Field(min_length=1)]
    """Their folders' names, in order."""
    version: str
    """Of Sparring."""


def write_about(folder: Path, about: About) -> None:
    """Puts ``model.json`` beside the weights."""
    (folder / ABOUT).write_text(about.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_trained(place: Path, device: str = "cpu", trial: int | None = None) -> Loaded:
    """The model in a folder of ``train``, or a study's best; a weights file will do too.

    place: a bare name is looked for under ``trained`` and then, as a study's, under ``results``. trial: another one of
    the study than its best.
    Raises UsageError, ConfigError or DataError, one sentence, if a file is missing, torn or of another model.
    """
    check_device(device)
    place = find_folder(place)
    study = find_study(place) if not (place / ABOUT).is_file() else None
    if study is not None:
        return read_winner(study, device, trial)
    if trial is not None:
        raise UsageError(f"--trial: wants a study, but {place} is none; leave it out, or name the folder of a search")
    folder = _find(place)
    about = read_json(folder / ABOUT, About)
    config_class = find_config(about.model)
    config = read_json(folder / CONFIG, config_class)
    missing = [name for name in config_class.fields if name not in about.shapes]
    if missing:
        raise ConfigError(f"{folder / ABOUT}: shapes: {about.model} needs {', '.join(missing)}; train it anew")
    return build(folder, about, config, _read(folder / WEIGHTS), str(folder / WEIGHTS), device)


def check_place(folder: Path, other: str) -> None:
    """Raises UsageError if ``folder`` holds the other kind of training: a single model or members, by their file."""
    if (folder / other).exists():
        held = "members" if other == MEMBERS else "a single model"
        raise UsageError(f"-o: {folder} holds {held} ({other}); name another folder, or remove it")


def find_folder(place: Path) -> Path:
    """A folder, that of a weights file, or the one of that name under ``trained``."""
    if place.name == WEIGHTS:
        place = place.parent
    return TRAINED / place if not place.exists() and (TRAINED / place).is_dir() else place


def read_json(path: Path, kind: type[Kind]) -> Kind:
    """A file as a value of ``kind``; raises ConfigError if it cannot be."""
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise ConfigError(f"{path}: {sentence(error)}; train it anew") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}; train it anew") from error


def _find(place: Path) -> Path:
    place = find_folder(place)
    if (place / MEMBERS).is_file():
        names = read_json(place / MEMBERS, Roll).members
        raise UsageError(
            f"{place}: {len(names)} members lie here, which predict and reconstruct ask together; this works on one: "
            f"name its folder, such as {place / names[0]}"
        )
    missing = [name for name in (ABOUT, CONFIG, WEIGHTS) if not (place / name).is_file()]
    if missing:
        raise UsageError(
            f"{place}: a trained folder holds {ABOUT}, {CONFIG} and {WEIGHTS}, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not there; make one with `sparring train best.toml -o FOLDER`, or "
            "name a study"
        )
    return place


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; train it anew") from error
