"""The OpenAPI description, from the schema of the model that answers now: its verbs, fields, shapes, units."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from ..handover.asking import ProductionModel
from ..handover.guard import MAX_ABS
from ..handover.schema import FieldSchema, Verb, VerbSchema
from .bodies import ARROW, JSON
from .gate import OPEN
from .limits import ServeLimits

WORDS: Mapping[Verb, str] = {
    "predict": "The other field of each that is given",
    "reconstruct": "The fields as they come back through the model's code",
    "score": "How strange each sample is",
    "encode": "Codes of the samples, beside draws from their prior",
    "sample": "Draws",
}
BOUNDS = {"minimum": -MAX_ABS, "maximum": MAX_ABS}
"""Of numbers that go in; what comes out may be larger."""
SEED = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1, "default": 0}
REFUSALS = {
    "401": "no token, or another one",
    "404": "the model has no such verb",
    "408": "the body did not arrive in time",
    "413": "too many bytes or rows",
    "415": "neither JSON nor Arrow",
    "421": "bound to loopback, and asked by another name",
    "422": "what the model cannot read: form, names, shape, values that are not finite, another grid",
    "429": "too many requests at a time",
    "503": "no answer in time",
}
REFUSED = {
    "type": "object",
    "required": ["detail"],
    "properties": {"detail": {"type": "string"}, "model": {"type": "string"}, "version": {"type": "integer"}},
}
WATCHING = {"/health": ("421",), "/ready": ("421", "503"), "/schema": ("401", "421"), "/metrics": ("401", "421")}
"""Routes that ask no model, and how they may be refused. ``/ready`` says 503 in its own words."""
TOKEN = {"token": {"type": "http", "scheme": "bearer"}}


def describe(model: ProductionModel, limits: ServeLimits, base: dict[str, Any], *, has_token: bool) -> dict[str, Any]:
    """base: the description of the routes without a model; it is not changed. has_token: callers must send one."""
    paths: dict[str, Any] = {}
    for path, statuses in WATCHING.items():
        get = base["paths"][path]["get"]
        words = REFUSALS | ({"503": "not ready"} if path == "/ready" else {})
        refused = {each: _json(words[each], REFUSED if each != "503" else {}) for each in statuses}
        paths[path] = {"get": {**get, "responses": {**get["responses"], **refused}}}
    for verb, takes in model.schema.verbs.items():
        paths[f"/{verb}"] = {"post": _operation(model, verb, takes, limits)}
    if has_token:
        for path in paths.keys() - OPEN:
            for operation in paths[path].values():
                operation["security"] = [{"token": []}]
    info = {**base["info"], "title": f"{model.name} version {model.version}", "version": str(model.version)}
    described = {**base, "info": info, "paths": paths}
    return {**described, "components": {"securitySchemes": TOKEN}} if has_token else described


def _operation(model: ProductionModel, verb: Verb, takes: VerbSchema, limits: ServeLimits) -> dict[str, Any]:
    answer = {
        "type": "object",
        "required": ["model", "version", "values", "units"],
        "properties": {
            "model": {"type": "string"},
            "version": {"type": "integer"},
            "values": {"type": "object", "properties": {each.name: _rows(each, {}) for each in takes.outputs}},
            "units": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }
    refusals = {status: _json(words, REFUSED) for status, words in REFUSALS.items()}
    body = _draw(model, limits) if verb == "sample" else _question(model, takes, limits)
    arrow = {ARROW: {"schema": {"type": "string", "format": "binary"}}}
    return {
        "summary": WORDS[verb],
        "operationId": verb,
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": body}, **({} if verb == "sample" else arrow)},
        },
        "responses": {"200": {"description": WORDS[verb], "content": {JSON: {"schema": answer}, **arrow}}, **refusals},
    }


def _json(words: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": words, "content": {JSON: {"schema": schema}}}


def _draw(model: ProductionModel, limits: ServeLimits) -> dict[str, Any]:
    known: dict[str, Any] = {"n": {"type": "integer", "minimum": 1, "maximum": limits.rows}, "seed": SEED}
    draw = getattr(model.loaded.model, "draw", None)
    if draw is not None and "boost" in signature(draw).parameters:  # others refuse one
        known["boost"] = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]}
    return {"type": "object", "required": ["n"], "additionalProperties": False, "properties": known}


def _question(model: ProductionModel, takes: VerbSchema, limits: ServeLimits) -> dict[str, Any]:
    fields = {name: model.schema.field(name) for name in takes.inputs}
    rows = {name: {**_rows(field, BOUNDS), "minItems": 1, "maxItems": limits.rows} for name, field in fields.items()}
    needs = {"minProperties": 1} if takes.needs == "any" else {"required": list(fields)}
    grids = {
        name: {
            "type": "array",
            "items": {"type": "number"},
            "description": field.axis.meaning,
            "enum": [list(field.axis.values)],
        }
        for name, field in fields.items()
        if field.axis is not None
    }
    return {
        "type": "object",
        "required": ["rows"],
        "additionalProperties": False,
        "properties": {
            "rows": {"type": "object", "properties": rows, "additionalProperties": False, **needs},
            "axes": {"type": "object", "properties": grids, "additionalProperties": False},
            "seed": SEED,
        },
    }


def _rows(field: FieldSchema, bounds: Mapping[str, float]) -> dict[str, Any]:
    """A list of samples of the field, whose numbers keep to the bounds."""
    is_bytes = field.dtype == "uint8"
    schema: dict[str, Any] = (
        {"type": "integer", "minimum": 0, "maximum": 255} if is_bytes else {"type": "number", **bounds}
    )
    for size in reversed(field.shape):
        schema = {"type": "array", "items": schema, "minItems": size, "maxItems": size}
    return {"type": "array", "items": schema, "description": f"{field.meaning}; {field.unit}"}
