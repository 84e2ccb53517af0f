"""A page as one HTML text. Its policy names its own script and style by their hashes and allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
DRAWING = tuple(FOLDER / name for name in ("elements.js", "axes.js"))
"""What every page that draws has."""

SCRIPTS = (
    *DRAWING,
    *(
        FOLDER / name
        for name in ("data.js", "plots.js", "ranks.js", "summaries.js", "trial.js", "panels.js", "facts.js", "page.js")
    ),
)
"""Of a study's page, in the order in which they run, as one script."""


def make_document(title: str, frozen: Mapping[str, Any] | None = None, words: Iterable[str] = ()) -> tuple[str, str]:
    """A study's page and its content security policy.

    frozen: all that the page shows, as the server would have answered; without it the page asks its server. words: what
    is read where no script runs.

    Texts of a study only ever come in as JSON, of which the script makes texts, never markup.
    """
    body = (FOLDER / "body.html").read_text(encoding="utf-8")
    without = "".join(f"<p>{escape(each)}</p>" for each in words)
    return assemble(title, body.replace("</noscript>", f"{without}</noscript>"), SCRIPTS, frozen)


def assemble(title: str, body: str, scripts: Iterable[Path], data: Mapping[str, Any] | None) -> tuple[str, str]:
    """A page of markup, one script and the JSON that it reads, and the policy; without JSON it may ask its server."""
    script = "\n".join(['"use strict";', *(path.read_text(encoding="utf-8") for path in scripts)])
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    asks = "'self'" if data is None else "'none'"
    policy = (
        f"default-src 'none'; script-src {hash_of(script)}; style-src {hash_of(style)}; img-src data: blob:; "
        f"connect-src {asks}; base-uri 'none'; form-action 'none'"
    )
    held = "" if data is None else f'<script id="frozen" type="application/json">{_json(data)}</script>\n'
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n{body}\n{held}<script>{script}</script></html>\n"
    )
    return page, policy


def hash_of(text: str) -> str:
    """As a content security policy names a text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(data: Mapping[str, Any]) -> str:
    """JSON that ends no script and begins no comment, whatever its texts say."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text
