"""A search space: a TOML file's dict and a model's Config class, checked against each other, drawn from, pinned.

space.py           the space itself: draws and translates configurations; pinned.py: one of them alone
dimension.py       one searched field; dimension_toml.py reads it
differences.py     what two configurations differ in, with both values
toml_file.py       the file: find, read, change from the command line, write
checks.py          the rules a user's file must keep; ``checked_space`` applies them
objectives.py      the figures to search by
constraints.py     what must hold between values, in a small language
tries.py           points to try first; settled.py: those that a changed space leaves
grid.py            every point of a space without ranges of floats
"""

from __future__ import annotations

from .checks import check_try, checked_space
from .differences import changes, differing, search_of, settings_of
from .dimension import Dimension
from .pinned import pin
from .settled import settle_tries
from .space import Space
from .toml_file import (
    INHERITED,
    apply_config,
    apply_settings,
    find_space,
    inherit,
    read_space,
    table_of,
    write_toml,
)
from .tries import BY_HAND, Try, read_try, try_names

__all__ = [
    "BY_HAND",
    "INHERITED",
    "Dimension",
    "Space",
    "Try",
    "apply_config",
    "apply_settings",
    "changes",
    "check_try",
    "checked_space",
    "differing",
    "find_space",
    "inherit",
    "pin",
    "read_space",
    "read_try",
    "search_of",
    "settings_of",
    "settle_tries",
    "table_of",
    "try_names",
    "write_toml",
]
