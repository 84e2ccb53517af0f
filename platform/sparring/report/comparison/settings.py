"""What a study was told and made with, field by field in words: its space, data, search, code and versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import cast

from ...display import clean, show
from ...errors import SparringError
from ...ledger.study_json import StudyDocument, identity_of
from ...models import find_config
from ...records import StudySpec, Value
from ...space import search_of, table_of
from ...space.dimension import OPTION, Dimension, to_text
from ...space.dimension_toml import read_dimension
from ...space.toml_file import RANGES, is_range

SPACE, DATA, SEARCH, CODE, VERSIONS = "space", "data", "search", "code", "versions"
ABSENT = "not given"
SEED = (SEARCH, "seed")

_SAID_ELSEWHERE = {
    "name", "model", "dataset", "data_path", "data_options", "split", "space", "objectives", "earlier",
}  # fmt: skip
"""Of a spec: what stands under space or data, and what says only where things lie."""

Key = tuple[str, str]


@dataclass(frozen=True)
class Settings:
    """By (part, field) what the study has there, as its study.json holds it."""

    values: Mapping[Key, object]
    defaults: Mapping[str, object]
    """What the fields of its system are where its space does not speak of them, in this version of Sparring."""

    @cached_property
    def searched(self) -> Mapping[str, Dimension]:
        """By name, what the study searches. Raises SpaceError if this version cannot read it."""
        ranges = {
            name: value for (part, name), value in self.values.items() if part in (SPACE, DATA) and is_range(value)
        }
        return {name: read_dimension(name, value, f"search.{name}") for name, value in ranges.items()}

    def fixed(self, name: str) -> Value | None:
        """What every trial has of a field that is not searched; None where that is nothing, or no plain value."""
        part = DATA if name.startswith(OPTION) else SPACE
        value = to_text(self.values.get((part, name), self.defaults.get(name)))
        return value if isinstance(value, bool | int | float | str) else None

    def words(self, key: Key) -> str:
        """The field's value for a reader."""
        part, name = key
        if key in self.values:
            return words_of(self.values[key])
        return f"{_plain(self.defaults[name])}, the default" if part == SPACE and name in self.defaults else ABSENT

    def compared(self, key: Key) -> str:
        """The value itself, so that two that read alike still differ; where it is not given, its default."""
        part, name = key
        return _text(self.values.get(key, self.defaults.get(name, ABSENT) if part == SPACE else ABSENT))

    def without_seed(self) -> str:
        """All but the seed in one text."""
        return _text(sorted([*key, self.compared(key)] for key in self.values if key != SEED))


def settings_of(spec: StudySpec, document: StudyDocument) -> Settings:
    """From a study's spec and its study.json. Names of a space's own tables are those of ``space.search_of``."""
    found: dict[Key, object] = {(SPACE, "model"): spec.model}
    found[SPACE, "objectives"] = [f"{each.metric}, {each.goal}" for each in spec.objectives]
    for name, value in search_of(spec.space).items():
        if name != "objectives":
            found[DATA if name.startswith(OPTION) else SPACE, name] = value
    found[DATA, "dataset"] = spec.dataset
    identity: Mapping[str, object] = document.get("identity", {})
    for name, value in identity.items():
        if name.endswith("_sha256"):
            found[DATA, f"checksum of {'the data' if name == 'data_sha256' else name.removesuffix('_sha256')}"] = str(
                value
            )[:12]
    found[DATA, "split"] = spec.split
    for part, rows in document.get("rows", {}).items():
        found[DATA, f"{part} rows"] = rows
    found |= {(SEARCH, field.name): getattr(spec, field.name) for field in fields(spec)
              if field.name not in _SAID_ELSEWHERE}  # fmt: skip
    found[SEARCH, "pruner"] = identity_of(document).get("pruner", spec.pruner)
    found[SEARCH, "trials of"] = list(dict.fromkeys(row.study for row in spec.earlier))
    for name, version in document.get("versions", {}).items():
        found[CODE if name in ("sparring", "code") else VERSIONS, name] = version
    return Settings(found, _defaults(spec))


def differing(several: Sequence[Settings]) -> list[Key]:
    """Keys at which not all of them have the same, part by part, in the order in which the first ones have them."""
    keys = dict.fromkeys(key for settings in several for key in settings.values)
    parts = [SPACE, DATA, SEARCH, CODE, VERSIONS]
    found = [key for key in keys if len({settings.compared(key) for settings in several}) > 1]
    return sorted(found, key=lambda key: parts.index(key[0]))


def words_of(value: object) -> str:
    """A value of a study.json for a reader: ``0.0003 to 0.03, log``; ``cosine, one_cycle or none``."""
    if is_range(value):
        return _range_words(cast("Mapping[str, object]", value))
    if isinstance(value, list) and all(isinstance(each, Mapping) for each in value) and value:
        named = [str(each.get("name") or json.dumps(each, default=str)) for each in value]
        return clean("; ".join(named))
    return _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return clean(", ".join(_plain(each) for each in value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return show(value)


def _range_words(table: Mapping[str, object]) -> str:
    kind = next(kind for kind in RANGES if kind in table)
    ends = cast("Sequence[object]", table[kind])
    if kind == "choice":
        *first, last = (_plain(to_text(each)) for each in ends)
        text = f"{', '.join(first)} or {last}" if first else last
    else:
        text = f"{_plain(ends[0])} to {_plain(ends[1])}"
        text += ", whole" if kind == "int" else ""
        text += ", log" if kind == "loguniform" or table.get("log") else ""
        text += f" by {_plain(table['step'])}" if "step" in table else ""
        text += f", or {_plain(table['off'])}" if "off" in table else ""
    conditions = [f"{name} is {_plain(value)}" for name, value in table_of(table, "when").items()]
    return text + (f", where {' and '.join(conditions)}" if conditions else "")


def _text(value: object) -> str:
    """As JSON, in which 1 and 1.0 are the same, and a list and a tuple."""
    return json.dumps(json.loads(json.dumps(value, default=str), parse_float=_number), sort_keys=True)


def _number(text: str) -> float:
    return int(float(text)) if float(text).is_integer() else float(text)


def _defaults(spec: StudySpec) -> Mapping[str, object]:
    """A field's own default; none for a system that this installation does not know."""
    try:
        config = find_config(spec.model)
    except SparringError:
        return {}
    named = config.model_fields.items()
    own = {name: each.get_default(call_default_factory=True) for name, each in named if not each.is_required()}
    return {**own, **table_of(spec.space, "defaults")}
