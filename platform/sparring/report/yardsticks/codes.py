"""Yardsticks of a system that makes dependent half-normal values independent: plain codes in place of its nets' own.

The model itself computes the figures, so ``val/code_score`` is its own. Values become normal ones of the same rank, are
transformed, and come back as half-normal codes. A code that is longer than the values ends in draws from the prior,
keyed by the row; a shorter one keeps the first principal components.

the values themselves          no transform; what a shorter code leaves out is reconstructed as the mean
principal components           uncorrelated, each made normal by its ranks
Gaussianization                20 turns of that
draws from the prior           the floor: perfect codes and reconstructions, because only so many rows validate
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from ...models.aux_aae.model import AuxAAE
from ...models.blocks.muon_frame import HALF_NORMAL_MEAN
from ...models.metrics.keyed_noise import keyed_normal
from .gaussianization import TURNS, Floats, gaussianize
from .judging import build, judge, mean_of, tensor
from .rival import Figures, Rival, Task

DRAWS = 20
"""Times that the floor is drawn; its figures are the means."""
MAX_ROWS = 50_000
"""Training rows that methods are fitted on."""
EDGE = 1e-7
"""Least distance of a share from 0 and 1; scikit-learn's own."""
STREAM = 1
"""Stream of the keyed noise; the model compares codes with stream 0."""

Method = tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]
"""(values to codes, codes to values), each (B, …) to (B, …)."""


class Net(nn.Module):
    """A function where a net was."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


@torch.no_grad()
def rivals(task: Task) -> Sequence[Rival]:
    """The four above, ready to be computed."""
    model = build(task)
    assert isinstance(model, AuxAAE)
    length = model.config.latent_dim
    values = model.aux(tensor(task.rows(task.config.fields[0], "train", MAX_ROWS)))

    def figures(method: Callable[[Tensor, int], Method]) -> Figures:
        encode, decode = method(values, length)
        return judge(type(model), model, task, encoder=Net(encode), decoder=Net(decode))

    def floor() -> Figures:
        return mean_of([figures(partial(drawn, stream=STREAM + draw)) for draw in range(DRAWS)])

    kept = min(length, values.shape[1])
    few = f", {MAX_ROWS:,} rows" if len(task.split.train) > MAX_ROWS else ""
    return [
        Rival(name="the values themselves", figures=partial(figures, unchanged)),
        Rival(
            name=f"{kept} principal components, made half-normal{few}",
            figures=partial(figures, partial(turned, turns=1)),
        ),
        Rival(name=f"Gaussianization, {TURNS} turns{few}", figures=partial(figures, partial(turned, turns=TURNS))),
        Rival(name="floor: draws from the prior", figures=floor, is_floor=True),
    ]


def unchanged(values: Tensor, length: int) -> Method:
    """The values as codes; values, (B, columns), are training rows."""
    columns = values.shape[1]

    def encode(aux: Tensor) -> Tensor:
        return torch.cat([aux[:, :length], *_padding(aux, length)], dim=1)

    def decode(code: Tensor) -> Tensor:
        rest = code.new_full((len(code), max(0, columns - length)), HALF_NORMAL_MEAN)
        return torch.cat([code[:, :columns], rest], dim=1)

    return encode, decode


def turned(values: Tensor, length: int, *, turns: int) -> Method:
    """Gaussianization fitted on the training rows ``values``, (B, columns)."""
    kept = min(length, values.shape[1])
    fitted = gaussianize(to_normal(values), columns=kept, turns=turns)

    def encode(aux: Tensor) -> Tensor:
        return torch.cat([to_half_normal(fitted.transform(to_normal(aux))).to(aux), *_padding(aux, length)], dim=1)

    def decode(code: Tensor) -> Tensor:
        return to_half_normal(fitted.inverse_transform(to_normal(code[:, :kept]))).to(code)

    return encode, decode


def drawn(values: Tensor, length: int, *, stream: int) -> Method:
    """Codes that do not depend on the values, and perfect reconstructions."""
    encoded: list[Tensor] = []

    def encode(aux: Tensor) -> Tensor:
        encoded[:] = [aux]
        return keyed_normal(aux, length, stream).abs()

    return encode, lambda code: encoded[0]


def to_normal(values: Tensor) -> Floats:
    """Half-normal values, (B, columns), as normal ones; float64, for scikit-learn."""
    share = torch.special.erf(values.double() / math.sqrt(2)).clamp(EDGE, 1 - EDGE)
    normal: Floats = torch.special.ndtri(share).numpy()
    return normal


def to_half_normal(normal: Floats) -> Tensor:
    """The inverse of ``to_normal``."""
    share = torch.special.ndtr(torch.from_numpy(normal)).clamp(EDGE, 1 - EDGE)
    half: Tensor = math.sqrt(2) * torch.special.erfinv(share)
    return half


def _padding(aux: Tensor, length: int) -> list[Tensor]:
    more = length - aux.shape[1]
    return [keyed_normal(aux, more, STREAM).abs()] if more > 0 else []
