"""What README.md and the pages of docs tell a reader to type, in order, and what they say that it prints."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
FENCE = re.compile(r"^( *)```(\w+)(?: (\S+))?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^(?:head|node)?\$ ")


@dataclass
class Typed:
    """One command, without its prompt and comment, or a Python program."""

    page: str
    line: int
    text: str
    prints: list[str] = field(default_factory=list)
    """The lines that the page shows below it."""

    @property
    def words(self) -> list[str]:
        """As the shell splits it; ``python -m platform.VERB`` is ``sparring VERB``."""
        words = shlex.split(self.text)
        if words[:2] == ["python", "-m"] and words[2].startswith("platform."):
            return ["sparring", words[2].removeprefix("platform."), *words[3:]]
        return words

    @property
    def is_ours(self) -> bool:
        return re.match(r"sparring |python -m platform\.", self.text) is not None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def typed_in(text: str, page: str) -> list[Typed]:
    """The commands of a page's consoles, those joined by ``&&`` one by one, and its Python programs."""
    found: list[Typed] = []
    for match in FENCE.finditer(text):
        indent, language, file, body = match.groups()
        first = text[: match.start()].count("\n") + 2
        lines = [line.removeprefix(indent) for line in body.splitlines()]
        if language == "python" and file is None:
            found.append(Typed(page, first, "\n".join(lines) + "\n"))
        elif language in ("console", "bash", "sh"):
            found += _commands(lines, page, first)
    return found


def _commands(lines: list[str], page: str, first: int) -> list[Typed]:
    found: list[Typed] = []
    is_open = False
    for number, line in enumerate(lines, first):
        if is_open:
            found[-1].text += " " + line.strip().removesuffix("\\").strip()
        elif PROMPT.match(line):
            text = PROMPT.sub("", line).removesuffix("\\").strip()
            found.append(Typed(page, number, text))
        elif line.strip():
            found[-1].prints.append(line)
        is_open = line.endswith("\\")
    return [part for each in found for part in _apart(each)]


def _apart(typed: Typed) -> list[Typed]:
    """The commands of one line; what it prints belongs to the last."""
    line = re.sub(r"\s+#.*$", "", typed.text)
    parts = [Typed(typed.page, typed.line, part.strip()) for part in line.split(" && ")]
    parts[-1].prints = typed.prints
    return parts


def all_typed() -> list[Typed]:
    return [each for page in PAGES for each in typed_in((ROOT / page).read_text(encoding="utf-8"), page)]


def shape(line: str) -> str:
    """A line without its numbers and dates, which differ from search to search, and with single blanks."""
    plain = re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?", "DATE", line)
    return " ".join(re.sub(r"-?\d[\d,]*(\.\d+)?(e-?\d+)?", "N", plain).split())
