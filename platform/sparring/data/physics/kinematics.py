"""Muon coordinates: Cartesian rows, polar rows, and the published boxes that map polar rows into about [-1, 1].

A muon is seven numbers: charge (±1), x, y, z in cm, px, py, pz in GeV. Its six polar numbers are r, theta, z, pt,
theta_pt, pz, with the published angle: theta = atan2(x, y), so x = r sin theta and y = r cos theta (not the usual way
round). NumPy float64; ``models/blocks/muon_frame.py`` holds the same in torch.
Source: github.com/alexmarshallbristol/Enhanced_Generative_Networks (facts, no code).
"""

from __future__ import annotations

import numpy as np

COLUMNS = ("charge", "x", "y", "z", "px", "py", "pz")
POLAR = ("r", "theta", "z", "pt", "theta_pt", "pz")
ANGLES = (1, 4)
SKEWED = (0, 2, 3, 5)
"""Columns of POLAR that are angles, and the four that are not: r, z, pt, pz."""
RARENESS = ("r", "z", "pt", "pz", "4d")
"""What the columns of a rareness table were measured in: each of the four alone, then all four together."""

LOW = np.array([0.0, -np.pi, -7084.92, 0.0, -np.pi, 10.27])
HIGH = np.array([15.0, np.pi, -6460.76, 10.0, np.pi, 386.08])
FIRST = np.array([-0.97, -0.97, -1.0, -0.97, -0.97, -0.97])
LAST = 0.97
"""The box of each polar column, cm and GeV, and where its ends go: to ±0.97, but z from -1, where many muons start."""


def to_polar(muons_M7: np.ndarray) -> np.ndarray:
    """(M, 7) -> (M, 6) float64; the charge is left out."""
    _, x, y, z, px, py, pz = np.asarray(muons_M7, dtype=np.float64).T
    return np.stack([np.hypot(x, y), np.arctan2(x, y), z, np.hypot(px, py), np.arctan2(px, py), pz], axis=1)


def to_cartesian(polar_M6: np.ndarray, charge_M: np.ndarray) -> np.ndarray:
    """(M, 6) and charges (M,) -> (M, 7) float64."""
    r, theta, z, pt, theta_pt, pz = np.asarray(polar_M6, dtype=np.float64).T
    x, y, px, py = r * np.sin(theta), r * np.cos(theta), pt * np.sin(theta_pt), pt * np.cos(theta_pt)
    return np.stack([np.asarray(charge_M, dtype=np.float64), x, y, z, px, py, pz], axis=1)


def to_box(polar_M6: np.ndarray) -> np.ndarray:
    """Polar rows scaled so that the box's ends lie at FIRST and LAST; what is outside stays outside."""
    scaled: np.ndarray = FIRST + (LAST - FIRST) * (polar_M6 - LOW) / (HIGH - LOW)
    return scaled


def from_box(scaled_M6: np.ndarray) -> np.ndarray:
    """The inverse of ``to_box``."""
    polar: np.ndarray = LOW + (HIGH - LOW) * (scaled_M6 - FIRST) / (LAST - FIRST)
    return polar
