"""A study of one system, begun and trained without Ray as a search would leave it, and a bundle of its winner."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from support.systems import few_rows, small, space_of
from support.verbs import OWN

from sparring.ledger import Ledger
from sparring.ledger.weights import WeightsFolder
from sparring.models import find_model
from sparring.production.handover.candidate import Candidate, open_candidate
from sparring.production.handover.promotion import first_card, stage
from sparring.records import Outcome, Trial, TrialRow
from sparring.space import write_toml
from sparring.study import Limits, open_folder, prepare
from sparring.training.batches.mapped_rows import as_rows
from sparring.training.loop import TrialTraining

QUIET = Console(quiet=True)
STEPS = 2
PARAMS = {"batch_size": 50}
"""The one value that its space searches."""


def searched(place: Path, name: str, *, epochs: int = 1, seed: int = 0, rows: int = 150, split: str = "80/20") -> Path:
    """The folder of a study of two completed trials, the second worse and without weights."""
    space = space_of(name)
    wanted = {**small(name), **OWN.get(name, {}), "epochs": epochs, "steps_per_epoch": STEPS}
    fixed = {key: value for key, value in wanted.items() if value is not None and key not in PARAMS}
    raw = {key: space.raw[key] for key in ("model", "dataset", "objectives")}
    raw |= {"fixed": fixed, "defaults": PARAMS, "search": {"batch_size": {"int": [40, 60]}}}
    raw |= {"data": few_rows(space, n=rows), "split": split}
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{name}.toml"
    path.write_text(write_toml(raw), encoding="utf-8")
    study = prepare(
        name, space=str(path), results=place / "results", name=f"{name}-{seed}",
        limits=Limits(trials=2, slots=1, seed=seed), address="none",
    )  # fmt: skip
    study.folder.mkdir(parents=True, exist_ok=True)
    open_folder(study)
    training = TrialTraining(
        find_model(name),
        study.space.config(PARAMS),
        as_rows(study.rows("train")),
        as_rows(study.rows("valid")),
        trial=Trial(number=0, params=PARAMS, seed=seed),
        objective=study.spec.objective,
    )
    told = [training.run_epoch() for _ in range(epochs)]
    WeightsFolder(study.folder / "weights").write(1, training.weights())
    best = told[training.best.epoch - 1]
    worse = training.best.value + study.spec.objective.sign * abs(training.best.value)
    with Ledger(study.folder, kinds=study.space.kinds, metrics=study.config_class.emitted(), wait_s=0) as ledger:
        for number, value in ((0, worse), (1, training.best.value)):
            ledger.append_trial(
                TrialRow(
                    trial=number, attempt=1, seed=seed, outcome=Outcome.COMPLETED, params=PARAMS, epochs=epochs,
                    value=value, best_epoch=best.epoch, metrics=dict(best.metrics),
                )
            )  # fmt: skip
    return study.folder


def candidate_of(folder: Path, *, is_refit: bool = False) -> Candidate:
    return open_candidate(folder, None, is_refit=is_refit, console=QUIET)


def staged(candidate: Candidate, folder: Path) -> Path:
    """The bundle of a candidate, as it is checked."""
    stage(candidate, folder, first_card(candidate, candidate.study.spec.model, {}))
    return folder
