"""What nets see of flat rows and muons, and back: scaling, the box, the normal frame, half-normal ranks.

The same as ``models/blocks/scaling.py`` and ``models/blocks/muon_frame.py``, which say why and after whom.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from .layers import Tensors, normal_share

ANGLES, SKEWED = [1, 4], [0, 2, 3, 5]
"""Columns of polar muons that are angles, and the others: r, z, pt, pz."""
LAST = np.float32(0.97)
SHRINK = np.float32(7.0)
EDGE = 1e-7


class Scaling:
    """(x − shift) / scale per feature."""

    def __init__(self, tensors: Tensors, name: str) -> None:
        self._shift, self._scale = tensors[f"{name}.shift"], tensors[f"{name}.scale"]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return (x - self._shift) / self._scale

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """Scaled values back to raw units."""
        return y * self._scale + self._shift


def to_coefficients(spectra: np.ndarray) -> np.ndarray:
    """Spectra as the real part of their Fourier transform, (B, N) → (B, 2N); ``data/physics/fourier.py`` says how."""
    points = spectra.shape[1]
    coefficients = np.fft.fft(np.concatenate([spectra, spectra[:, ::-1]], axis=1, dtype=np.float64)).real
    coefficients[:, points] = 0.0
    return coefficients.astype(np.float32)


def from_coefficients(coefficients: np.ndarray) -> np.ndarray:
    """The spectra of which these are the coefficients, (B, 2N) → (B, N)."""
    points = coefficients.shape[1] // 2
    phase = np.tan(np.pi * np.arange(2 * points) / (2 * points))
    phase[points] = 0.0
    spectra: np.ndarray = np.fft.ifft(coefficients * (1 + 1j * phase)).real[:, :points].astype(np.float32)
    return spectra


class MuonFrame:
    """Muons to six columns and back: boxed (about ±0.97), or boxed, made normal and divided by 7."""

    def __init__(self, tensors: Tensors, name: str, is_boxed: bool) -> None:
        self._is_boxed = is_boxed
        names = ("low", "high", "first", "power", "mean", "deviation", "quantiles", "shares")
        low, high, first, power, mean, deviation, quantiles, shares = (tensors[f"{name}.{each}"] for each in names)
        self._low, self._high, self._first = low, high, first
        self._power, self._mean, self._deviation = power, mean, deviation
        self._quantiles, self._shares = quantiles, shares

    def inward(self, muons: np.ndarray) -> np.ndarray:
        """Raw muons as the nets see them, (B, 7) → (B, 6)."""
        boxed: np.ndarray = self._first + (LAST - self._first) * (_to_polar(muons) - self._low) / (
            self._high - self._low
        )
        if self._is_boxed:
            return boxed
        share = np.clip(interpolate(boxed[:, ANGLES], self._quantiles, self._shares), EDGE, 1 - EDGE)
        inside = np.clip(boxed[:, SKEWED], self._first[SKEWED], LAST)
        skewed = (self._bend(_positive(inside)) - self._mean) / self._deviation
        return _merge(skewed, quantile(share)) / SHRINK

    def outward(self, seen: np.ndarray, charge: np.ndarray) -> np.ndarray:
        """What nets return, (B, 6), with charges (B, 1) as raw muons, (B, 7), put onto the box's edge if outside."""
        boxed = seen if self._is_boxed else self._denormalize(seen * SHRINK)
        inside = np.clip(boxed, self._first, LAST)
        polar = self._low + (self._high - self._low) * (inside - self._first) / (LAST - self._first)
        r, theta, z, pt, theta_pt, pz = polar.T
        columns = [r * np.sin(theta), r * np.cos(theta), z, pt * np.sin(theta_pt), pt * np.cos(theta_pt), pz]
        return np.column_stack([charge, *columns])

    def angles(self, uniform: np.ndarray) -> np.ndarray:
        """Uniform numbers, (B, 2), as angles in the shares of the training rows, as the nets see them."""
        if self._is_boxed:
            return self._angles(uniform)
        return quantile(np.clip(uniform, EDGE, 1 - EDGE)) / SHRINK

    def _denormalize(self, normal: np.ndarray) -> np.ndarray:
        low = self._bend(_positive(self._first[SKEWED]))
        high = self._bend(_positive(np.full_like(self._power, LAST)))
        bent = np.clip(normal[:, SKEWED] * self._deviation + self._mean, low, high)
        skewed = np.exp(np.log1p(bent * self._power) / self._power)
        return _merge((skewed - np.float32(0.1)) * np.float32(2.4) - 1, self._angles(normal_share(normal[:, ANGLES])))

    def _angles(self, share: np.ndarray) -> np.ndarray:
        last = len(self._quantiles) - 1
        position = np.clip(share, 0, 1) * last
        low = np.minimum(np.floor(position), last - 1).astype(np.int64)
        left = np.take_along_axis(self._quantiles, low, 0)
        answer: np.ndarray = left + (position - low) * (np.take_along_axis(self._quantiles, low + 1, 0) - left)
        return answer.astype(np.float32)

    def _bend(self, positive: np.ndarray) -> np.ndarray:
        answer: np.ndarray = np.expm1(np.log(positive) * self._power) / self._power
        return answer


class HalfNormalRanks:
    """Rareness by its rank among the training rows, as a half-normal value, and back."""

    def __init__(self, tensors: Tensors, name: str) -> None:
        self._knots, self._values = tensors[f"{name}.knots"], tensors[f"{name}.values"]

    def __call__(self, rareness: np.ndarray) -> np.ndarray:
        return interpolate(rareness, self._knots, self._values)

    def inverse(self, values: np.ndarray) -> np.ndarray:
        """Half-normal values back to rareness."""
        return interpolate(values, self._values, self._knots)


def interpolate(x: np.ndarray, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Piecewise linear per column, flat beyond the ends; where knots coincide, the mean of both sides.

    x: (B, C); knots: (K, C) or (K, 1), each column rising; values: (K, C) or (K, 1).
    """
    columns = max(x.shape[1], knots.shape[1], values.shape[1])
    x, knots, values = (np.broadcast_to(each, (len(each), columns)) for each in (x, knots, values))
    found = np.empty(x.shape, np.float32)
    for column in range(columns):
        at, value = knots[:, column], values[:, column]
        inside = np.clip(x[:, column], at[0], at[-1])
        sides = []
        for side in ("left", "right"):
            high = np.clip(np.searchsorted(at, inside, side=side), 1, len(at) - 1)
            left, step = at[high - 1], at[high] - at[high - 1]
            share = np.where(step > 0, (inside - left) / np.where(step > 0, step, 1), 1)
            sides.append(value[high - 1] + share * (value[high] - value[high - 1]))
        found[:, column] = (sides[0] + sides[1]) / 2
    return found


def quantile(share: np.ndarray) -> np.ndarray:
    """Below which value so large a share of N(0, 1) lies; float32."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse(float(each)) for each in share.ravel()], np.float32).reshape(share.shape)


def _to_polar(muons: np.ndarray) -> np.ndarray:
    _, x, y, z, px, py, pz = muons.T
    return np.stack([np.hypot(x, y), np.arctan2(x, y), z, np.hypot(px, py), np.arctan2(px, py), pz], axis=1)


def _positive(boxed: np.ndarray) -> np.ndarray:
    answer: np.ndarray = (boxed + 1) / np.float32(2.4) + np.float32(0.1)
    return answer


def _merge(skewed: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Columns in the order r, theta, z, pt, theta_pt, pz."""
    r, z, pt, pz = skewed.T
    theta, theta_pt = angles.T
    return np.stack([r, theta, z, pt, theta_pt, pz], axis=1)
