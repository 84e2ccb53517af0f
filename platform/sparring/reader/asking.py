"""What a model may be asked without torch: inputs are checked as ``sparring.load`` does, answers are finite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError, UsageError
from .systems import Arrays, System

MAX_ABS = 1e15
"""As in training: squares of larger values leave float32."""


@dataclass(frozen=True, kw_only=True)
class ReadModel:
    """A whole bundle, ready to be asked. Arrays go in and come out by field, (N, …), in physical units."""

    name: str
    version: int
    schema: Mapping[str, Any]
    """``schema.json``: names, shapes, units, columns, grids."""
    system: System

    def predict(self, rows: Mapping[str, Any]) -> Arrays:
        """The other field of each that is given. Raises DataError for rows that cannot be read."""
        return self._ask("predict", rows)

    def reconstruct(self, rows: Mapping[str, Any]) -> Arrays:
        """The fields as they come back through the model's code. See ``predict``."""
        return self._ask("reconstruct", rows)

    def encode(self, rows: Mapping[str, Any]) -> Arrays:
        """``codes`` of the samples; of an encoder of Gaussians their means, and ``log_variances``. See ``predict``."""
        return self._ask("encode", rows)

    def draws(self, n: int, *, seed: int = 0, boost: float = 1.0) -> Arrays:
        """What ``sample`` turns into ``n`` samples, from NumPy's generator: other numbers than torch's of that seed.

        boost: of auxgan and aux_aae, a factor on how rare muons are.
        """
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise DataError(f"draws: wants a whole number of samples from 1, but got {n!r}")
        found = self.system.draws(int(n), np.random.default_rng(seed), boost)
        if not found:
            raise self._cannot("draws")
        return found

    def sample(self, draws: Arrays) -> Arrays:
        """The samples that these draws are turned into, (n, …); the same draws always give the same samples."""
        self._check_has("sample")
        wanted = self.system.draws(1, np.random.default_rng(0), 1.0)
        if draws.keys() != wanted.keys():
            raise DataError(f"sample: wants {' and '.join(wanted)}, but got {', '.join(draws) or 'nothing'}")
        given = {name: _checked(name, draws[name], each.shape[1:]) for name, each in wanted.items()}
        return _finite(self.system.sample(_same_length("sample", given)))

    def _ask(self, verb: str, rows: Mapping[str, Any]) -> Arrays:
        self._check_has(verb)
        takes = self.system.takes(verb)
        if unknown := [name for name in rows if name not in self.system.shapes]:
            raise DataError(f"{verb}: no field {unknown[0]!r}; there are: {', '.join(self.system.shapes)}")
        given = {
            name: _checked(name, rows[name], self.system.shapes[name], self._is_bytes(name))
            for name in takes
            if name in rows
        }
        if not given:
            raise DataError(f"{verb}: wants {' or '.join(takes)}, but got {', '.join(rows) or 'nothing'}")
        return _finite(getattr(self.system, verb)(_same_length(verb, given)))

    def _is_bytes(self, name: str) -> bool:
        return any(field["name"] == name and field["dtype"] == "uint8" for field in self.schema["fields"])

    def _check_has(self, verb: str) -> None:
        if verb not in self.system.verbs:
            raise self._cannot(verb)

    def _cannot(self, verb: str) -> UsageError:
        return UsageError(f"{verb}: {self.schema['model']} cannot; it can {', '.join(self.system.verbs)}")


def _checked(name: str, given: Any, shape: tuple[int, ...], is_bytes: bool = False) -> np.ndarray:
    try:
        array = np.asarray(given)
    except (ValueError, TypeError) as error:
        raise DataError(f"{name}: wants an array, but: {error}") from error
    if array.dtype.kind not in "fiub":
        raise DataError(f"{name}: wants numbers, but got {array.dtype}")
    if not array.ndim or array.shape[1:] != shape or not len(array):
        wanted = ", ".join(["rows", *map(str, shape)])
        raise DataError(f"{name}: wants the shape ({wanted}), but got {array.shape}")
    if is_bytes:
        if array.dtype.kind == "f" or array.min() < 0 or array.max() > 255:
            raise DataError(f"{name}: wants bytes from 0 to 255, but got {array.dtype}")
        return array.astype(np.uint8)
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused
        converted = array.astype(np.float32)
    if not (np.abs(converted) <= MAX_ABS).all():
        raise DataError(f"{name}: values must be finite and within ±{MAX_ABS:g}; correct or remove those that are not")
    return converted


def _same_length(verb: str, arrays: Arrays) -> Arrays:
    if len({len(array) for array in arrays.values()}) > 1:
        said = ", ".join(f"{name} {len(array)}" for name, array in arrays.items())
        raise DataError(f"{verb}: every field needs one row per sample, but got rows: {said}")
    return arrays


def _finite(answer: Arrays) -> Arrays:
    for name, values in answer.items():
        if not np.isfinite(values).all():
            raise DataError(f"{name}: the answer is not finite; the inputs lie far outside what it was trained on")
    return {name: values.astype(np.float32) for name, values in answer.items()}
