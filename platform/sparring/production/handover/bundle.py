"""The bundle as files by name: made from a candidate, read back from nothing but those files.

    model.safetensors      weights and fitted transforms
    config.json            hyperparameters; pinned.toml is the configuration that they come from
    model.json             system, data set, split, shapes, axes, as in a trained folder
    schema.json            inputs and outputs
    training.safetensors   deciles of every input column on the training rows, against which drift is measured
    card.json, card.md     the model card
    manifest.json          size and SHA-256 of every other file

A bundle is a trained folder, so every verb that takes one takes it too. It holds no code: a model of the user's own is
named, with the digest of the files that it was promoted from.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from safetensors.torch import save

from ...errors import DataError, sentence
from ...models import find_config, is_own
from ...models.own import allowed
from ...space import checked_space, write_toml
from ...untrusted.texts import read_toml
from ..loading.loaded import About, Loaded, build
from ..loading.trained_folder import ABOUT, CONFIG, WEIGHTS
from .asking import ProductionModel
from .manifest import WAY_OUT, Manifest, read_manifest, seal
from .schema import Schema

PINNED, SCHEMA, TRAINING, CARD, CARD_PAGE = (
    "pinned.toml",
    "schema.json",
    "training.safetensors",
    "card.json",
    "card.md",
)
NEEDED = (WEIGHTS, CONFIG, ABOUT, PINNED, SCHEMA, TRAINING, CARD, CARD_PAGE)
"""What a bundle holds beside its manifest."""

Parsed = TypeVar("Parsed", bound=BaseModel)


def pack(
    loaded: Loaded, pinned: Mapping[str, object], schema: Schema, deciles: bytes, *, card: str, page: str
) -> dict[str, bytes]:
    """The files without the manifest. deciles: as ``drift.pack`` makes them. card, page: JSON and Markdown."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in loaded.model.state_dict().items()}
    own = allowed(loaded.about.model)
    about = loaded.about.model_copy(update={"code": own.digest if own is not None else ""})
    texts = {
        CONFIG: loaded.model.config.model_dump_json(indent=2) + "\n",
        ABOUT: about.model_dump_json(indent=2) + "\n",
        PINNED: write_toml(pinned),
        SCHEMA: schema.model_dump_json(indent=2) + "\n",
        CARD: card,
        CARD_PAGE: page,
    }
    return {WEIGHTS: save(state), TRAINING: deciles, **{name: text.encode() for name, text in texts.items()}}


def write(folder: Path, name: str, files: Mapping[str, bytes]) -> None:
    """The files with their manifest into ``folder``, as yet without a version."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, data in seal(name, 0, files).items():
        (folder / file).write_bytes(data)


def read_files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder. Raises DataError if one cannot be read."""
    try:
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    except OSError as error:
        raise DataError(f"{folder}: a bundle cannot be read: {error.strerror}; {WAY_OUT}") from error


def open_bundle(files: Mapping[str, bytes], where: str, *, folder: Path | None = None) -> ProductionModel:
    """The model in a bundle's files, in eval mode on the CPU; checksums are ``manifest.verify``'s.

    where: what messages call the place. folder: where answers of the command line go. Raises DataError, ConfigError or
    UsageError, one sentence, if a file is missing or torn, if two of them contradict each other, or if its model is of
    somebody's own and was not named, is not installed or is not the one that was promoted.
    """
    if missing := [name for name in NEEDED if name not in files]:
        raise DataError(f"{where}: a bundle holds {', '.join(NEEDED)}, but lacks {', '.join(missing)}; {WAY_OUT}")
    manifest: Manifest = read_manifest(files, where)
    about = _parse(files, ABOUT, About, where)
    _check_code(about, where)
    config = _parse(files, CONFIG, find_config(about.model), where)
    schema = _parse(files, SCHEMA, Schema, where)
    try:
        pinned = read_toml(files[PINNED].decode())
    except ValueError as error:
        raise DataError(f"{where}: {PINNED} must be TOML, but: {error}; {WAY_OUT}") from error
    space = checked_space(pinned, find_config(about.model), f"{where}: {PINNED}")
    if space.dimensions or space.config({}) != config:
        raise DataError(f"{where}: {PINNED} and {CONFIG} must be one configuration, but differ; {WAY_OUT}")
    if pinned.get("model") != about.model or pinned.get("dataset") != about.dataset:
        raise DataError(f"{where}: {PINNED} and {ABOUT} must name one model and data set, but differ; {WAY_OUT}")
    promised = {field.name: field.shape for field in schema.fields}
    if schema.model != about.model or promised != dict(about.shapes):
        raise DataError(f"{where}: {SCHEMA} and {ABOUT} must have the same model, fields and shapes; {WAY_OUT}")
    loaded = build(
        folder or Path(f"{manifest.name}-{manifest.version}"),
        about,
        config,
        packed=files[WEIGHTS],
        named=f"{where}: {WEIGHTS}",
        device="cpu",
    )
    return ProductionModel(manifest=manifest, schema=schema, loaded=loaded)


def _check_code(about: About, where: str) -> None:
    """Raises UsageError or DataError unless a model of somebody's own may run here and is the one of the bundle."""
    if about.code and not is_own(about.model):
        raise DataError(
            f"{where}: its model {about.model} is of a package that is not installed here; install that, in the "
            "version with which it was promoted"
        )
    own = allowed(about.model)
    if own is not None and own.digest != about.code:
        raise DataError(
            f"{where}: the Python files of {about.model} must be those that it was promoted with, digest {about.code}, "
            f"but here they have {own.digest}; bring those back, or promote it anew"
        )


def _parse(files: Mapping[str, bytes], name: str, parsed: type[Parsed], where: str) -> Parsed:
    try:
        return parsed.model_validate_json(files[name])
    except ValidationError as error:
        raise DataError(f"{where}: {name}: {sentence(error)}; {WAY_OUT}") from error
