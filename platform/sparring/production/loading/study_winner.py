"""A trial of a study as a model ready to be asked: its best epoch's weights, which the search has kept.

The search keeps the weights of the best trial, under several objectives those of all trials on the Pareto front, and a
race makes those of its winner. Any other trial is trained anew from what ``sparring best STUDY --trial N`` writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ... import __version__
from ...data.variants import about
from ...errors import UsageError
from ...ledger import STUDY_FILE, read_study, spec_from_json, trial_rows
from ...ledger.ranking import is_ranked
from ...ledger.study_json import StudyDocument
from ...ledger.weights import WEIGHTS, WeightsFolder, read_data_of
from ...models import find_config
from ...models.config import Config
from ...records import StudySpec, TrialRow, Value
from ...space import Space
from ...study import Study
from ...study.fresh_seeds import find_winner
from .loaded import About, Loaded, build


def read_winner(folder: Path, device: str = "cpu", trial: int | None = None) -> Loaded:
    """The model of the study's winner, or of another ``trial`` whose weights are kept. A search may be under way.

    Raises UsageError, ConfigError or DataError, one sentence, if its weights are not there, torn or of another model.
    """
    document = read_study(folder)
    spec = spec_from_json(document["spec"])
    weights = WeightsFolder(folder / WEIGHTS)
    row = _find_row(folder, spec, weights, trial)
    packed = weights.read(row.trial)
    if packed is None or "shapes" not in document:
        raise UsageError(
            f"{folder}: the weights of trial {row.trial} are not kept{_kept(weights)}; to have them, train it again: "
            f"sparring best {folder} --trial {row.trial} -o best.toml, then sparring train best.toml"
        )
    space = Space(spec.space, find_config(spec.model), f"{folder.name}/{STUDY_FILE}")
    return build(
        folder / f"trial-{row.trial}",
        about_trial(document, space, row.params, read_data_of(packed) if space.searches_data else None),
        space.config(row.params),
        packed=packed,
        named=f"{folder / WEIGHTS}: trial {row.trial}",
        device=device,
    )


def about_trial(
    document: StudyDocument, space: Space[Config], params: Mapping[str, Value], data: Mapping[str, Any] | None = None
) -> About:
    """What must be known beside a trial's weights. document: the study's study.json, with ``shapes``.

    data: shapes, axes, columns and checksum of the trial's data, as its weights say them; None where they are the
    study's.
    """
    spec = spec_from_json(document["spec"])
    sha256 = document["identity"]["data_sha256"]
    data = data or {**document, "sha256": sha256}
    return About(
        model=spec.model,
        shapes={field: tuple(shape) for field, shape in data["shapes"].items()},
        dataset=spec.dataset,
        data_path=spec.data_path,
        data=space.data_options(params) if space.searches_data else dict(spec.data_options),
        split=spec.split,
        sha256=str(data["sha256"]),
        axes={field: tuple(axis) for field, axis in data["axes"].items()},
        columns={field: tuple(columns) for field, columns in data.get("columns", {}).items()},
        version=document["versions"].get("sparring", __version__),
    )


def trial_data(study: Study, document: StudyDocument, trial: int) -> Mapping[str, Any]:
    """Shapes, axes and checksum of the data on which a trial was searched. study: reopened with its options.

    Of a trial with data of its own whose weights are not kept nobody knows the checksum: it is that of the data now.
    """
    if dict(study.spec.data_options) == document["spec"].get("data_options", {}):
        sha256 = document["identity"]["data_sha256"]
        columns = document.get("columns", {})
        return {"shapes": document["shapes"], "axes": document["axes"], "columns": columns, "sha256": sha256}
    packed = WeightsFolder(study.folder / WEIGHTS).read(trial)
    return (None if packed is None else read_data_of(packed)) or about(study.dataset, study.config_class.fields)


def _find_row(folder: Path, spec: StudySpec, weights: WeightsFolder, trial: int | None) -> TrialRow:
    rows = [row for row in trial_rows(folder) if is_ranked(row)]
    row = find_winner(folder, rows) if trial is None else next((row for row in rows if row.trial == trial), None)
    if row is None and trial is None:
        raise UsageError(f"{folder}: no trial has completed yet; search on with the same command")
    if row is None:
        raise UsageError(f"--trial: no completed trial {trial} in study {spec.name}{_kept(weights)}")
    return row


def _kept(weights: WeightsFolder) -> str:
    """The end of a sentence: which trials' weights there are instead."""
    numbers = ", ".join(map(str, weights.trials))
    return f"; there are weights of: {numbers}" if numbers else ""
