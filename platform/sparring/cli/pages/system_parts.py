"""What a system's page is made of, read from its code: modules, shipped spaces, fields, and nets layer by layer."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ...models import config
from ...resources import shipped
from ...space import Dimension, Space, checked_space, read_space
from .markdown import Schema, as_value, choices, cross

if TYPE_CHECKING:
    from torch import nn

    from ...models.base import Model

CODE = "../../platform/sparring/models"
"""Where the systems lie, seen from docs/models."""


def phase_modules(model: type[Model], own: ModuleType) -> list[ModuleType]:
    """Modules other than its own that define one of its phases."""
    names = {phase.name for phase in model.Config.phases}
    modules = dict.fromkeys(base.__module__ for base in model.__mro__ if names & vars(base).keys())
    return [sys.modules[name] for name in modules if name != own.__name__]


def shipped_spaces(name: str, configured: type[config.Config]) -> dict[str, Space[config.Config]]:
    """The shipped spaces of a system by the names of their files, the default one first."""
    paths = sorted(shipped("search_spaces").glob("*.toml"), key=lambda path: (path.stem != name, path.stem))
    raws = {path.stem: read_space(path) for path in paths}
    return {stem: checked_space(raw, configured, stem) for stem, raw in raws.items() if raw.get("model") == name}


def own_spaces(name: str, configured: type[config.Config]) -> dict[str, Space[config.Config]]:
    """The space beside a model of the user's own, by the name of its file."""
    from ...study.asked_space import read_asked_space

    asked = read_asked_space(name, configured)
    return {Path(asked.where).stem: checked_space(asked.raw, configured, asked.where)}


def field_schemas(configured: type[config.Config]) -> dict[str, Schema]:
    """The JSON schema of every field; the fields of a table are called TABLE.FIELD."""
    whole = configured.model_json_schema()
    fields: dict[str, Schema] = {}
    for name, schema in whole["properties"].items():
        if "$ref" not in schema:
            fields[name] = schema
            continue
        inner = whole["$defs"][schema["$ref"].rpartition("/")[2]]["properties"]
        for key, own in inner.items():
            meaning = f"{schema.get('description', '')} {own.get('description', '')}"
            fields[f"{name}.{key}"] = own | {"default": schema["default"][key], "description": meaning}
    return fields


def range_of(dimension: Dimension) -> str:
    """Where a searched field's values come from, in words."""
    if dimension.choices:
        return choices(map(dimension.decode, dimension.choices))
    parts = [f"{as_value(dimension.low)} to {as_value(dimension.high)}"]
    parts += ["log"] * dimension.log + [f"step {as_value(dimension.step)}"] * (dimension.step is not None)
    return ", ".join(parts) + ("" if dimension.off is None else f"; or off, {as_value(dimension.off)}")


def count_parameters(net: nn.Module) -> int:
    """Numbers that a net learns."""
    return sum(parameter.numel() for parameter in net.parameters())


def layers_of(net: nn.Module) -> str:
    """A net's layers in order; a stack of equal nets shows one of them."""
    if type(net).__name__ == "StackedMlp":
        return f"{net.nets} times: {net.extra_repr()}"
    return " → ".join(filter(None, map(_layer, net.modules())))


def _layer(module: nn.Module) -> str:
    """A layer with its sizes; empty for what holds layers or does nothing."""
    name, sizes = type(module).__name__, vars(module)  # where torch's layers keep their sizes
    if any(True for _ in module.children()) or name == "Identity":
        return ""
    if "in_features" in sizes:
        return f"{name}({sizes['in_features']}, {sizes['out_features']})"
    if "in_channels" in sizes:
        form = f"{cross(sizes['kernel_size'])}, stride {sizes['stride'][0]}"
        return f"{name}({sizes['in_channels']}, {sizes['out_channels']}, {form})"
    number = sizes.get("negative_slope", sizes.get("p"))
    return name if number is None else f"{name}({number:g})"


def link_to(module: ModuleType) -> str:
    """A link from docs/models to a module of ``sparring.models``; of another module its name."""
    if not module.__name__.startswith("sparring.models."):
        return f"`{module.__name__}`"
    file = "/".join(module.__name__.split(".")[2:]) + ".py"
    return f"[{file}]({CODE}/{file})"
