"""Bodies of requests and answers, as JSON and as an Arrow stream. The guard of the model checks what is in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ...errors import DataError, faults
from ..handover.asking import Answer
from ..handover.schema import Schema
from .arrow_body import read_arrow, write_arrow

JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"


def _whole(value: object) -> object:
    """JSON has one kind of number: 3.0 is as whole as 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Seed = Annotated[int, Field(strict=True, ge=0, lt=2**63), BeforeValidator(_whole)]


class RowsBody(BaseModel):
    """Rows to be answered."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rows: Mapping[str, Any]
    """By field, a list of samples."""
    axes: Mapping[str, Any] = {}
    """By field, the grid on which the numbers lie, where it is to be checked."""
    seed: Seed = 0
    """Of what encode draws."""


class SampleBody(BaseModel):
    """Samples to be drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    n: Annotated[Any, BeforeValidator(_whole)]
    """How many."""
    seed: Seed = 0
    """The same seed draws the same samples."""
    boost: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] | None = None
    """Of muons, a factor on how rare they are."""


class Options(BaseModel):
    """What may stand in an Arrow stream's metadata beside its rows."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    axes: Mapping[str, Any] = {}
    seed: Seed = 0


class Question(BaseModel):
    """A body that has been read."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    rows: Any
    """Arrays or lists by field, or a table."""
    axes: Mapping[str, Any]
    seed: int


Parsed = TypeVar("Parsed", bound=BaseModel)


def read_question(data: bytes, is_arrow: bool, schema: Schema, most_rows: int) -> Question:
    """The rows of a body. Raises DataError, one sentence, for what is neither JSON nor Arrow as it should be."""
    if is_arrow:
        rows, packed = read_arrow(data, schema, most_rows)
        options = _parse(packed, Options) if packed else Options()
        return Question(rows=rows, axes=options.axes, seed=options.seed)
    body = _parse(data, RowsBody)
    return Question(rows=body.rows, axes=body.axes, seed=body.seed)


def read_draw(data: bytes) -> SampleBody:
    """What is to be drawn. Raises DataError."""
    return _parse(data, SampleBody)


def pack(answer: Answer, is_arrow: bool) -> bytes:
    """The answer's bytes, with model and version inside."""
    about = {"model": answer.model, "version": answer.version}
    if is_arrow:
        units = {name: answer.fields[name].unit for name in answer.values}
        metadata = {"model": answer.model, "version": str(answer.version), "units": json.dumps(units)}
        return write_arrow(answer.columns(), metadata)
    values = {name: array.tolist() for name, array in answer.values.items()}
    units = {name: answer.fields[name].unit for name in values}
    told = {**about, "values": values, "units": units}
    return json.dumps(told, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def _parse(data: bytes, parsed: type[Parsed]) -> Parsed:
    try:
        content = json.loads(data, object_pairs_hook=_once)
        if b"true" in data or b"false" in data:
            _refuse_truths(content)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is one
        raise DataError(f"the body must be JSON, but: {str(error)[:200]}") from error
    try:
        return parsed.model_validate(content)
    except ValidationError as error:
        raise DataError(f"the body: {str(faults(error)[0])[:300]}") from error


def _refuse_truths(content: object, at: str = "the body") -> None:
    """Raises DataError for a truth value: nothing here is one, and NumPy would take true for 1 among numbers."""
    if isinstance(content, bool):
        raise DataError(f"{at[:100]}: wants a number, a list or a table, but got {str(content).lower()}")
    if isinstance(content, dict):
        for name, value in content.items():
            _refuse_truths(value, str(name))
    elif isinstance(content, list):
        for value in content:
            _refuse_truths(value, at)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Python would keep the last of two in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise ValueError(f"the key {twice[:100]!r} occurs twice")
    return found
