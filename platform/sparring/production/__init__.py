"""What a trained model is for: sample, reconstruct, predict, tell outliers, from what ``train`` or a search has left.

loading/     the model in a trained folder or of a study
inference/   its answers: read the samples, ask, write
drawing/     figures and pictures
retrain/     ``sparring train``: once, or as a k-fold, bootstrap or ensemble
"""

from __future__ import annotations

from .loading.loaded import About, Loaded
from .loading.place import read_trained
from .loading.trained_folder import write_about

__all__ = ["About", "Loaded", "read_trained", "write_about"]
