"""What a study offers for production: a trial's model, the data it was trained on, and rows that it was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Console
from torch import Tensor

from ...data import Card, read_card
from ...errors import DataError, UsageError
from ...ledger import STUDY_FILE, Look, read_looks, read_study, trial_rows
from ...ledger.looks import test_name
from ...ledger.ranking import is_ranked
from ...ledger.study_json import StudyDocument
from ...models import find_model
from ...records import Interval
from ...study import Study, load_ood, reopen
from ...study.pinning import PinnedTrial, pin_trial
from ...training.batches.mapped_rows import as_rows
from ..loading.loaded import Loaded, build
from ..loading.study_winner import about_trial, read_winner, trial_data
from .refit import refit
from .schema import Schema, describe

Held = Literal["valid", "test"]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A trial on its way into production."""

    study: Study
    document: StudyDocument
    pinned: PinnedTrial
    source: Loaded
    """The model as the training process has it."""
    is_refit: bool
    card: Card
    """Of the data set."""

    @property
    def held(self) -> Held | None:
        """The part whose rows had no part in training; None if a refit took them all.

        Test rows after a refit, and of the trial that was scored on them when the study ended; of any other trial the
        validation rows, which chose it, so that nobody picks a trial by the test rows.
        """
        if not self.is_refit:
            return "valid" if self.look is None else "test"
        return "test" if len(self.study.split.test) else None

    @cached_property
    def look(self) -> Look | None:
        """The study's newest look at its test rows, if this very trial was scored there."""
        looks = read_looks(self.study.folder)
        return looks[-1] if looks and looks[-1].trial == self.pinned.row.trial and not self.is_refit else None

    @property
    def metric(self) -> str:
        """What ``recorded`` is a figure of: ``test/…`` or ``val/…``."""
        metric = self.study.spec.objective.metric
        return metric if self.look is None else test_name(metric)

    @property
    def recorded(self) -> Interval:
        """What the study says of the trial: on the test rows if it was scored there, else on the validation rows."""
        if self.look is not None:
            return self.look.winner[self.metric]
        assert self.pinned.row.value is not None
        return Interval(self.pinned.row.value)

    @property
    def default(self) -> float | None:
        """The figure of trial 0, the published default, on the rows of ``recorded``; None if it is not known."""
        if self.look is not None and self.look.default:
            return self.look.default[self.metric].value
        if self.look is not None and self.look.trial == 0:
            return self.recorded.value
        if self.look is not None:
            return None
        rows = [row for row in trial_rows(self.study.folder) if row.trial == 0 and is_ranked(row)]
        return rows[0].value if rows else None

    @cached_property
    def schema(self) -> Schema:
        """Inputs and outputs of the source."""
        return describe(self.source, self.study.dataset, self.card, self.study.spec.data_options)

    def arrays(self, part: str, most: int) -> Mapping[str, np.ndarray]:
        """The first rows of a part, by field, in memory."""
        index = getattr(self.study.split, part)[:most]
        return {name: np.asarray(self.study.dataset.fields[name][index]) for name in self.source.fields}

    def probe(self, count: int) -> dict[str, Tensor]:
        """``count`` ordinary rows: held-out ones first, then training ones, again from the start if there are fewer."""
        split = self.study.split
        index = np.resize(np.concatenate([split.valid, split.test, split.train]), count)
        return as_rows({name: np.array(self.study.dataset.fields[name][index]) for name in self.source.fields})


def open_candidate(folder: Path, trial: int | None, *, is_refit: bool, console: Console) -> Candidate:
    """The study's best trial, or another ``trial``; with ``is_refit`` trained anew.

    Raises NothingToReport, UnknownName or UsageError if there is no such trial or its weights are not kept, DataError
    if the data are not those of the search.
    """
    document = read_study(folder)
    find_model(str(document["spec"]["model"]))  # first: one of the user's own must be named
    pinned = pin_trial(folder, trial)
    if "shapes" not in document:
        raise UsageError(f"{folder}: an older version made this study, without shapes; train best.toml again")
    study = reopen(folder, pinned.row.params)
    data = trial_data(study, document, pinned.row.trial)
    searched = data["sha256"]
    if study.dataset.sha256 != searched:
        raise DataError(
            f"data set {study.spec.dataset}: not the data that was searched on (SHA-256 {str(searched)[:12]}…, now "
            f"{study.dataset.sha256[:12]}…), so nothing can be compared; bring those back"
        )
    config = study.space.config(pinned.row.params)
    study = replace(study, ood=load_ood(config, f"{folder.name}/{STUDY_FILE}", study.dataset))
    if is_refit:
        packed = refit(study, config, pinned.row, console)
        about = about_trial(document, study.space, pinned.row.params, data)
        source = build(folder, about, config, packed=packed, named="the refit", device="cpu")
    else:
        source = read_winner(folder, "cpu", pinned.row.trial)
    return Candidate(
        study=study,
        document=document,
        pinned=pinned,
        source=source,
        is_refit=is_refit,
        card=read_card(study.spec.dataset),
    )
