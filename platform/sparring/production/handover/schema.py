"""What goes in and what comes out: names, order, shapes, dtypes, units, columns, axes with their grids.

A sample of one dimension may also come as columns of a table, one per number, which are found by their names. The
schema also names the fitted transforms among the weights and the reader's options, so that a caller knows what was
done to the data before the model saw them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from ...data import Card, Dataset, reader_of
from ...errors import DataError
from ...models.verbs import Encodes, Predicts, Reconstructs, Samples, Scores
from ..loading.loaded import Loaded

Verb = Literal["predict", "reconstruct", "sample", "score", "encode"]
PROTOCOLS: Mapping[Verb, type] = {
    "predict": Predicts,
    "reconstruct": Reconstructs,
    "sample": Samples,
    "score": Scores,
    "encode": Encodes,
}
NOT_STATED = "not stated"
"""Unit or meaning of a field that its data set's card does not explain."""

Size = Annotated[int, Field(ge=1)]


class AxisSchema(BaseModel):
    """Along what a field's numbers lie."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    meaning: str
    """What, and its unit."""
    values: tuple[float, ...]
    """The grid, in order."""


class FieldSchema(BaseModel):
    """One field of a sample."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    meaning: str
    unit: str
    shape: tuple[Size, ...]
    """Of one sample; () is a single number."""
    dtype: Literal["float32", "uint8"]
    columns: tuple[str, ...] = ()
    """Names of its numbers in a table, in order; none unless a sample has one dimension."""
    axis: AxisSchema | None = None


class VerbSchema(BaseModel):
    """What a verb takes and answers."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    inputs: tuple[str, ...]
    """Fields that it takes; none of ``sample``, which takes a number."""
    needs: Literal["any", "all"]
    """Whether one of them is enough."""
    outputs: tuple[FieldSchema, ...]


class TransformSchema(BaseModel):
    """A tensor that was fitted to training rows instead of learned: scaling, loss scales, statistics."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """In ``model.safetensors``."""
    shape: tuple[int, ...]
    dtype: str


class Schema(BaseModel):
    """What ``schema.json`` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    model: str
    fields: tuple[FieldSchema, ...]
    """Everything that some verb takes, in the model's order."""
    verbs: Mapping[Verb, VerbSchema]
    transforms: tuple[TransformSchema, ...]
    reader: str
    """Module of ``sparring.data`` that made the fields."""
    reader_options: Mapping[str, object]
    """All of its options, the defaults too."""

    def field(self, name: str) -> FieldSchema:
        """The input of that name; raises KeyError if there is none."""
        return {each.name: each for each in self.fields}[name]


def describe(loaded: Loaded, data: Dataset, card: Card, options: Mapping[str, object]) -> Schema:
    """The schema of a model that was trained on ``data``. options: of the reader, beside the card's."""
    reader = reader_of(card).Options.model_validate({**card.options, **options})
    fields = {name: _field(name, data, card) for name in loaded.fields}
    parameters = {name for name, _ in loaded.model.named_parameters()}
    return Schema(
        model=loaded.about.model,
        fields=tuple(fields.values()),
        verbs=dict(_verbs(loaded, data, fields)),
        transforms=tuple(
            TransformSchema(name=name, shape=tuple(tensor.shape), dtype=str(tensor.dtype).removeprefix("torch."))
            for name, tensor in loaded.model.state_dict().items()
            if name not in parameters
        ),
        reader=card.reader,
        reader_options=reader.model_dump(mode="json"),
    )


def verbs_of(loaded: Loaded) -> tuple[Verb, ...]:
    """The verbs that the model has."""
    return tuple(verb for verb, protocol in PROTOCOLS.items() if isinstance(loaded.model, protocol))


def check_answers(schema: Schema, verb: Verb, given: Sequence[str], answers: Mapping[str, Tensor]) -> None:
    """Raises DataError unless the answers have the names, shapes and dtype that the schema promises."""
    outputs = {output.name: output for output in schema.verbs[verb].outputs}
    if not answers or not answers.keys() <= outputs.keys():
        raise DataError(
            f"schema.json: {verb} answers {', '.join(outputs)}, but of {' and '.join(given)} the model answered "
            f"{', '.join(answers) or 'nothing'}"
        )
    for name, values in answers.items():
        if tuple(values.shape[1:]) != outputs[name].shape:
            raise DataError(
                f"schema.json: {verb} answers {name} of shape {outputs[name].shape}, but the model answered "
                f"{tuple(values.shape[1:])}"
            )


def choices(inputs: VerbSchema) -> list[tuple[str, ...]]:
    """The fewest fields that the verb answers to, each way."""
    return [(name,) for name in inputs.inputs] if inputs.needs == "any" else [inputs.inputs]


def _field(name: str, data: Dataset, card: Card, *, is_output: bool = False) -> FieldSchema:
    known, shape = card.fields.get(name), data.shapes[name]
    return FieldSchema(
        name=name,
        meaning=known.meaning if known else NOT_STATED,
        unit=known.unit if known else NOT_STATED,
        shape=shape,
        dtype="uint8" if data.fields[name].dtype == "uint8" and not is_output else "float32",
        columns=tuple(f"{name}_{number}" for number in range(shape[0])) if len(shape) == 1 else (),
        axis=_axis(name, data, card),
    )


def _axis(name: str, data: Dataset, card: Card) -> AxisSchema | None:
    if name not in data.axes:
        return None
    known = card.fields.get(name)
    return AxisSchema(meaning=known.axis or NOT_STATED if known else NOT_STATED, values=tuple(data.axes[name].tolist()))


def _verbs(loaded: Loaded, data: Dataset, fields: Mapping[str, FieldSchema]) -> Iterator[tuple[Verb, VerbSchema]]:
    """Those that the model answers; an AEGAN that learned one way reconstructs nothing."""
    rows = {name: torch.from_numpy(data.fields[name][:2].copy()) for name in fields}
    for verb in verbs_of(loaded):
        if verb == "sample" or _suffices(loaded, verb, rows):
            yield verb, _verb(verb, loaded, rows, fields)


def _verb(
    verb: Verb, loaded: Loaded, rows: Mapping[str, torch.Tensor], fields: Mapping[str, FieldSchema]
) -> VerbSchema:
    """What it takes and answers, found by asking it about two rows."""
    if verb == "sample":
        answers = call(loaded, verb, {}, n=2)
        return VerbSchema(inputs=(), needs="all", outputs=_outputs(verb, answers, fields))
    alone = [name for name in fields if _suffices(loaded, verb, {name: rows[name]})]
    answers = call(loaded, verb, rows)
    return VerbSchema(
        inputs=tuple(alone or fields),
        needs="any" if alone else "all",
        outputs=_outputs(verb, answers, fields),
    )


def call(loaded: Loaded, verb: Verb, rows: Mapping[str, Tensor], *, n: int = 1, seed: int = 0) -> dict[str, Tensor]:
    """The model's own answer; n: samples to draw; seed: of what is drawn."""
    if verb == "sample":
        return dict(loaded.able("sample").sample(n, seed=seed))
    more = {"seed": seed} if verb == "encode" else {}
    return dict(getattr(loaded.model, verb)(rows, **more))


def _suffices(loaded: Loaded, verb: Verb, rows: Mapping[str, Tensor]) -> bool:
    try:
        call(loaded, verb, rows)
    except DataError:
        return False
    return True


def _outputs(verb: Verb, answers: Mapping[str, Tensor], fields: Mapping[str, FieldSchema]) -> tuple[FieldSchema, ...]:
    return tuple(_output(verb, name, tuple(values.shape[1:]), fields.get(name)) for name, values in answers.items())


MEANINGS = {
    "codes": "code of the sample",
    "draws": "draw of the distribution that codes should have",
    "given": "what was encoded",
}


def _output(verb: Verb, name: str, shape: tuple[int, ...], field: FieldSchema | None) -> FieldSchema:
    if field is None:
        meaning = "how strange the sample is; the larger, the stranger" if verb == "score" else MEANINGS.get(name, name)
        columns = tuple(f"{name}_{number}" for number in range(shape[0])) if len(shape) == 1 else ()
        return FieldSchema(name=name, meaning=meaning, unit="1", shape=shape, dtype="float32", columns=columns)
    is_bytes = field.dtype == "uint8"  # images come back as shares of full intensity
    unit = "1, from 0 (dark) to 1 (full intensity)" if is_bytes else field.unit
    columns = field.columns if shape == field.shape else ()
    return field.model_copy(update={"shape": shape, "dtype": "float32", "unit": unit, "columns": columns})
