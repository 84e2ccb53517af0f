"""Yardsticks of a generator: plain ways to make rows that look like the training rows, judged by ``val/distance``.

A system that is judged so has ``judged(rows)``, the columns that its figure compares, and ``closeness``, which compares
them. Each method draws as many rows as validate, ``DRAWS`` times, and the mean counts: of one draw the figure scatters
as much as it is, and is cut off at 0.

independent columns         each column drawn from the training rows by itself: right marginals, nothing else
Gaussian copula             right marginals, and the correlations of their ranks
Gaussianization             normals sent back through 20 turns of rotating and ranking
training rows, drawn again  the floor: what perfect samples get, because the rows that validate are only so many
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import DataError
from .gaussianization import TURNS, gaussianize, ranks
from .judging import build, mean_of, tensor
from .rival import Rival, Task

DRAWS = 20
MAX_ROWS = 50_000
"""Training rows that methods are fitted on."""
METRIC = "val/distance"

Sampler = Callable[[np.random.Generator, int], NDArray[Any]]
"""(generator, n) -> n rows."""


@torch.no_grad()
def rivals(task: Task) -> Sequence[Rival]:
    model: Any = build(task)
    field = task.config.fields[0]
    known, real = (model.judged(tensor(task.rows(field, part))) for part in ("train", "valid"))
    rows = known[:MAX_ROWS].double().numpy()

    @torch.no_grad()
    def figures(fit: Callable[[NDArray[Any]], Sampler]) -> dict[str, float]:
        draw, rng = fit(rows), np.random.default_rng(task.seed)
        distances = []
        for _ in range(DRAWS):
            fake = torch.from_numpy(draw(rng, len(real))).to(real)
            sums = model.closeness.sums(real, fake)
            distances.append({METRIC: model.closeness.distance(sums, len(real))})
        return mean_of(distances) | told_apart(draw, rng)

    def told_apart(draw: Sampler, rng: np.random.Generator) -> dict[str, float]:
        """Of one draw, if the winner measured it: the trees take longer than all else."""
        if not model.config.auc_rows:
            return {}
        seen = model.judged(model.detection.known)
        fake = torch.from_numpy(draw(rng, 2 * len(seen))).to(real)
        return {"val/auc": float(model.detection.sums(real, seen, fake)["auc"]) / len(real)}

    return [
        Rival(name="independent columns", figures=partial(figures, independent)),
        Rival(name="Gaussian copula", figures=partial(figures, partial(copula, seed=task.seed))),
        Rival(name=f"Gaussianization, {TURNS} turns", figures=partial(figures, partial(gaussian, seed=task.seed))),
        Rival(name="floor: training rows, drawn again", figures=partial(figures, again), is_floor=True),
    ]


def independent(rows: NDArray[Any]) -> Sampler:
    def draw(rng: np.random.Generator, n: int) -> NDArray[Any]:
        return np.take_along_axis(rows, rng.integers(len(rows), size=(n, rows.shape[1])), axis=0)

    return draw


def copula(rows: NDArray[Any], seed: int = 0) -> Sampler:
    if len(rows) <= rows.shape[1]:
        raise DataError(f"correlations of {rows.shape[1]} columns need more rows than that, but got {len(rows)}")
    normal = ranks(len(rows), seed).fit(rows)
    correlation = np.corrcoef(normal.transform(rows), rowvar=False)

    def draw(rng: np.random.Generator, n: int) -> NDArray[Any]:
        found: NDArray[Any] = normal.inverse_transform(
            rng.multivariate_normal(np.zeros(len(correlation)), correlation, n)
        )
        return found

    return draw


def gaussian(rows: NDArray[Any], seed: int = 0) -> Sampler:
    fitted = gaussianize(rows, seed=seed)

    def draw(rng: np.random.Generator, n: int) -> NDArray[Any]:
        found: NDArray[Any] = fitted.inverse_transform(rng.standard_normal((n, rows.shape[1])))
        return found

    return draw


def again(rows: NDArray[Any]) -> Sampler:
    return lambda rng, n: rows[rng.integers(len(rows), size=n)]
