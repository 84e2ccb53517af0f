"""The report for people: rich tables and sentences, one part after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ..display import (
    COLOURS,
    clean,
    clock,
    compare,
    comparison_table,
    foretell,
    front_sentence,
    last_words,
    show,
    show_interval,
    title,
)
from ..ledger.ranking import is_ranked
from ..records import Interval, Outcome, TrialRow
from ..study.conclusion.known import known_sigma
from .checks import Check, Status, examine
from .importance import TRUSTED
from .prospects import prospect_sentence
from .reading import Report
from .seconds import stages, timed, timing_sentence

MOST_TRIALS = 20
"""Trials in the table of a terminal; the other formats hold all."""

STATUSES: Mapping[Status, str] = {
    Status.FAILED: "bold red", Status.WARNING: "yellow", Status.UNKNOWN: "dim", Status.PASSED: "green",
}  # fmt: skip

FIGURE, INTERVAL = 8, 16
"""Characters of a figure and of an interval, which a narrow terminal must not cut."""

WIDE = 100
"""Columns of a terminal that has room for ratios beside intervals."""


def tables(report: Report, width: int) -> Iterator[RenderableType]:
    """The parts of the report, one after the other; strings are to be wrapped by the terminal, not here."""
    spec = report.spec
    yield ""
    yield Text.assemble((clean(spec.name), "bold"), f": {spec.model} on {spec.dataset}, split {spec.split}")
    yield f"{len(report.trials)} trials finished, {_counts(report)}; ranked by {report.objective.metric}"
    if report.front:
        yield front_sentence(report.front, spec.objectives)
    for sentence in report.held_out.sentences:
        yield Text(sentence, style="bold" if sentence.startswith("test/") else "")
    for index, sentence in enumerate(report.conclusion):
        yield Text(sentence, style="" if index else "bold")
    yield ""
    if report.best:
        yield _ranking(report, width)
        yield ""
        yield comparison_table(
            spec.objectives, report.best, report.baseline, report.tries, report.held_out.look, report.apart,
            sigma=known_sigma(spec),
        )  # fmt: skip
        yield ""
    yield from _failures(report)
    if report.best:
        yield from _importance(report)
        yield from _yardsticks(report, width)
        yield from _prospect(report)
    yield from _seconds(report)
    yield from _checks(examine(report))
    for note in report.notes:
        yield f"note: {clean(note)}"


def _counts(report: Report) -> str:
    return ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in report.outcomes.items())


def _ranking(report: Report, width: int) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    others = [objective.metric for objective in report.spec.objectives[1:]]
    for name in ("rank", "trial", report.objective.metric, *others, "epoch", "time"):
        table.add_column(name, justify="right", overflow="fold", min_width=FIGURE if name.startswith("val/") else None)
    longest = max(len(_marks(report, row)) for row in report.trials[:MOST_TRIALS])
    taken = 58 + max(longest, len(", baseline")) + sum(len(name) + 3 for name in others)
    table.add_column("outcome", no_wrap=not others and taken <= width, overflow="fold")
    order = [factor.name for factor in report.importance.factors] or [dimension.name for dimension in report.dimensions]
    names = list(_fitting_parameters(report, order, width - taken))
    for name in names:
        table.add_column(Text(clean(name)), justify="right", no_wrap=True)
    unseen = len(report.dimensions) - len(names)
    hidden = [f"{unseen} of {len(report.dimensions)} parameters"] if unseen else []
    rows = list(enumerate(report.trials))
    shown = rows[:MOST_TRIALS] if len(rows) > MOST_TRIALS + 1 else rows  # one more is as short as saying so
    if all(row.trial for _, row in shown):
        shown += [(index, row) for index, row in rows[MOST_TRIALS:] if row.trial == 0]
    for index, row in shown:
        table.add_row(
            str(index + 1) if is_ranked(row) else "",
            str(row.trial),
            show(row.value),
            *(show(row.metrics.get(name)) for name in others),
            show(row.best_epoch) if row.value is not None else "-",
            clock(row.wall_s),
            Text(row.outcome.replace("_", " "), style=COLOURS[row.outcome]).append(
                _marks(report, row), style="bold cyan"
            ),
            *(Text(show(row.params.get(name))) for name in names),
            style="bold" if index == 0 else "",
        )
    if len(rows) > len(shown):
        hidden.insert(0, f"{len(rows) - len(shown)} more trials")
    if hidden:
        table.caption = f"not shown: {' and '.join(hidden)}; all: --format csv, json or parquet"
        table.caption_justify = "left"
    return table


def _fitting_parameters(report: Report, names: Sequence[str], width: int) -> Iterator[str]:
    """The first parameters whose whole names and values fit beside each other; one that is too wide is passed over."""
    for name in names:
        shown = [len(show(row.params.get(name))) for row in report.trials[: MOST_TRIALS + 1]]
        needed = max(len(clean(name)), *shown) + 3
        if needed <= width:
            width -= needed
            yield name


def _marks(report: Report, row: TrialRow) -> str:
    called = "baseline" if row.trial == 0 else title(row.trial, report.tries)
    return (called and f", {called}") + (", front" if row in report.front else "")


def _failures(report: Report) -> Iterator[RenderableType]:
    has_failures = False
    for outcome, count in report.outcomes.items():
        if outcome is Outcome.COMPLETED:
            continue
        has_failures = True
        yield f"{count} {outcome.replace('_', ' ')}: {outcome.advice}"
        texts = Counter(last_words(row.error) for row in report.trials if row.outcome is outcome and row.error)
        for text, times in texts.most_common(3):
            yield f"    {times} × {text}"
    if not report.best:
        yield "no trial completed, so there is no best configuration"
    if has_failures:
        yield ""


def _importance(report: Report) -> Iterator[RenderableType]:
    if report.importance.factors:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column("what mattered")
        table.add_column("importance", justify="right")
        table.add_column("")
        table.add_column("in the best quarter")
        trusted = report.importance.explained >= TRUSTED
        most = max(max(factor.share for factor in report.importance.factors), 1e-9)
        for factor in report.importance.factors:
            table.add_row(
                Text(clean(factor.name)),
                f"{round(factor.share, 2) + 0.0:.2f} ± {factor.spread:.2f}",
                Text("█" * round(16 * max(factor.share, 0.0) / most), style="blue"),
                Text(clean(factor.best)),
                style="" if trusted else "dim",
            )
        yield table
    yield Text(f"importance: {report.importance.sentence}", style="dim")
    yield ""


def _yardsticks(report: Report, width: int) -> Iterator[RenderableType]:
    if not report.yardsticks:
        return
    best, baseline, held_out = report.best, report.baseline, report.held_out
    entries = [
        (rival.name, rival.test.get(held_out.metric), rival.figure(report.objective.metric), rival.figures,
         "dim" * rival.is_floor)
        for rival in report.yardsticks
    ]  # fmt: skip
    if baseline and baseline.value is not None:
        entries.append(("published default", held_out.figure(baseline), baseline.value, baseline.metrics, "cyan"))
    if best and best is not baseline:
        entries.append((f"best trial ({best.trial})", held_out.figure(best), best.value, best.metrics, "bold green"))
    tested = held_out.figure(best) if any(test is not None for _, test, *_ in entries) else None
    entries.sort(key=lambda entry: report.objective.sign * _leading(entry[1] if tested else None, entry[2]))
    head = [held_out.metric, "95 % interval"] if tested else []
    ratio = ["best against it"] if not tested or width >= WIDE else []
    taken = 5 + sum(max(len(name), INTERVAL if "interval" in name else 0) + 3 for name in (*head, *ratio))
    others = _fitting(report, width - max(len(name) for name, *_ in entries) - taken)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("yardsticks, same split", no_wrap=True)
    for name in (*head, report.objective.metric, *ratio, *others):
        table.add_column(name, justify="right", no_wrap=name in head)
    for name, test, figure, errors, style in entries:
        against = ""
        if best and not name.startswith("best"):
            ours, theirs = (tested.value, test and test.value) if tested else (best.value, figure)
            # Which of them is better the verdict says, by the rows' own noise.
            against = compare(ours, theirs if isinstance(theirs, float) else None, close=1.0)
        shown = [show(test and test.value), show_interval(test)] if tested else []
        cells = [*shown, show(figure), *([against] if ratio else []), *(show(errors.get(other)) for other in others)]
        table.add_row(name, *cells, style=style)
    yield table
    yield Text(report.verdict, style="bold red" if report.stronger else "green")
    yield ""


def _prospect(report: Report) -> Iterator[RenderableType]:
    if report.prospect:
        yield Text(f"{foretell(report.prospect)}; best so far {show(report.best and report.best.value)}")
    if sentence := prospect_sentence(report):
        yield Text(sentence, style="dim")
        yield ""


def check_lines(checks: Iterable[Check]) -> Iterator[Table]:
    """A row per check: how it ended, its sentence, and below it the way out; what is folded stays in its column."""
    for check in checks:
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_column(min_width=16, no_wrap=True)
        row.add_column(overflow="fold")
        told = Text(f"{check.question} ", style="bold").append(clean(check.sentence), style="not bold")
        if check.way_out and check.status is not Status.PASSED:
            told.append(f"\n{clean(check.way_out)}", style="not bold dim")
        row.add_row(Text(check.status.upper(), style=STATUSES[check.status]), told)
        yield row


def _checks(checks: Sequence[Check]) -> Iterator[RenderableType]:
    """Those that are not passed, and how many are."""
    counts = Counter(check.status for check in checks)
    told = ", ".join(f"{counts[status]} {status}" for status in reversed(Status) if counts[status])
    yield Text(f"{len(checks)} health checks: {told}; all of them: --checks", style="bold")
    yield from check_lines(check for check in checks if check.status in (Status.FAILED, Status.WARNING))
    yield ""


def _leading(test: Interval | None, figure: float | None) -> float:
    """What a method is sorted by: its figure on the test rows, where it has one."""
    return (figure or 0.0) if test is None else test.value


def _seconds(report: Report) -> Iterator[RenderableType]:
    rows = timed(report.trials)
    if not rows:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("where the seconds went")
    for name in ("in all", "a trial", "share"):
        table.add_column(name, justify="right")
    table.add_column("")
    for stage in stages(rows):
        bar = Text("█" * round(16 * stage.share), style="blue")
        cells = (f"{stage.seconds:.1f}", f"{stage.seconds / len(rows):.2f}", f"{stage.share:.1%}")
        table.add_row(stage.name, *cells, bar, style="" if stage.seconds else "dim")
    yield table
    yield Text(timing_sentence(report.trials), style="dim")
    yield ""


def _fitting(report: Report, width: int) -> list[str]:
    """The yardsticks' other figures, as many columns as fit beside the objective; further objectives come first."""
    names = dict.fromkeys(name for yardstick in report.yardsticks for name in yardstick.figures)
    chosen = [objective.metric for objective in report.spec.objectives if objective.metric in names]
    chosen = [name for name in dict.fromkeys([*chosen, *names]) if name != report.objective.metric]
    ends = accumulate(len(name) + 3 for name in (report.objective.metric, *chosen))
    return [name for name, end in zip(chosen, list(ends)[1:], strict=True) if end <= width]
