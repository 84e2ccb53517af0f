"""``study.json``: what a study is, written once before its first trial and never changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any, TypedDict, cast, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from ..errors import LedgerError, UnknownName, UsageError, sentence
from ..records import EarlierTrial, Kind, Objective, StudySpec
from ..untrusted.texts import read_json
from .disk import publish, replace_file, sync_folder
from .schema import SCHEMA_VERSION

STUDY_FILE = "study.json"
MOVED = "data_path.json"
"""Beside it, once the data have moved: where they lie now."""


class StudyDocument(TypedDict, total=False):
    """What ``study.json`` holds beside its own checksum. The ledger itself needs ``kinds`` and ``metrics`` alone."""

    schema_version: int
    spec: dict[str, object]
    """As ``spec_to_json`` makes it."""
    identity: dict[str, object]
    """What must not change between two searches under one name."""
    kinds: dict[str, Kind]
    """Searched hyperparameter -> type of its column."""
    metrics: list[str]
    """Every metric that an epoch may have."""
    epochs: int
    """A trial's budget."""
    shapes: dict[str, list[int]]
    """Field of the data set -> shape of one sample."""
    axes: dict[str, list[float]]
    """Field -> the values along its axis, where the data set has some."""
    columns: dict[str, list[str]]
    """Field -> what its columns are called in the table that it was read from. Older studies have none."""
    common: dict[str, str]
    """Where options of the data are searched: SHA-256 of the rows (under ""), and of every field that no trial makes
    otherwise. All trials train and validate on these rows."""
    rows: dict[str, int]
    """Samples of the parts train, valid and test."""
    versions: dict[str, str]
    """Sparring's, Python's and those of the libraries that figures depend on."""


def write_study(folder: str | PathLike[str], document: Mapping[str, object]) -> None:
    """Writes ``study.json`` durably, with its schema version and checksum; makes the folder if need be.

    document: JSON values, among them ``kinds`` {hyperparameter: float | int | bool | str} and ``metrics`` [name].
    Raises LedgerError if the study is there already or the disk refuses.
    """
    path = Path(folder) / STUDY_FILE
    missing = {"kinds", "metrics"} - document.keys()
    if missing:
        raise LedgerError(f"{path}: a study names its columns, but got no {' and no '.join(sorted(missing))}")
    content = {"schema_version": SCHEMA_VERSION, **document}
    text = json.dumps({**content, "sha256": _digest(content)}, indent=2, ensure_ascii=False, default=_plain)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f".{STUDY_FILE}.tmp").unlink(missing_ok=True)  # left by a search that was killed right here
        publish(text.encode(), path)
        sync_folder(path.parent.parent)
    except FileExistsError as error:
        raise LedgerError(
            f"{path}: a study is written once, but there is one; resume it or choose another name"
        ) from error
    except OSError as error:
        raise LedgerError(f"{path}: the study could not be written: {error}") from error


def move_data(folder: str | PathLike[str], data_path: str | None) -> None:
    """Notes where the study's data lie now. ``study.json`` is written once and keeps saying where they lay.

    Raises LedgerError if the disk refuses.
    """
    path = Path(folder) / MOVED
    try:
        replace_file(json.dumps({"data_path": data_path}).encode(), path)
    except OSError as error:
        raise LedgerError(f"{path}: where the data lie could not be written: {error}") from error


def read_study(folder: str | PathLike[str]) -> StudyDocument:
    """What ``write_study`` was given, and ``schema_version``; ``spec.data_path`` is where the data lie now.

    Raises UnknownName if the folder holds no study, LedgerError if study.json is torn, changed or of a newer version.
    """
    document = _read_document(Path(folder) / STUDY_FILE)
    document.setdefault("spec", {})  # whoever reads it says what it lacks
    with suppress(OSError, ValueError, TypeError, KeyError):  # they lie where they lay
        document["spec"]["data_path"] = read_json((Path(folder) / MOVED).read_bytes())["data_path"]
    return document


def _read_document(path: Path) -> StudyDocument:
    """``study.json`` as it is. Raises as ``read_study``."""
    try:
        content: dict[str, object] = read_json(path.read_bytes())
        digest = content.pop("sha256", None)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnknownName(f"{path}: no study here; name the folder that a search made") from error
    except OSError as error:
        raise LedgerError(f"{path}: the study cannot be read: {error.strerror}") from error
    except (ValueError, AttributeError, TypeError) as error:  # not UTF-8, not JSON, not an object
        raise LedgerError(
            f"{path}: it must be the JSON a search wrote, but is torn ({error}); restore it from a copy"
        ) from error
    if digest != _digest(content):
        raise LedgerError(
            f"{path}: it must have the checksum it carries, but was changed or damaged; restore it from a copy"
        )
    _check_form(path, content)
    document = cast("StudyDocument", content)
    if document["schema_version"] > SCHEMA_VERSION:
        raise LedgerError(
            f"{path}: this Sparring reads studies up to schema version {SCHEMA_VERSION}, "
            f"but got {document['schema_version']}; update Sparring"
        )
    return document


_FORM: Mapping[str, type] = {"schema_version": int, "spec": dict, "identity": dict, "kinds": dict, "metrics": list}
"""What this package's readers take for granted; the checksum says only that the file is as somebody wrote it."""


def _check_form(path: Path, content: Mapping[str, object]) -> None:
    """Raises LedgerError unless what must be there is, and of its type."""
    wrong = [name for name, form in _FORM.items() if name in content and not isinstance(content[name], form)]
    kinds = content.get("kinds")
    if isinstance(kinds, dict) and not set(map(str, kinds.values())) <= set(get_args(Kind)):
        wrong.append("kinds")
    lacking = [name for name in ("schema_version", "kinds", "metrics") if name not in content]
    if wrong or lacking:
        said = f"no {lacking[0]}" if lacking else f"another {wrong[0]}"
        raise LedgerError(f"{path}: it must be what a search wrote, but has {said}; use the version that wrote it")


def study_digest(folder: str | PathLike[str]) -> str:
    """The first 16 digits of the checksum of ``study.json``, which no other study has. Raises as ``read_study``."""
    return _digest(_read_document(Path(folder) / STUDY_FILE))[:16]


def spec_to_json(spec: StudySpec) -> dict[str, object]:
    """The spec as JSON values: tuples become lists. Raises UsageError for what JSON cannot hold (NaN, dates)."""
    try:
        plain: dict[str, object] = json.loads(json.dumps(vars(spec), default=_plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"study {spec.name}: numbers, words, booleans and lists can be kept, but: {error}; leave that value out"
        ) from error
    return plain


def spec_from_json(document: Mapping[str, Any]) -> StudySpec:
    """The inverse of ``spec_to_json``. Raises LedgerError for keys this version does not know."""
    try:
        objectives = tuple(Objective(**objective) for objective in document["objectives"])
        earlier = tuple(
            EarlierTrial(**{**trial, "values": tuple(trial["values"]), "shares": tuple(trial["shares"])})
            for trial in document.get("earlier", [])
        )
        spec = StudySpec(**{**document, "objectives": objectives, "earlier": earlier})
        for each in (spec, *objectives, *earlier):
            _forms()[type(each)].model_validate(vars(each))
        return spec
    except ValidationError as error:
        raise LedgerError(f"study.json: spec: {sentence(error)}; use the version that wrote it") from error
    except (KeyError, TypeError) as error:
        raise LedgerError(
            f"study.json: its spec must have this version's fields, but: {error}; use the version that wrote it"
        ) from error


@cache
def _forms() -> Mapping[type, type[BaseModel]]:
    """By record, what checks the types of its fields, which a dataclass takes as they come; nothing is converted."""

    def form(record: type) -> type[BaseModel]:
        hints: dict[str, Any] = {name: (hint, ...) for name, hint in get_type_hints(record).items()}
        return create_model(record.__name__, __config__=ConfigDict(strict=True), **hints)

    return {record: form(record) for record in (StudySpec, Objective, EarlierTrial)}


def identity_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a study.json has under ``identity``, in this version's words; empty if it has none."""
    identity = dict(document.get("identity", {}))
    if identity.get("pruner") == "successive_halving":  # its name until November 2026
        identity["pruner"] = "halving"
    return identity


def _plain(value: object) -> dict[str, object]:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Objective | EarlierTrial):
        return vars(value)
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).hexdigest()
