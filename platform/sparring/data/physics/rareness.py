"""How rare each muon is: the mean distance to its nearest neighbours in a sample that is not in the set.

Larger is rarer. (The published README says the inverse distance; its code takes the distance, and so does this.)
"""

from __future__ import annotations

import numpy as np

from .kinematics import SKEWED, to_box, to_polar

NEIGHBOURS = 3
REFERENCE = 10_000
"""Published: three neighbours among the first 10,000 rows of a file that is then not trained on."""


def rareness(muons_M7: np.ndarray, reference_N7: np.ndarray, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """(M, 5): mean Euclidean distance to the nearest ``neighbours`` of the reference, in boxed r, z, pt and pz.

    Columns: in each of the four alone, then in all four together (``kinematics.RARENESS``). The reference must share
    no row with ``muons_M7``, or its rows would be their own nearest neighbours.
    """
    from sklearn.neighbors import NearestNeighbors  # 0.7 s to import, and only readers of muons need it

    rows, known = (to_box(to_polar(muons))[:, SKEWED] for muons in (muons_M7, reference_N7))
    views = [*((column,) for column in range(len(SKEWED))), tuple(range(len(SKEWED)))]
    distances = []
    for view in views:
        tree = NearestNeighbors(n_neighbors=neighbours, algorithm="ball_tree").fit(known[:, view])
        distances.append(tree.kneighbors(rows[:, view])[0].mean(axis=1))
    return np.stack(distances, axis=1)
