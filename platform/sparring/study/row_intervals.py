"""How far a figure would move with other rows: its 95 % interval over the rows that it was measured on.

A bootstrap whose weights are 0 and 2 (J. Præstgaard, J. A. Wellner, Ann. Probab. 21 (1993) 2053): each resample is a
random half of the rows, each row once. A mean over half of the rows scatters about that over all of them by s/√n, just
as n rows drawn again would; and no row meets its own copy, which the unbiased distances and discrepancies of this
project, that subtract the rows' own noise, would take for a difference between the samples.

It serves every figure, because models give sums over rows: the sums of each row, or of each of 128 blocks where there
are more rows, are added up anew for each half. Halves depend on the number of rows alone, so two methods that were
measured on the same rows are compared resample by resample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, reduce

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..models.base import Model
from ..records import Interval
from .intervals import blocks_of, spread

RESAMPLES = 1000
LEAST_ROWS = 8
"""A half has four rows then; of fewer there is no interval."""

Figures = Callable[[Mapping[str, Tensor]], Mapping[str, float]]
"""Sums over rows -> figures by name, as ``Model.figures``."""


def measure(
    evaluate: Callable[..., Mapping[str, Tensor]], blocks: Iterable[Mapping[str, Tensor]], figures: Figures
) -> dict[str, Interval]:
    """Every figure of ``Model.evaluate`` and ``Model.figures`` on these rows, by blocks, with its interval."""
    sums = [evaluate(**block) for block in blocks]
    return resample({name: torch.stack([each[name].double() for each in sums]) for name in sums[0]}, figures)


def measure_model(
    model: Model, rows: NDArray[np.int64], take: Callable[[NDArray[np.int64]], Mapping[str, Tensor]]
) -> dict[str, Interval]:
    """A model's own ``val/…`` figures on these rows, in eval mode. take: row numbers to the batch of these rows."""
    with torch.no_grad(), computed_once(model, model.row_free):
        return measure(model.evaluate, map(take, blocks_of(rows)), model.figures)


def resample(sums: Mapping[str, Tensor], figures: Figures) -> dict[str, Interval]:
    """Figures with their intervals. sums: by name, (blocks, …), float64, with the number of rows of each as ``n``."""
    whole = figures({name: total.sum(0) for name, total in sums.items()})
    blocks, rows = len(sums["n"]), int(sums["n"].sum())
    if rows < LEAST_ROWS or blocks < 2:
        return {name: Interval(value) for name, value in whole.items()}
    flat = torch.cat([total.reshape(blocks, -1) for total in sums.values()], dim=1)
    widths = [total[0].numel() for total in sums.values()]
    halved = torch.split(torch.from_numpy(_halves(blocks)) @ flat, widths, dim=1)
    by_name = {
        name: piece.reshape(RESAMPLES, *total.shape[1:]).unbind()
        for (name, total), piece in zip(sums.items(), halved, strict=True)
    }
    drawn = [figures(dict(zip(by_name, pieces, strict=True))) for pieces in zip(*by_name.values(), strict=True)]
    return {name: spread(value, [each[name] for each in drawn]) for name, value in whole.items()}


@contextmanager
def computed_once(model: nn.Module, names: Iterable[str]) -> Iterator[None]:
    """Inside, each of the model's methods of these (dotted) names is computed once for the same arguments.

    They are those whose answer no row changes (``Model.row_free``), such as samples drawn from fixed codes. One that
    this configuration does without is passed over.
    """
    owners = []
    for name in names:
        *parts, method = name.split(".")
        owner: object = reduce(lambda found, part: getattr(found, part, None), parts, model)  # type: ignore[arg-type,return-value]
        if owner is not None:
            owners.append((owner, method))
    for owner, name in owners:
        setattr(owner, name, cache(getattr(owner, name)))
    try:
        yield
    finally:
        for owner, name in owners:
            delattr(owner, name)


@cache
def _halves(blocks: int) -> NDArray[np.float64]:
    """(RESAMPLES, blocks) of 0 and 1; each row has half of the blocks, one fewer where their number is odd."""
    order = np.random.default_rng(blocks).permuted(np.tile(np.arange(blocks), (RESAMPLES, 1)), axis=1)
    return (order < blocks // 2).astype(np.float64)
