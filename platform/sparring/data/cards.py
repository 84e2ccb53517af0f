"""Data-set cards: one TOML says what a set is and which reader loads it; those in ``datasets/`` are known by name.

There is no list of sets: a card in ``datasets/`` is known by its name, any other card by its path. A reader is a module
of ``readers/`` or ``embedded/`` with ``Options`` (a frozen pydantic model) and ``read(path, options) -> Dataset``; the
card names it. ``Options.changes`` says of which options only fields depend, and which. Try ``load_dataset("exafs")``.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import DataError, UnknownName, faults, names_hint
from ..resources import shipped
from ..untrusted.texts import read_toml
from .dataset import Dataset
from .fetching import FileCard, Name, data_home, gather, lacking

Text = Annotated[str, Field(min_length=1)]
LARGEST_FILE = 1_000_000
"""Bytes. A card is a page of text; anything larger is some other file."""


class FieldCard(BaseModel):
    """One field of the set."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    meaning: Text
    """What a sample's values are, in a phrase."""
    unit: Text
    """Unit of the values; "1" for pure numbers."""
    shape: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    """Shape of one sample with the default options; absent where the user's files decide."""
    axis: Text | None = None
    """What the columns lie along, with its unit; absent if along nothing."""


class Card(BaseModel):
    """Everything a user should know before using the set."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Name
    """What is typed after ``--dataset``, or the last part of the path: the TOML's file name without its suffix."""
    title: Text
    """One line."""
    description: Text
    """A paragraph."""
    reader: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """Module of ``sparring.data.readers`` that loads it; of ``sparring.data.embedded`` for an embedded set."""
    path: Text | None = None
    """What ``--data-path`` must lead to; absent for an embedded set, which takes no path."""
    files: tuple[FileCard, ...] = ()
    """Files to fetch where ``--data-path`` is left out; empty if the licence lets nobody fetch them for the user."""
    fields: Mapping[str, FieldCard] = {}
    """The fields by name; none where the user's files or the options name them."""
    size: Text
    """How many samples, how many bytes."""
    licence: Text
    """Licence of the data, not of the reader; an SPDX identifier first."""
    source: Text
    """Where the data come from and whom to cite."""
    options: Mapping[str, object] = {}
    """Defaults of the reader's options that differ from the reader's own."""

    @property
    def room(self) -> Literal["embedded", "readers"]:
        """The folder of ``sparring.data`` in which its reader stands."""
        return "embedded" if self.path is None else "readers"

    @model_validator(mode="after")
    def _says_where_files_lie(self) -> Self:
        if self.files and self.path is None:
            raise ValueError("path: a set with files says what a folder of the user's must hold, but got none")
        if not self.fields and (self.files or self.path is None):
            raise ValueError("fields: a set that is embedded or fetched says what it holds, but got none")
        return self


CARD_PATH = "give the path of a card's .toml"
"""What else ``--dataset`` takes."""


def dataset_names() -> list[str]:
    """The known data sets: one per card."""
    return sorted(path.stem for path in shipped("datasets").glob("*.toml"))


def is_card_path(dataset: str) -> bool:
    """Does ``--dataset`` lead to a card of the user's, instead of naming a shipped one?"""
    return dataset.endswith(".toml") or "/" in dataset or "\\" in dataset


def find_card(dataset: str) -> Path:
    """The file of a card: a path to a ``.toml``, or the name of a shipped one. Raises UnknownName, with the way out."""
    if is_card_path(dataset):
        path = Path(dataset).expanduser()
        if not path.is_file():
            raise UnknownName(f"{path}: no such file; give the path of a card's .toml")
        return path
    known = dataset_names()
    if dataset not in known:
        raise UnknownName(f"no data set {dataset!r}; {names_hint(dataset, known, CARD_PATH)}")
    return shipped("datasets") / f"{dataset}.toml"


def read_card(dataset: str) -> Card:
    """The card of a set, by name or path; raises UnknownName or, for a card that is not complete, DataError."""
    path = find_card(dataset)
    try:
        card = Card.model_validate(_read_toml(path))
    except ValidationError as error:
        raise DataError(f"{path}: {_complaints(error)}") from error
    if card.name != path.stem:
        raise DataError(f"{path}: name must be the file's, {path.stem!r}, but got {card.name!r}")
    if not (Path(__file__).parent / card.room / f"{card.reader}.py").is_file():
        raise DataError(
            f"{path}: reader must be a module of sparring.data.{card.room}, but there is no {card.reader!r}"
        )
    return card


def load_dataset(
    dataset: str,
    path: str | Path | None = None,
    options: Mapping[str, object] | None = None,
    *,
    flag: str = "--data-path",
    may_fetch: bool = True,
) -> Dataset:
    """Reads and checks a set, by its name or the path of its card.

    path: what the user's ``flag`` says; without it, a set whose card has files is fetched once into ``data_home()``.
    options: of the reader, over the card's. may_fetch: False where not the user but a study or a model names the set:
    then shipped cards alone are fetched, and nobody else's addresses asked. Raises UnknownName or DataError, each one
    sentence, before anything is trained.
    """
    card = read_card(dataset)
    chosen = options_of(card, options or {})
    dataset_read: Dataset = reader_of(card).read(_source(dataset, card, path, flag, may_fetch=may_fetch), chosen)
    if card.fields and set(dataset_read.fields) != set(card.fields):
        raise DataError(
            f"data set {card.name}: the card promises the fields {', '.join(sorted(card.fields))}, but the reader "
            f"{card.reader!r} made {', '.join(sorted(dataset_read.fields))}; correct {find_card(dataset)}"
        )
    return replace(dataset_read, name=card.name)


def reader_of(card: Card) -> ModuleType:
    """The module that reads the set: its ``read`` and ``Options``. Raises DataError if it has none."""
    module = importlib.import_module(f"{__package__}.{card.room}.{card.reader}")
    if not (hasattr(module, "read") and hasattr(module, "Options")):
        raise DataError(f"data set {card.name}: {card.reader!r} has no read and Options, so it is not a reader")
    return module


def options_of(card: Card, given: Mapping[str, object]) -> BaseModel:
    """The reader's options: ``given`` over the card's over its own defaults. Raises DataError if it refuses them."""
    options: type[BaseModel] = reader_of(card).Options
    known = options.model_fields
    for key in (*card.options, *given):
        if key not in known:
            raise DataError(f"data set {card.name}: no option {key!r}; {names_hint(key, known)}")
    try:
        return options.model_validate({**card.options, **given})
    except ValidationError as error:
        raise DataError(f"data set {card.name}: options: {_complaints(error)}") from error


def complaint_of(card: Card, given: Mapping[str, object], option: str) -> str:
    """What the reader says against one option's value, whatever it says of the others; empty if nothing."""
    try:
        reader_of(card).Options.model_validate({**card.options, **given})
    except ValidationError as error:
        return next((broken.rule for broken in faults(error) if broken.field.partition(".")[0] == option), "")
    return ""


def _read_toml(path: Path) -> dict[str, object]:
    try:
        if (size := path.stat().st_size) > LARGEST_FILE:
            raise DataError(f"{path}: a card has at most {LARGEST_FILE:,} bytes, but got {size:,}")
        return read_toml(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: a card is TOML in UTF-8, but: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: a card is a file of text, but it cannot be read: {error.strerror}") from error


def _cache_name(card: Card, *, is_shipped: bool) -> Path:
    """The set's folder in ``data_home()``. Cards of the user's may have any name, so theirs says which files it holds:
    what one card has fetched is never taken for another's."""
    if is_shipped:
        return Path(card.name)
    # Without ``needed``: it came later, and what earlier releases fetched should be found.
    files = json.dumps([file.model_dump(mode="json", exclude={"needed"}) for file in card.files], sort_keys=True)
    return Path("own") / f"{card.name}-{hashlib.sha256(files.encode()).hexdigest()[:10]}"


def _source(dataset: str, card: Card, path: str | Path | None, flag: str, *, may_fetch: bool) -> Path | None:
    """Where the reader is to read; None for an embedded set. Files that the card lists are fetched and verified."""
    if card.path is None:
        if path is not None:
            raise DataError(f"data set {card.name}: it is embedded and takes no path, but got {path}; leave it out")
        return None
    wanted = " ".join(card.path.split())
    if path is None and card.files:
        cache = data_home() / _cache_name(card, is_shipped=not is_card_path(dataset))
        if not may_fetch and is_card_path(dataset) and lacking(card.files, cache):
            raise DataError(
                f"data set {card.name}: {find_card(dataset)} is not a shipped card, so reading a study or a model "
                f"fetches nothing for it; look at it, then fetch with `sparring datasets check {dataset}`"
            )
        gather(card.name, card.files, cache, may_fetch=True, flag=flag)
        return cache
    if path is None:
        raise DataError(f"data set {card.name}: its files are not shipped; give {flag}, {wanted}")
    source = Path(path).expanduser()
    if not source.exists():
        raise DataError(f"data set {card.name}: {flag} must exist, but there is no {source}; give {wanted}")
    if card.files:
        if not source.is_dir():
            raise DataError(f"data set {card.name}: {flag} must be a folder, but got {source}; give {wanted}")
        gather(card.name, card.files, source, may_fetch=False, flag=flag)
    return source


def _complaints(error: ValidationError) -> str:
    """All of pydantic's complaints in one line, each with its field, the rule and what was got."""
    return "; ".join(
        f"{fault}, but got {fault.value!r}" if fault.names_value else f"{fault}" for fault in faults(error)
    )
