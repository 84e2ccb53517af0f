"""What a stream that lacks our characters shows in their place: letters of ASCII that mean the same, never an error.

And ``-q``: the flag, and the console that goes with it.
"""

from __future__ import annotations

import codecs
import sys
import unicodedata
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.console import Console

from ..untrusted.screen import Screen

REFUSED: Any = next(each for each in typer.BadParameter.__mro__ if each.__name__ == "ClickException")
"""What the command line's parser raises; click's, or that of typer's own copy of click, as its version has it."""

Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
"""Of a command whose result is files."""
Unsaid = Annotated[bool, typer.Option("-q", "--quiet", help="Print the result alone, not what is being done.")]
"""Of a command whose result is what it prints."""

PLAIN = "sparring.plain"
"""The name of the error handler."""

_SHOWN = {
    "…": "...", "·": "-", "–": "-", "—": "-", "−": "-", "×": "x", "÷": "/", "±": "+-", "≤": "<=", "≥": ">=", "≈": "~",
    "→": "->", "←": "<-", "’": "'", "‘": "'", "“": '"', "”": '"', "√": "sqrt ", "∞": "inf", "∑": "sum", "°": " deg",
    "─": "-", "━": "-", "│": "|", "╸": "-", "╺": "-", "•": "*", "✓": "+", "✗": "x", "ß": "ss", "ø": "o", "æ": "ae",
    "ı": "i", "‖": "||", "∇": "grad ", "∝": "~", "∈": " in ",
    **dict(zip("▁▂▃▄▅▆▇█", "_.,-=+*#", strict=True)),
}  # fmt: skip
_BOXES, _BRAILLE = range(0x2500, 0x2580), range(0x2800, 0x2900)
"""Corners and crossings of lines; what a spinner is made of."""


def use_plain_letters() -> None:
    """Standard output and error show what their encoding lacks in plain letters."""
    codecs.register_error(PLAIN, _replace)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # a stand-in of somebody else's
            stream.reconfigure(errors=PLAIN)  # type: ignore[union-attr]


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(letter: str) -> str:
    """ASCII that means the same: an e for an é, ``sigma`` for a σ, 2 for a superscript 2; else a question mark."""
    if letter in _SHOWN:
        return _SHOWN[letter]
    if ord(letter) in _BOXES or ord(letter) in _BRAILLE:
        return "+" if ord(letter) in _BOXES else "*"
    base = unicodedata.normalize("NFKD", letter)
    if plain := base.encode("ascii", "ignore").decode():
        return plain
    if unicodedata.combining(letter):
        return ""
    kind, _, name = unicodedata.name(base[0], "").rpartition(" LETTER ")
    if not kind.startswith("GREEK"):
        return "?"
    word = name.split()[0]
    return word.capitalize() if "CAPITAL" in kind else word.lower()


def screen_of(quiet: bool, console: Console) -> Console:
    """The command's own console, or one that shows nothing."""
    return Screen(quiet=True) if quiet else console
