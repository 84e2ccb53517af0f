"""A bundle that answers: arrays or a table in, arrays in physical units out, every input checked first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from ...errors import UsageError
from ..inference.answers import ask
from ..loading.loaded import Loaded
from .guard import check_count, check_rows
from .manifest import Manifest
from .schema import FieldSchema, Schema, Verb


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a model in production answers."""

    values: Mapping[str, np.ndarray]
    """By field or score, (N, …) float32, finite."""
    fields: Mapping[str, FieldSchema]
    """By the same names: unit, shape, columns, axis."""
    model: str
    version: int
    """Of the bundle; 0 where it has not been promoted."""

    def __getitem__(self, name: str) -> np.ndarray:
        return self.values[name]

    def columns(self) -> dict[str, pa.Array]:
        """A column per number of a sample, for ``pyarrow.table``; what has more dimensions or none as one column."""
        columns: dict[str, pa.Array] = {}
        for name, values in self.values.items():
            if names := self.fields[name].columns:
                columns |= {column: pa.array(values[:, number]) for number, column in enumerate(names)}
            else:
                flat = values.reshape(len(values), -1)
                columns[name] = pa.array(list(flat)) if values.ndim > 1 else pa.array(values)
        return columns


@dataclass(frozen=True, kw_only=True)
class ProductionModel:
    """A whole bundle, ready to be asked. ``sparring production`` lists them."""

    manifest: Manifest
    schema: Schema
    loaded: Loaded

    @property
    def name(self) -> str:
        """Under which the registry keeps it."""
        return self.manifest.name

    @property
    def version(self) -> int:
        """Its number there."""
        return self.manifest.version

    def on(self, device: str) -> Loaded:
        """The model itself on ``device``, for the verbs of the command line."""
        target = torch.device(device)
        return replace(self.loaded, model=self.loaded.model.to(target), device=target)

    def predict(self, rows: Any, *, axes: Mapping[str, Any] | None = None) -> Answer:
        """The other field of each that is given.

        rows: arrays (N, …) by field, or a pandas or pyarrow table with the columns that ``schema`` names, in any order.
        axes: by field, the grid of its numbers, where the caller wants it checked. Raises DataError for rows that the
        model cannot read, UsageError if it has no such verb.
        """
        return self._ask("predict", rows, axes)

    def reconstruct(self, rows: Any, *, axes: Mapping[str, Any] | None = None) -> Answer:
        """The fields as they come back through the model's code. See ``predict``."""
        return self._ask("reconstruct", rows, axes)

    def score(self, rows: Any, *, axes: Mapping[str, Any] | None = None) -> Answer:
        """How strange each sample is, by every score the model has. See ``predict``."""
        return self._ask("score", rows, axes)

    def encode(self, rows: Any, *, seed: int = 0, axes: Mapping[str, Any] | None = None) -> Answer:
        """Codes of the samples, beside draws from their prior. See ``predict``."""
        return self.encode_checked(self.check("encode", rows, axes), seed=seed)

    def check(self, verb: Verb, rows: Any, axes: Mapping[str, Any] | None = None) -> dict[str, np.ndarray]:
        """The rows as arrays that the verb takes. Raises as ``predict`` does."""
        self._check_has(verb)
        return check_rows(self.schema, verb, rows, axes)

    def answer_checked(self, verb: Verb, arrays: Mapping[str, np.ndarray]) -> Answer:
        """What predict, reconstruct or score answers to arrays that ``check`` gave; several calls' may be joined."""
        given = {name: self._tensor(array) for name, array in arrays.items()}
        return self._typed(verb, ask(getattr(self.loaded.model, verb), given))

    def encode_checked(self, arrays: Mapping[str, np.ndarray], *, seed: int) -> Answer:
        """The same of encode."""
        given = {name: self._tensor(array) for name, array in arrays.items()}
        model: Any = self.loaded.model
        # In one call: what is drawn depends on the seed and on the number of rows.
        return self._answer("encode", model.encode(given, seed=seed))

    def sample(self, n: int, *, seed: int = 0, boost: float | None = None) -> Answer:
        """``n`` draws, the same for the same seed. boost: of muons, a factor on how rare they are."""
        self._check_has("sample")
        count = check_count(n)
        return self._answer("sample", self.loaded.able("sample").sample(count, seed=seed, boost=boost))

    def _ask(self, verb: Verb, rows: Any, axes: Mapping[str, Any] | None) -> Answer:
        return self.answer_checked(verb, self.check(verb, rows, axes))

    def _check_has(self, verb: Verb) -> None:
        if verb not in self.schema.verbs:
            raise UsageError(f"{verb}: {self.schema.model} cannot; it can {', '.join(self.schema.verbs)}")

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array if array.flags.writeable else array.copy()).to(self.loaded.device)

    def _answer(self, verb: Verb, answered: Mapping[str, torch.Tensor]) -> Answer:
        return self._typed(verb, ask(lambda given: given, answered))

    def _typed(self, verb: Verb, values: Mapping[str, np.ndarray]) -> Answer:
        outputs = {output.name: output for output in self.schema.verbs[verb].outputs}
        return Answer(
            values=values,
            fields={name: outputs[name] for name in values},
            model=self.name,
            version=self.version,
        )
