"""A data set's page: what it holds, where it comes from, how it is had and read, all from its card and its reader."""

from __future__ import annotations

from collections.abc import Iterator

from ...data import Card, read_card, reader_of
from .markdown import Schema, as_value, cross, fill, one_line, prose, table, type_of


def write_card(dataset: str) -> str:
    """The page of a set, by its name or the path of its card, as Markdown. Raises UnknownName or DataError."""
    card = read_card(dataset)
    return "\n\n".join(_parts(card)) + "\n"


def _parts(card: Card) -> Iterator[str]:
    yield f"# {card.name}"
    yield fill(card.title + ".")
    yield fill(card.description)
    yield table(("", ""), [(name, one_line(text)) for name, text in _facts(card)])
    if card.fields:
        yield "## Fields"
        rows = (
            (
                f"`{name}`",
                cross(field.shape) if field.shape else "as the files",
                one_line(field.unit),
                one_line(field.meaning),
            )
            for name, field in card.fields.items()
        )
        yield table(("field", "shape of a sample", "unit", "meaning"), rows)
    yield from _options(card)


def _facts(card: Card) -> Iterator[tuple[str, str]]:
    yield "size", card.size
    if card.path is None:
        yield "where", "embedded: nothing is fetched"
    else:
        yield ("or from --data-path" if card.files else "from --data-path"), card.path
    for file in card.files:
        yield "fetched once", f"{file.urls[0]} ({file.checksum})"
    yield "licence", card.licence
    yield "source", card.source


def _options(card: Card) -> Iterator[str]:
    reader = reader_of(card)
    properties = reader.Options.model_json_schema().get("properties", {})
    if not properties:
        return
    yield "## How it is read"
    yield from prose((reader.__doc__ or "").split("\n\n"))
    rows = (
        (
            f"`--set data.{name}=…`",
            _type(schema),
            as_value(card.options.get(name, schema.get("default"))),
            one_line(schema.get("description", "")),
        )
        for name, schema in properties.items()
    )
    yield table(("option", "type", "here", "meaning"), rows)


def _type(schema: Schema) -> str:
    return type_of(schema) if schema.get("type") != "object" and "$ref" not in schema else "table"
