"""``sparring models`` and ``sparring datasets``: what there is, and the page of each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from ..untrusted.screen import Screen, print_plain
from .own_model import allow_named

if TYPE_CHECKING:
    from ..data.cards import Card

CHECK = "Check"
"""Heading of the options that go with check."""

console = Screen()

ORIGINS = ("embedded", "yours", "fetched")
"""Where data sets come from, those that need no net first."""

FOR_EDITORS = re.compile(r"Made by `[^`]*`\s+from\s+docstrings\s+and\s+the\s+Config:\s+change\s+those\.\s*")
"""What a page says to those who would edit its file, and no reader of a screen does."""


def models(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL|check",
            callback=allow_named,
            help="Its page: nets, losses, fields, what differs from published.",
        ),
    ] = None,
    checked: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL", callback=allow_named, help="After check: the model, my_module:MyModel, to try."
        ),
    ] = None,
    space: Annotated[
        str | None, typer.Option(help="Its search space.", show_default="its own", rich_help_panel=CHECK)
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Another data set.", rich_help_panel=CHECK)] = None,
    data_path: Annotated[Path | None, typer.Option(help="Where the files lie.", rich_help_panel=CHECK)] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A field, or data.KEY, of trial 0.", rich_help_panel=CHECK),
    ] = None,
) -> None:
    """The systems that can be searched; of one, everything there is to know; or check that a model, such as one of your
    own, keeps what every system promises."""
    from ..display import print_listing
    from ..models import describe_model, installed_models, model_names

    if model == "check" and checked is not None:
        from .model_check import check_model

        check_model(checked, space=space, dataset=dataset, data_path=data_path, settings=set_ or [], console=console)
        return
    if model == "check" or checked or space or dataset or data_path or set_:
        raise UsageError("models: to try a model's promises, say `sparring models check my_module:MyModel`")
    if model is None:
        rows = [(name, describe_model(name), _embedded_sets(name)) for name in model_names()]
        rows += [(name, describe_model(name), "its own space's") for name in sorted(installed_models())]
        print_listing(console, ("model", "what it is", "works offline on"), rows)
        console.print("Each takes data of your own too, and sets that are fetched: sparring datasets", soft_wrap=True)
        return
    from .pages.model_page import write_page

    _show_page(write_page(model))


def datasets(
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|CARD.toml|check", help="Its page: what it holds, licence, source, reader's options."
        ),
    ] = None,
    checked: Annotated[
        str | None,
        typer.Argument(metavar="NAME|CARD.toml|PATH", help="After check: the set, or your file, to look at."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            callback=allow_named,
            help="Also whether this system, or my_module:MyModel, can learn it.",
            rich_help_panel=CHECK,
        ),
    ] = None,
    data_path: Annotated[Path | None, typer.Option(help="Where the files lie.", rich_help_panel=CHECK)] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="data.KEY=VALUE", help="An option of the reader.", rich_help_panel=CHECK),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for pictures.", show_default="checked/NAME", rich_help_panel=CHECK),
    ] = None,
) -> None:
    """The data sets there are cards for, and for which systems; of one, everything there is to know; or check one,
    and say what is odd."""
    from ..data import dataset_names, read_card
    from ..display import print_listing

    if dataset == "check" and checked is not None:
        from .dataset_check import check_dataset

        check_dataset(checked, data_path=data_path, settings=set_ or [], model=model, output=output, console=console)
        return
    if dataset == "check" or checked or model or data_path or set_ or output:
        raise UsageError("datasets: to look at a set's data, say `sparring datasets check NAME|CARD.toml|PATH`")
    if dataset is not None:
        from .pages.card_page import write_card

        _show_page(write_card(dataset))
        return
    rows = [(card.name, card.title, _origin(card), _takers(card)) for card in map(read_card, dataset_names())]
    rows.sort(key=lambda row: ORIGINS.index(row[2]))
    print_listing(console, ("data set", "what it is", "from", "for"), rows)
    console.print("embedded sets need no net; fetched ones once, when they are first used; yours lie on your disk.")


def _origin(card: Card) -> str:
    """Whether a set works offline: embedded ones always do, fetched ones after the first time."""
    if card.path is None:
        return ORIGINS[0]
    return ORIGINS[2] if card.files else ORIGINS[1]


def _takers(card: Card) -> str:
    """The systems that find their fields in the set; a set of the user's own has those that its files give."""
    from ..models import find_config, model_names

    names = [name for name in model_names() if set(find_config(name).fields) <= set(card.fields)]
    return ", ".join(names) or "as its files say"


def _embedded_sets(model: str) -> str:
    """The embedded data sets that hold a system's fields."""
    from ..data import dataset_names, read_card
    from ..models import find_config

    fields = set(find_config(model).fields)
    return ", ".join(
        card.name for card in map(read_card, dataset_names()) if card.path is None and fields <= set(card.fields)
    )


def _show_page(page: str) -> None:
    """Markdown, drawn on a terminal and as it stands anywhere else."""
    from rich.markdown import Markdown

    if console.is_terminal:
        console.print(Markdown(FOR_EDITORS.sub("", page)))
    else:
        print_plain(page)
