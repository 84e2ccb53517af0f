"""What a trained model is for: samples, reconstructions, predictions, outlier scores; from ``train`` or from a search.

loading/     the model in a trained folder or of a study, wherever the user says that it lies
inference/   its answers: read the samples, ask, write
drawing/     figures and pictures
retrain/     ``sparring train``: once, or as a k-fold, bootstrap or ensemble
device.py    cpu or cuda, checked
output.py    the folder an answer goes to, and tables in it
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .loading.loaded import About, Loaded
    from .loading.place import read_trained

__all__ = ["About", "Loaded", "read_trained"]


def __getattr__(name: str) -> Any:
    """Each is imported when it is asked for: with torch, two seconds, without which a promotion's process begins."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(".loading.place" if name == "read_trained" else ".loading.loaded", __name__), name)
