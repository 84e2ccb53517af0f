"""Pruners in a whole search: every one decides after a kill as it would have, by one objective and by several."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.random import default_rng
from support.referee import RAW, Clock, Shelf, Toy, kill

from sparring.ledger import epoch_rows, trial_rows, write_study
from sparring.records import PRUNERS, WAIT, EpochRow, Objective, Outcome, StudySpec, Verdict
from sparring.referee.pruners import make_pruner
from sparring.referee.referee import Referee
from sparring.referee.rungs import Judge
from sparring.referee.standing import Reached
from sparring.space import Space

SCORE, LIKENESS = Objective(metric="val/score"), Objective(metric="val/ms_ssim", goal="maximize")
METRICS = [SCORE.metric, LIKENESS.metric]
SPACE = Space(RAW, Toy)


def make(folder, *, pruner, objectives=(SCORE,), sampler="random", shelf=None):
    spec = StudySpec(
        name="s", model="toy", dataset="none", trials=30, space=RAW, objectives=objectives, pruner=pruner,
        sampler=sampler,
    )  # fmt: skip
    if not folder.exists():
        folder.mkdir()
        write_study(folder, {"spec": {"name": "s"}, "kinds": SPACE.kinds, "metrics": METRICS})
    return Referee(
        folder, spec, SPACE.without_model(), shelf or Shelf(), epochs=27, metrics=METRICS, clock=Clock(), wait_s=1.0
    )


def figures(number, n):
    """Noisy curves that fall to a level of their own; likeness prefers other trials than the score."""
    chance = default_rng([number, n])
    level = default_rng(number).random()
    return level + 2.0 / n + 0.1 * chance.random(), 1.0 - (level - 0.7) ** 2 - 0.5 / n


def search(referee, *, calls):
    """Up to so many steps of a slot that trains whatever it is handed."""
    for call in range(calls):
        number = referee.ask()
        if number is None or number == WAIT:
            return
        start = referee.start(number, f"slot-{call}")
        begun = int(start.checkpoint.split()[1]) if start.checkpoint else 0
        for n in range(begun + 1, 28):
            row = EpochRow(
                trial=number, attempt=start.trial.attempt, epoch=n, wall_s=0.1,
                metrics=dict(zip(METRICS, figures(number, n), strict=True)),
            )  # fmt: skip
            verdict = referee.report([row], last=n == 27).verdict
            if verdict is Verdict.PAUSE:
                referee.leave(number, start.trial.attempt, f"{number} {n}".encode())
            if verdict is not Verdict.GO_ON:
                break


def decisions(referee, folder, objectives):
    """What the pruner would say of every trial at every rung that it has come by."""
    pruner = referee._judge._pruner
    curves = {}
    for row in epoch_rows(folder):
        curves.setdefault(row.trial, {})[row.epoch] = tuple(each.sign * row.metrics[each.metric] for each in objectives)
    said = {}
    for trial, curve in curves.items():
        for rung in pruner.rungs_of(trial):
            if rung in curve:
                until = {n: curve[n] for n in curve if n <= rung}
                values = {n: each[0] for n, each in until.items()}
                reached = Reached(number=trial, epoch=rung, figures=min(until.values()), values=values)
                said[trial, rung] = pruner.judge(reached), pruner.score(reached)
    return said


BY_SEVERAL = ("halving", "hyperband", "median")


@pytest.mark.parametrize(
    ("name", "objectives"),
    [*((name, (SCORE,)) for name in PRUNERS), *((name, (SCORE, LIKENESS)) for name in BY_SEVERAL)],
)
def test_a_search_that_was_killed_goes_on_by_the_same_rule(tmp_path, name, objectives):
    folder, shelf = tmp_path / "study", Shelf()
    referee = make(folder, pruner=name, objectives=objectives, shelf=shelf)
    search(referee, calls=22)
    referee.trials.flush()
    before = decisions(referee, folder, objectives)
    kill(referee)
    back = make(folder, pruner=name, objectives=objectives, shelf=shelf)
    assert decisions(back, folder, objectives) == before
    search(back, calls=200)
    outcomes = Counter(row.outcome for row in trial_rows(folder))
    assert outcomes.keys() <= {Outcome.COMPLETED, Outcome.PRUNED}
    assert outcomes.total() == 30
    assert (outcomes[Outcome.PRUNED] > 0) == (name != "none")
    assert any(said for said, _ in before.values()) == (name != "none")


def test_of_an_ended_trial_the_first_of_its_best_epochs_counts_and_none_that_is_not_finite():
    pruner = make_pruner("halving", 9)
    trial, epoch = np.array([0, 0, 0, 1, 1, 1, 2, 3]), np.array([1, 2, 3, 1, 2, 3, 1, 1])
    figures = np.array([[5, 1], [2, 7], [2, 3], [4, 4], [4, 2], [9, 0], [3, np.nan], [6, 6]])
    Judge(pruner).recall_ended(trial, epoch, figures)
    assert pruner.scores(1) == [0, 0, 2]  # of (5, 1), (4, 4) and (6, 6)
    assert [pruner.score(Reached(number=0, epoch=3, figures=best)) for best in ((2, 7), (4, 4))] == [0, 0]


@pytest.mark.parametrize("sampler", ["prior", "tpe", "nsga2"])
def test_samplers_draw_by_several_objectives_beside_trials_that_are_paused(tmp_path, sampler):
    folder, shelf = tmp_path / "study", Shelf()
    first = make(folder, pruner="halving", objectives=(SCORE, LIKENESS), sampler=sampler, shelf=shelf)
    search(first, calls=20)
    kill(first)
    search(make(folder, pruner="halving", objectives=(SCORE, LIKENESS), sampler=sampler, shelf=shelf), calls=200)
    outcomes = Counter(row.outcome for row in trial_rows(folder))
    assert outcomes.total() == 30
    assert outcomes[Outcome.PRUNED] > 5
