"""``sparring models`` and ``sparring datasets``: what there is, and the page of each."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

console = Console()


def models(
    model: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="Its page: nets, losses, fields, what differs from published."),
    ] = None,
) -> None:
    """The systems that can be searched; of one, everything there is to know."""
    from ..display import print_listing
    from ..models import describe_model, model_names

    if model is None:
        print_listing(console, ("model", "what it is"), [(name, describe_model(name)) for name in model_names()])
        return
    from .pages.model_page import write_page

    _show_page(write_page(model))


def datasets(
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="[NAME|CARD.toml]", help="Its page: what it holds, licence, source, reader's options."),
    ] = None,
) -> None:
    """The data sets there are cards for; of one, everything there is to know."""
    from ..data import dataset_names, read_card
    from ..display import print_listing

    if dataset is not None:
        from .pages.card_page import write_card

        _show_page(write_card(dataset))
        return
    print_listing(console, ("data set", "what it is"), [(name, read_card(name).title) for name in dataset_names()])


def _show_page(page: str) -> None:
    """Markdown, drawn on a terminal and as it stands anywhere else."""
    from rich.markdown import Markdown

    if console.is_terminal:
        console.print(Markdown(page))
    else:
        print(page, end="")
