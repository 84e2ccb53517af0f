"""Which code makes a study's figures: versions of what they depend on, and a digest of Sparring's own source.

A resume under other code goes on, since nothing is wrong with the trials that there are; but the same setting may then
give another figure, so it is said.
"""

from __future__ import annotations

import hashlib
import platform as machine
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from .. import __version__
from ..ledger import STUDY_FILE, read_study
from ..models.own import allowed

LIBRARIES = ("ray", "optuna", "torch", "numpy", "pyarrow")
CODE = "code"
"""The digest's name among the versions."""
ROOMS = ("models", "training", "data", "metrics")
"""What of Sparring a trial's figure depends on; a change of the report is none of these."""


def versions_here(model: str) -> dict[str, str]:
    """By name: sparring, its ``code``, python, the libraries, and the digest of a model that is the user's own."""
    own = allowed(model)
    return {
        **({} if own is None else {model: own.digest}),
        "sparring": __version__, CODE: code_digest(), "python": machine.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }  # fmt: skip


@cache
def code_digest() -> str:
    """The first twelve hexadecimal digits of the SHA-256 of the source of ``ROOMS``."""
    root, digest = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(
        path for room in ROOMS for path in [root / room, *(root / room).rglob("*")] if path.suffix == ".py"
    ):
        digest.update(f"{path.relative_to(root)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def provenance_notes(folder: Path, model: str) -> list[str]:
    """What has changed since the study in ``folder`` was begun, in a sentence; nothing where there is none."""
    if not (folder / STUDY_FILE).exists():
        return []
    changed = _changed(read_study(folder).get("versions", {}), versions_here(model))
    if not changed:
        return []
    return [
        f"{folder.name} was begun with {', '.join(changed)}: trials from here on may differ from what the same "
        "settings gave before"
    ]


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """``torch 2.12.0 (2.13.0 now)``; what the earlier study did not write down is not compared."""
    return [f"{name} {before[name]} ({now[name]} now)" for name in now if before.get(name, now[name]) != now[name]]
