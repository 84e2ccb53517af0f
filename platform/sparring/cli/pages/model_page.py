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
from typing import TYPE_CHECKING, Any

from ...data import read_card
from ...metrics import find_metric
from ...models import config, find_config, find_model
from ...resources import shipped
from ...space import Dimension, Space, checked_space, read_space
from .markdown import as_code, as_sentence, as_value, choices, cross, fill, one_line, paragraphs, prose, table, type_of

if TYPE_CHECKING:
    from torch import nn

    from ...models.base import Model

CODE = "../../platform/sparring/models"
SPACES = "../../search_spaces"
SOURCE, DIFFERS, ELSEWHERE = "Source: ", "Differs from the published code: ", "Not here: "
BETTER = {"minimize": "lower", "maximize": "higher", "none": ""}


def write_page(name: str) -> str:
    """The page of the system called ``name``; raises UnknownName with the list of those there are."""
    configured, model = find_config(name), find_model(name)
    own, about = sys.modules[model.__module__], sys.modules[configured.__module__]
    shared = _phase_modules(model, own)
    said = paragraphs(own) + [text for module in shared for text in paragraphs(module)[1:]]
    spaces = _spaces(name, configured)
    parts = [
        f"# {name}",
        *prose(text for text in said if not text.startswith((SOURCE, DIFFERS, ELSEWHERE))),
        fill(
            f"Made by `sparring models {name} > docs/models/{name}.md` from docstrings and the Config: change those. "
            f"The code: {', '.join(_link(module) for module in (own, about, *shared))}."
        ),
        "## Source, and what differs from the published code",
        *prose(as_sentence(text, SOURCE) for text in said if text.startswith(SOURCE)),
        *prose(as_sentence(text, DIFFERS) for text in said if text.startswith(DIFFERS)),
        "## Phases and losses",
        *_phases(model, configured, (own, *shared)),
        "## Nets",
        *_nets(model, configured, spaces[name].dataset),
        "## Fields",
        *prose(paragraphs(about)[1:]),
        *_fields(configured),
        "## Metrics",
        *_metrics(configured),
        "## Data",
        *_data(configured, spaces[name].dataset),
        "## Search spaces",
        *(part for stem, space in spaces.items() for part in _search(stem, space)),
    ]
    return "\n\n".join(parts) + "\n"


# -- sections ---------------------------------------------------------------------------------------------------------


def _phases(model: type[Model], configured: type[config.Config], modules: Sequence[ModuleType]) -> Iterator[str]:
    told = {phase.name: paragraphs(getattr(model, phase.name)) for phase in configured.phases}
    judged = any("D(" in text for texts in told.values() for text in texts)
    yield fill(
        "One training step takes these in order, each with an optimizer of its own. Losses are means over the batch."
        + " D(·) is the discriminator's probability of being real, the sigmoid of the logit that it returns." * judged
    )
    rows = (
        ([each.name], each.nets, [each.lr], [each.optim_fn], filter(None, (each.weight_decay, each.beta1)))
        for each in configured.phases
    )
    head = ("phase", "nets that it trains", "learning rate", "optimizer", "more of the optimizer")
    yield table(head, ([as_code(cell) for cell in row] for row in rows))
    for name, texts in told.items():
        yield f"### {name}"
        yield from prose(texts)
    if named := list(_losses(modules, configured)):
        yield "### Losses by name"
        yield table(("loss", "what it is"), named)


def _losses(modules: Sequence[ModuleType], configured: type[config.Config]) -> Iterator[tuple[str, str]]:
    """Every loss that the system imports; of those chosen by name, the ones its Config allows."""
    from ...models.blocks import losses, ssim

    fields = {name: each for name, each in _properties(configured).items() if name.startswith("loss")}
    allowed = {value for each in fields.values() for value in each.get("enum", ())}
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
    nets = {name: net for name, net in built.named_children() if _count(net)}
    rows = (
        (
            f"`{name}`",
            as_code(phase.name for phase in configured.phases if name in phase.nets) or "none",
            f"{_count(net):,}",
            _layers(net),
        )
        for name, net in nets.items()
    )
    yield fill(
        f"At the defaults below and for samples as `{dataset}` has them "
        f"({', '.join(f'{name} {cross(shape)}' for name, shape in shapes.items())}), {_count(built):,} parameters. "
        "Layers stand in the order in which they are built; what a net does besides, its class says."
    )
    yield table(("net", "trained in", "parameters", "layers"), rows)
    for kind in dict.fromkeys(type(net) for net in nets.values()):
        if not kind.__module__.startswith("torch."):
            head, *rest = paragraphs(kind)
            yield from prose([f"``{kind.__name__}``: {head}", *rest])


def _fields(configured: type[config.Config]) -> Iterator[str]:
    common = set(config.Config.__mro__)
    own = {name for each in configured.__mro__ if each not in common for name in inspect.get_annotations(each)}
    properties = _properties(configured)
    for title, is_own in (("### Of this system", True), ("### Of every system", False)):
        yield title
        rows = (
            (f"`{name}`", type_of(each), as_value(each.get("default")), one_line(each.get("description", "")))
            for name, each in properties.items()
            if (name.partition(".")[0] in own) == is_own
        )
        yield table(("field", "type", "default", "meaning, and where to search it"), rows)


def _metrics(configured: type[config.Config]) -> Iterator[str]:
    found = map(find_metric, dict.fromkeys(configured.emitted()))
    needs = {name: f"; measured where `{field}` is set" for name, field in configured.optional.items()}
    rows = (
        (
            f"`{each.name}`",
            each.unit,
            BETTER[each.goal],
            one_line(f"{each.definition}{needs.get(each.name, '')}; {each.source}".rstrip("; ")),
        )
        for each in found
    )
    yield table(("metric", "unit", "better", "definition; source"), rows)
    if configured.predictions:
        pairs = (f"`{name}` ({given} → {asked})" for name, (given, asked) in configured.predictions.items())
        yield fill(f"The report compares {', '.join(pairs)} with methods that need no search.")


def _data(configured: type[config.Config], dataset: str) -> Iterator[str]:
    card = read_card(dataset)
    yield fill(f"Any set that has these fields; here as in `{dataset}` ({card.title}). `sparring datasets` lists sets.")
    fields = {name: card.fields[name] for name in configured.fields}
    rows = ((f"`{name}`", cross(each.shape or ()), each.unit, one_line(each.meaning)) for name, each in fields.items())
    yield table(("field", "shape of a sample", "unit", "meaning"), rows)


def _search(name: str, space: Space[config.Config]) -> Iterator[str]:
    yield f"### {name}"
    goals = {"minimize": "lowest", "maximize": "highest"}
    sought = " and ".join(f"the {goals[each.goal]} `{each.metric}`" for each in space.objectives)
    tables = {"Fixed": space.fixed, "Trial 0 differs from the defaults by": space.table("defaults"), "Data": space.data}
    said = [
        f"{what}: {', '.join(f'`{key} = {as_value(value)}`' for key, value in values.items())}."
        for what, values in tables.items()
        if values
    ]
    why = f"[{name}.toml]({SPACES}/{name}.toml) says why."
    yield fill(" ".join([f"Seeks {sought} on `{space.dataset}`.", *said, why]))
    baseline = space.baseline()
    first = {
        each.name: each.decode(value) for each in space.dimensions if (value := baseline.get(each.name)) is not None
    }
    rows = (
        (
            f"`{each.name}`",
            _range(each),
            "; ".join(f"`{field}` is {choices(values)}" for field, values in each.when.items()),
            as_value(first[each.name]) if each.name in first else "",
        )
        for each in space.dimensions
    )
    yield table(("searched field", "range", "only where", "trial 0"), rows)


# -- what is read -----------------------------------------------------------------------------------------------------


def _phase_modules(model: type[Model], own: ModuleType) -> list[ModuleType]:
    """Modules other than its own that define one of its phases."""
    names = {phase.name for phase in model.Config.phases}
    found = dict.fromkeys(each.__module__ for each in model.__mro__ if names & vars(each).keys())
    return [sys.modules[name] for name in found if name != own.__name__]


def _spaces(name: str, configured: type[config.Config]) -> dict[str, Space[config.Config]]:
    """The shipped spaces of a system by the names of their files, the default one first."""
    paths = sorted(shipped("search_spaces").glob("*.toml"), key=lambda path: (path.stem != name, path.stem))
    raws = {path.stem: read_space(path) for path in paths}
    return {stem: checked_space(raw, configured, stem) for stem, raw in raws.items() if raw.get("model") == name}


def _properties(configured: type[config.Config]) -> dict[str, Any]:
    """The JSON schema of every field; a table's own under TABLE.FIELD."""
    schema = configured.model_json_schema()
    found: dict[str, Any] = {}
    for name, each in schema["properties"].items():
        if "$ref" not in each:
            found[name] = each
            continue
        inner = schema["$defs"][each["$ref"].rpartition("/")[2]]["properties"]
        for key, one in inner.items():
            meaning = f"{each.get('description', '')} {one.get('description', '')}"
            found[f"{name}.{key}"] = one | {"default": each["default"][key], "description": meaning}
    return found


def _range(dimension: Dimension) -> str:
    if dimension.choices:
        return choices(map(dimension.decode, dimension.choices))
    parts = [f"{as_value(dimension.low)} to {as_value(dimension.high)}"]
    parts += ["log"] * dimension.log + [f"step {as_value(dimension.step)}"] * (dimension.step is not None)
    return ", ".join(parts) + ("" if dimension.off is None else f"; or off, {as_value(dimension.off)}")


def _count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def _layers(net: nn.Module) -> str:
    """A net's layers in order; of a bank of equal nets, one's."""
    if type(net).__name__ == "StackedMlp":
        return f"{net.nets} times: {net.extra_repr()}"
    return " → ".join(filter(None, map(_layer, net.modules())))


def _layer(module: nn.Module) -> str:
    """A layer with its sizes; empty for what holds layers or does nothing."""
    kind = type(module).__name__
    sizes: Any = module  # attributes of torch's layers, which nn.Module does not declare
    if any(True for _ in module.children()) or kind == "Identity":
        return ""
    if hasattr(module, "in_features"):
        return f"{kind}({sizes.in_features}, {sizes.out_features})"
    if hasattr(module, "in_channels"):
        form = f"{cross(sizes.kernel_size)}, stride {sizes.stride[0]}"
        return f"{kind}({sizes.in_channels}, {sizes.out_channels}, {form})"
    number = getattr(module, "negative_slope", getattr(module, "p", None))
    return kind if number is None else f"{kind}({number:g})"


def _link(module: ModuleType) -> str:
    file = "/".join(module.__name__.split(".")[2:]) + ".py"
    return f"[{file}]({CODE}/{file})"
