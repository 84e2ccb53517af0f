"""One trial of a study as a pinned configuration: the search space with every range collapsed to a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import NothingToReport, UnknownName
from ..ledger import STUDY_FILE, queued_trials, read_study, spec_from_json, trial_rows
from ..ledger.ranking import front, is_ranked
from ..ledger.study_json import identity_of
from ..models import find_config
from ..models.config import Config
from ..records import StudySpec, TrialRow
from ..space import Space, pin, try_names
from ..space.dimension import OPTION
from .claim import sentences_of
from .fresh_seeds import conclusion_of, find_winner

DIGITS = 16
"""Of a checksum, in a file for people."""


@dataclass(frozen=True, kw_only=True)
class PinnedTrial:
    """A trial, what trains it again, and which others are as good in their way."""

    spec: StudySpec
    row: TrialRow
    raw: Mapping[str, object]
    """The pinned configuration, a space with nothing left to search; under ``found`` what the trial reached."""
    names: Mapping[int, str]
    """What trials are called beside their numbers."""
    claim: str
    """What the study may claim by re-trainings, in a sentence or two, if that chose the trial; else empty."""
    tied: tuple[int, ...]
    """Trials that may be the best as well, by the same; the pinned one trains the fastest of them."""
    others_on_front: tuple[int, ...]
    """Numbers of the other trials on the Pareto front; none under a single objective."""


def pin_trial(folder: Path, trial: int | None = None) -> PinnedTrial:
    """The winner of the study in ``folder``, or the completed trial of this number.

    Raises NothingToReport if no trial has completed, UnknownName if that one has not, and what ``read_study`` raises.
    """
    document = read_study(folder)
    spec = spec_from_json(document["spec"])
    rows = [row for row in trial_rows(folder) if is_ranked(row)]
    if not rows:
        raise NothingToReport(f"study {spec.name}: no trial has completed yet; search on with the same command")
    claim, tied = "", list[int]()
    row = find_winner(folder, rows) if trial is None else next((row for row in rows if row.trial == trial), None)
    if trial is None and row is not None and (concluded := conclusion_of(folder)) is not None:
        claim = " ".join(sentences_of(folder))
        tied = [other for other in concluded.tied if other != row.trial] if concluded.kind == "tie" else []
    if row is None:
        numbers = ", ".join(str(number) for number in sorted(row.trial for row in rows))
        raise UnknownName(f"--trial: no completed trial {trial} in study {spec.name}; there are: {numbers}")
    leading = front(rows, spec.objectives) if len(spec.objectives) > 1 else []
    names = try_names(spec.space, queued_trials(folder))
    found = _found(spec, row, identity_of(document), names)
    return PinnedTrial(
        spec=spec,
        row=row,
        raw=pin(_space(spec), row.params, seed=row.seed, found=found | {"claim": claim or None, "tied": tied or None}),
        names=names,
        claim=claim,
        tied=tuple(tied),
        others_on_front=tuple(other.trial for other in leading if other.trial != row.trial),
    )


def _space(spec: StudySpec) -> Space[Config]:
    """The study's space with the split and the data path that it was searched with."""
    raw = dict(spec.space) | {"split": spec.split}
    if spec.data_path:
        raw["data_path"] = spec.data_path
    return Space(raw, find_config(spec.model), f"{spec.name}/{STUDY_FILE}")


def _found(
    spec: StudySpec, row: TrialRow, identity: Mapping[str, object], names: Mapping[int, str]
) -> dict[str, object]:
    """What the trial reached and under which conditions; ``train`` says whether it repeats."""
    has_own_data = any(name.startswith(OPTION) for name in row.params)  # the study's checksum is that of trial 0
    return {
        "study": spec.name,
        "trial": row.trial,
        "try": names.get(row.trial),
        "metric": spec.objective.metric,
        "value": row.value,
        "epoch": row.best_epoch,
        "workers": spec.workers_per_trial,
        "precision": spec.precision,
        "data_sha256": None if has_own_data else str(identity.get("data_sha256", ""))[:DIGITS] or None,
    }
