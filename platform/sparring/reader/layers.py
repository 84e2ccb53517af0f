"""Dense layers in eval mode: no dropout, batch norms with what they recorded.

Where a number stands in a saved name, ``structure_encoder.2.linear.weight``, it counts the layers as torch does, the
dropouts that do nothing here among them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial

import numpy as np

Tensors = Mapping[str, np.ndarray]
"""By their names in ``model.safetensors``."""
Net = Callable[[np.ndarray], np.ndarray]
"""(B, inputs) → (B, outputs)."""

EPS, KERAS_EPS = 1e-5, 1e-3
"""What batch norms add to a variance: torch's, and Keras's, which the nets of muons have."""


def chain(layers: Sequence[Net]) -> Net:
    """One after the other."""

    def net(x: np.ndarray) -> np.ndarray:
        for layer in layers:
            x = layer(x)
        return x

    return net


def dense(
    tensors: Tensors,
    name: str,
    hidden: int,
    *,
    slope: float = 0.2,
    norm: str | None = None,
    first_norm: int = 0,
    eps: float = KERAS_EPS,
    has_dropout: bool = False,
    end: Net | None = None,
) -> Net:
    """``hidden`` layers of Linear and LeakyReLU, a bare Linear, and ``end``. norm: before or after the activation."""
    layers: list[Net] = []
    at = 0
    for number in range(hidden):
        layers.append(linear(tensors, f"{name}.{at}"))
        parts: list[Net] = [partial(leaky_relu, slope=slope)]
        if norm is not None and number >= first_norm:
            place = 0 if norm == "before" else 1
            parts.insert(place, batch_norm(tensors, f"{name}.{at + 1 + place}", eps))
        layers += parts
        at += 1 + len(parts) + has_dropout
    layers.append(linear(tensors, f"{name}.{at}"))
    return chain([*layers, *([end] if end is not None else [])])


def stack(tensors: Tensors, name: str, layers: int, activation: str, *, end: str) -> Net:
    """The AEGAN's nets: blocks of Linear, batch norm and activation; last a ``code`` (no activation), or ``linear``."""
    blocks: list[Net] = []
    for number in range(layers - 1):
        blocks += [
            linear(tensors, f"{name}.{number}.linear"),
            batch_norm(tensors, f"{name}.{number}.norm", EPS),
            activate(tensors, f"{name}.{number}.activation", activation),
        ]
    last = f"{name}.{layers - 1}"
    if end == "linear":
        return chain([*blocks, linear(tensors, last)])
    return chain([*blocks, linear(tensors, f"{last}.linear"), batch_norm(tensors, f"{last}.norm", EPS)])


def linear(tensors: Tensors, name: str) -> Net:
    """x·Wᵀ + b."""
    weight, bias = tensors[f"{name}.weight"].T, tensors[f"{name}.bias"]
    return lambda x: x @ weight + bias


def batch_norm(tensors: Tensors, name: str, eps: float) -> Net:
    """By the recorded mean and variance."""
    scale = tensors[f"{name}.weight"] / np.sqrt(tensors[f"{name}.running_var"] + np.float32(eps))
    shift = tensors[f"{name}.bias"] - tensors[f"{name}.running_mean"] * scale
    return lambda x: x * scale + shift


def activate(tensors: Tensors, name: str, kind: str) -> Net:
    """An activation by its name in a Config; PReLU has learned its slope."""
    if kind == "prelu":
        return partial(leaky_relu, slope=tensors[f"{name}.weight"])
    return ACTIVATIONS[kind]


def leaky_relu(x: np.ndarray, slope: float | np.ndarray = 0.01) -> np.ndarray:
    answer: np.ndarray = np.where(x > 0, x, x * slope)
    return answer.astype(x.dtype, copy=False)


def relu(x: np.ndarray) -> np.ndarray:
    answer: np.ndarray = np.maximum(x, 0)
    return answer


def sigmoid(x: np.ndarray) -> np.ndarray:
    """By the tangent, which does not overflow."""
    answer: np.ndarray = (np.tanh(x / 2) + 1) / 2
    return answer


def softplus(x: np.ndarray) -> np.ndarray:
    answer: np.ndarray = np.logaddexp(x, np.zeros((), x.dtype))
    return answer


def elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def selu(x: np.ndarray) -> np.ndarray:
    """arXiv:1706.02515."""
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return (np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))) * scale).astype(x.dtype)


def gelu(x: np.ndarray) -> np.ndarray:
    """x times the share of a normal distribution below it."""
    answer: np.ndarray = x * normal_share(x).astype(x.dtype)
    return answer


ACTIVATIONS: Mapping[str, Net] = {
    "relu": relu,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "elu": elu,
    "leakyrelu": leaky_relu,
    "selu": selu,
    "silu": lambda x: x * sigmoid(x),
    "gelu": gelu,
}


def normal_share(x: np.ndarray) -> np.ndarray:
    """The share of N(0, 1) below x, float64, within 1e-9.

    NumPy has no error function and Python's takes one number at a time. Between knots of that one it is interpolated by
    cubics that have its slope too, which is known: the density.
    """
    knots, values, slopes = _knots()
    step = knots[1] - knots[0]
    inside = np.clip(np.asarray(x, np.float64), knots[0], knots[-1])
    number = np.minimum(((inside - knots[0]) / step).astype(np.int64), len(knots) - 2)
    t = (inside - knots[number]) / step
    low, high = values[number], values[number + 1]
    answer = (
        low * (1 + 2 * t) * (1 - t) ** 2
        + high * t**2 * (3 - 2 * t)
        + step * (slopes[number] * t * (1 - t) ** 2 - slopes[number + 1] * t**2 * (1 - t))
    )
    inside_0_1: np.ndarray = np.clip(answer, 0, 1)
    return inside_0_1


@cache
def _knots() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    knots = np.linspace(-9, 9, 1801)
    values = np.array([math.erfc(-x / math.sqrt(2)) / 2 for x in knots])
    return knots, values, np.exp(-(knots**2) / 2) / math.sqrt(2 * math.pi)


class Mixture:
    """A prior of Gaussians."""

    def __init__(self, tensors: Tensors, name: str) -> None:
        self._mean, self._deviation = tensors[f"{name}.mean"], np.exp(tensors[f"{name}.logvar"] / 2)
        weight = np.exp(tensors[f"{name}.logit"] - tensors[f"{name}.logit"].max())
        self._below = (weight / weight.sum()).cumsum()[:-1]

    def place(self, normal: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Draws from N(0, I), (B, latent_dim), as draws from the mixture; the uniform number, (B, 1), picks which."""
        chosen = (uniform > self._below).sum(axis=1)
        placed: np.ndarray = self._mean[chosen] + self._deviation[chosen] * normal
        return placed
