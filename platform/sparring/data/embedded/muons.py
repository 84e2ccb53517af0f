"""The embedded set ``muons``: a surrogate of the SHiP muon background, from one seed.

The published muons do not ship, but the numbers of their fitted transforms do (Enhanced_Generative_Networks,
TRANSFORMERS/trans_1..6), and from them the marginals follow: r, z, pt and pz are normal after Box-Cox, both angles are
uniform, both charges equally frequent. How columns depend on each other is not recoverable, so it is chosen, and this
set is for trying methods out, not for physics. Chosen is what a generator is needed for: two populations, each with a
Gaussian copula of its own, so that a single one, fitted to both, fits neither. Angles depend on nothing, since the
published generators draw them apart.

A draw outside the published box, where 7 of 100 fall (z alone below its box 4 of 100), is drawn again rather than
clipped: clipping would pile 4 % of all muons on one value of z, which any classifier finds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..dataset import Dataset
from ..physics.kinematics import ANGLES, FIRST, LAST, SKEWED, from_box, to_cartesian
from ..physics.rareness import REFERENCE, rareness

BOX_COX = np.array([
    # lambda, mean, variance of r, z, pt, pz after (boxed + 1) / 2.4 + 0.1 and Box-Cox
    [0.96827, -0.62620, 0.0019963],
    [-2.35862, -58.7232, 488.016],
    [-1.94324, -21.8182, 32.2336],
    [-2.39463, -29.5006, 184.418],
])  # fmt: skip
CORRELATIONS = np.array([
    # r, z, pt, pz before Box-Cox is undone: chosen, not measured
    [  # from the target: hard muons are fast and stray far
        [1.0, -0.2, 0.7, 0.5],
        [-0.2, 1.0, -0.3, -0.4],
        [0.7, -0.3, 1.0, 0.85],
        [0.5, -0.4, 0.85, 1.0],
    ],
    [  # from decays in flight: the later, the farther out and the softer
        [1.0, 0.8, -0.8, -0.6],
        [0.8, 1.0, -0.7, -0.4],
        [-0.8, -0.7, 1.0, 0.6],
        [-0.6, -0.4, 0.6, 1.0],
    ],
])  # fmt: skip
LATE = 0.5
"""The share of muons from decays in flight."""


class Options(BaseModel):
    """How many muons, and from which seed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    changes: ClassVar = {"reference": ("rareness",)}

    n: Annotated[int, Field(ge=10, le=1_000_000)] = 10_000
    """Number of muons. 10,000 take a quarter of a second, most of it their rareness; published: 16 million."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the muons. Not the study's seed: the data stay the same when a search is repeated."""
    reference: Annotated[int, Field(ge=100, le=1_000_000)] = REFERENCE
    """Further muons, in which the neighbours are sought and which are then left out."""


def read(path: Path | None, options: Options) -> Dataset:
    """The set; ``path`` is not looked at, the card says that there is nothing to read."""
    rng = np.random.default_rng(options.seed)
    muons, reference = draw(options.n, rng), draw(options.reference, rng)
    return Dataset(
        name="muons",
        fields={"muons": muons, "rareness": rareness(muons, reference)},
        ids=tuple(f"muon-{row:07d}" for row in range(options.n)),
    )


def draw(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 7) float64: charge, x, y, z in cm, px, py, pz in GeV."""
    boxed_M6 = np.empty((count, 6))
    boxed_M6[:, SKEWED] = _skewed(count, rng)
    boxed_M6[:, ANGLES] = rng.uniform(-LAST, LAST, size=(count, len(ANGLES)))
    charge_M = rng.choice([-1.0, 1.0], size=count)
    return to_cartesian(from_box(boxed_M6), charge_M)


def _skewed(count: int, rng: np.random.Generator) -> np.ndarray:
    """Boxed r, z, pt, pz, (count, 4): correlated normals, Box-Cox undone, redrawn until inside the box."""
    power, mean, variance = BOX_COX.T
    roots = np.linalg.cholesky(CORRELATIONS)
    kept = np.empty((0, len(SKEWED)))
    while len(kept) < count:
        independent_M4 = rng.standard_normal((count, len(SKEWED)))
        late_M1 = rng.random((count, 1)) < LATE
        normal = np.where(late_M1, independent_M4 @ roots[1].T, independent_M4 @ roots[0].T)
        base = power * (mean + np.sqrt(variance) * normal) + 1
        with np.errstate(invalid="ignore"):  # a negative base has no root: NaN, which no box holds
            boxed = (base ** (1 / power) - 0.1) * 2.4 - 1
        kept = np.concatenate([kept, boxed[((boxed >= FIRST[list(SKEWED)]) & (boxed <= LAST)).all(axis=1)]])
    return kept[:count]
