"""A comparison as headings, sentences and tables of texts, which terminal and page show each in its own way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from statistics import median
from typing import NamedTuple

import numpy as np

from ...display import clean, show
from ...ledger.ranking import is_ranked
from ...records import Interval
from ...study.intervals import difference
from .progress import Axis, ladder
from .reading import Compared, Comparison, seeds_of
from .settings import CODE, DATA, SEARCH, SPACE, VERSIONS, differing, words_of

STEPS = 6
"""Places along an axis at which the best so far is listed."""

FEWEST_SEEDS = 3
"""Studies on either side without which two settings are not compared over their seeds."""

MOST_VALUES = 4
"""Values of a field that have a line each; of more, all stand in one, in the order of the studies."""

TITLES = {SPACE: "space", DATA: "data", SEARCH: "search", CODE: "code", VERSIONS: "versions"}


class Row(NamedTuple):
    """A row of a table; ``mark`` is best, seeds or empty."""

    cells: Sequence[str]
    mark: str = ""


class Part(NamedTuple):
    """A heading, what is said under it, and a table; each may be empty."""

    heading: str
    sentences: Sequence[str] = ()
    header: Sequence[str] = ()
    rows: Sequence[Row] = ()
    words: bool = False
    """Its cells are texts, which stand left and may be folded; else figures."""
    warns: bool = False
    """Its sentences are what a reader must not miss."""
    of: tuple[Compared, ...] = ()
    """The studies whose figures it has; empty where there are none."""


def parts_of(comparison: Comparison) -> Iterator[Part]:
    """The whole comparison, the most important first."""
    studies = comparison.studies
    yield _legend(studies)
    apart = apart_sentence(comparison)
    if apart:
        yield Part("", (apart,), warns=True)
    for group in comparison.groups:
        yield _results(group, titled=len(comparison.groups) > 1)
        if claims := [f"{study.label}: {study.claim}" for study in group if study.claim]:
            yield Part("", claims)
        yield _best_so_far(group, "trials")
        yield _best_so_far(group, "seconds")
        yield _winners(group)
    yield from _differences(studies)
    notes = [f"note: {note}" for study in studies for note in study.notes]
    if notes:
        yield Part("", notes, warns=True)


def labels_of(studies: Sequence[Compared]) -> str:
    """Their letters in short: ``A-C, E``."""
    letters = [study.label for study in studies]
    order = [_number(letter) for letter in letters]
    found = []
    for _, run in groupby(range(len(order)), key=lambda n: order[n] - n):
        ends = [letters[n] for n in run]
        found.append(f"{ends[0]}-{ends[-1]}" if len(ends) > 2 else ", ".join(ends))
    return ", ".join(found)


def apart_sentence(comparison: Comparison) -> str:
    """Which studies' figures do not compare, and why; empty if all do."""
    if len(comparison.groups) < 2:
        return ""
    firsts = [group[0] for group in comparison.groups]
    asked: dict[str, Callable[[Compared], str]] = {
        "objectives": lambda study: f"{study.spec.objective.metric}, {study.spec.objective.goal}",
        "data sets": lambda study: study.spec.dataset,
        "splits": lambda study: study.spec.split,
        "contents of their data": lambda study: study.data_sha256,
    }
    reasons = [name for name, value in asked.items() if len({value(first) for first in firsts}) > 1]
    if len(reasons) > 1 and reasons[-1] == "contents of their data" and "data sets" in reasons:
        reasons.pop()  # other sets have other contents
    named = "; ".join(labels_of(group) for group in comparison.groups)
    return f"Not comparable with each other: {named}. They have different {' and '.join(reasons)}."


def _legend(studies: Sequence[Compared]) -> Part:
    """Which letter is which study, and how far each is."""
    searched = [clean(f"{study.spec.model} on {study.spec.dataset}") for study in studies]
    is_alike = len(set(searched)) == 1
    rows = []
    for study, words in zip(studies, searched, strict=True):
        completed, seconds = sum(map(is_ranked, study.rows)), study.lines["seconds"].end
        about = [f"{len(study.rows)}", f"{completed}", f"{seconds:.0f} s"]
        rows.append(Row([study.label, clean(study.name), *about, *([] if is_alike else [words])]))
    header = ["", "study", "ended", "completed", "trained", *([] if is_alike else ["searches"])]
    sentence = (
        f"All search {searched[0]}: trials that ended, that completed, seconds of training of all slots together."
    )
    return Part(
        "Studies", [sentence if is_alike else sentence.partition(": ")[2].capitalize()], header, rows, words=True
    )


# -- figures -----------------------------------------------------------------------------------------------------------


def _results(group: tuple[Compared, ...], *, titled: bool) -> Part:
    objective = group[0].spec.objective
    heading = f"{labels_of(group)} by {objective.metric}" if titled else f"By {objective.metric}"
    is_tested = any(study.tested for study in group)
    against = group[0] if group[0].tested and len(group) > 1 else None
    header = ["", "best", "of trial", "default"]
    header += ["test rows", "from", "to"] if is_tested else []
    header += [f"than {against.label}"] if against else []
    reached = [study.reached for study in group if study.reached is not None]
    leading = min(reached, key=lambda value: objective.sign * value, default=None)
    rows = []
    for study in group:
        trial = None if study.best is None else study.best.trial
        cells = [study.label, show(study.reached), show(trial), show(study.default)]
        cells += map(show, _ends(study.tested)) if is_tested else []
        cells += [_than(study, against)] if against else []
        rows.append(Row(cells, "best" if study.reached is not None and study.reached == leading else ""))
    better = "lower" if objective.sign > 0 else "higher"
    tested = "; the best on the test rows, with its 95 % interval" if is_tested else ""
    sentences = [f"The best of each and its published default, {better} is better{tested}."]
    for several in seeds_of(group):
        sentences.append(f"{labels_of(several)} differ in their seed alone.")
        rows += _summaries(several, len(header), is_tested=is_tested)
    return Part(heading, [*sentences, *_over_seeds(seeds_of(group))], header, rows, of=group)


_SUMMARIES: dict[str, Callable[[Sequence[float]], float]] = {"median": median, "lowest": min, "highest": max}


def _summaries(several: Sequence[Compared], width: int, *, is_tested: bool) -> Iterator[Row]:
    """Rows of median, lowest and highest, in a table of ``width`` columns."""
    for name, taken in _SUMMARIES.items():
        cells = [f"{labels_of(several)} {name}", _summary([study.reached for study in several], taken), ""]
        cells.append(_summary([study.default for study in several], taken))
        if is_tested:
            tested = [None if study.tested is None else study.tested.value for study in several]
            cells.append(_summary(tested, taken))
        yield Row([*cells, *[""] * (width - len(cells))], "seeds")


def _summary(figures: Sequence[float | None], taken: Callable[[Sequence[float]], float]) -> str:
    """Of those that there are."""
    known = [value for value in figures if value is not None]
    return show(float(taken(known))) if known else "-"


def _ends(figure: Interval | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if figure is None else (figure.value, figure.low, figure.high)


def _than(study: Compared, other: Compared) -> str:
    """Whether a study's best is better than another's on the same test rows, by more than the rows' noise."""
    if study is other or study.tested is None or other.tested is None:
        return ""
    gap = difference(study.tested, other.tested)
    if gap.low is None or gap.high is None:
        return "unclear"
    sides = sorted(study.spec.objective.sign * end for end in (gap.low, gap.high))
    return "better" if sides[1] < 0 else "worse" if sides[0] > 0 else "unclear"


def _over_seeds(groups: Sequence[Sequence[Compared]]) -> Iterator[str]:
    """Each setting of several seeds against the next: how often a study of the one beats one of the other.

    Source: H. B. Mann, D. R. Whitney, Ann. Math. Stat. 18 (1947) 50; exact where no two figures are equal.
    """
    for one, other in pairwise(groups):
        sign = one[0].spec.objective.sign
        ours, theirs = ([sign * study.reached for study in each if study.reached is not None] for each in (one, other))
        if min(len(ours), len(theirs)) < FEWEST_SEEDS:
            continue
        from scipy.stats import mannwhitneyu

        wins = sum((a < b) + (a == b) / 2 for a in ours for b in theirs)
        chance = float(mannwhitneyu(ours, theirs).pvalue)
        yield (
            f"Of {len(ours) * len(theirs)} pairs of one of {labels_of(one)} and one of {labels_of(other)} the first is "
            f"better in {wins:g} (Mann-Whitney p = {chance:.2g})."
        )


def _best_so_far(group: Sequence[Compared], axis: Axis) -> Part:
    lines = [study.lines[axis] for study in group]
    places = ladder(min(line.start for line in lines), max(line.end for line in lines), STEPS)
    if not places:
        return Part("")
    rows = [Row([study.label, *(_figure(study.lines[axis].at(place)) for place in places)]) for study in group]
    for several in seeds_of(group):
        values = np.asarray([[study.lines[axis].at(place) for place in places] for study in several])
        for name, taken in _SUMMARIES.items():
            # Where one has no figure there is none of all: a median of those that went on would jump.
            cells = [_figure(taken(list(column)) if np.isfinite(column).all() else math.nan) for column in values.T]
            rows.append(Row([f"{labels_of(several)} {name}", *cells], "seeds"))
    words = "trials, in the order they began" if axis == "trials" else "seconds of training, of all slots together"
    return Part("", (f"Best so far after so many {words}:",), ["", *(f"{place:g}" for place in places)], rows)


def _figure(value: float) -> str:
    return show(value) if math.isfinite(value) else "-"


# -- what differs ------------------------------------------------------------------------------------------------------


def _winners(group: Sequence[Compared]) -> Part:
    """The best trials' values, where they differ."""
    having = [study for study in group if study.best]
    names = dict.fromkeys(name for study in having if study.best for name in study.best.params)
    rows: list[Row] = []
    for name in names:
        told = [words_of(study.best.params[name]) if study.best and name in study.best.params else "unused"
                for study in having]  # fmt: skip
        if len(set(told)) > 1:
            rows += _by_value(name, having, told)
    return Part("", ["Values in which the best trials differ:"] if rows else [], ("", "", ""), rows, True)


def _differences(studies: Sequence[Compared]) -> Iterator[Part]:
    keys = differing([study.settings for study in studies])
    if not keys:
        yield Part("What differs", ("Nothing: they have the same space, data, search, code and versions.",))
    for part, several in groupby(keys, key=lambda key: key[0]):
        rows: list[Row] = []
        for key in several:
            rows += _by_value(key[1], studies, [study.settings.words(key) for study in studies])
        yield Part(f"What differs: {TITLES[part]}", (), ("", "", ""), rows, True)


def _by_value(name: str, studies: Sequence[Compared], told: Sequence[str]) -> list[Row]:
    """A row for each value with the studies that have it; of many values one row with all."""
    values = list(dict.fromkeys(told))
    if len(values) > MOST_VALUES:
        return [Row((clean(name), labels_of(studies), "; ".join(told)))]
    having = [[study for study, each in zip(studies, told, strict=True) if each == value] for value in values]
    return [
        Row((clean(name) if n == 0 else "", labels_of(those), value))
        for n, (those, value) in enumerate(zip(having, values, strict=True))
    ]


def _number(letters: str) -> int:
    """The inverse of ``label_of``."""
    found = 0
    for letter in letters:
        found = found * 26 + ord(letter) - ord("A") + 1
    return found - 1
