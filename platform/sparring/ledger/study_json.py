"""``study.json``: what a study is, written once before its first trial and never changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from ..errors import LedgerError, UnknownName, UsageError
from ..records import Objective, StudySpec
from .disk import publish, sync_folder
from .schema import SCHEMA_VERSION

STUDY_FILE = "study.json"


def write_study(folder: str | PathLike[str], document: Mapping[str, Any]) -> None:
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
        path.with_name(f".{STUDY_FILE}.tmp").unlink(missing_ok=True)  # of a search killed in this very place
        publish(text.encode(), path)
        sync_folder(path.parent.parent)
    except FileExistsError as error:
        raise LedgerError(
            f"{path}: a study is written once, but there is one; resume it or choose another name"
        ) from error
    except OSError as error:
        raise LedgerError(f"{path}: the study could not be written: {error}") from error


def read_study(folder: str | PathLike[str]) -> dict[str, Any]:
    """What ``write_study`` was given, and ``schema_version``.

    Raises UnknownName if the folder holds no study, LedgerError if study.json is torn, changed or of a newer version.
    """
    path = Path(folder) / STUDY_FILE
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
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
    if content["schema_version"] > SCHEMA_VERSION:
        raise LedgerError(
            f"{path}: this Sparring reads studies up to schema version {SCHEMA_VERSION}, "
            f"but got {content['schema_version']}; update Sparring"
        )
    return content


def spec_to_json(spec: StudySpec) -> dict[str, Any]:
    """The spec as JSON values: tuples become lists. Raises UsageError for what JSON cannot hold (NaN, dates)."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(vars(spec), default=_plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"study {spec.name}: numbers, words, booleans and lists can be kept, but: {error}; leave that value out"
        ) from error
    return plain


def spec_from_json(document: Mapping[str, Any]) -> StudySpec:
    """The inverse of ``spec_to_json``. Raises LedgerError for keys this version does not know."""
    try:
        objectives = tuple(Objective(**objective) for objective in document["objectives"])
        return StudySpec(**{**document, "objectives": objectives})
    except (KeyError, TypeError) as error:
        raise LedgerError(
            f"study.json: its spec must have this version's fields, but: {error}; use the version that wrote it"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Objective):
        return vars(value)
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).hexdigest()
