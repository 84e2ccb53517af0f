"""Atoms of a crystal around one of them: its periodic images as far as a radius reaches."""

from __future__ import annotations

import numpy as np

from ...errors import DataError

MOST_IMAGES = 2_000_000
"""Atoms that are looked at around one absorber, 64 MB: a cell too thin for the radius has more."""


def images_within(numbers: np.ndarray, relative: np.ndarray, cell: np.ndarray, r_max: float) -> tuple[np.ndarray, ...]:
    """Numbers and positions of all images nearer than ``r_max`` to the origin, which is an atom and left out.

    numbers: (atoms,). relative: (atoms, 3), Å, from the origin; row 0 is the origin's atom. cell: (3, 3), Å, a lattice
    vector per row. Raises DataError if the cell is so thin that there would be millions.
    """
    # Within the radius lie at most so many cells along each vector as planes of the two others fit into it.
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    fractional = relative @ np.linalg.inv(cell)
    wrapped = (fractional - np.floor(fractional)) @ cell
    reach = np.ceil(r_max / heights).astype(np.int64) + 1
    count = int(np.prod(2 * reach.astype(float) + 1)) * len(numbers)
    if count > MOST_IMAGES:
        raise DataError(
            f"a crystal's cell of {heights.min():.3g} Å between its planes has {count:,} images within {r_max:g} Å, "
            f"more than {MOST_IMAGES:,}; lower data.r_max, or see whether its lengths are in Å"
        )
    steps = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    places = (steps @ cell)[:, None, :] + wrapped
    square = np.einsum("snx,snx->sn", places, places)
    near = square < r_max**2
    near[:, 0] &= (steps != 0).any(1)  # not the absorber itself, but its images
    return np.broadcast_to(numbers, near.shape)[near], places[near]
