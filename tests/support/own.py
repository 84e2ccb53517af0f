"""The tutorial's model of one's own, written to files as docs/own-models.md says."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "own-models.md"
NAME = "my_module:MyModel"


def blocks() -> dict[str, str]:
    """By file name, what the page tells to write."""
    found = re.findall(r"^```\w+ (\S+)$\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return dict(found)


def write_tutorial(folder: Path) -> None:
    for name, text in blocks().items():
        (folder / name).write_text(text, encoding="utf-8")
