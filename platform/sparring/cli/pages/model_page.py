"""One system's page in Markdown, made of its Config, its docstrings and its nets, so that it says what the code does.

``sparring models NAME`` prints it; ``docs/models/NAME.md`` holds the same text, which a test compares. Conventions that
it reads by: a phase's docstring has a paragraph that begins ``loss =``, a formula kept line by line; a system's module
has one that begins ``Source:`` and one ``Differs from the published code:``. A system whose phases are defined in
another module (the AAE's) has these there. Not here: other data sets (their cards), what a study found (its report).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from ...data import read_card
from ...metrics import find_metric
from ...models import config, find_config, find_model, is_own
from ...space import Space
from .markdown import as_code, as_sentence, as_value, choices, cross, fill, one_line, paragraphs, prose, table, type_of
from .system_parts import (
    count_parameters,
    field_schemas,
    layers_of,
    link_to,
    own_spaces,
    phase_modules,
    range_of,
    shipped_spaces,
)

if TYPE_CHECKING:
    from ...models.base import Model

SPACES = "../../search_spaces"
SOURCE, DIFFERS, ELSEWHERE = "Source: ", "Differs from the published code: ", "Not here: "
BETTER = {"minimize": "lower", "maximize": "higher", "none": ""}


def write_page(name: str) -> str:
    """The page of the system called ``name``; raises UnknownName with the list of those there are."""
    configured, model = find_config(name), find_model(name)
    own, about = sys.modules[model.__module__], sys.modules[configured.__module__]
    shared = phase_modules(model, own)
    texts = paragraphs(own) + [text for module in shared for text in paragraphs(module)[1:]]
    spaces = own_spaces(name, configured) if is_own(name) else shipped_spaces(name, configured)
    dataset = next(iter(spaces.values())).dataset
    parts = [
        f"# {name}",
        *prose(text for text in texts if not text.startswith((SOURCE, DIFFERS, ELSEWHERE))),
        fill(
            f"Made by `sparring models {name}{_into(name)}` from docstrings and the Config: change those. "
            f"The code: {', '.join(link_to(module) for module in dict.fromkeys((own, about, *shared)))}."
        ),
        *["## Source, and what differs from the published code"]
        * any(text.startswith((SOURCE, DIFFERS)) for text in texts),
        *prose(as_sentence(text, SOURCE) for text in texts if text.startswith(SOURCE)),
        *prose(as_sentence(text, DIFFERS) for text in texts if text.startswith(DIFFERS)),
        "## Phases and losses",
        *_phases(model, configured, (own, *shared)),
        "## Nets",
        *_nets(model, configured, dataset),
        "## Fields",
        *(prose(paragraphs(about)[1:]) if about is not own else ()),
        *_fields(configured),
        "## Metrics",
        *_metrics(configured),
        "## Data",
        *_data(configured, dataset),
        "## Search spaces",
        *(part for stem, space in spaces.items() for part in _search(stem, space)),
    ]
    return "\n\n".join(parts) + "\n"


def _into(name: str) -> str:
    """Where the page of a system of ours is kept."""
    return "" if is_own(name) else f" > docs/models/{name}.md"


# -- sections ---------------------------------------------------------------------------------------------------------


def _phases(model: type[Model], configured: type[config.Config], modules: Sequence[ModuleType]) -> Iterator[str]:
    documented = {phase.name: paragraphs(getattr(model, phase.name)) for phase in configured.phases}
    has_d = any("D(" in text for texts in documented.values() for text in texts)
    yield fill(
        "One training step takes these in order, each with an optimizer of its own. Losses are means over the batch."
        + " D(·) is the discriminator's probability of being real, the sigmoid of the logit that it returns." * has_d
    )
    rows = (
        ([phase.name], phase.nets, [phase.lr], [phase.optim_fn], filter(None, (phase.weight_decay, phase.beta1)))
        for phase in configured.phases
    )
    head = ("phase", "nets that it trains", "learning rate", "optimizer", "more of the optimizer")
    yield table(head, ([as_code(cell) for cell in row] for row in rows))
    for name, texts in documented.items():
        yield f"### {name}"
        yield from prose(texts)
    if named := list(_losses(modules, configured)):
        yield "### Losses by name"
        yield table(("loss", "what it is"), named)


def _losses(modules: Sequence[ModuleType], configured: type[config.Config]) -> Iterator[tuple[str, str]]:
    """Every loss that the system imports; of those chosen by name, the ones its Config allows."""
    from ...models.blocks import losses, ssim

    chosen = [schema for name, schema in field_schemas(configured).items() if name.startswith("loss")]
    allowed = {value for schema in chosen for value in schema.get("enum", ())}
    imported = {id(value) for module in modules for value in vars(module).values()}
    for name, value in {**vars(losses), **vars(ssim)}.items():
        if id(value) not in imported or name.startswith("_"):
            continue
        if inspect.isfunction(value) and value.__module__ in (losses.__name__, ssim.__name__):
            yield f"`{name}`", one_line(" ".join(paragraphs(value)))
        elif isinstance(value, Mapping):
            for choice, function in value.items():
                ours = function.__module__ == losses.__name__
                text = " ".join(paragraphs(function)) if ours else f"``torch.nn.functional.{function.__name__}``"
                if choice in allowed:
                    yield f"`{choice}`, {name.lower()}", one_line(text)


def _nets(model: type[Model], configured: type[config.Config], dataset: str) -> Iterator[str]:
    card = read_card(dataset)
    shapes = {name: card.fields[name].shape or () for name in configured.fields}
    built = model(configured(), shapes)
    nets = {name: net for name, net in built.named_children() if count_parameters(net)}
    rows = (
        (
            f"`{name}`",
            as_code(phase.name for phase in configured.phases if name in phase.nets) or "none",
            f"{count_parameters(net):,}",
            layers_of(net),
        )
        for name, net in nets.items()
    )
    yield fill(
        f"At the defaults below and for samples as `{dataset}` has them "
        f"({', '.join(f'{name} {cross(shape)}' for name, shape in shapes.items())}), {count_parameters(built):,} "
        "parameters. Layers stand in the order in which they are built; what a net does besides, its class says."
    )
    yield table(("net", "trained in", "parameters", "layers"), rows)
    for net_class in dict.fromkeys(type(net) for net in nets.values()):
        if not net_class.__module__.startswith("torch."):
            head, *rest = paragraphs(net_class)
            yield from prose([f"``{net_class.__name__}``: {head}", *rest])


def _fields(configured: type[config.Config]) -> Iterator[str]:
    common = set(config.Config.__mro__)
    own = {name for base in configured.__mro__ if base not in common for name in inspect.get_annotations(base)}
    schemas = field_schemas(configured)
    for title, of_system in (("### Of this system", True), ("### Of every system", False)):
        yield title
        rows = (
            (f"`{name}`", type_of(schema), as_value(schema.get("default")), one_line(schema.get("description", "")))
            for name, schema in schemas.items()
            if (name.partition(".")[0] in own) == of_system
        )
        yield table(("field", "type", "default", "meaning, and where to search it"), rows)


def _metrics(configured: type[config.Config]) -> Iterator[str]:
    metrics = map(find_metric, dict.fromkeys(configured.emitted()))
    needs = {name: f"; measured where `{field}` is set" for name, field in configured.optional.items()}
    rows = (
        (
            f"`{metric.name}`",
            metric.unit,
            BETTER[metric.goal],
            one_line(f"{metric.definition}{needs.get(metric.name, '')}; {metric.source}".rstrip("; ")),
        )
        for metric in metrics
    )
    yield table(("metric", "unit", "better", "definition; source"), rows)
    if configured.predictions:
        pairs = (f"`{name}` ({given} → {asked})" for name, (given, asked) in configured.predictions.items())
        yield fill(f"The report compares {', '.join(pairs)} with methods that need no search.")


def _data(configured: type[config.Config], dataset: str) -> Iterator[str]:
    card = read_card(dataset)
    yield fill(f"Any set that has these fields; here as in `{dataset}` ({card.title}). `sparring datasets` lists sets.")
    fields = {name: card.fields[name] for name in configured.fields}
    rows = (
        (f"`{name}`", cross(field.shape or ()), field.unit, one_line(field.meaning)) for name, field in fields.items()
    )
    yield table(("field", "shape of a sample", "unit", "meaning"), rows)


def _search(name: str, space: Space[config.Config]) -> Iterator[str]:
    yield f"### {name}"
    goals = {"minimize": "lowest", "maximize": "highest"}
    sought = " and ".join(f"the {goals[objective.goal]} `{objective.metric}`" for objective in space.objectives)
    tables = {"Fixed": space.fixed, "Trial 0 differs from the defaults by": space.table("defaults"), "Data": space.data}
    sentences = [
        f"{what}: {', '.join(f'`{key} = {as_value(value)}`' for key, value in values.items())}."
        for what, values in tables.items()
        if values
    ]
    why = "" if is_own(space.model) else f"[{name}.toml]({SPACES}/{name}.toml) says why."
    yield fill(" ".join([f"Seeks {sought} on `{space.dataset}`.", *sentences, why]).rstrip())
    baseline = space.baseline()
    first = {
        dimension.name: dimension.decode(baseline[dimension.name])
        for dimension in space.dimensions
        if baseline.get(dimension.name) is not None
    }
    rows = (
        (
            f"`{dimension.name}`",
            range_of(dimension),
            "; ".join(f"`{field}` is {choices(values)}" for field, values in dimension.when.items()),
            as_value(first[dimension.name]) if dimension.name in first else "",
        )
        for dimension in space.dimensions
    )
    yield table(("searched field", "range", "only where", "trial 0"), rows)
