"""Weighted atom-centred symmetry functions (wACSF): the surroundings of one atom as a vector of fixed length.

Rotating or shifting a structure, or listing its neighbours in another order, leaves the vector as it is. With the
default grid it has 49 features: one G1, 16 radial G2, 32 angular G4. Sources: J. Behler, J. Chem. Phys. 134 (2011)
074106 (the symmetry functions); M. Gastegger et al., J. Chem. Phys. 148 (2018) 241709 (weights instead of one vector
per element); the grids are XANESNET's. With fc(r) = (cos(pi r / r_max) + 1) / 2 and the absorber i:

    G1       = sum_j fc(r_ij)
    G2(m)    = sum_j Z_j/10 exp(-h (r_ij - m)^2) fc(r_ij)                             h = 1 / (2 spacing of m ^ 2)
    G4(h, s) = sum_{j<k} Z_j/10 Z_k/10 (1 + s cos(angle_jik)) prod_{r in ij,ik,jk} exp(-h r^2) fc(r)      s = 1, -1

Neighbours are the atoms with r_ij < r_max, a crystal's periodic images among them; r_jk is not cut off. Lengths in Å,
computed in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from .periodic import images_within

FLOATS_PER_BATCH = 1 << 20  # the largest array of a batch holds 8 MB; from 0.5 to 64 MB the speed is the same


class Structure(NamedTuple):
    """Atoms, the absorber first."""

    numbers: np.ndarray
    """Atomic numbers, (atoms,)."""
    positions: np.ndarray
    """Å, (atoms, 3)."""
    cell: np.ndarray | None = None
    """Å, (3, 3), a lattice vector per row; None: no crystal."""


class Grid(BaseModel):
    """Where the symmetry functions sit. A reader's Options that need descriptors inherit these."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    r_min: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    """Å; the radial grid begins half an Å beyond it, the angular one a whole. 0 to 2."""
    r_max: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 6.0
    """Cut-off radius in Å: atoms from here on are not seen. 4 to 8."""
    n_g2: Annotated[int, Field(ge=2)] = 16
    """Number of radial functions. 8 to 32."""
    n_g4: Annotated[int, Field(ge=2, multiple_of=2)] = 32
    """Number of angular functions, half of them for each sign of the cosine. 16 to 64."""

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.r_max <= self.r_min + 1.5:
            raise ValueError(
                f"r_max must exceed r_min by more than 1.5 Å, but got r_min={self.r_min:g}, r_max={self.r_max:g}"
            )
        return self

    @property
    def width(self) -> int:
        """Number of features."""
        return 1 + self.n_g2 + self.n_g4


def describe(structures: Sequence[Structure], grid: Grid) -> np.ndarray:
    """The wACSF vectors around the first atom of each structure, (structures, grid.width), float64."""
    neighbours = [_neighbours(structure, grid.r_max) for structure in structures]
    features = np.empty((len(structures), grid.width))
    # Structures of about the same size share a batch, so that little is padded.
    order = sorted(range(len(structures)), key=lambda row: len(neighbours[row].numbers))
    while order:
        widest = len(neighbours[order[-1]].numbers)
        pairs = max(1, widest * (widest - 1) // 2)
        count = max(1, FLOATS_PER_BATCH // (pairs * grid.n_g4 // 2))
        order, rows = order[:-count], order[-count:]
        numbers_SN = np.zeros((len(rows), widest))
        positions_SN3 = np.zeros((len(rows), widest, 3))
        for slot, row in enumerate(rows):
            atoms = neighbours[row]
            numbers_SN[slot, : len(atoms.numbers)] = atoms.numbers
            positions_SN3[slot, : len(atoms.numbers)] = atoms.positions
        features[rows] = describe_padded(numbers_SN, positions_SN3, grid)
    return features


def describe_padded(numbers_SN: np.ndarray, positions_SN3: np.ndarray, grid: Grid) -> np.ndarray:
    """wACSF vectors of S structures with room for N neighbours each, (S, grid.width), float64.

    numbers_SN: atomic numbers; 0 marks a place without an atom. positions_SN3: Å, relative to the absorber.
    """
    # S structures, N neighbours, P pairs of neighbours, F functions
    radius_SN = np.linalg.norm(positions_SN3, axis=2)
    seen_SN = (numbers_SN > 0) & (radius_SN < grid.r_max)
    radius_SN = np.where(seen_SN, radius_SN, 1.0)
    cutoff_SN = np.where(seen_SN, _cutoff(radius_SN, grid), 0.0)
    weight_SN = numbers_SN / 10 * cutoff_SN

    centre_F = np.linspace(grid.r_min + 0.5, grid.r_max - 0.5, grid.n_g2)
    sharpness = 0.5 / (centre_F[1] - centre_F[0]) ** 2
    bell_SNF = np.exp(-sharpness * (radius_SN[:, :, None] - centre_F) ** 2)
    radial_SF = (weight_SN[:, None, :] @ bell_SNF)[:, 0]

    # Of the angular grid only the first half is used, once for each sign of the cosine, as published.
    sharpness_F = 0.5 / np.linspace(grid.r_min + 1, grid.r_max - 0.5, grid.n_g4)[: grid.n_g4 // 2] ** 2
    first_P, second_P = np.triu_indices(numbers_SN.shape[1], k=1)
    dot_SP = np.einsum("spx,spx->sp", positions_SN3[:, first_P], positions_SN3[:, second_P])
    square_SN = radius_SN**2
    square_SP = square_SN[:, first_P] + square_SN[:, second_P]
    apart_SP = np.maximum(square_SP - 2 * dot_SP, 0.0)  # law of cosines: the third side, squared
    cosine_SP = dot_SP / (radius_SN[:, first_P] * radius_SN[:, second_P])
    weight_SP = weight_SN[:, first_P] * weight_SN[:, second_P] * _cutoff(np.sqrt(apart_SP), grid)
    bell_SPF = np.exp(-(square_SP + apart_SP)[:, :, None] * sharpness_F)
    signed_S2P = np.stack([weight_SP * (1 + cosine_SP), weight_SP * (1 - cosine_SP)], axis=1)
    angular_SF2 = np.swapaxes(signed_S2P @ bell_SPF, 1, 2)

    return np.hstack([cutoff_SN.sum(1, keepdims=True), radial_SF, angular_SF2.reshape(len(numbers_SN), grid.n_g4)])


def _cutoff(radius: np.ndarray, grid: Grid) -> np.ndarray:
    return (np.cos(np.pi / grid.r_max * radius) + 1) / 2


def _neighbours(structure: Structure, r_max: float) -> Structure:
    if structure.cell is not None:
        relative = structure.positions - structure.positions[0]
        return Structure(*images_within(structure.numbers, relative, structure.cell, r_max))
    relative = structure.positions[1:] - structure.positions[0]
    near = np.einsum("nx,nx->n", relative, relative) < r_max**2
    return Structure(structure.numbers[1:][near], relative[near])
