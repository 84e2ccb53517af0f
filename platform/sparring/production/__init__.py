"""What a trained model is for: sample, reconstruct, predict, tell outliers, from the folder that ``train`` wrote.

``trained.py`` reads such a folder, ``rows.py`` the samples to work on, ``verbs.py`` and ``outliers.py`` answer, and
``drawing.py`` says what figures look like. Nothing here trains.
"""

from __future__ import annotations

from .trained import About, Loaded, read_trained, write_about

__all__ = ["About", "Loaded", "read_trained", "write_about"]
