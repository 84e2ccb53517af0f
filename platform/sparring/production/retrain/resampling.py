"""``sparring train … --kfold 5``, ``--bootstrap 3``, ``--ensemble 3``: one configuration, trained several times over.

How far do its figures move with the rows, or with the seed? Every member is a trained folder of its own, so every verb
works on one; ``members.parquet`` has all figures. A member is trained in a folder beside its own and renamed at the
end: a member that is there is whole, and the same command again keeps it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ... import __version__
from ...data.resampling import CALLED, Member, Plan, member_rows
from ...data.splits import SPLIT_SEED
from ...display import nearby, progress_of, show
from ...errors import ConfigError, UsageError
from ...models import short_name
from ...records import Objective
from ...space import read_space, table_of, write_toml
from ...study.conclusion import noise_of, scale_of
from .. import About
from ..loading.trained_folder import ABOUT, MEMBERS, TRAINED, MembersFile, check_lacks, lock_folder, read_json
from ..output import write_table
from .retrain import Pinned, TrainingRequest, check_pinned, train_pinned

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


@dataclass(frozen=True, kw_only=True)
class MemberTraining:
    """A member, its configuration and rows, and the folder it is trained into."""

    member: Member
    pinned: Pinned
    folder: Path


def resample(pinned: Path, plan: Plan, request: TrainingRequest, console: Console) -> list[Figures]:
    """Trains every member of ``plan`` that is not there yet; writes and prints all their figures, mean and deviation.

    Raises UsageError or one of its kinds before anything is trained or written, also if the folder holds a member of
    another configuration, other data or another plan. Raises NoTrialSucceeded, naming the member, if one diverged.
    """
    ready = check_pinned(read_space(pinned), str(pinned), request)
    folder = request.output or TRAINED / f"{short_name(ready.model)}-{plan.scheme}"
    trainings = [
        MemberTraining(member=member, pinned=_of_member(ready, member), folder=folder / member.name)
        for member in plan.draw(ready.seed)
    ]
    check_lacks(folder, ABOUT)
    finished = {training.member.name for training in trainings if _is_finished(training)}
    with lock_folder(folder):
        figures = _train_all(plan, trainings, finished, request, console)
        _write_figures(folder / TABLE, figures)
    console.print(figures_table(figures, ready.objective.metric, console.width))
    console.print()
    console.print(_meaning(plan, figures), soft_wrap=True)
    if plan.scheme == "ensemble" and (noise := noise_sentence(figures, ready.objective)) is not None:
        console.print(noise, soft_wrap=True, highlight=False)
    first = trainings[0].member.name
    console.print(
        f"Figures: {nearby(folder / TABLE)}; members: {nearby(folder)}/{first} …", soft_wrap=True, markup=False
    )
    return figures


def _train_all(
    plan: Plan,
    trainings: Sequence[MemberTraining],
    finished: Collection[str],
    request: TrainingRequest,
    console: Console,
) -> list[Figures]:
    """Trains the members that are not ``finished``; says of each what it reached."""
    _write_list(trainings[0].folder.parent, plan, trainings)
    figures: list[Figures] = []
    for training in trainings:
        is_kept = training.member.name in finished
        if not is_kept:
            _train(training, len(trainings), request, console)
        figures.append(_read_figures(training))
        progress_of(console).print(_line(training, figures[-1], "kept, " if is_kept else ""), soft_wrap=True)
    return figures


def mean_and_deviation(members: Sequence[Figures], metric: str) -> tuple[float, float]:
    """Over the members: the mean, and the sample deviation (divided by n - 1).

    The members are few and stand for all that could have been drawn, so n would give too small a deviation.
    """
    values = np.array([figures.metrics[metric] for figures in members])
    return float(values.mean()), float(values.std(ddof=1))


def noise_sentence(members: Sequence[Figures], objective: Objective) -> str | None:
    """How far the seed alone moves the leading figure, with a 95 % interval; None if too few members had a finite one.

    members: an ensemble's, which differ in their seeds and in nothing else.
    """
    values = [value for figures in members if math.isfinite(value := figures.metrics[objective.metric])]
    scale = scale_of(objective, values)
    noise = noise_of([[scale.take(value) for value in values]])
    if noise is None:
        return None
    said = noise.sentence(objective.metric, scale)
    return f"{said[0].upper()}{said[1:]} (one deviation, 95 % interval): {len(values)} seeds."


def figures_table(members: Sequence[Figures], leading: str, width: int) -> Table:
    """Figures down, mean, deviation and members across; members as far as ``width`` columns of text have room."""
    metrics = [leading, *(name for name in members[0].metrics if name != leading)]
    head = ["mean", "std", *(figures.member.name for figures in members)]
    rows = [
        [show(value) for value in (*mean_and_deviation(members, name), *(figures.metrics[name] for figures in members))]
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
    """The configuration as this member trains it. A seed of the first weights alone is replaced by the member's.

    Raises UsageError if the member has too few rows.
    """
    fixed, config = dict(table_of(pinned.raw, "fixed")), pinned.config
    if member.scheme != "kfold" and getattr(config, "weight_init_seed", None) is not None:
        fixed["weight_init_seed"] = member.seed
        config = config.model_copy(update={"weight_init_seed": member.seed})
    # What the search found is not this member's figure; the precision it was found with is part of how to train it.
    found = {name: value for name, value in pinned.found.items() if name == "precision"}
    raw = {**pinned.raw, "seed": member.seed, "fixed": fixed, "found": found}
    split = member_rows(pinned.split, member, SPLIT_SEED)
    name = f"{pinned.name}, {member.name}"
    return replace(pinned, name=name, raw=raw, config=config, split=split, seed=member.seed)


def _is_finished(training: MemberTraining) -> bool:
    """Whether this very member has been trained; raises ConfigError if something else is in its place."""
    folder, member = training.folder, training.member
    if not folder.exists():
        return False
    about = read_json(folder / ABOUT, About)
    trained = read_space(folder / "pinned.toml")
    differs = [
        what
        for what, is_same in (
            (f"another {CALLED[member.scheme]}", about.member == member),
            ("other data", about.sha256 == training.pinned.data.sha256),
            ("another configuration", _without_path(trained) == _without_path(training.pinned.raw)),
        )
        if not is_same
    ]
    if differs:
        raise ConfigError(
            f"-o: {folder} is a member of {' and '.join(differs)}, and finished members are never overwritten; name "
            "another folder, or remove this one"
        )
    return True


def _without_path(raw: Mapping[str, object]) -> dict[str, object]:
    """The configuration, wherever its data lie."""
    return {name: value for name, value in raw.items() if name != "data_path"}


def _write_list(folder: Path, plan: Plan, trainings: Sequence[MemberTraining]) -> None:
    """``members.json``: the scheme, and the members that there are to be."""
    names = tuple(training.member.name for training in trainings)
    members = MembersFile(scheme=plan.scheme, members=names, version=__version__)
    (folder / MEMBERS).write_text(members.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _train(training: MemberTraining, count: int, request: TrainingRequest, console: Console) -> None:
    """Trains one of ``count`` members beside its folder, then renames the result into place."""
    folder, member, pinned = training.folder, training.member, training.pinned
    beside = folder.with_name(f".{folder.name}")
    title = f"{pinned.model} on {pinned.raw['dataset']}, {member.name}, {member.number} of {count}"
    try:
        train_pinned(
            pinned, beside, title=title, text=write_toml(pinned.raw), request=request, console=console, member=member
        )
    except KeyboardInterrupt:
        progress_of(console).print(f"Stopped in {member.name}; the same command again goes on.", soft_wrap=True)
        raise
    try:
        beside.rename(folder)
    except OSError as error:
        raise UsageError(
            f"{folder}: appeared while this member was trained ({error.strerror}); run one command at a time"
        ) from error


def _read_figures(training: MemberTraining) -> Figures:
    path = training.folder / "metrics.json"
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        epoch = int(metrics["epoch"])
        kept = {name: float(value) for name, value in metrics.items() if name.startswith(("val/", "test/"))}
        kept[training.pinned.objective.metric]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: must hold a member's figures, but: {error!r}; remove the folder") from error
    split = training.pinned.split
    return Figures(
        member=training.member, train_rows=len(split.train), valid_rows=len(split.valid), epoch=epoch, metrics=kept
    )


def _line(training: MemberTraining, figures: Figures, how: str) -> str:
    """What the console says of a member that is there."""
    metric = training.pinned.objective.metric
    return f"{training.member.name}: {how}{metric} {figures.metrics[metric]:.6g} at epoch {figures.epoch}"


def _write_figures(path: Path, members: Sequence[Figures]) -> None:
    """A row per member and metric."""
    rows = [(figures, metric, value) for figures in members for metric, value in figures.metrics.items()]
    columns: dict[str, Sequence[object]] = {
        "member": [figures.member.name for figures, _, _ in rows],
        "number": [figures.member.number for figures, _, _ in rows],
        "seed": [figures.member.seed for figures, _, _ in rows],
        "train_rows": [figures.train_rows for figures, _, _ in rows],
        "valid_rows": [figures.valid_rows for figures, _, _ in rows],
        "epoch": [figures.epoch for figures, _, _ in rows],
        "metric": [metric for _, metric, _ in rows],
        "value": [value for _, _, value in rows],
    }
    write_table(path, columns)


def _meaning(plan: Plan, members: Sequence[Figures]) -> str:
    """Which rows and seeds the deviation was taken over."""
    train = _span(figures.train_rows for figures in members)
    valid = _span(figures.valid_rows for figures in members)
    rows = f"{train} rows train each and {valid} validate it"
    return {
        "kfold": f"One seed, {plan.folds} folds: {rows}; every row validates one of {plan.folds} members.",
        "bootstrap": f"Rows drawn with replacement, as often as seeds: {rows}, those it did not draw.",
        "ensemble": f"One split, {plan.members} seeds: {rows}, the same for all.",
    }[plan.scheme] + " std: sample deviation over the members."


def _span(counts: Iterable[int]) -> str:
    """``1,200``, or ``1,200 to 1,201`` if the members' numbers of rows differ."""
    least, *others = sorted(set(counts))
    return f"{least:,} to {others[-1]:,}" if others else f"{least:,}"
