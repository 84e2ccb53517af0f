"""Trials of earlier studies for the sampler of a new one: ``--from STUDY``, and ``--fork NEW``.

They are read once, when the new study begins, and kept in its study.json: resumed, it has the same, whatever has become
of the earlier one. They have no numbers here and take part in no ranking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..data.cards import options_of, read_card
from ..errors import UsageError
from ..ledger import STUDY_FILE, read_study, spec_from_json, trial_rows
from ..ledger.ranking import is_ranked, values_of
from ..records import EarlierTrial, Outcome, StudySpec, TrialRow, Value
from ..space import Space
from ..space.dimension import OPTION, to_text
from .study import Study

if TYPE_CHECKING:
    from ..models.config import Config

MOST = 300
"""Trials that are taken at most: a third the best, the others evenly from all ranks."""

_SAID = ("dataset", "split", "seed", "precision", "workers_per_trial", "sync_batchnorm")
"""What of a spec is said where it differs. Of the first two figures depend so much that they are not compared."""


def with_earlier(study: Study, folders: Sequence[Path]) -> Study:
    """The study with the trials of the studies in ``folders``; begun, with those that it began with.

    Raises as ``take_earlier``, and UsageError if it began with those of other studies.
    """
    if not (study.folder / STUDY_FILE).exists():
        taken = take_earlier(folders, study)
        return replace(study, spec=replace(study.spec, earlier=taken.trials), notes=(*study.notes, *taken.notes))
    kept = spec_from_json(read_study(study.folder)["spec"]).earlier
    before, now = dict.fromkeys(row.study for row in kept), [folder.name for folder in folders]
    if now and now != list(before):
        raise UsageError(
            f"--from: study {study.spec.name} began with trials of {', '.join(before) or 'none'}, but got "
            f"{', '.join(now)}; leave --from out, or give this search its own --name"
        )
    return replace(study, spec=replace(study.spec, earlier=kept))


class Taken(NamedTuple):
    """What earlier studies give to a new one."""

    trials: tuple[EarlierTrial, ...]
    notes: tuple[str, ...]
    """What the user should hear: how many, who was left out and why, and what differs."""


def take_earlier(folders: Sequence[Path], study: Study) -> Taken:
    """The trials of the studies in ``folders`` that ``study``, which has not begun, can learn from.

    Raises UnknownName or LedgerError if one is no study, UsageError if one has nothing to give.
    """
    if folders and study.spec.sampler in ("qmc", "random", "grid"):
        raise UsageError(f"--from: --sampler {study.spec.sampler} learns from no trial; leave one of them out")
    if len({folder.name for folder in folders}) < len(folders):
        raise UsageError("--from: each study is named once, and two of one name cannot be told apart")
    taken = [_take_one(folder, study, MOST // len(folders)) for folder in folders]
    return Taken(tuple(row for one in taken for row in one.trials), tuple(note for one in taken for note in one.notes))


def _take_one(folder: Path, study: Study, most: int) -> Taken:
    where = f"--from {folder.name}"
    document = read_study(folder)
    there = spec_from_json(document["spec"])
    if there.model != study.spec.model:
        raise UsageError(f"{where}: it searched {there.model}, but this study searches {study.spec.model}")
    if folder.absolute() == study.folder:
        raise UsageError(f"{where}: a study cannot learn from itself; the same command without --from resumes it")
    space = Space(there.space, study.config_class, f"{folder.name}/{STUDY_FILE}")
    found, left_out = _translate(trial_rows(folder), there, space, study)
    if not found:
        reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items()) or "it has no trial"
        raise UsageError(f"{where}: none of its trials can be taken: {reasons}; leave it out")
    differences = _differences(there, str(document["identity"].get("data_sha256")), space, study)
    is_alike = not any(difference.is_of_figures for difference in differences)
    ranked = _ranked(found, study.spec, is_alike=is_alike)
    notes = [f"{where}: {_counted(len(found))} taken" + "".join(f"; {n} {why}" for why, n in left_out.items())]
    notes += [f"{where}: {difference.text}" for difference in differences]
    if not is_alike:
        notes.append(f"{where}: so figures there and here do not compare; its trials are placed by their ranks")
    named = [replace(row, study=folder.name) for row in _thinned(ranked, most)]
    if len(named) < len(found):
        notes.append(f"{where}: {len(named)} of them are kept, the best and an even share of the others")
    return Taken(tuple(named), tuple(notes))


def _counted(count: int) -> str:
    return f"{count} trial{'' if count == 1 else 's'}"


# -- rows --------------------------------------------------------------------------------------------------------------


def _translate(
    rows: Sequence[TrialRow], there: StudySpec, space: Space[Config], study: Study
) -> tuple[list[EarlierTrial], Counter[str]]:
    """The rows as trials of ``study``; and how many were left out, by the reason."""
    found: list[EarlierTrial] = []
    left_out: Counter[str] = Counter()
    several = len(study.spec.objectives) > 1
    for row in rows:
        whole, stopped = is_ranked(row), row.outcome is Outcome.PRUNED and row.value is not None
        if there.objective != study.spec.objective or not whole | stopped:
            by = f"left out, searched by {there.objective.metric}"
            left_out[by if there.objective != study.spec.objective else "left out that failed"] += 1
            continue
        if several and (stopped or any(each.metric not in row.metrics for each in study.spec.objectives[1:])):
            left_out["left out that have not all objectives"] += 1
            continue
        params = _params(row.params, space, study)
        if isinstance(params, str):
            left_out[params] += 1
            continue
        values = values_of(row, study.spec.objectives)
        found.append(EarlierTrial(study="", params=params, values=values, epochs=row.epochs, is_whole=whole))
    return found, left_out


def _params(params: Mapping[str, Value], space: Space[Config], study: Study) -> dict[str, Value] | str:
    """The configuration as ``study`` searches it; or why it is none of these."""
    options = {name for name in (*space.kinds, *study.space.kinds) if name.startswith(OPTION)}
    try:
        there = {**_unsearched(space), **space.values(params), **_options(space, params, options)}
        here = {**_unsearched(study.space), **_options(study.space, study.space.baseline(), options)}
    except UsageError:
        return "left out that this version cannot read"
    for name in params:
        if name not in study.space.kinds and name in here and to_text(there[name]) != to_text(here[name]):
            return f"left out of another {name}"
    found: dict[str, Value] = {}
    for dimension in study.space.dimensions:
        if dimension.applies({**study.space.fixed, **found}):
            value = dimension.cast(there.get(dimension.name))
            if not dimension.contains(value):
                return "left out beyond the ranges"
            found[dimension.name] = value
    return "left out that break a constraint" if study.space.broken(found) is not None else found


def _options(space: Space[Config], params: Mapping[str, Value], names: Collection[str]) -> dict[str, object]:
    """The options of the data called ``names`` that a trial of the space has, as far as its reader has them."""
    if not names:
        return {}
    options = options_of(read_card(space.dataset), space.data_options(params)).model_dump(mode="json")
    return {name: value for option, value in options.items() if (name := f"{OPTION}{option}") in names}


def _unsearched(space: Space[Config]) -> dict[str, object]:
    """What every trial has of the fields that are not searched, and the default of those that are."""
    fields = space.config_class.model_fields
    own = {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
    return {**own, **space.table("defaults"), **space.fixed}


def _ranked(found: Sequence[EarlierTrial], spec: StudySpec, *, is_alike: bool) -> list[EarlierTrial]:
    """The best first: whole ones by the leading objective, then those that were stopped, the later the better.

    Unless the studies are alike each has its place by every objective.
    """
    signs = [objective.sign for objective in spec.objectives]

    def rank(row: EarlierTrial, index: int = 0) -> tuple[bool, int, float]:
        return not row.is_whole, 0 if row.is_whole else -row.epochs, signs[index] * row.values[index]

    ranked = sorted(found, key=rank)
    if is_alike:
        return ranked
    shares: list[list[float]] = [[] for _ in ranked]
    for index in range(len(signs)):
        order = sorted(range(len(ranked)), key=lambda n: rank(ranked[n], index))
        for place, n in enumerate(order):
            shares[n].append((place + 0.5) / len(ranked))
    return [replace(row, shares=tuple(each)) for row, each in zip(ranked, shares, strict=True)]


def _thinned(ranked: Sequence[EarlierTrial], most: int) -> list[EarlierTrial]:
    if len(ranked) <= most:
        return list(ranked)
    best, rest = ranked[: most // 3], ranked[most // 3 :]
    room = most - len(best)
    return [*best, *(rest[n * len(rest) // room] for n in range(room))]


# -- what differs ------------------------------------------------------------------------------------------------------


class _Difference(NamedTuple):
    text: str
    is_of_figures: bool
    """Whether figures of the two studies do not compare for it."""


def _differences(there: StudySpec, data_sha256: str, space: Space[Config], study: Study) -> list[_Difference]:
    """What the two studies do not share beside what they search."""
    found = [
        _Difference(f"{name} is {getattr(there, name)} there and {getattr(study.spec, name)} here", name in _SAID[:2])
        for name in _SAID
        if getattr(there, name) != getattr(study.spec, name)
    ]
    if data_sha256 != study.dataset.sha256 and there.dataset == study.spec.dataset:
        found.append(_Difference(f"the data of {there.dataset} are others there", True))
    before, now = _unsearched(space), _unsearched(study.space)
    for name in sorted(before.keys() - space.kinds.keys() - study.space.kinds.keys()):
        if to_text(before[name]) != to_text(now[name]):
            found.append(_Difference(f"{name} is {before[name]!r} there and {now[name]!r} here", True))
    return found
