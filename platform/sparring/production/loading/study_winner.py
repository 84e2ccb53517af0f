"""A trial of a study as a model ready to be asked: its best epoch's weights, which the search has kept.

The search keeps the weights of the best trial, under several objectives those of all trials on the Pareto front. Any
other trial is trained anew from what ``sparring best STUDY --trial N`` writes.
"""

from __future__ import annotations

from pathlib import Path

from ... import __version__
from ...errors import UsageError
from ...ledger import STUDY_FILE, read_study, spec_from_json, trial_rows
from ...ledger.ranking import best_row, is_ranked
from ...ledger.study_json import StudyDocument
from ...ledger.weights import WEIGHTS, WeightsFolder
from ...models import find_config
from ...records import StudySpec, TrialRow
from ...space import Space
from .loaded import About, Loaded, build


def read_winner(folder: Path, device: str = "cpu", trial: int | None = None) -> Loaded:
    """The model of the study's best trial, or of another ``trial`` whose weights are kept. A search may be under way.

    Raises UsageError, ConfigError or DataError, one sentence, if its weights are not there, torn or of another model.
    """
    document = read_study(folder)
    spec = spec_from_json(document["spec"])
    weights = WeightsFolder(folder / WEIGHTS)
    row = _find_row(folder, spec, weights, trial)
    packed = weights.read(row.trial)
    if packed is None or "shapes" not in document:
        raise UsageError(
            f"{folder}: the weights of trial {row.trial} are not kept{_kept(weights)}; train it again: "
            f"sparring best {folder} --trial {row.trial} -o best.toml, then sparring train best.toml"
        )
    about = about_study(document)
    config = Space(spec.space, find_config(spec.model), f"{folder.name}/{STUDY_FILE}").config(row.params)
    return build(
        folder / f"trial-{row.trial}",
        about,
        config,
        packed=packed,
        named=f"{folder / WEIGHTS}: trial {row.trial}",
        device=device,
    )


def about_study(document: StudyDocument) -> About:
    """What must be known beside the weights of any trial of a study. document: its study.json, with ``shapes``."""
    spec = spec_from_json(document["spec"])
    return About(
        model=spec.model,
        shapes={field: tuple(shape) for field, shape in document["shapes"].items()},
        dataset=spec.dataset,
        data_path=spec.data_path,
        data=dict(spec.data_options),
        split=spec.split,
        sha256=str(document["identity"]["data_sha256"]),
        axes={field: tuple(axis) for field, axis in document["axes"].items()},
        version=document["versions"].get("sparring", __version__),
    )


def _find_row(folder: Path, spec: StudySpec, weights: WeightsFolder, trial: int | None) -> TrialRow:
    rows = [row for row in trial_rows(folder) if is_ranked(row)]
    row = best_row(rows if trial is None else [row for row in rows if row.trial == trial], spec.objective)
    if row is None and trial is None:
        raise UsageError(f"{folder}: no trial has completed yet; search on with the same command")
    if row is None:
        raise UsageError(f"--trial: no completed trial {trial} in study {spec.name}{_kept(weights)}")
    return row


def _kept(weights: WeightsFolder) -> str:
    """The end of a sentence: which trials' weights there are instead."""
    numbers = ", ".join(map(str, weights.trials))
    return f", only those of {numbers}" if numbers else ""
