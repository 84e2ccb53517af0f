"""The command line. ``app.py`` names the commands; heavy imports stay inside them.

search.py      search
train.py       train
results.py     report, best
handover.py    promote, rollback, production
ask.py         sample, reconstruct, predict, outliers
listings.py    models, datasets; pages/ writes the page of one
"""

from __future__ import annotations

from .app import main

__all__ = ["main"]
