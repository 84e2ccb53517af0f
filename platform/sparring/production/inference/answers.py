"""Sample, reconstruct and predict: what one model answers. ``answer_files.py`` writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from ...errors import DataError, UsageError
from ...models.autoencoder import Autoencoder
from ...models.verbs import SamplesOfClass, refuse_boost
from ..loading.loaded import Loaded
from .samples import NamedRows

CHUNK = 1024
"""Rows per call of the model: little memory on any device."""

Answers = dict[str, np.ndarray]
"""By field, (N, …) float32."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Answers beside what they should have been, by field."""

    truths: Answers = field(default_factory=dict)
    """As far as the samples hold them."""
    answers: Answers
    """What the model says; the means, if several members or passes were asked."""
    deviations: Answers = field(default_factory=dict)
    """Sample deviations (divided by n - 1) over members and passes; empty if a single answer was given."""

    def errors(self) -> Answers:
        """By field with a truth, the mean squared error of each sample, (N,) float64, raw units."""
        return {
            name: _mean_square(self.answers[name].astype(np.float64) - truth) for name, truth in self.truths.items()
        }

    def absolute_errors(self) -> Answers:
        """By field with a truth, the mean absolute error of each sample, (N,) float64, raw units."""
        return {
            name: np.abs(self.answers[name].astype(np.float64) - truth).reshape(len(truth), -1).mean(1)
            for name, truth in self.truths.items()
        }

    def explained(self) -> dict[str, float]:
        """By field with a truth, R²: the share of the variance about each column's mean that the answers explain.

        1 is perfect, 0 no better than the means; NaN where nothing varies.
        """
        found = {}
        for name, truth in self.truths.items():
            about_means = np.square(truth.astype(np.float64) - truth.mean(0, dtype=np.float64)).mean()
            errors = np.square(self.answers[name].astype(np.float64) - truth).mean()
            found[name] = float(1 - errors / about_means) if about_means > 0 else float("nan")
        return found

    def deviations_by_sample(self) -> Answers:
        """By field, the root mean square of each sample's deviations, (N,) float64."""
        return {name: np.sqrt(_mean_square(values)) for name, values in self.deviations.items()}

    def spreads(self) -> dict[str, float]:
        """By field, the root mean square of the deviations over values and samples."""
        squares = {name: np.square(values.astype(np.float64)) for name, values in self.deviations.items()}
        return {name: float(np.sqrt(values.mean())) for name, values in squares.items()}


def sample(loaded: Loaded, n: int, *, seed: int = 0, boost: float | None = None, label: int | None = None) -> Answers:
    """``n`` draws, the same for the same seed. boost: see AuxGAN and AuxAAE; others refuse it with a UsageError.

    label: the number of the class that all are to be of; None leaves it to the model.
    """
    model = loaded.able("sample")
    if n < 1:
        raise UsageError(f"-n: wants at least 1 sample, but got {n}")
    if label is not None:
        if not isinstance(model, SamplesOfClass):
            raise UsageError(f"--label: the model {loaded.about.model} draws of no class; leave it out")
        refuse_boost(model, boost)
        return _arrays(model.sample_class(n, seed=seed, label=label))
    return _arrays(model.sample(n, seed=seed, boost=boost))


def reconstruct(loaded: Loaded, rows: NamedRows) -> tuple[Answers, Answers]:
    """(what was given, as the model is judged by it; what came back), by field."""
    answers = ask(loaded.able("reconstruct").reconstruct, rows.fields)
    return _truths(loaded, rows, answers), answers


def predict(loaded: Loaded, rows: NamedRows, given: Sequence[str]) -> tuple[Answers, Answers]:
    """(the truth of each predicted field, as far as the rows hold it; the predictions), by field."""
    answers = ask(loaded.able("predict").predict, {name: rows.fields[name] for name in given})
    return _truths(loaded, rows, answers), answers


def ask(method: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]], given: Mapping[str, Tensor]) -> Answers:
    """The method's answers to all rows, by chunks. Raises DataError if one is not finite."""
    count = len(next(iter(given.values())))
    chunks = [
        _arrays(method({name: rows[start : start + CHUNK] for name, rows in given.items()}))
        for start in range(0, count, CHUNK)
    ]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _arrays(answer: Mapping[str, Tensor]) -> Answers:
    """A model's answer as arrays."""
    return {name: _finite(name, values) for name, values in answer.items()}


def _finite(name: str, values: Tensor) -> np.ndarray:
    array: np.ndarray = values.detach().float().cpu().numpy()
    if not np.isfinite(array).all():
        raise DataError(f"{name}: the model's answer is not finite; its inputs lie far outside what it was trained on")
    return array


def _mean_square(values: np.ndarray) -> np.ndarray:
    """Mean of the squares of each sample, (N,) float64."""
    means: np.ndarray = np.square(values.astype(np.float64)).reshape(len(values), -1).mean(1)
    return means


def _truths(loaded: Loaded, rows: NamedRows, answers: Answers) -> Answers:
    """The rows as the figures see them: images of the model's size, tables with the columns that it answers."""
    return {name: _truth(loaded, rows.fields[name], answers[name]) for name in answers if name in rows.fields}


def _truth(loaded: Loaded, rows: Tensor, answer: np.ndarray) -> np.ndarray:
    if isinstance(loaded.model, Autoencoder):
        return np.concatenate([loaded.model.targets(chunk).float().cpu().numpy() for chunk in _chunks(rows)])
    array: np.ndarray = rows.float().cpu().numpy()
    return array[:, : answer.shape[1]]


def _chunks(rows: Tensor) -> Iterator[Tensor]:
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
