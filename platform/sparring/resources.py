"""Where the folders without Python are: ``datasets/`` and ``search_spaces/``, in a checkout and in a wheel."""

from __future__ import annotations

from pathlib import Path

from .errors import UsageError

_PACKAGE = Path(__file__).resolve().parent


def shipped(folder: str) -> Path:
    """The folder of that name: inside the package (a wheel) or beside ``platform/`` (a checkout)."""
    places = (_PACKAGE / folder, _PACKAGE.parents[1] / folder)
    for place in places:
        if place.is_dir():
            return place
    raise UsageError(
        f"Sparring ships a folder {folder!r}, but it is neither at {places[0]} nor at {places[1]}; reinstall it"
    )
