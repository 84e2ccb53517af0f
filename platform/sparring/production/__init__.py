"""What a trained model is for: sample, reconstruct, predict, tell outliers, from what ``train`` or a search has left.

``trained.py`` reads a folder of the one, ``winner.py`` of the other; ``rows.py`` reads the samples to work on,
``verbs.py`` and ``outliers.py`` answer, and ``drawing.py`` says what figures look like. Nothing here trains.
"""

from __future__ import annotations

from .loaded import About, Loaded
from .trained import read_trained, write_about

__all__ = ["About", "Loaded", "read_trained", "write_about"]
