"""Models in production: numbered bundles per name, the one that is current, and a history that only grows.

    ADDRESS/<name>/<version>/            a bundle; its manifest.json is written last
    ADDRESS/<name>/history/              an entry per promotion or roll-back, each naming the SHA-256 of the one before
    ADDRESS/<name>/current               which version is in use, and the newest entry; its replacement is the switch

``current`` is the only file that is ever replaced, in one step: whoever dies when, readers find the old version or the
new one. An entry counts once ``current`` leads to it, by itself or through later ones; taking one out breaks the chain.

registry.py   promote, roll back, read, list
entries.py    an entry, and ``current``
files.py      the files of a name, in a folder (durable, under a lock) or at an address of pyarrow (under a claim)
"""

from __future__ import annotations

from .entries import Entry
from .registry import PRODUCTION, Registry

__all__ = ["PRODUCTION", "Entry", "Registry"]
