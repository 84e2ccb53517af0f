"""The look at the test rows when a study has ended: its winner and the published default, scored once.

A search does it in a process of its own (``cluster/look_process.py``), because its driver imports no torch. The caller
holds the study's lock. What was measured is in the ledger before anybody is shown it, so a look that somebody has seen
is counted. Yardsticks are scored by the report, which measures them.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError, SparringError, UsageError
from ..ledger import Ledger, Look, read_looks, read_study, trial_rows
from ..ledger.looks import test_name
from ..ledger.ranking import is_ranked
from ..ledger.weights import WEIGHTS, WeightsFolder
from ..models.own import allow_json
from ..records import Interval, TrialRow
from .fresh_seeds import find_winner
from .intervals import difference
from .searched_data import spoilt_figures
from .study import Study, load_ood, reopen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from ..models.base import Model


def is_due(study: Study) -> bool:
    """Are there test rows and a winner, and has a trial ended since they were looked at, or does another one win?

    study: one whose budget is spent.
    """
    if not len(study.split.test):
        return False
    ended, looks = trial_rows(study.folder), read_looks(study.folder)
    winner = find_winner(study.folder, ended)
    return winner is not None and not (looks and looks[-1].trials >= len(ended) and looks[-1].trial == winner.trial)


def look(folder: Path, study: Study | None = None) -> Look:
    """Scores the study's winner and default on its test rows and commits that. Hold the study's lock.

    study: the folder's, reopened already.

    Raises DataError or UsageError if the data have changed or gone, or the winner's weights are not kept; LedgerError.
    """
    study, document = study or reopen(folder), read_study(folder)
    if study.dataset.sha256 != document["identity"]["data_sha256"]:
        raise DataError(f"data set {study.spec.dataset}: it has changed since the search")
    ended, looks = trial_rows(folder), read_looks(folder)
    best = find_winner(folder, ended)
    baseline = next((row for row in ended if row.trial == 0 and is_ranked(row)), None)
    winner = {} if best is None else _examine(study, best)
    if best is None or not winner:
        raise UsageError(f"study {study.spec.name}: its winner's weights are not kept, so it cannot be scored")
    default = {} if baseline is None or baseline.trial == best.trial else _examine(study, baseline)
    seen = Look(
        number=len(looks) + 1, trial=best.trial, trials=len(ended), rows=len(study.split.test), winner=winner,
        default=default, difference=_differences(winner, default, spoilt_figures(study.space)),
    )  # fmt: skip
    with Ledger(folder, kinds=document["kinds"], metrics=document["metrics"]) as ledger:
        ledger.append_look(seen)
    return seen


def _examine(study: Study, row: TrialRow) -> dict[str, Interval]:
    """A trial's figures on the test rows, by ``test/…``; none if its weights are not kept."""
    packed = WeightsFolder(study.folder / WEIGHTS).read(row.trial)
    if packed is None:
        return {}
    import torch

    from .row_intervals import measure_model

    if study.space.searches_data:
        study = reopen(study.folder, row.params)  # the same rows, as its own options of the data have them
    torch.set_num_threads(1)  # as training does: the same figures to the last digit, whatever the machine
    model = _build(study, row, packed)
    figures = measure_model(model, study.split.test, partial(_take, study))
    return {test_name(name): figure for name, figure in figures.items()}


def _build(study: Study, row: TrialRow, packed: bytes) -> Model:
    """The trial's model with its best epoch's weights, in eval mode.

    What validation compares with is fitted to the training rows, for not all of it is among the weights.
    """
    import torch

    from ..models import find_model
    from ..models.weights import fill

    config = study.space.config(row.params)
    model = find_model(study.spec.model)(config, study.dataset.shapes)
    model.prepare(_take(study, _to_prepare(study)))
    fill(model, packed, f"{study.folder / WEIGHTS}: trial {row.trial}")
    ood = load_ood(config, study.space.where, study.dataset)
    if ood is not None:
        model.set_ood_samples({name: torch.from_numpy(rows) for name, rows in ood.fields.items()})
    return model.eval()


def _to_prepare(study: Study) -> NDArray[np.int64]:
    """The training rows; of a file that may be larger than memory only those at which its systems look."""
    import numpy as np

    from ..models.autoencoder import reference_rows

    train, fields = study.split.train, [study.dataset.fields[name] for name in study.config_class.fields]
    mapped = [values for values in fields if isinstance(values, np.memmap)]
    return train[: min(reference_rows(values.shape[1:]) for values in mapped)] if mapped else train


def _take(study: Study, rows: NDArray[np.int64]) -> dict[str, Tensor]:
    import numpy as np
    import torch

    fields = study.dataset.fields
    names = study.config_class.taken(fields)
    return {name: torch.from_numpy(np.ascontiguousarray(fields[name][rows])) for name in names}


def _differences(
    winner: Mapping[str, Interval], default: Mapping[str, Interval], spoilt: Collection[str]
) -> dict[str, Interval]:
    """Winner less default, figure by figure. spoilt: validation figures that do not compare between the two."""
    left_out = set(map(test_name, spoilt))
    return {
        name: difference(figure, default[name])
        for name, figure in winner.items()
        if name in default and name not in left_out
    }


def main(folder: str) -> int:
    """``look`` from a command line: the exit code, and what is wrong as one line on standard error.

    On standard input stands a line of the model as ``OwnModel.to_json`` wrote it, if it is the user's own. The next
    line says that the study has ended; torch and the data are loaded until it comes. If it does not, nothing is done.
    """
    try:
        if own := sys.stdin.readline().strip():
            allow_json(own)
        study = reopen(Path(folder))
        from . import row_intervals  # noqa: F401  torch, before anybody waits

        if sys.stdin.readline():
            look(Path(folder), study)
    except (SparringError, OSError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0
