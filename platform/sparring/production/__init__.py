"""What a trained model is for: samples, reconstructions, predictions, outlier scores; from ``train`` or from a search.

loading/     the model in a trained folder or of a study, wherever the user says that it lies
inference/   its answers: read the samples, ask, write
drawing/     figures and pictures
retrain/     ``sparring train``: once, or as a k-fold, bootstrap or ensemble
device.py    cpu or cuda, checked
output.py    the folder an answer goes to, and tables in it
"""

from __future__ import annotations

from .loading.loaded import About, Loaded
from .loading.place import read_trained

__all__ = ["About", "Loaded", "read_trained"]
