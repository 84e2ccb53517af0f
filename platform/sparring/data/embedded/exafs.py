"""The embedded set ``exafs``: random iron complexes, their descriptors and their EXAFS spectra, from one seed.

A complex is an iron atom with a first shell of 4 to 6 ligands (tetrahedral, square planar, trigonal bipyramidal,
octahedral; one or two kinds of C, N, O, S, Cl) and an outer atom (C, S or Fe, one kind per complex) on every ligand
but Cl. Bond lengths are sums of covalent radii (B. Cordero et al., Dalton Trans. (2008) 2832), iron's anywhere between
its low-spin and high-spin radius; the bend Fe-ligand-outer is 105° to 135° with a random torsion; every atom is moved
by static disorder. ``structure`` is the wACSF vector of these positions (``data/physics/wacsf.py``), ``spectrum`` is
k^2 chi(k) of the same positions by the EXAFS equation (``data/physics/scattering.py`` says which terms it keeps and
where its constants are from). There is no noise: what a model cannot predict is what the two do not show.

Float64 throughout, rounded to float32 at the end: the same seed gives the same bits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from ..dataset import Dataset
from ..physics.scattering import exafs
from ..physics.wacsf import Grid, describe_padded

IRON = 26
RADIUS = {6: 0.76, 7: 0.71, 8: 0.66, 16: 1.05, 17: 1.02}  # Å, covalent
IRON_RADIUS = (1.32, 1.52)  # Å, low spin and high spin
LIGANDS = (6, 7, 8, 16, 17)
OUTER = (6, 16, 26)
BEND = (105.0, 135.0)  # degrees
DISORDER = 0.03  # Å per coordinate, static
SIGMA2 = (0.003, 0.007)  # Å^2, thermal, of inner and outer neighbours: usual fits at room temperature
TORSIONS = 8  # tries; the one whose outer atoms are farthest apart is kept

_HIGH = np.sqrt(0.75)
_DIRECTIONS = (
    np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3),
    np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]]),
    np.array([[0, 0, 1], [0, 0, -1], [1, 0, 0], [-0.5, _HIGH, 0], [-0.5, -_HIGH, 0]]),
    np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]),
)


class Options(Grid):
    """How many pairs, from which seed, on which grids."""

    changes: ClassVar = {
        **dict.fromkeys(Grid.model_fields, ("structure",)),
        **dict.fromkeys(("k_min", "k_max", "points"), ("spectrum",)),
    }

    n: Annotated[int, Field(ge=10, le=20_000)] = 2048
    """Number of pairs. 2,048 take a fifth of a second."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the complexes. Not the study's seed: the data stay the same when a search is repeated."""
    k_min: Annotated[float, Field(ge=2, allow_inf_nan=False)] = 2.0
    """First wave number in 1/Å. 2 to 3; below, neither the equation nor its phase shifts hold."""
    k_max: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0
    """Last wave number in 1/Å. 8 to 12."""
    points: Annotated[int, Field(ge=2)] = 226
    """Points of the spectrum."""

    @model_validator(mode="after")
    def _has_range(self) -> Self:
        if self.k_max <= self.k_min:
            raise ValueError(f"k_max must exceed k_min, but got k_min={self.k_min:g}, k_max={self.k_max:g}")
        return self


def read(path: Path | None, options: Options) -> Dataset:
    """The set; ``path`` is not looked at, the card says that there is nothing to read."""
    numbers_SN, positions_SN3 = complexes(options.n, np.random.default_rng(options.seed))
    k = np.linspace(options.k_min, options.k_max, options.points)
    radius_SN = np.linalg.norm(positions_SN3, axis=2)
    sigma2_SN = np.broadcast_to(np.repeat(SIGMA2, radius_SN.shape[1] // 2), radius_SN.shape)
    spectrum = k**2 * exafs(k, IRON, numbers_SN, radius_SN, sigma2_SN)
    return Dataset(
        name="exafs",
        fields={
            "structure": describe_padded(numbers_SN, positions_SN3, options),
            "spectrum": spectrum,
        },
        ids=tuple(f"complex-{row:05d}" for row in range(options.n)),
        axes={"spectrum": k},
    )


def complexes(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers (count, 12), 0 where there is no atom, and positions around the iron in Å (count, 12, 3).

    The first six are the ligands, the last six their outer atoms.
    """
    # S complexes, L = 6 ligands, T torsions
    direction_SL3, present_SL = _first_shell(count, rng)
    kinds_S2 = rng.choice(LIGANDS, size=(count, 2))
    second_SL = rng.random((count, 6)) < rng.uniform(0, 0.5, size=(count, 1))
    ligand_SL = np.where(second_SL, kinds_S2[:, 1:], kinds_S2[:, :1])
    outer_S1 = rng.choice(OUTER, size=(count, 1))

    iron_S1 = rng.uniform(*IRON_RADIUS, size=(count, 1))
    radius_of = np.zeros(IRON + 1)
    radius_of[list(RADIUS)] = list(RADIUS.values())
    inner_SL = radius_of[ligand_SL] + iron_S1
    bond_SL = radius_of[ligand_SL] + np.where(outer_S1 == IRON, iron_S1, radius_of[outer_S1])
    bend_S11 = np.radians(rng.uniform(*BEND, size=(count, 1, 1)))

    across_SL3 = np.cross(direction_SL3, rng.standard_normal((count, 1, 3)))
    across_SL3 /= np.linalg.norm(across_SL3, axis=2, keepdims=True)
    upright_SL3 = np.cross(direction_SL3, across_SL3)
    turn_STL1 = rng.uniform(0, 2 * np.pi, size=(count, TORSIONS, 6, 1))
    sideways_STL3 = np.cos(turn_STL1) * across_SL3[:, None] + np.sin(turn_STL1) * upright_SL3[:, None]
    ligands_SL3 = inner_SL[:, :, None] * direction_SL3
    outer_STL3 = ligands_SL3[:, None] + bond_SL[:, None, :, None] * (
        np.sin(bend_S11[:, None]) * sideways_STL3 - (np.cos(bend_S11) * direction_SL3)[:, None]
    )
    best_S = _least_crowded(outer_STL3, present_SL)
    positions_SN3 = np.concatenate([ligands_SL3, outer_STL3[np.arange(count), best_S]], axis=1)
    positions_SN3 += DISORDER * rng.standard_normal(positions_SN3.shape)

    numbers_SN = np.hstack([
        np.where(present_SL, ligand_SL, 0),
        np.where(present_SL & (ligand_SL != 17), outer_S1, 0),
    ])  # fmt: skip
    return numbers_SN, positions_SN3


def _first_shell(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors to the ligands (count, 6, 3) and which of them are there (count, 6)."""
    directions = np.tile(np.array([0.0, 0.0, 1.0]), (len(_DIRECTIONS), 6, 1))
    present = np.zeros((len(_DIRECTIONS), 6), dtype=bool)
    for geometry, shell in enumerate(_DIRECTIONS):
        directions[geometry, : len(shell)] = shell
        present[geometry, : len(shell)] = True
    geometry_S = rng.integers(len(_DIRECTIONS), size=count)
    return directions[geometry_S], present[geometry_S]


def _least_crowded(outer_STL3: np.ndarray, present_SL: np.ndarray) -> np.ndarray:
    """The torsion of each complex whose outer atoms are farthest apart, judged by their smallest distance, (count,)."""
    first, second = np.triu_indices(6, k=1)
    apart_STP = np.square(outer_STL3[:, :, first] - outer_STL3[:, :, second]).sum(3)
    both_SP = present_SL[:, first] & present_SL[:, second]
    roomiest_S: np.ndarray = np.where(both_SP[:, None], apart_STP, np.inf).min(2).argmax(1)
    return roomiest_S
