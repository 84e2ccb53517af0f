"""Where a race names another winner than the search, all that ask for the winner get that one, and its weights."""

from __future__ import annotations

import shutil

import pytest
from rich.console import Console

from sparring.cli.from_python import FoundStudy
from sparring.cluster.retraining import retrain
from sparring.display import show
from sparring.errors import UsageError
from sparring.ledger import Ledger, read_looks, refit_trials, retraining_rows, trial_rows
from sparring.ledger.checkpoints import CheckpointFolder
from sparring.ledger.weights import WeightsFolder
from sparring.models import find_model
from sparring.production.handover.candidate import open_candidate
from sparring.production.loading.study_winner import read_winner
from sparring.records import REFIT, Outcome, Retraining, Trial, TrialRow
from sparring.referee.referee import Referee
from sparring.report import read_report
from sparring.report.overview import list_studies, read_trial
from sparring.study import Limits, open_folder, prepare
from sparring.study.fresh_seeds import due, hold_race
from sparring.study.look import is_due, look
from sparring.study.pinning import pin_trial
from sparring.training.batches.mapped_rows import as_rows
from sparring.training.loop import TrialTraining

SEARCHED, RACED = 1, 2
"""Whom the search found the best, and whom fresh seeds name."""
FOUND = {0: 1.4, SEARCHED: 0.99, RACED: 1.0}
AGAIN = {0: 1.4, SEARCHED: 1.3, RACED: 1.0}
"""Figures of the search, and of fresh seeds but for their noise, over that of trial 2."""


class Trainer:
    """Fresh seeds have made-up figures; the winner is trained in earnest, by what the cluster's task calls."""

    def __init__(self, study, value):
        self.study, self.value, self.refits = study, value, []

    def __call__(self, jobs):
        for job in jobs:
            if job.role == REFIT:
                self.refits.append(job)
                rows = [self.study.rows(part) for part in ("train", "valid")]
                yield retrain(self.study.spec, None, *rows, {}, None, job)
            else:
                luck = 1 + 0.02 * (job.seed % 3 - 1)
                told = {"outcome": Outcome.COMPLETED, "best_epoch": 1, "epochs": 2, "asked": job.asked}
                value = self.value * AGAIN[job.trial] * luck
                yield Retraining(trial=job.trial, seed=job.seed, role=job.role, value=value, **told)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search that has ended, with weights of the default and of its best, and the true figure of the third trial."""
    study = prepare(
        "aegan", settings=["hidden_size=8", "epochs=2", "data.n=80", "batch_size=16"], name="raced",
        results=tmp_path_factory.mktemp("results"), limits=Limits(trials=24, slots=1, race="24"), split="75/15/10",
    )  # fmt: skip
    open_folder(study)
    params = {trial: {**study.space.baseline(), "lr_gen": 0.002 + 0.001 * trial} for trial in FOUND}
    training = TrialTraining(
        find_model("aegan"), study.space.config(params[RACED]), as_rows(study.rows("train")),
        as_rows(study.rows("valid")), trial=Trial(number=RACED, params={}, seed=0), objective=study.spec.objective,
    )  # fmt: skip
    told = [training.run_epoch() for _ in range(2)]
    best, value = told[training.best.epoch - 1], training.best.value
    for trial in (0, SEARCHED):
        WeightsFolder(study.folder / "weights").write(trial, training.weights())
    with Ledger(study.folder, kinds=study.space.kinds, metrics=study.config_class.emitted(), wait_s=0) as ledger:
        for trial, share in FOUND.items():
            ledger.append_trial(
                TrialRow(trial=trial, attempt=1, seed=0, outcome=Outcome.COMPLETED, params=params[trial], epochs=2,
                         value=share * value, best_epoch=best.epoch, metrics=dict(best.metrics))
            )  # fmt: skip
    return study, value, training.weights()


@pytest.fixture(scope="module")
def raced(searched):
    """The same after its race, which fresh seeds decide otherwise than the search."""
    study, value, weights = searched
    assert read_winner(study.folder).folder.name == f"trial-{SEARCHED}"  # before it
    look(study.folder)
    trainer = Trainer(study, value)
    hold_race(study.folder, study.spec, study.epochs, trainer)
    return study, trainer, weights


def test_the_winner_is_trained_once_more_and_has_the_weights_that_the_search_had(raced):
    study, trainer, weights = raced
    assert [(job.trial, job.seed) for job in trainer.refits] == [(RACED, 0)]
    assert WeightsFolder(study.folder / "weights").read(RACED) == weights
    assert refit_trials(study.folder) == {RACED}
    assert {row.role for row in retraining_rows(study.folder)}.isdisjoint({REFIT})
    assert due(study.folder, study.spec, study.epochs) == ()


def test_whoever_asks_for_the_winner_gets_the_one_of_the_conclusion(raced):
    study = raced[0]
    report, candidate = (
        read_report(study.folder, yardsticks=False),
        open_candidate(study.folder, None, is_refit=False, console=Console(quiet=True)),
    )
    found = {
        "predict": read_winner(study.folder).folder.name, "best": pin_trial(study.folder).row.trial,
        "promote": candidate.pinned.row.trial, "its weights": candidate.source.folder.name, "report": report.best.trial,
        "show": read_trial(study.folder).row.trial, "Python": FoundStudy(study.folder).best.trial,
    }  # fmt: skip
    trial = f"trial-{RACED}"
    assert found == dict.fromkeys(found, RACED) | {"predict": trial, "its weights": trial}
    reached = list_studies(study.folder.parent)[0][4]
    assert reached == f"val/score {show(trial_rows(study.folder)[RACED].value)}"
    assert pin_trial(study.folder).claim.startswith(f"Trial {RACED} wins")


def test_the_test_rows_are_looked_at_again_by_another_winner(raced):
    study = raced[0]
    assert is_due(study)
    look(study.folder)
    assert [seen.trial for seen in read_looks(study.folder)] == [SEARCHED, RACED]
    assert not is_due(study)
    assert read_report(study.folder, yardsticks=False).held_out.look.trial == RACED


def test_a_search_that_goes_on_keeps_the_winner_s_weights(raced):
    study = raced[0]
    weights = WeightsFolder(study.folder / "weights")
    shelf, metrics = CheckpointFolder(study.folder / "checkpoints"), study.config_class.emitted()
    Referee(study.folder, study.spec, study.space, shelf, epochs=2, metrics=metrics, weights=weights).close()
    assert weights.trials == [0, SEARCHED, RACED]


def test_a_refit_that_failed_is_not_tried_for_ever_and_predict_says_what_to_do(searched, tmp_path):
    study, value, _ = searched
    folder = tmp_path / "raced"
    shutil.copytree(study.folder, folder)
    shutil.rmtree(folder / "retrainings", ignore_errors=True)
    WeightsFolder(folder / "weights").keep({0, SEARCHED})
    trainer = Trainer(study, value)

    def train(jobs):
        for job in jobs:
            if job.role == REFIT:
                yield Retraining(trial=job.trial, seed=job.seed, role=REFIT, outcome=Outcome.DIVERGED)
            else:
                yield from trainer([job])

    hold_race(folder, study.spec, study.epochs, train)
    with pytest.raises(UsageError, match=f"the weights of trial {RACED} are not kept; there are weights of: 0, 1"):
        read_winner(folder)
