"""TOML and JSON of strangers. Whatever the text, one ValueError says what is wrong with it.

Python's own readers take minutes and gigabytes for a key of 100,000 parts, and their refusals are of many types:
RecursionError for what stands too deep, ValueError for an integer of 5,000 digits. Where a text passes here, nothing
that walks through it or prints it meets either.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

DEEPEST = 64
"""Levels of tables and arrays in one another. Ours have at most five."""

MOST_PARTS = 16
"""Parts of a dotted key. Ours have at most three."""

LARGEST = 2**63
"""TOML's own bound: whole numbers have 64 bits."""

_TOKENS = re.compile(
    r"""(?P<part>[\w-]++|"(?!"")(?:[^"\\\n]|\\.)*+"?|'(?!'')[^'\n]*+'?)|(?P<dot>\.)|(?P<gap>[ \t]++)"""
    r"""|\#[^\n]*+|\"{3}(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5}|\Z)|'{3}(?:[^']|'(?!''))*+(?:'{3,5}|\Z)|[^\w\-"'.#\ \t]++""",
    re.ASCII | re.DOTALL,
)
"""TOML's own words, as far as a dotted key needs. What is scanned is consumed, so any text takes linear time."""


class LimitPassed(ValueError):
    """A text of the right form that nobody writes by hand: too deep, too long a key, too large a number."""


def read_toml(text: str) -> dict[str, Any]:
    """The text as tables. Raises LimitPassed, or another ValueError, with the line, if it is no TOML."""
    _check_keys(text)
    try:
        tables = tomllib.loads(text)
    except RecursionError:
        raise LimitPassed("arrays or tables stand too deep inside one another") from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # Python's bound on the digits of an integer
        raise LimitPassed(_OF_64_BITS) from error
    _check(tables)
    return tables


def read_json(text: str | bytes) -> Any:
    """The text as Python's values. Raises LimitPassed, or another ValueError if it is no JSON."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise LimitPassed("arrays or objects stand too deep inside one another") from None
    _check(value)
    return value


_OF_64_BITS = "a whole number has at most 64 bits, but got a longer one"


def _check_keys(text: str) -> None:
    """Raises LimitPassed, with the line, for a key of more than ``MOST_PARTS`` parts."""
    dots, is_part = 0, False
    for token in _TOKENS.finditer(text):
        kind = token.lastgroup
        if kind == "gap":
            continue
        if kind == "dot" and is_part:
            dots += 1
            if dots >= MOST_PARTS:
                line = text.count("\n", 0, token.start()) + 1
                raise LimitPassed(f"a key has at most {MOST_PARTS} parts, but got more (at line {line})")
        elif kind != "part" or is_part:
            dots = 0
        is_part = kind == "part"


def _check(value: object) -> None:
    """Raises LimitPassed for what stands too deep and for integers that Python could not print."""
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, int) and not -LARGEST <= each < 2 * LARGEST:
                raise LimitPassed(_OF_64_BITS)
        if not below:
            return
        level = below
    raise LimitPassed("arrays or tables stand too deep inside one another")
