"""Operators that ONNX lacks, in ones that it has: the place in a sorted row, the normal quantile, the hypotenuse.

What a model answers is made by torch's own; these stand in for them in a program alone, after it was traced.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from numpy.polynomial import Chebyshev
from torch import Tensor

_MIDDLE = 8.0
"""Where the two polynomials of the quantile meet, in nats: shares of 8e-5 and all but that."""
_RAREST = 88.0
"""-log of 4 times the smallest share that float32 holds with all its digits."""
_DEGREE = 20
"""Of each polynomial; 1e-10 of the quantile is lost, a thousandth of what float32 rounds off."""


def rank(ordered: Tensor, x: Tensor, *, right: bool = False) -> Tensor:
    """``torch.searchsorted`` by halving: how many values of a row are below x, or not above it if ``right``.

    ordered: (C, K), each row rising; x: (C, B). Returns (C, B) whole numbers from 0 to K; K for NaN, as torch does.
    Comparing x with all knots would take 500 to 5,000 times the memory of x.
    """
    knots = ordered.shape[1]
    found = torch.zeros_like(x, dtype=torch.int64)
    for step in (1 << bit for bit in reversed(range(knots.bit_length()))):
        further = found + step
        knot = ordered.gather(1, further.clamp_max(knots) - 1)
        passed = ~(knot > x) if right else ~(knot >= x)
        found = torch.where(passed & (further <= knots), further, found)
    return found


def normal_quantile(share: Tensor) -> Tensor:
    """``torch.special.ndtri`` of float32: below which value so large a share of N(0, 1) lies.

    (2·share − 1)·g(w) with w = −log(4·share·(1 − share)): g is smooth in w where w is small and in √w where it is
    large, a form of M. Giles ("Approximating the erfinv function", 2010). g is fitted here to torch's own.
    """
    middle, tail = _polynomials()
    w = -(4 * share * (1 - share)).log()
    near = _value(middle, w.clamp_max(_MIDDLE))
    far = _value(tail, w.clamp(_MIDDLE, _RAREST).sqrt())
    value = (2 * share - 1) * torch.where(w < _MIDDLE, near, far)
    return torch.where(w == torch.inf, (2 * share - 1) * torch.inf, value)


@cache
def _polynomials() -> tuple[Chebyshev, Chebyshev]:
    """g in w up to the middle, and in √w beyond it."""

    def g(w: Any) -> Any:
        share = torch.exp(-torch.as_tensor(w).double()) / 4  # 4·share·(1 − share) of the lower of two shares
        lower = share / (0.5 + (0.25 - share).clamp_min(0).sqrt())
        # At share ½ both factors are 0; there g is √(2π) / 2.
        value = torch.special.ndtri(lower) / (2 * lower - 1)
        return torch.where(lower > 0.5 - 1e-6, (torch.pi / 2) ** 0.5, value).numpy()

    middle = Chebyshev.interpolate(g, _DEGREE, (0.0, _MIDDLE))
    return middle, Chebyshev.interpolate(lambda root: g(root**2), _DEGREE, (_MIDDLE**0.5, _RAREST**0.5))


def _value(polynomial: Chebyshev, x: Tensor) -> Tensor:
    """Clenshaw's sum: in powers of x float32 would lose three digits."""
    low, high = map(float, polynomial.domain)
    x = (2 * x - (low + high)) / (high - low)
    first, *others = map(float, polynomial.coef)
    one, two = torch.zeros_like(x), torch.zeros_like(x)
    for coefficient in reversed(others):
        one, two = coefficient + 2 * x * one - two, one
    return first + x * one - two


def hypotenuse(x: Tensor, y: Tensor) -> Tensor:
    """``torch.hypot``; the longer side is taken out, since squares of 2e19 and more are infinite in float32."""
    longer, shorter = torch.maximum(x.abs(), y.abs()), torch.minimum(x.abs(), y.abs())
    ratio = shorter / torch.where(longer > 0, longer, 1)
    return longer * (1 + ratio * ratio).sqrt()


def _rank(ordered: Tensor, x: Tensor, *, right: bool = False, side: str | None = None, **_: Any) -> Tensor:
    return rank(ordered, x, right=right or side == "right")


def stand_ins() -> dict[Any, Callable[..., Tensor]]:
    """What to put in the place of which operator, for ``ExportedProgram.run_decompositions``."""
    _polynomials()  # now, since during the decomposition torch.special.ndtri would itself be decomposed
    return {
        torch.ops.aten.searchsorted.Tensor: _rank,
        torch.ops.aten.special_ndtri.default: normal_quantile,
        torch.ops.aten.hypot.default: hypotenuse,
    }
