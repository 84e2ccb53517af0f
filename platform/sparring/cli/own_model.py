"""``--model MODULE:CLASS``: the user's word that a model of somebody's own may run in this process."""

from __future__ import annotations

from typing import Annotated

import typer


def allow_named(name: str | None) -> str | None:
    """Lets what the user named run, if it is a model of one's own; gives the name back. Nothing is imported yet."""
    from ..models import is_own
    from ..models.own import allow

    if name is not None and is_own(name):
        allow(name)
    return name


def _allow(name: str) -> str:
    from ..models.own import allow

    if name:
        allow(name)
    return name


UNNAMED = ""
"""No model of one's own."""
Own = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="MODULE:CLASS",
        callback=_allow,
        show_default="none",
        help="The model of your own that it names, from the working directory: it is Python, and runs.",
    ),
]
