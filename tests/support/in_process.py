"""A search without Ray: trains the first points of a study in this process, and leaves what a search leaves."""

from __future__ import annotations

from rich.console import Console

from sparring.cluster.session import _sum_up
from sparring.ledger import Ledger
from sparring.ledger.weights import WeightsFolder
from sparring.models import find_model
from sparring.records import AttemptRow, EpochRow, Outcome, Trial, TrialRow
from sparring.study import Study, open_folder
from sparring.study.look import look
from sparring.training.batches.mapped_rows import as_rows
from sparring.training.loop import TrialTraining

TRIALS = 2


def conduct(study: Study, address: str | None, console: Console, mirror: object = None, *, aside: str = "") -> int:
    """Takes the place of ``cluster.session.conduct``: trial 0 and the first point to try, one after the other."""
    study.folder.mkdir(parents=True, exist_ok=True)
    open_folder(study)
    train, valid, ood = (as_rows(study.rows(part)) for part in ("train", "valid", "ood"))
    objective, weights = study.spec.objective, WeightsFolder(study.folder / "weights")
    with Ledger(study.folder, kinds=study.space.kinds, metrics=study.config_class.emitted(), wait_s=0) as ledger:
        for number, params in enumerate(study.space.known[:TRIALS]):
            trial = Trial(number=number, params=params, seed=study.spec.seed)
            ledger.append_attempt(AttemptRow(trial=number, attempt=1, seed=trial.seed, params=params))
            training = TrialTraining(
                find_model(study.spec.model), study.space.config(params), train, valid, trial=trial,
                objective=objective, ood=ood,
            )  # fmt: skip
            told = [training.run_epoch() for _ in range(study.epochs)]
            weights.write(number, training.weights())
            best = told[training.best.epoch - 1]
            ledger.append_epochs(
                [
                    EpochRow(trial=number, attempt=1, epoch=n, wall_s=0.1, metrics=each.metrics)
                    for n, each in enumerate(told, 1)
                ]
            )
            ledger.append_trial(
                TrialRow(
                    trial=number, attempt=1, seed=trial.seed, outcome=Outcome.COMPLETED, params=params,
                    epochs=study.epochs, value=training.best.value, best_epoch=best.epoch,
                    metrics=dict(best.metrics), wall_s=0.1 * study.epochs,
                )
            )  # fmt: skip
    if len(study.split.test):
        look(study.folder)
    _sum_up(study, console, "")
    return 0
