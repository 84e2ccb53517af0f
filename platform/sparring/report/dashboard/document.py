"""The page as one HTML text. Its policy names its own script and style by their hashes and allows nothing else."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parent
SCRIPTS = ("data.js", "axes.js", "plots.js", "panels.js", "page.js")
"""In the order in which they run, as one script."""


def make_document(title: str) -> tuple[str, str]:
    """The page and its content security policy; it asks its server for a study.

    Texts of a study only ever come in as JSON, of which the script makes texts, never markup.
    """
    script = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'"use strict";\n{script}'
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {hash_of(script)}; style-src {hash_of(style)}; img-src data: blob:; "
        f"connect-src 'self'; base-uri 'none'; form-action 'none'"
    )
    body = (FOLDER / "body.html").read_text(encoding="utf-8")
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n{body}\n<script>{script}</script></html>\n"
    )
    return page, policy


def hash_of(text: str) -> str:
    """As a content security policy names a text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
