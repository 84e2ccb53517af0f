"""The panel of a running search: how far it is, what it has found and may claim, how its trials are, what runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rich.box import ROUNDED
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..records import Objective, Outcome, Snapshot
from .words import COLOURS, SAME, clean, clock, compare, foretell, show, span

BORDER = 4
"""Columns of the panel's edges and what keeps its text off them."""

NARROW = 60
"""Columns below which addresses are cut: folded, they would fill the screen."""

MOST_LINES, MOST_BARS = 14, 4
"""Lines of a panel whose texts need not be folded, and running trials drawn with their own bar; others are counted."""

SICK = (Outcome.DIVERGED, Outcome.COLLAPSED)


@dataclass
class Findings:
    """What the head of a study's page says too, and a snapshot does not know. Each may be empty."""

    claim: str = ""
    """What may be said of the best trial so far."""
    rival: tuple[str, float] | None = None
    """The best method without a search, and its figure."""
    links: dict[str, str] = field(default_factory=dict)
    """Where to look, by what is there."""


def draw_panel(
    snapshot: Snapshot,
    findings: Findings,
    *,
    title: str,
    objective: Objective,
    earlier: int = 0,
    width: int = 80,
    height: int = 24,
) -> Panel:
    """The panel for a terminal of so many columns and lines. earlier: trials that had ended before this run."""
    inside = width - BORDER
    heading = Text(clean(title), style="bold", overflow="fold")
    fits = heading.cell_len <= inside - 2  # a panel would cut a longer one
    lines: list[RenderableType] = [
        *([] if fits else [heading]),
        _total(snapshot),
        *_lines(inside, counts(snapshot)),
        *_lines(inside, scores(snapshot, findings, objective)),
        *_lines(inside, outlook(snapshot, findings)),
        *_lines(inside, health(snapshot)),
    ]
    links = [(label, value) for label, value in findings.links.items() if value]
    if snapshot.running:
        room = min(MOST_LINES, height - 4) - len(lines) - len(links) - 4  # two edges, two empty lines
        lines += ["", _running(snapshot, max(1, min(MOST_BARS, room)))]
    if links:
        lines += ["", _links(links, width)]
    return Panel(
        Group(*lines),
        title=heading if fits else None,
        title_align="left",
        subtitle=_pace(snapshot, earlier),
        subtitle_align="right",
        box=ROUNDED,
        border_style="yellow" if snapshot.stopping else "blue",
        padding=(0, 1),
    )


def trials_of(snapshot: Snapshot) -> str:
    """Trials that have ended, of how many if that is known."""
    return f"{snapshot.finished}" if snapshot.trials is None else f"{snapshot.finished}/{snapshot.trials}"


def share_done(snapshot: Snapshot) -> float:
    """How much of its budget the search has spent, from 0 to 1: of seconds of training or trials, else of its time."""
    spent = []
    if snapshot.train_limit_s is not None:
        spent.append(min(snapshot.trained_s / snapshot.train_limit_s, 1.0))
    if snapshot.trials is not None:
        spent.append(snapshot.finished / max(snapshot.trials, 1))
    if spent:
        return max(spent)
    whole_s = snapshot.elapsed_s + (snapshot.left.seconds if snapshot.left else 0.0)
    return snapshot.elapsed_s / whole_s if whole_s else 0.0


def _total(snapshot: Snapshot) -> Table:
    table = grid(ratio=(1, None, None))
    table.add_row(
        ProgressBar(total=1.0, completed=share_done(snapshot), complete_style="green"),
        Text(f"{trials_of(snapshot)} trials", style="bold"),
        Text(f"{clock(snapshot.elapsed_s)} elapsed, {span(snapshot.left)} left"),
    )
    return table


def counts(snapshot: Snapshot) -> Iterable[tuple[str, str]]:
    yield f"{len(snapshot.running)} running", "bold"
    for outcome, count in snapshot.outcomes.items():
        if count and outcome not in SICK:
            yield f"{count} {outcome.replace('_', ' ')}", COLOURS[outcome]
    if snapshot.paused:
        yield f"{snapshot.paused} paused", "dim"


def scores(snapshot: Snapshot, findings: Findings, objective: Objective) -> Iterable[tuple[str, str]]:
    best, baseline = snapshot.best, snapshot.baseline
    if best:
        yield f"best {objective.metric} {show(best.value)} (trial {best.trial})", "bold green"
    else:
        yield "no completed trial yet", "dim"
    if baseline is None:
        yield "published default still training", "dim"
    elif baseline.value is None:
        yield f"published default {baseline.outcome}", "yellow"
    else:
        ratio = compare(best.value, baseline.value) if best else ""
        beside = f"{ratio} {'as' if ratio == SAME else 'than'} the default" if ratio else "default"
        yield f"{beside} {show(baseline.value)}", ""
    if findings.rival is not None:
        name, value = findings.rival
        loses = best is not None and best.value is not None and objective.sign * (best.value - value) > 0
        yield f"best yardstick {clean(name)} {show(value)}", "yellow" if loses else ""


def outlook(snapshot: Snapshot, findings: Findings) -> Iterable[tuple[str, str]]:
    """What may be claimed so far, and what more trials would bring."""
    if findings.claim:
        yield clean(findings.claim), ""
    if snapshot.prospect:
        yield foretell(snapshot.prospect), "dim"


def health(snapshot: Snapshot) -> Iterable[tuple[str, str]]:
    """Trials that could not be trained and what was sick in them; and the first of those in training that looks so."""
    sick = [(outcome, snapshot.outcomes.get(outcome, 0)) for outcome in SICK]
    if any(count for _, count in sick):
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sick if count)
        known = sorted(((count, name) for name, count in snapshot.sick.items() if name), reverse=True)
        seats = ", ".join(f"{clean(name)} {count}" for count, name in known[:3])
        yield f"sick: {counts}{f' ({seats})' if seats else ''}", COLOURS[Outcome.COLLAPSED]
    for trial in snapshot.running:
        if trial.warning:
            yield f"trial {trial.number}: {clean(trial.warning)}", "yellow"
            return


def _pace(snapshot: Snapshot, earlier: int) -> Text:
    if snapshot.stopping:
        return Text("stopping: checkpoints are kept", style="bold yellow")
    if not snapshot.epochs or snapshot.elapsed_s <= 0:
        return Text("starting slots" if not snapshot.running else "first epochs")
    done = snapshot.finished - earlier
    return Text(
        f"{done / snapshot.elapsed_s * 60:.1f} trials/min, {snapshot.epochs / snapshot.elapsed_s:.1f} epochs/s",
        style="default",
    )


def _running(snapshot: Snapshot, most: int) -> Table:
    """A bar per trial, of so many at most."""
    table = grid(ratio=(None, 1, None, None))
    for trial in snapshot.running[:most]:
        again = f" attempt {trial.attempt}" if trial.attempt > 1 else ""
        table.add_row(
            Text(f"trial {trial.number}{again}"),
            ProgressBar(total=max(trial.epochs, 1), completed=trial.epoch, complete_style="blue"),
            Text(f"{trial.epoch}/{trial.epochs} epochs", justify="right"),
            Text(show(trial.value), justify="right"),
        )
    return table


def _links(links: Sequence[tuple[str, str]], width: int) -> Table:
    table = grid(ratio=(None, 1))
    if width >= NARROW:
        table.columns[1].no_wrap, table.columns[1].overflow = False, "fold"  # one copies them
    for label, value in links:
        table.add_row(Text(label, style="dim"), Text(clean(value)))
    return table


def grid(ratio: Sequence[int | None]) -> Table:
    """Columns without edges; None takes what its texts need, a number a share of the rest."""
    table = Table.grid(padding=(0, 2), expand=True)
    for share in ratio:
        table.add_column(ratio=share, no_wrap=True, overflow="ellipsis")
    return table


def _lines(width: int, parts: Iterable[tuple[str, str]]) -> list[Text]:
    """Parts in a row, divided by dots, as many to a line as it holds whole; one that is wider is folded, never cut."""
    lines: list[Text] = []
    for part, style in parts:
        if lines and lines[-1].cell_len + 3 + cell_len(part) <= width:
            lines[-1].append(" · ", "dim").append(part, style)
        else:
            lines.append(Text(overflow="fold").append(part, style))
    return lines
