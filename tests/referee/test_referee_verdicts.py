"""Which trials the referee stops, and by which figure."""

from __future__ import annotations

import math
import pickle

import pytest
from support.referee import RAW, SPACE, epoch, make, run, score, train

from sparring.ledger import attempt_rows, trial_rows
from sparring.records import WAIT, Objective, Outcome, Verdict


def test_the_referee_gets_a_space_that_needs_no_model():
    """Whoever receives it imports nothing of the model's, so no torch."""
    assert b"Toy" in pickle.dumps(SPACE)
    assert b"Toy" not in pickle.dumps(SPACE.without_model())
    assert SPACE.without_model().baseline() == SPACE.baseline()


def test_trial_0_is_the_published_default_and_is_never_pruned(folder):
    referee = make(folder, trials=4)
    assert [referee.ask() for _ in range(3)] == [0, 1, 2]
    assert attempt_rows(folder)[0].params == {"lr": 0.01, "loss": "mse", "w": 0.0}
    train(referee, 1)
    train(referee, 0)
    rows = {row.trial: row for row in trial_rows(folder)}
    assert rows[0].outcome is Outcome.COMPLETED
    assert rows[0].value == pytest.approx(score(0, 9))


def test_the_search_hands_out_exactly_its_budget(folder):
    referee = make(folder, trials=5)
    assert [referee.ask() for _ in range(7)] == [0, 1, 2, 3, 4, WAIT, WAIT]
    for number in range(5):
        train(referee, number)
    assert referee.ask() is None
    assert len(trial_rows(folder)) == 5


def test_halving_pauses_the_worse_two_thirds_at_a_rung(folder):
    referee = make(folder, trials=12)
    numbers = [referee.ask() for _ in range(12)]
    for number in numbers:
        referee.start(number, f"t{number}")
    verdicts = {}
    for number in (3, 1, 2, 4, 5, 6, 7, 8, 9, 0):
        verdicts[number] = referee.report([epoch(number, 1)]).verdict
    # Seen in this order: 3 is first; 1 beats it; of n seen, the best max(1, n // 3) go on.
    assert verdicts[3] is Verdict.GO_ON
    assert verdicts[1] is Verdict.GO_ON
    assert all(verdicts[n] is Verdict.PAUSE for n in (2, 4, 5, 6, 7, 8, 9))
    assert verdicts[0] is Verdict.GO_ON
    assert not trial_rows(folder)


def test_a_space_with_one_rung_judges_nobody_before_a_third_of_the_epochs(folder):
    referee = make(folder, trials=12, space={**RAW, "rungs": 1})
    numbers = [referee.ask() for _ in range(12)]
    for number in numbers:
        referee.start(number, f"t{number}")
    upto = {n: [referee.report([epoch(number, n)]).verdict for number in numbers] for n in (1, 2, 3)}
    assert {*upto[1], *upto[2]} == {Verdict.GO_ON}
    assert upto[3].count(Verdict.PAUSE) == 10, "all but the default and the first of the others, which is the best"


def test_who_is_paused_when_nothing_is_left_ends_as_pruned(folder):
    referee = make(folder, trials=5)
    assert run(referee) == [0, 1, 2, 3, 4]
    row = next(row for row in trial_rows(folder) if row.trial == 4)
    assert (row.outcome, row.epochs, row.best_epoch, row.value) == (Outcome.PRUNED, 1, 1, score(4, 1))


@pytest.mark.fault(42, stand_in=True)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_non_finite_figure_ends_the_trial_as_diverged_and_never_reaches_the_sampler(folder, value):
    referee = make(folder)
    referee.ask()
    referee.start(0, "a")
    referee.report([epoch(0, 1)])
    assert referee.report([epoch(0, 2, value=value)]).verdict is Verdict.DIVERGED
    (row,) = trial_rows(folder)
    assert (row.outcome, row.value, row.best_epoch) == (Outcome.DIVERGED, None, None)
    assert row.error == f"val/score became {'NaN' if math.isnan(value) else 'infinite'}"
    (told,) = referee.trials.study.optuna.trials
    assert (told.state.name, told.value, told.constraints) == ("PRUNED", None, {"health": 1.0})
    assert referee.snapshot().best is None


def test_pruned_trials_are_told_to_optuna_with_their_epoch_and_best_value(folder):
    referee = make(folder)
    for _ in range(3):
        referee.ask()
    train(referee, 1)
    assert train(referee, 2) is Verdict.PAUSE
    trials = referee.trials.study.optuna.trials
    assert trials[1].state.name == "COMPLETE"
    assert trials[1].value == pytest.approx(score(1, 9))
    shown = referee.trials.study.optuna.get_trials(deepcopy=False)[2]
    assert (shown.state.name, shown.intermediate_values) == ("PRUNED", {1: score(2, 1)})
    while (number := referee.ask()) is not None and number != WAIT:
        train(referee, number, token="next")
    assert trials[2].state.name == "RUNNING"  # as it was


def test_the_best_epoch_counts_not_the_last(folder):
    referee = make(folder)
    referee.ask()
    referee.start(0, "a")
    for n, value in enumerate((3.0, 1.0, 2.0), start=1):
        referee.report([epoch(0, n, value=value)], last=n == 3)
    (row,) = trial_rows(folder)
    assert (row.value, row.best_epoch, row.epochs) == (1.0, 2, 3)


def test_maximised_objectives_are_judged_the_other_way(folder):
    referee = make(folder, objectives=(Objective(metric="val/score", goal="maximize"),))
    for number in range(3):
        referee.ask()
        referee.start(number, f"{number}")
    assert referee.report([epoch(1, 1, value=0.5)]).verdict is Verdict.GO_ON
    assert referee.report([epoch(2, 1, value=0.4)]).verdict is Verdict.PAUSE
    referee.report([epoch(1, n, value=0.5 + n / 10) for n in range(2, 10)], last=True)
    assert referee.snapshot().best.value == pytest.approx(1.4)
