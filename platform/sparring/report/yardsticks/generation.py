"""Yardsticks of a generator: plain ways to make rows that look like the training rows, judged by ``val/distance``.

Such a system has ``judged(rows)``, the columns that its figure compares, and ``closeness``, which compares them. Each
method draws as many rows as validate, ``DRAWS`` times, and the mean counts: the figure of one draw scatters as much as
it is large, and is cut off at 0.

independent columns         each column drawn from the training rows by itself: right marginals, nothing else
Gaussian copula             right marginals, and the correlations of their ranks
Gaussianization             normals sent back through 20 turns of rotating and ranking
training rows, drawn again  the floor: perfect samples get this figure, because few rows validate
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError
from ...ledger.looks import test_name
from ...models.muons import MuonGenerator
from ...records import Interval
from ...study.intervals import mean_of as mean_of_draws
from ...study.row_intervals import measure
from .gaussianization import TURNS, Floats, gaussianize, rank
from .judging import build, mean_of, tensor
from .rival import Figures, Rival, Task, library_call

DRAWS = 20
MAX_ROWS = 50_000
"""Training rows that methods are fitted on."""
METRIC = "val/distance"

Sampler = Callable[[np.random.Generator, int], Floats]
"""(generator, n) -> n rows."""


@torch.no_grad()
def rivals(task: Task) -> Sequence[Rival]:
    """The four above, ready to be computed."""
    model = build(task)
    assert isinstance(model, MuonGenerator)
    field = task.config.fields[0]
    known, real = (model.judged(tensor(task.rows(field, part))) for part in ("train", "valid"))
    rows = known[:MAX_ROWS].double().numpy()
    few = f", {MAX_ROWS:,} rows" if len(known) > MAX_ROWS else ""
    tested = [model.judged(tensor(task.fields[field][numbers])) for numbers in task.blocks]

    @torch.no_grad()
    def figures(fit: Callable[[Floats], Sampler]) -> Figures:
        draw, rng = fit(rows), np.random.default_rng(task.seed)
        distances = []
        for _ in range(DRAWS):
            fake = torch.from_numpy(draw(rng, len(real))).to(real)
            distances.append(model.likeness(_sums(model)(real, fake)))
        return mean_of(distances) | told_apart(draw, rng) | on_test_rows(draw)

    def told_apart(draw: Sampler, rng: np.random.Generator) -> dict[str, float]:
        """What trees tell of a single draw, if the winner measured it: they take longer than all else."""
        if not model.detection.rows:
            return {}
        seen = model.judged(model.detection.known)
        fake = torch.from_numpy(draw(rng, 2 * len(seen))).to(real)
        return model.told_apart(_detected(model, real, seen, fake))

    def on_test_rows(draw: Sampler) -> dict[str, float | Interval]:
        """The same on the test rows, whose blocks are compared with as many rows of each draw."""
        if not tested:
            return {}
        rng, drawn = np.random.default_rng(task.seed), []
        lengths = [len(block) for block in tested]
        for _ in range(DRAWS):
            fake = torch.from_numpy(draw(rng, sum(lengths))).to(real)
            pairs = ({"real": own, "fake": made} for own, made in zip(tested, torch.split(fake, lengths), strict=True))
            drawn.append(measure(_sums(model), pairs, model.likeness))
        found = {test_name(name): mean_of_draws([each[name] for each in drawn]) for name in drawn[0]}
        if model.detection.rows:
            seen = model.judged(model.detection.known)
            fake = torch.from_numpy(draw(rng, 2 * len(seen))).to(real)
            scored = (_detected(model, block, seen, fake) for block in tested)
            told = measure(lambda **sums: sums, scored, model.told_apart)
            found |= {test_name(name): figure for name, figure in told.items()}
        return {**found}

    return [
        Rival(name=f"independent columns{few}", figures=partial(figures, independent)),
        Rival(name=f"Gaussian copula{few}", figures=partial(figures, partial(copula, seed=task.seed))),
        Rival(name=f"Gaussianization, {TURNS} turns{few}", figures=partial(figures, partial(gaussian, seed=task.seed))),
        Rival(name="floor: training rows, drawn again", figures=partial(figures, again), is_floor=True),
    ]


def _sums(model: MuonGenerator) -> Callable[..., Mapping[str, Tensor]]:
    return lambda real, fake: {**model.compared(real, fake), "n": torch.tensor(len(real))}


def _detected(model: MuonGenerator, real: Tensor, seen: Tensor, fake: Tensor) -> Mapping[str, Tensor]:
    return {**model.detection.sums(real, seen, fake, model.rare.masks), "n": torch.tensor(len(real))}


def independent(rows: Floats) -> Sampler:
    """Each column of ``rows``, (n, d), drawn by itself."""

    def draw(rng: np.random.Generator, n: int) -> Floats:
        return np.take_along_axis(rows, rng.integers(len(rows), size=(n, rows.shape[1])), axis=0)

    return draw


def copula(rows: Floats, seed: int = 0) -> Sampler:
    """A Gaussian copula fitted to ``rows``, (n, d). Raises DataError if n is not above d."""
    if len(rows) <= rows.shape[1]:
        raise DataError(f"correlations of {rows.shape[1]} columns need more rows than that, but got {len(rows)}")
    normal = rank(rows, seed)
    correlation = np.atleast_2d(np.corrcoef(normal.transform(rows), rowvar=False))

    def draw(rng: np.random.Generator, n: int) -> Floats:
        with library_call():
            drawn = rng.multivariate_normal(np.zeros(len(correlation)), correlation, n)
        return normal.inverse_transform(drawn)

    return draw


def gaussian(rows: Floats, seed: int = 0) -> Sampler:
    """Gaussianization fitted to ``rows``, (n, d), run backwards from normals."""
    fitted = gaussianize(rows, seed=seed)

    def draw(rng: np.random.Generator, n: int) -> Floats:
        return fitted.inverse_transform(rng.standard_normal((n, rows.shape[1])))

    return draw


def again(rows: Floats) -> Sampler:
    """Rows of ``rows``, (n, d), with replacement."""
    return lambda rng, n: rows[rng.integers(len(rows), size=n)]
