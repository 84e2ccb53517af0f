"""The model card: where a bundle comes from, how good it is, which checks it passed. JSON, and a page of Markdown."""

from __future__ import annotations

import os
import platform as machine
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ... import __version__
from ...metrics import find_metric
from ..registry.entries import CheckOutcome

Text = Annotated[str, Field(min_length=1)]
LIBRARIES = ("torch", "numpy", "safetensors", "pydantic", "pyarrow")


class Figure(BaseModel):
    """The objective on rows that did not train the model."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    metric: Text
    unit: str
    goal: Text
    definition: Text
    value: float | None = None
    """None where no row is left that did not train it."""
    low: float | None = None
    high: float | None = None
    """95 % interval over rows; None of fewer than 8."""
    rows: Annotated[int, Field(ge=0)] = 0
    part: str = ""
    """The part of the split: valid rows chose the model, test rows did not."""
    searched: float
    """What the study recorded on the validation rows, which chose the trial."""
    default: float | None
    """What its published default reached: on the test rows if ``part`` says so, else on the validation rows."""
    yardsticks: Mapping[str, float]
    """What methods without a search reached on the validation rows."""


class Data(BaseModel):
    """What it was trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Text
    title: Text
    description: Text
    licence: Text
    source: Text
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    split: Text
    rows: Mapping[str, int]
    """By part."""
    trained_on: Text
    """The parts that trained it."""


class ModelCard(BaseModel):
    """What ``card.json`` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Text
    """Under which the registry keeps it."""
    version: Annotated[int, Field(ge=0)]
    """0 until it is promoted."""
    model: Text
    summary: Text
    """What the system is, a sentence."""
    study: Text
    trial: Annotated[int, Field(ge=0)]
    is_refit: bool
    figure: Figure
    conclusion: str = ""
    """What the study may claim of its winner by trainings from fresh seeds, with the interval; else empty."""
    data: Data
    values: Mapping[str, object]
    """Every hyperparameter."""
    seed: int
    space: Mapping[str, object]
    """What was searched."""
    parameters: Annotated[int, Field(ge=1)]
    """Trainable numbers."""
    inputs: Mapping[str, str]
    """By field, meaning, unit and shape."""
    versions: Mapping[Text, Text]
    """Of Sparring, Python and libraries, here; ``searched_with`` has those of the study."""
    searched_with: Mapping[str, str]
    hardware: Text
    licence: Text
    """Of the weights: the one that their data ask for."""
    created: Text
    """UTC, ISO 8601."""
    checks: Sequence[CheckOutcome]
    reason: str = ""
    """Why failed comparisons were overruled."""


def versions_here() -> dict[str, str]:
    """Sparring's, Python's and those of the libraries that answers depend on."""
    return {"sparring": __version__, "python": machine.python_version(), **{name: version(name) for name in LIBRARIES}}


def hardware_here() -> str:
    """The machine that made the bundle, in words."""
    model = machine.processor() or machine.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass  # not Linux: the processor's kind is what is known
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{model}, {os.cpu_count()} CPUs, {memory:.0f} GB, {machine.system()}"


def figure_of(metric: str, goal: str, **known: object) -> Figure:
    """The figure with what its metric means; ``known`` are the other fields."""
    meaning = find_metric(metric)
    return Figure.model_validate(
        {"metric": metric, "goal": goal, "unit": meaning.unit, "definition": meaning.definition, **known}
    )


def page(card: ModelCard) -> str:
    """The card as Markdown."""
    figure, data = card.figure, card.data
    refit = ", trained anew on training and validation rows" if card.is_refit else ""
    rows = ", ".join(f"{count:,} {part}" for part, count in data.rows.items())
    lines = [
        f"# {card.name}{f', version {card.version}' if card.version else ''}",
        "",
        f"{card.summary} Trial {card.trial} of the study `{card.study}`{refit}.",
        "",
        "## How good it is",
        "",
        f"`{figure.metric}`: {figure.definition} ({figure.goal}, {figure.unit}).",
        "",
        "| | |",
        "|---|---|",
        f"| on {figure.rows:,} {figure.part} rows | **{_or_dash(figure.value)}** ({_or_dash(figure.low)} to "
        f"{_or_dash(figure.high)}, 95 %) |",
        f"| recorded by the search | {figure.searched:.6g} |",
        f"| published default | {_or_dash(figure.default)} |",
        *(f"| {_cell(name)} | {value:.6g} |" for name, value in figure.yardsticks.items()),
        "",
        *([card.conclusion, ""] if card.conclusion else []),
        "## What it was trained on",
        "",
        f"**{data.title}** (`{data.name}`). {' '.join(data.description.split())}",
        "",
        f"Licence {data.licence}. {' '.join(data.source.split())}",
        "",
        f"Split {data.split}: {rows}; {data.trained_on} trained it. SHA-256 of the data: `{data.sha256}`.",
        "",
        "## What goes in",
        "",
        "| field | |",
        "|---|---|",
        *(f"| `{name}` | {_cell(words)} |" for name, words in card.inputs.items()),
        "",
        "## Checks",
        "",
        "| | check | | |",
        "|---|---|---|---|",
        *(f"| {each.number} | {each.name} | {each.outcome} | {_cell(each.words)} |" for each in card.checks),
        "",
        *([f"Failed comparisons were overruled: {card.reason}", ""] if card.reason else []),
        "## Setting",
        "",
        f"{card.parameters:,} trainable numbers, seed {card.seed}.",
        "",
        "| | |",
        "|---|---|",
        *(f"| `{name}` | {_cell(value)} |" for name, value in card.values.items()),
        "",
        f"Made {card.created} on {card.hardware}. "
        + ", ".join(f"{name} {number}" for name, number in card.versions.items())
        + f". Licence of the weights: {card.licence}.",
    ]
    return "\n".join(lines) + "\n"


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
