"""What two configurations, or two searches, differ in: field by field, with both values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .dimension import OPTION
from .toml_file import table_of

MOST = 6
"""Differences in one sentence; more are counted."""

ALONE = ("model", "dataset", "split", "seed")
"""Keys of a raw space that are values by themselves."""

LONGEST = 60
"""Characters of a value in a sentence."""

LISTED = {"objectives": "objectives", "constraints": "constraints", "try": "points to try first", "rungs": "rungs"}
"""Other keys of a space, and what a sentence calls them."""


def settings_of(raw: Mapping[str, object]) -> dict[str, object]:
    """What a pinned configuration says, flat: data set, seed, options of the data as ``data.NAME``, and fields."""
    alone = {key: raw[key] for key in ALONE if key in raw}
    options = {f"{OPTION}{name}": value for name, value in table_of(raw, "data").items()}
    return {**alone, **options, **table_of(raw, "fixed")}


def search_of(raw: Mapping[str, object]) -> dict[str, object]:
    """What a space says, flat: settings, ranges in the place of values, what trial 0 has, objectives and the rest."""
    alone = {key: value for key, value in settings_of(raw).items() if key not in ALONE}
    defaults = {f"the default of {name}": value for name, value in table_of(raw, "defaults").items()}
    tables = {name: raw[key] for key, name in LISTED.items() if raw.get(key)}
    return {**alone, **table_of(raw, "search"), **defaults, **tables}


def differing(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Names whose values differ or are on one side only, in the order of ``now``, then those that are gone."""
    names = dict.fromkeys([*now, *before])
    return [name for name in names if not _are_same(before.get(name), now.get(name))]


def changes(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    """``epochs was 27 and is 3; hidden_size was 256 and is 64``; those beyond ``MOST`` are counted; empty if none."""
    parts = [_part(before, now, name) for name in differing(before, now)]
    if len(parts) > MOST + 1:  # one part too many is as short as its count
        parts[MOST:] = [f"{len(parts) - MOST} more differ"]
    return "; ".join(parts)


def _part(before: Mapping[str, object], now: Mapping[str, object], name: str) -> str:
    was, is_now = _spoken(before, name), _spoken(now, name)
    if was == is_now:  # both were cut before they differ
        return f"{name} {'differ' if name.endswith('s') or name in LISTED.values() else 'differs'}"
    return f"{name} was {was} and is {is_now}"


def _are_same(one: object, other: object) -> bool:
    """Equal, where 1 beside 1.0 is, but True beside 1 is not."""
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if isinstance(one, Sequence) and isinstance(other, Sequence) and not isinstance(one, str):
        return list(one) == list(other)
    return one == other


def _spoken(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    if value is None:
        return "None" if name in values else "not given"
    told = repr(value)
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 1]}…"
