"""What ``sparring production`` prints: models, the history of one, what differs between two versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from ...display import clean, print_listing, show
from ...errors import NothingToReport, UnknownName, names_hint
from .entries import Entry
from .registry import Registry

CARD = "card.json"
SCHEMA = "schema.json"


def print_models(registry: Registry, console: Console) -> None:
    """A line per model. Raises NothingToReport if there is none."""
    names = registry.names()
    if not names:
        raise NothingToReport(f"{registry.shown}: nothing is in production; begin with sparring promote STUDY")
    rows = []
    for name in names:
        entries = registry.history(name)
        rows.append((name, *_line(entries[-1])))
    print_listing(console, ("model", "version", "since", "from", "figure", "how"), rows)


def print_history(registry: Registry, name: str, console: Console) -> None:
    """Every promotion and roll-back of a model, oldest first. Raises UnknownName if there is no such model."""
    entries = registry.history(name)
    if not entries:
        raise UnknownName(f"no model {name!r} in production at {registry.shown}; {names_hint(name, registry.names())}")
    print_listing(
        console,
        ("", "version", "since", "from", "figure", "how", "who"),
        [(str(entry.number), *_line(entry), entry.who) for entry in entries],
    )
    for entry in entries:
        if entry.reason:
            console.print(Text(f"{entry.number}: {clean(entry.reason)}", style="magenta"), soft_wrap=True)
    newest = entries[-1]
    where = f"{registry.shown}/{name}/{newest.version}"
    console.print(Text(f"current: version {newest.version}, {where}"), soft_wrap=True)


def print_differences(registry: Registry, name: str, before: int, after: int, *, console: Console) -> None:
    """What two versions do not share: figures, values, data, inputs. Raises UnknownName if there is no such version."""
    facts = [_facts(registry.read(name, version)) for version in (before, after)]
    names = dict.fromkeys([*facts[0], *facts[1]])
    rows = [
        (each, show(facts[0].get(each)), show(facts[1].get(each)))
        for each in names
        if facts[0].get(each) != facts[1].get(each)
    ]
    if not rows:
        console.print(f"{name}: versions {before} and {after} say the same of themselves.", soft_wrap=True)
        return
    print_listing(console, ("", f"version {before}", f"version {after}"), rows)


def _line(entry: Entry) -> tuple[str, ...]:
    """Version, time, origin, figure and what happened."""
    origin = f"{entry.study}, trial {entry.trial}{', refit' if entry.is_refit else ''}"
    counts = [sum(check.outcome == outcome for check in entry.checks) for outcome in ("passed", "warned", "forced")]
    words = ", ".join(
        f"{count} {outcome}" for count, outcome in zip(counts, ("passed", "warned", "forced"), strict=True) if count
    )
    how = (
        f"{entry.action}: {words}" if words else f"{entry.action}{f' from {entry.replaced}' if entry.replaced else ''}"
    )
    since = f"{entry.when[:16].replace('T', ' ')} UTC"  # with spaces, at which a narrow terminal breaks it
    return str(entry.version), since, origin, entry.figure, how


def _facts(files: Mapping[str, bytes]) -> dict[str, object]:
    """What a version says of itself, flat, without times, outcomes of checks and texts that follow from the rest."""
    card: dict[str, Any] = json.loads(files[CARD])
    schema: dict[str, Any] = json.loads(files[SCHEMA])
    facts: dict[str, object] = {"study": card["study"], "trial": card["trial"], "refit": card["is_refit"]}
    facts |= {"figure": f"{card['figure']['metric']} {show(card['figure']['value'])}", "seed": card["seed"]}
    facts |= {f"data.{key}": card["data"][key] for key in ("name", "sha256", "split", "trained_on")}
    facts |= {key: _plain(value) for key, value in card["values"].items()}
    facts |= {f"input {field['name']}": _field(field) for field in schema["fields"]}
    facts |= {
        f"{verb} {output['name']}": _field(output) for verb, of in schema["verbs"].items() for output in of["outputs"]
    }
    return facts | {f"version of {key}": value for key, value in card["versions"].items()}


def _field(field: Mapping[str, Any]) -> str:
    axis = field["axis"]
    grid = f", {len(axis['values'])} points from {axis['values'][0]:g} to {axis['values'][-1]:g}" if axis else ""
    return f"{'×'.join(map(str, field['shape'])) or 'number'} {field['dtype']}, {field['unit']}{grid}"


def _plain(value: object) -> object:
    return value if isinstance(value, float) or value is None else str(value)
