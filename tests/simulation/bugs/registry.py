"""The bugs by name, and how one comes into the list."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Patch = pytest.MonkeyPatch
BUGS: dict[str, Callable[[Patch], None]] = {}


def bug(plant: Callable[[Patch], None]) -> Callable[[Patch], None]:
    """Lists a function that plants a bug into the real code by one patch."""
    BUGS[plant.__name__] = plant
    return plant
