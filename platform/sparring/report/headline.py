"""A report in a handful of figures, for the top of a page."""

from __future__ import annotations

from ..display import SAME, clean, compare, show, show_interval
from .reading import Report


def headline(report: Report) -> list[tuple[str, str]]:
    """(label, value): the best trial on test and validation rows, the published default, the closest yardstick."""
    best, baseline, metric, held_out = report.best, report.baseline, report.objective.metric, report.held_out
    cards = []
    if best and (tested := held_out.figure(best)):
        cards += [(f"best {held_out.metric}", show(tested.value)), ("95 % interval", show_interval(tested))]
        if before := held_out.figure(baseline):
            cards.append((f"published default, {held_out.metric}", show(before.value)))
    cards += [(f"best {metric}", show(best and best.value)), ("published default", show(baseline and baseline.value))]
    if best and baseline and (ratio := compare(best.value, baseline.value)):
        cards.append(("as the default" if ratio == SAME else "than the default", ratio))
    if report.rivals:
        closest = report.rivals[0]
        cards.append((f"best yardstick: {closest.name}", show(closest.figure(metric))))
    return [(clean(label), value) for label, value in [*cards, ("trials finished", str(len(report.trials)))]]
