"""A search over options of the data, as Ray would run it: a worker's rows, the loop, the ledger; in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from sparring.cluster.trial_rows import RowsOfTrials
from sparring.ledger import Ledger
from sparring.ledger.weights import WEIGHTS, WeightsFolder
from sparring.models import find_model
from sparring.records import Outcome, Trial, TrialRow, Value
from sparring.study import Limits, Study, open_folder, prepare
from sparring.training.loop import TrialTraining

SPACE = """
model = "aegan"
dataset = "exafs"
[[objectives]]
metric = "{metric}"
[fixed]
epochs = 2
hidden_size = 8
batch_size = 16
[search]
lr_gen = {{ loguniform = [1e-4, 2e-2] }}
{search}
"""

SEARCH = "data.r_max = { uniform = [4.0, 8.0] }\ndata.n_g2 = { int = [8, 32] }"

METRIC = "val/mse_predict_spectrum"


def space_file(folder: Path, search: str = SEARCH, metric: str = METRIC) -> str:
    """A space's file; search: lines of its [search] beside the learning rate."""
    path = folder / "options.toml"
    path.write_text(SPACE.format(metric=metric, search=search))
    return str(path)


def study_of(
    results: Path, search: str = SEARCH, metric: str = METRIC, *, settings: Sequence[str] = ("data.n=80",), **more: Any
) -> Study:
    """Prepared, by default on eighty pairs, not begun."""
    return prepare(
        "aegan", space=space_file(results, search, metric), settings=settings, results=results,
        limits=Limits(trials=6, slots=1), address="none", **more,
    )  # fmt: skip


def train(study: Study, points: Sequence[Mapping[str, Value]]) -> Path:
    """Trial after trial as a slot trains it, from 0; all their weights are kept. Returns the study's folder."""
    study.folder.mkdir(parents=True, exist_ok=True)
    open_folder(study)
    torch.set_num_threads(1)
    rows_of = RowsOfTrials(study.rows("train"), study.rows("valid"), study.source)
    with Ledger(study.folder, kinds=study.space.kinds, metrics=study.config_class.emitted(), wait_s=0) as ledger:
        for number, point in enumerate(points):
            params = study.space.complete(point)
            rows = rows_of.take(study.space.data_options(params))
            solo = TrialTraining(
                find_model("aegan"), study.space.config(params), rows.train, rows.valid,
                trial=Trial(number=number, params=params, seed=0), objective=study.spec.objective,
            )  # fmt: skip
            told = [solo.run_epoch() for _ in range(2)]
            WeightsFolder(study.folder / WEIGHTS).write(number, solo.weights(rows.about))
            assert solo.best.epoch is not None
            ledger.append_trial(
                TrialRow(
                    trial=number, attempt=1, seed=0, outcome=Outcome.COMPLETED, params=params, epochs=2,
                    value=solo.best.value, best_epoch=solo.best.epoch, metrics=told[solo.best.epoch - 1].metrics,
                )
            )  # fmt: skip
    return study.folder
