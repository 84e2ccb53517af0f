"""What the search prints when it ends, and plain listings."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..ledger.looks import Look, test_name
from ..ledger.ranking import values_of
from ..records import Objective, Outcome, TrialRow
from ..space import BY_HAND
from .held_out import is_noise, looks_sentence, winner_sentence
from .words import CLOSE, SAME, clean, compare, name_trial, nearby, show, title, within

NO_TRIES: Mapping[int, str] = {}

APART = "each of its own data"
"""What stands in the place of a ratio between figures that do not compare."""

SICK = (Outcome.DIVERGED, Outcome.COLLAPSED)
"""How a trial ends that could not be trained: the user hears why, also where another won."""

FRONT_TRIALS = 10
"""Trials of a front on the screen; the report has all of them."""


def print_summary(
    console: Console,
    *,
    study: str,
    objectives: Sequence[Objective],
    best: TrialRow | None,
    baseline: TrialRow | None,
    outcomes: Mapping[Outcome, int],
    folder: Path,
    front: Sequence[TrialRow] = (),
    tries: Mapping[int, str] = NO_TRIES,
    looks: Sequence[Look] = (),
    apart: Collection[str] = (),
    dashboard: str = "",
    verb: str = "",
    model: str = "",
    conclusion: Sequence[str] = (),
    sigma: float | None = None,
) -> None:
    """What the search found and where it lies: the best configuration beside the published default, and what next.

    study: what the next commands take, the study's name and, where it is not the default, ``--results DIR``. front: of
    several objectives, the trials that none beats in all of them. tries: names of the points to try first, by number.
    looks: those at the test rows, whose figures come first. apart: as in ``comparison_table``. verb: of the command
    line, that the best trial's weights answer; empty names none. model: the name of the user's own, which the commands
    that follow have to say. conclusion: what may be claimed, in sentences of which the first leads. sigma: as in
    ``comparison_table``.
    """
    counts = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in outcomes.items() if count)
    console.print()
    heading = Text.assemble((clean(study), "bold"), f" · {counts or 'no trial finished'}")
    console.print(heading, soft_wrap=True)
    for outcome, count in outcomes.items():
        if count and (best is None or outcome in SICK):
            console.print(Text(f"  {count} {outcome.replace('_', ' ')}: {outcome.advice}"), soft_wrap=True)
    if best is not None:
        look = looks[-1] if looks and looks[-1].trial == best.trial else None
        console.print(comparison_table(objectives, best, baseline, tries, look, apart, is_short=True, sigma=sigma))
        console.print()
        if look is not None:
            ended = sum(outcomes.values())
            console.print(Text(winner_sentence(look, objectives[0]), style="bold"), soft_wrap=True)
            console.print(Text(looks_sentence(looks, look.rows, ended, "", best.trial)), soft_wrap=True)
            console.print()
        for index, sentence in enumerate(conclusion):
            console.print(Text(sentence, style="" if index else "bold"), soft_wrap=True)
        if conclusion:
            console.print()
        if front:
            console.print(front_table(front, objectives, tries))
            console.print(front_sentence(front, objectives), soft_wrap=True)
            console.print()
        if called := title(best.trial, tries):
            where = f" in {objectives[0].metric}" if len(objectives) > 1 else ""
            called = f"trial {best.trial}, {called}," if called == BY_HAND else called
            unbeaten = f"No trial beat the {called}" if best.trial == 0 else f"No drawn trial beat {called}"
            console.print(Text(f"{unbeaten}{where}; more trials or a wider space may.\n"), soft_wrap=True)
    own = f" --model {model}" if model else ""
    ascending = "" if objectives[0].sign > 0 else ", ascending=False"
    parquet, tensorboard = nearby(folder / "trials"), nearby(folder / "tensorboard")
    lines = [
        ("Parquet", f"{parquet}, {nearby(folder / 'epochs')}"),
        ("pandas", f'pandas.read_parquet({parquet!r}).sort_values("value"{ascending})'),
        ("TensorBoard", f"tensorboard --logdir {shlex.quote(tensorboard)}"),
        ("Ray dashboard", f"{dashboard} (while Ray runs)" if dashboard else ""),
        ("Next", f"sparring report {study}{own}"),
        ("", f"sparring {verb} {shlex.quote(nearby(folder))}{own}" if best and verb else ""),
        ("", f"sparring best {study} -o best.toml{own}" if best else ""),
        ("", f"sparring best {study} --trial {front[-1].trial} -o best.toml{own}" if len(front) > 1 else ""),
    ]
    for label, value in lines:
        if value:
            console.print(Text.assemble((f"{label:<14}", "bold cyan"), clean(value)), soft_wrap=True)


def front_table(
    front: Sequence[TrialRow], objectives: Sequence[Objective], tries: Mapping[int, str] = NO_TRIES
) -> Table:
    """The trials of a front with their figures, the best in each in bold; at most ``FRONT_TRIALS``, evenly along it."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("trial", *(objective.metric for objective in objectives), ""):
        table.add_column(name, justify="right" if name else "left", overflow="fold")
    best = [
        min(objective.sign * figures[n] for figures in (values_of(row, objectives) for row in front))
        for n, objective in enumerate(objectives)
    ]
    step = max(1.0, (len(front) - 1) / (FRONT_TRIALS - 1))
    for line in range(min(len(front), FRONT_TRIALS)):
        row = front[round(line * step)]
        figures = values_of(row, objectives)
        cells = [
            Text(show(value), style="bold green" if objective.sign * value == least else "")
            for value, objective, least in zip(figures, objectives, best, strict=True)
        ]
        table.add_row(str(row.trial), *cells, Text(title(row.trial, tries)))
    return table


def front_sentence(front: Sequence[TrialRow], objectives: Sequence[Objective]) -> str:
    """Which trials no other beats."""
    named = ", ".join(objective.metric for objective in objectives)
    numbers = ", ".join(str(row.trial) for row in front[:FRONT_TRIALS]) + (", …" if len(front) > FRONT_TRIALS else "")
    return (
        f"Pareto front of {named}: {'trials' if len(front) > 1 else 'trial'} {numbers}; no other trial is better in "
        "every objective"
    )


def comparison_table(
    objectives: Sequence[Objective],
    best: TrialRow,
    baseline: TrialRow | None,
    tries: Mapping[int, str] = NO_TRIES,
    look: Look | None = None,
    apart: Collection[str] = (),
    heading: str = "",
    is_short: bool = False,
    sigma: float | None = None,
) -> Table:
    """The searched values and figures of the best trial beside the published default's; what differs stands out.

    look: that at the test rows which scored this best trial; its figures come first. apart: figures that do not compare
    between trials, since each measures them in data of its own. heading: of its column, where it is not the best.
    is_short: values that are the same in both are counted, not shown, if they are more than one. sigma: how far a
    re-training moves the logarithm of the leading objective, where that is known: what lies within is about the same.
    """
    objective = objectives[0]
    if baseline and baseline.trial == best.trial:
        baseline, heading = None, heading or f"published default, trial {best.trial}"
    else:
        heading = heading or f"best: {name_trial(best.trial, tries)}"
    default = baseline.params if baseline else {}
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    table.add_column("", no_wrap=True)  # a name is never cut: others are folded
    if baseline:
        table.add_column("published default", justify="right", overflow="fold")
    table.add_column(Text(heading), justify="right", overflow="fold")
    table.add_column("")

    def add(name: str, old: str, new: str, ratio: str = "", plain: str = "", chosen: str = "") -> None:
        row = [Text(clean(name), style=plain), *([Text(old, style=plain)] if baseline else []), Text(new, style=chosen)]
        table.add_row(*row, ratio)

    values = {name: (default.get(name), best.params.get(name)) for name in dict.fromkeys([*default, *best.params])}
    alike = {name for name, (old, new) in values.items() if baseline is not None and show(old) == show(new)}
    hidden = alike if is_short and len(alike) > 1 else ()
    for name, (old, new) in values.items():
        if name not in hidden:
            plain = "dim" if name in alike else ""
            add(name, show(old), show(new), plain=plain, chosen=plain or "bold green")
    if hidden:
        add(f"… {len(hidden)} more, same in both", "", "", plain="dim")
    table.add_section()
    names = [objective.metric for objective in objectives]
    if look is not None:
        for metric in names:
            name = test_name(metric)
            now, before = look.winner.get(name), look.default.get(name)
            if now is not None:
                ratio = compare(now.value, None if before is None else before.value)
                if ratio and is_noise(look.difference.get(name)):
                    ratio = SAME
                if metric in apart and before is not None:
                    ratio = APART
                add(name, show(None if before is None else before.value), show(now.value), ratio, "bold", "bold")
                # Two lines: in one, "0.04942 to 0.06675" beside the default's takes more than 80 columns.
                add("  95 % interval, from", show(before and before.low), show(now.low))
                add("  over test rows, to", show(before and before.high), show(now.high))
    known = {**baseline.metrics, objective.metric: baseline.value} if baseline else {}
    figures: dict[str, float | None] = {objective.metric: best.value}
    figures |= {name: best.metrics.get(name) for name in names[1:]}
    figures |= {name: value for name, value in best.metrics.items() if name.startswith("val/") and name not in figures}
    for name, value in figures.items():
        close = within(sigma) if name == objective.metric else CLOSE
        bold, ratio = "bold" if name in names and look is None else "", compare(value, known.get(name), close)
        if name in apart and baseline is not None:
            ratio = APART
        add(name, show(known.get(name)), show(value), ratio, bold, bold)
    return table


def print_listing(console: Console, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A plain table, such as of the models there are."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    cells = [[Text(clean(cell)) for cell in row] for row in rows]
    for number, column in enumerate(columns):
        # What fits is not folded in its first column, the names; where nothing else helps, no letter is lost.
        is_whole = number == 0 and max((row[0].cell_len for row in cells), default=0) <= console.width // 2
        table.add_column(column, no_wrap=is_whole, overflow="fold")
    for row in cells:
        table.add_row(*row)
    console.print(table)
