"""A space in which every range has collapsed to one value: what production and retraining read."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from pydantic import BaseModel

from ..errors import SpaceError
from ..records import Value
from .differences import settings_of
from .space import Space
from .toml_file import table_of

FOUND_WITH = "settings"
"""The table under [found] that holds what the file said when it was pinned."""


def pin(
    space: Space[BaseModel], params: Mapping[str, Value], *, seed: int, found: Mapping[str, object]
) -> dict[str, object]:
    """The raw space in which every range has collapsed to the value in ``params``: what production and retraining read.

    ``found`` says where it comes from (study, trial, value, epoch) and is only for readers; beside it stand the
    settings that it was found with, by which ``train`` knows a file that was edited since. What is None is left out;
    raises SpaceError if that would change the configuration.
    """
    values = space.values(params)
    of_a_search = ("defaults", "search", "try", "constraints", "rungs")
    pinned = {key: value for key, value in space.raw.items() if key not in of_a_search}
    pinned["seed"] = seed
    if space.searches_data:
        pinned["data"] = space.data_options(params)
    for name, table in (("fixed", values), ("found", found)):
        pinned[name] = {key: value for key, value in table.items() if value is not None}
    for name, value in values.items():
        if value is None and space.config_class.model_fields[name].get_default(call_default_factory=True) is not None:
            raise SpaceError(f"{space.where}: fixed.{name}: TOML has no null to pin; give {name} a value")
    pinned["found"] = {**table_of(pinned, "found"), FOUND_WITH: settings_of(pinned)}
    return copy.deepcopy(pinned)
