"""Docstrings, values and tables as Markdown; ``model_page.py`` and ``card_page.py`` know what a page says.

Lists, formulas (paragraphs that begin ``loss =``), drawings and tables (two spaces in a row) of a docstring keep their
lines; prose is filled anew.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

WIDTH = 120

Schema = Mapping[str, Any]
"""The JSON schema of a field, as pydantic makes it."""


def paragraphs(documented: object) -> list[str]:
    """The docstring of a module, class or function by paragraphs; none where it has none."""
    return [text for text in re.split(r"\n\s*\n", inspect.getdoc(documented) or "") if text.strip()]


def prose(texts: Iterable[str]) -> Iterator[str]:
    """Paragraphs of a docstring as Markdown."""
    for text in texts:
        if re.match(r"\d+\. ", text):
            yield "\n".join(re.sub(r"(?<=\S) {2,}", " ", line) for line in _quoted(text).splitlines())
        elif text.startswith("loss = ") or re.search(r"^ {4}|\S {2,}\S", text):
            yield textwrap.indent(textwrap.dedent(text), "    ")
        else:
            yield fill(text)


def fill(text: str) -> str:
    """One paragraph. No line begins with a sign of which Markdown would make a list, a quotation or a heading."""
    held = re.sub(r" (?=([-+*=>#|]|\d+[.)])( |$))", "\0", " ".join(_quoted(text).split()))
    return textwrap.fill(held, WIDTH, break_long_words=False, break_on_hyphens=False).replace("\0", " ")


def one_line(text: str) -> str:
    """For a table's cell: on one line, without the bar that would end it."""
    return " ".join(_quoted(text).split()).replace("|", "\\|")


def as_code(names: Iterable[str]) -> str:
    """Names in backticks, with commas between."""
    return ", ".join(f"`{name}`" for name in names)


def as_sentence(text: str, label: str) -> str:
    """The text after a label such as ``Source: ``, with a capital."""
    rest = text.removeprefix(label)
    return rest[0].upper() + rest[1:]


def _quoted(text: str) -> str:
    return text.replace("``", "`")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; cells are taken as they are."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def cross(sizes: Iterable[int]) -> str:
    """Sizes of a shape: 1×28×28."""
    return "×".join(map(str, sizes))


def type_of(schema: Schema) -> str:
    """A field's type, bounds or choices from its JSON schema."""
    if "anyOf" in schema:
        return " or ".join(map(type_of, schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return choices(schema.get("enum") or [schema["const"]])
    if schema["type"] == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(map(type_of, schema['prefixItems']))}]"
        return f"list of {type_of(schema['items'])}"
    name = {"boolean": "true or false", "string": "text", "null": "none"}.get(schema["type"], schema["type"])
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return (
        f"{name} {', '.join(f'{sign} {as_value(schema[key])}' for key, sign in signs.items() if key in schema)}".strip()
    )


def choices(values: Iterable[object]) -> str:
    """Values as TOML has them, with commas between."""
    return as_code(map(as_value, values))


def as_value(value: object) -> str:
    """A value as TOML has it, numbers to 6 digits; ``none``, which TOML lacks, for what is left out."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(as_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name} = {as_value(entry)}' for name, entry in value.items())}}}"
    return re.sub(r"e([+-])0", r"e\1", f"{value:g}") if isinstance(value, float) else str(value)
