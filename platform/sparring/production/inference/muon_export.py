"""Muons as others read them: the 12 columns of Enhanced_Generative_Networks, and a tree of ROOT."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from ...data.physics.kinematics import COLUMNS, to_box, to_polar
from ...data.physics.rareness import REFERENCE, rareness
from ...errors import DataError, UsageError


def published_columns(muons_M7: np.ndarray, reference_N7: np.ndarray) -> np.ndarray:
    """(M, 12) float32: charge, r, theta, z, pt, theta_pt, pz in the published box, and five auxiliary values.

    Those are half-normal values handed out by the rank of the rareness among these muons, in r, z, pt, pz and all four,
    as the published program makes them; the rareness is measured against the first 10,000 of ``reference_N7``, which
    shares no row with them.
    """
    rare = rareness(muons_M7, reference_N7[:REFERENCE])
    share = (rankdata(rare, axis=0) - 0.5) / len(rare)
    from scipy.special import erfinv

    boxed = to_box(to_polar(muons_M7))
    return np.hstack([muons_M7[:, :1], boxed, 2**0.5 * erfinv(share)]).astype(np.float32)


def check_root() -> None:
    """Raises UsageError unless uproot is there."""
    try:
        importlib.import_module("uproot")
    except ImportError:
        raise UsageError("--root: .root files need uproot; pip install uproot") from None


def write_root(path: Path, muons_M7: np.ndarray) -> None:
    """A .root with the tree ``muons``, a branch per column: charge, x, y, z in cm, px, py, pz in GeV, as it is read."""
    uproot: Any = importlib.import_module("uproot")
    branches = dict(zip(COLUMNS, np.asarray(muons_M7, dtype=np.float64).T, strict=True))
    try:
        with uproot.recreate(path) as file:
            file.mktree("muons", dict.fromkeys(branches, np.float64)).extend(branches)
    except OSError as error:
        raise DataError(f"{path}: it cannot be written: {error.strerror or error}") from error
