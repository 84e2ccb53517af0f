"""What the user named: a trained folder, a file of weights in one, a study, or a bare name of either."""

from __future__ import annotations

from pathlib import Path

from ...errors import ConfigError, UsageError
from ...models import find_config
from ...models.config import missing_fields
from .loaded import About, Loaded, build, check_device
from .study_winner import STUDY, read_winner
from .trained_folder import ABOUT, CONFIG, MEMBERS, TRAINED, WEIGHTS, MembersFile, read_bytes, read_json

RESULTS = Path("results")
"""Where ``search`` writes a folder per study unless told otherwise."""


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
    if missing := missing_fields(about.model, config_class.fields, about.shapes):
        raise ConfigError(f"{folder / ABOUT}: shapes: {missing}; train it anew")
    return build(folder, about, config, read_bytes(folder / WEIGHTS), str(folder / WEIGHTS), device)


def find_folder(place: Path) -> Path:
    """A folder, that of a weights file, or the one of that name under ``trained``."""
    if place.name == WEIGHTS:
        place = place.parent
    return TRAINED / place if not place.exists() and (TRAINED / place).is_dir() else place


def _find(place: Path) -> Path:
    place = find_folder(place)
    if (place / MEMBERS).is_file():
        names = read_json(place / MEMBERS, MembersFile).members
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


def find_study(place: Path) -> Path | None:
    """The study's folder, or that of the study of this name under ``results``; None if there is none."""
    candidates = (place, RESULTS / place)
    return next((folder for folder in candidates if (folder / STUDY).is_file()), None)
