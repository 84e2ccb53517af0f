"""``sparring train … --kfold 5``, ``--bootstrap 3``, ``--ensemble 3``: one configuration, trained several times over.

How far do its figures move with the rows, or with the seed? Every member is a trained folder of its own, so every verb
works on one; ``members.parquet`` has all figures. A member is written beside its place and renamed into it: what lies
there is whole, and the same command again keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ... import __version__
from ...data.resampling import CALLED, Member, Plan, member_rows
from ...data.splits import SPLIT_SEED
from ...display import nearby, show
from ...errors import ConfigError, UsageError
from ...space import read_space, write_toml
from .. import About
from ..loading.trained_folder import ABOUT, MEMBERS, TRAINED, MembersFile, check_lacks, read_json
from ..output import open_folder, write_table
from .retrain import Pinned, check_pinned, train_pinned, write_pinned

TABLE = "members.parquet"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one member reached: its validation figures at its best epoch."""

    member: Member
    train_rows: int
    valid_rows: int
    epoch: int
    metrics: Mapping[str, float]
    """Only ``val/…`` and, if there are test rows, ``test/…``."""


def resample(
    pinned: Path,
    plan: Plan,
    output: Path | None,
    data_path: Path | None,
    console: Console,
    device: str = "cpu",
    save_every: int | None = None,
) -> list[Figures]:
    """Trains every member of ``plan`` that is not there yet; writes and prints all their figures, mean and deviation.

    Raises UsageError and its kinds before anything is trained or written: also if the folder holds a member of another
    configuration, other data or another plan. Raises NoTrialSucceeded, naming the member, if one diverged.
    """
    ready = check_pinned(read_space(pinned), str(pinned), data_path, device)
    model, drawn = str(ready.raw["model"]), plan.draw(ready.seed)
    members = [(member, _of_member(ready, member)) for member in drawn]
    folder = output or TRAINED / f"{model}-{plan.scheme}"
    check_lacks(folder, ABOUT)
    there = {member.name for member, each in members if _is_there(folder / member.name, each, member)}
    open_folder(folder)
    roll = MembersFile(scheme=plan.scheme, members=tuple(member.name for member in drawn), version=__version__)
    (folder / MEMBERS).write_text(roll.model_dump_json(indent=2) + "\n", encoding="utf-8")
    found: list[Figures] = []
    for member, each in members:
        place = folder / member.name
        if member.name not in there:
            title = f"{model} on {each.raw['dataset']}, {member.name}, {member.number} of {len(members)}"
            try:
                _train(place, each, member, title, console, device, save_every)
            except KeyboardInterrupt:
                console.print(f"Stopped in {member.name}; the same command again goes on.", soft_wrap=True)
                raise
        found.append(_read_figures(place, each, member))
        value, metric = found[-1].metrics[each.objective.metric], each.objective.metric
        kept = "kept, " if member.name in there else ""
        console.print(f"{member.name}: {kept}{metric} {value:.6g} at epoch {found[-1].epoch}", soft_wrap=True)
    _write(folder / TABLE, found)
    console.print()
    console.print(figures_table(found, ready.objective.metric, console.width))
    console.print()
    console.print(_meaning(plan, found), soft_wrap=True)
    console.print(f"Figures: {nearby(folder / TABLE)}; members: {nearby(folder)}/{drawn[0].name} …", soft_wrap=True)
    return found


def mean_and_deviation(found: Sequence[Figures], metric: str) -> tuple[float, float]:
    """Over the members; the sample's deviation, of n - 1, since members are few and stand for all there could be."""
    values = np.array([each.metrics[metric] for each in found])
    return float(values.mean()), float(values.std(ddof=1))


def figures_table(found: Sequence[Figures], leading: str, width: int) -> Table:
    """Figures down, mean, deviation and members across; members as far as ``width`` columns of text have room."""
    metrics = [leading, *(name for name in found[0].metrics if name != leading)]
    head = ["mean", "std", *(each.member.name for each in found)]
    rows = [
        [show(value) for value in (*mean_and_deviation(found, name), *(each.metrics[name] for each in found))]
        for name in metrics
    ]
    room, shown = width - max(map(len, metrics)), 0
    for column in zip(head, *rows, strict=True):
        room -= max(map(len, column)) + 2
        if room < (0 if shown == len(head) - 1 else 3):  # 3: the ellipsis of those left out
            break
        shown += 1
    table = Table("", box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for name in (*head[:shown], *(["…"] if shown < len(head) else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for name, row in zip(metrics, rows, strict=True):
        table.add_row(name, *row[:shown], style="bold" if name == leading else "")
    return table


def _of_member(pinned: Pinned, member: Member) -> Pinned:
    """The configuration as this member trains it; with the first weights from its seed too, where those had their own.

    Raises UsageError if the member has too few rows.
    """
    fixed, config = dict(pinned.raw.get("fixed", {})), pinned.config
    if member.scheme != "kfold" and getattr(config, "weight_init_seed", None) is not None:
        fixed["weight_init_seed"] = member.seed
        config = config.model_copy(update={"weight_init_seed": member.seed})
    # What the search found is not this member's figure; the precision it was found with is part of how to train it.
    found = {name: value for name, value in pinned.raw.get("found", {}).items() if name == "precision"}
    raw = {**pinned.raw, "seed": member.seed, "fixed": fixed, "found": found}
    split = member_rows(pinned.split, member, SPLIT_SEED)
    name = f"{pinned.name}, {member.name}"
    return replace(pinned, name=name, raw=raw, config=config, split=split, seed=member.seed)


def _is_there(place: Path, pinned: Pinned, member: Member) -> bool:
    """Whether this very member has been trained; raises ConfigError if something else is in its place."""
    if not place.exists():
        return False
    about = read_json(place / ABOUT, About)
    differs = [
        what
        for what, is_same in (
            (f"another {CALLED[member.scheme]}", about.member == member),
            ("other data", about.sha256 == pinned.data.sha256),
            ("another configuration", _identity(read_space(place / "pinned.toml")) == _identity(pinned.raw)),
        )
        if not is_same
    ]
    if differs:
        raise ConfigError(
            f"-o: {place} is a member of {' and '.join(differs)}, and finished members are never overwritten; name "
            "another folder, or remove this one"
        )
    return True


def _identity(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name != "data_path"}


def _train(
    place: Path, pinned: Pinned, member: Member, title: str, console: Console, device: str, save_every: int | None
) -> None:
    beside = place.with_name(f".{place.name}")
    trained = train_pinned(pinned, beside, title, console, device, save_every=save_every)
    write_pinned(beside, pinned, trained, write_toml(pinned.raw), member)
    try:
        beside.rename(place)
    except OSError as error:
        raise UsageError(
            f"{place}: appeared while this member was trained ({error.strerror}); run one command at a time"
        ) from error


def _read_figures(place: Path, pinned: Pinned, member: Member) -> Figures:
    path = place / "metrics.json"
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        epoch = int(metrics["epoch"])
        kept = {name: float(value) for name, value in metrics.items() if name.startswith(("val/", "test/"))}
        kept[pinned.objective.metric]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: must hold a member's figures, but: {error!r}; remove the folder") from error
    rows = len(pinned.split.train), len(pinned.split.valid)
    return Figures(member=member, train_rows=rows[0], valid_rows=rows[1], epoch=epoch, metrics=kept)


def _write(path: Path, found: Sequence[Figures]) -> None:
    """A row per member and figure."""
    rows = [(each, metric, value) for each in found for metric, value in each.metrics.items()]
    columns: dict[str, list[Any]] = {
        "member": [each.member.name for each, _, _ in rows],
        "number": [each.member.number for each, _, _ in rows],
        "seed": [each.member.seed for each, _, _ in rows],
        "train_rows": [each.train_rows for each, _, _ in rows],
        "valid_rows": [each.valid_rows for each, _, _ in rows],
        "epoch": [each.epoch for each, _, _ in rows],
        "metric": [metric for _, metric, _ in rows],
        "value": [value for _, _, value in rows],
    }
    write_table(path, columns)


def _meaning(plan: Plan, found: Sequence[Figures]) -> str:
    """What the deviation is one of."""
    train, valid = (sorted({getattr(each, f"{part}_rows") for each in found}) for part in ("train", "valid"))
    said = [f"{rows[0]:,}" + (f" to {rows[-1]:,}" if len(rows) > 1 else "") for rows in (train, valid)]
    rows = f"{said[0]} rows train each and {said[1]} validate it"
    return {
        "kfold": f"One seed, {plan.folds} folds: {rows}; every row validates one of {plan.folds} members.",
        "bootstrap": f"Rows drawn with replacement, as often as seeds: {rows}, those it did not draw.",
        "ensemble": f"One split, {plan.members} seeds: {rows}, the same for all.",
    }[plan.scheme] + " std: sample deviation over the members."
