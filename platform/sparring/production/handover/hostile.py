"""Inputs that nobody should send: each is refused in one sentence, or answered with finite numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from ...errors import SparringError
from .asking import Answer, ProductionModel
from .schema import FieldSchema, Verb, choices

MILLION = 1_000_000


class Trial(BaseModel):
    """One hostile input and what became of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    what: str
    is_fine: bool
    words: str
    """The sentence that refused it, or what was wrong."""


def attack(model: ProductionModel, rows: Mapping[str, np.ndarray]) -> list[Trial]:
    """Every hostile input to every verb. rows: by field, ordinary rows, at least three."""
    trials = []
    for verb in model.schema.verbs:
        if verb == "sample":
            trials += [_try(model, verb, f"{verb} of {n!r}", n) for n in (0, -1, 1.5, True, None, MILLION)]
            trials.append(_try(model, verb, "sample of one", 1, must_answer=True))
            continue
        for names in choices(model.schema.verbs[verb]):
            given = {name: rows[name][:3] for name in names}
            trials += _attack_verb(model, verb, given)
    return trials


def _attack_verb(model: ProductionModel, verb: Verb, given: Mapping[str, np.ndarray]) -> list[Trial]:
    of = f"{verb} of {' and '.join(given)}"
    whole = _ask(model, verb, given)
    trials = [
        _try(model, verb, f"{of}: no fields", {}),
        _try(model, verb, f"{of}: a list instead of fields", list(given.values())),
        _try(model, verb, f"{of}: an unknown field", {**given, "unknown": np.zeros(3)}, must_refuse=True),
        _try(model, verb, f"{of}: one row", {name: each[:1] for name, each in given.items()}, must_answer=True),
    ]
    for name in given:
        field = model.schema.field(name)
        for what, value in _spoiled(field, given[name]):
            trials.append(_try(model, verb, f"{of}: {what}", {**given, name: value}, must_refuse=True))
        trials += _grids(model, verb, of, given, field)
    if all(model.schema.field(name).columns for name in given):
        trials += _tables(model, verb, of, given, whole)
    return trials


def _spoiled(field: FieldSchema, rows: np.ndarray) -> Iterator[tuple[str, Any]]:
    """(what it is, rows that must be refused)."""
    if rows.size and rows.ndim > 1:
        for name, value in (("NaN", np.nan), ("an infinity", np.inf), ("a number beyond float32", 1e300)):
            bad = rows.astype(np.float64)
            bad[-1].flat[0] = value
            yield f"{name} in {field.name}", bad
    yield f"no rows of {field.name}", rows[:0]
    yield f"{field.name} too wide", np.concatenate([rows, rows], axis=-1)
    yield f"{field.name} too narrow", rows[..., :-1]
    yield f"one {field.name} without rows", rows[0]
    yield f"{field.name} of words", np.full(rows.shape, "a")
    yield f"{field.name} of objects", np.full(rows.shape, None)
    yield f"{MILLION:,} rows of {field.name}", np.broadcast_to(rows[:1], (MILLION, *rows.shape[1:]))
    if field.dtype == "uint8":
        yield f"{field.name} outside bytes", rows.astype(np.int64) + 256


def _grids(
    model: ProductionModel, verb: Verb, of: str, given: Mapping[str, np.ndarray], field: FieldSchema
) -> Iterator[Trial]:
    if field.axis is None:
        yield _try(model, verb, f"{of}: a grid where there is none", given, axes={field.name: [1.0]}, must_refuse=True)
        return
    own = np.array(field.axis.values)
    yield _try(model, verb, f"{of}: its own grid", given, axes={field.name: own}, must_answer=True)
    for what, grid in (("shifted", own + 1), ("shorter", own[:-1]), ("reversed", own[::-1]), ("NaN", own * np.nan)):
        yield _try(model, verb, f"{of}: another grid, {what}", given, axes={field.name: grid}, must_refuse=True)


def _tables(
    model: ProductionModel, verb: Verb, of: str, given: Mapping[str, np.ndarray], whole: Answer
) -> Iterator[Trial]:
    columns = {
        column: _column(given[name][:, number])
        for name in given
        for number, column in enumerate(model.schema.field(name).columns)
    }
    first, *_ = columns
    turned = pa.table(dict(reversed(columns.items())))
    yield _try(model, verb, f"{of}: columns in another order", turned, must_answer=True, same=whole)
    renamed = {("unknown" if name == first else name): values for name, values in columns.items()}
    yield _try(model, verb, f"{of}: a renamed column", pa.table(renamed), must_refuse=True)
    lacking = {name: values for name, values in columns.items() if name != first}
    yield _try(model, verb, f"{of}: a missing column", pa.table(lacking), must_refuse=True)


def _column(values: np.ndarray) -> pa.Array:
    """Past ``pa.array``, which imports pandas: half a second of the fresh process."""
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, buffer])


def _ask(model: ProductionModel, verb: Verb, given: Any, axes: Mapping[str, Any] | None = None) -> Answer:
    method: Any = getattr(model, verb)
    answer: Answer = method(given) if verb == "sample" else method(given, axes=axes)
    return answer


def _try(
    model: ProductionModel,
    verb: Verb,
    what: str,
    given: Any,
    *,
    axes: Mapping[str, Any] | None = None,
    must_refuse: bool = False,
    must_answer: bool = False,
    same: Answer | None = None,
) -> Trial:
    try:
        answer = _ask(model, verb, given, axes)
    except SparringError as refusal:
        words = str(refusal)
        if must_answer:
            return Trial(what=what, is_fine=False, words=f"refused: {words}")
        if "\n" in words or len(words) > 400:
            return Trial(what=what, is_fine=False, words=f"refused in more than a sentence: {words[:100]}")
        return Trial(what=what, is_fine=True, words=words)
    except Exception as error:  # what a caller of a bundle must never meet, whatever it is
        return Trial(what=what, is_fine=False, words=f"{type(error).__name__}: {error}"[:200])
    if must_refuse:
        return Trial(what=what, is_fine=False, words="answered, as if nothing were wrong")
    if not all(np.isfinite(values).all() for values in answer.values.values()):
        return Trial(what=what, is_fine=False, words="answered with numbers that are not finite")
    if same is not None and not all(np.array_equal(answer[name], values) for name, values in same.values.items()):
        return Trial(what=what, is_fine=False, words="answered otherwise than in the model's order")
    return Trial(what=what, is_fine=True, words="answered")
