"""The [[try]] of a space that the command line has changed: those that no longer say anything go without a word.

A file as it is written gets no such leave: ``checks.py`` refuses in it what is left out here.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from ..errors import SpaceError
from .checks import NOTHING_SAID
from .space import Space
from .toml_file import check_plain
from .tries import Try, read_try


def settle_tries(
    raw: Mapping[str, object],
    config_class: type[BaseModel],
    where: str = "search space",
    said: Mapping[str, str] = NOTHING_SAID,
) -> dict[str, object]:
    """A copy of a raw space after ``apply_config`` and ``apply_settings``, with the tries that these leave.

    A value goes that does not apply any more; a try goes that equals the baseline or one before it, or that the model
    now refuses. What is malformed or out of range stays, for ``checked_space`` to refuse.
    said: flags that changed it, as ``Space`` has them. Raises SpaceError only where the space without its tries is
    malformed.
    """
    tables = raw.get("try")
    if not isinstance(tables, list):
        return dict(raw)
    space, kept = Space(raw, config_class, where, said), []
    known = [space.baseline()]
    for index, table in enumerate(tables):
        try:
            table = _without_idle(space, table)
            each = read_try(table, space.where, index, space.kinds, space.complete)
        except SpaceError:
            kept.append(table)
            continue
        if each.params not in known and not _is_refused(space, each):
            known.append(dict(each.params))
            kept.append(table)
    return {**raw, "try": kept}


def _without_idle(space: Space[BaseModel], table: object) -> object:
    """The table without values of searched fields that do not apply; what is no table as it is."""
    if not isinstance(table, dict) or not isinstance(values := table.get("values"), dict):
        return table
    check_plain(values, space.where)  # what is no TOML value has no text to compare
    params = space.complete(values)
    return {**table, "values": {name: values[name] for name in values if name in params or name not in space.kinds}}


def _is_refused(space: Space[BaseModel], each: Try) -> bool:
    """Whether the model refuses the combination of values that lie inside their ranges."""
    searched = {dimension.name: dimension for dimension in space.dimensions}
    if not all(searched[name].contains(value) for name, value in each.params.items()):
        return False
    try:
        space.config(each.params)
    except SpaceError:
        return True
    return False
