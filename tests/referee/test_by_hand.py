"""Trials put in line and stopped by hand while a search runs: carried out once, whatever is killed when."""

from __future__ import annotations

import shutil
from contextlib import suppress

import pytest
from support.frail import FrailDisk, Killed
from support.referee import SPACE, Shelf, epoch, kill, make, run, train

from sparring.ledger import attempt_rows, epoch_rows, queued_trials, trial_rows
from sparring.ledger.inbox import Inbox
from sparring.records import QUEUED, Outcome, Verdict
from sparring.referee.trials import BY_HAND

MINE = SPACE.complete({"lr": 0.25, "loss": "wcc", "width": 7})
OTHER = SPACE.complete({"lr": 0.125})


def values_of(folder):
    return {row.trial: dict(row.params) for row in attempt_rows(folder)}


def test_what_is_put_in_line_runs_next_in_its_order_and_to_its_end(folder):
    """Whole trials of a worse number are stopped at a rung here; these two are the worst of all and finish."""
    referee = make(folder)
    for _ in range(4):
        train(referee, referee.ask())
    inbox = Inbox(folder)
    inbox.ask(params=MINE)
    inbox.ask(params=OTHER)
    assert [referee.ask(), referee.ask()] == [4, 5]
    assert inbox.waiting() == []
    assert values_of(folder)[4] == MINE
    assert values_of(folder)[5] == OTHER
    for number in (4, 5):
        referee.start(number, f"mine-{number}")
        for n in range(1, 10):
            told = referee.report([epoch(number, n, value=90.0)], last=n == 9).verdict
            assert told is (Verdict.GO_ON if n < 9 else Verdict.STOP)
    run(referee)
    rows = {row.trial: row for row in trial_rows(folder)}
    assert {rows[number].outcome for number in (4, 5)} == {Outcome.COMPLETED}
    assert queued_trials(folder) == {4, 5}
    assert len(rows) == 8, "they are among the budget's"
    assert [dict(each.params) for each in rows.values()].count(MINE) == 1


def test_one_is_run_beyond_the_budget_and_after_the_points_to_try_first(folder):
    referee = make(folder, trials=1)
    Inbox(folder).ask(params=MINE)
    assert run(referee) == [0, 1]
    Inbox(folder).ask(params=OTHER)
    assert (referee.ask(), referee.snapshot().trials) == (2, 3)
    kill(referee)
    resumed = make(folder, trials=1)
    assert run(resumed) == [2], "a resume goes on with it"
    assert (values_of(folder)[1], values_of(folder)[2]) == (MINE, OTHER)


@pytest.mark.parametrize("sampler", ["prior", "gp", "nsga2"])
def test_the_sampler_learns_of_it_as_of_any_other(folder, sampler):
    referee = make(folder, sampler=sampler, pruner="none", trials=5)
    Inbox(folder).ask(params=MINE)
    run(referee)
    (shown,) = (each for each in referee.trials.study.optuna.trials if each.system_attrs.get("source") == QUEUED)
    assert shown.values == [trial_rows(folder)[1].value]
    assert shown.params["lr"] == 0.25
    kill(referee)
    again = make(folder, sampler=sampler, pruner="none", trials=5)
    assert [each.system_attrs.get("source") for each in again.trials.study.optuna.trials][1] == QUEUED


@pytest.mark.parametrize("calls", range(12))
def test_killed_at_any_call_it_is_run_once(folder, monkeypatch, calls):
    disk = FrailDisk.under_the_ledger(monkeypatch)
    referee = make(folder, trials=1)
    train(referee, referee.ask())
    Inbox(folder).ask(params=MINE)
    disk.kill_after(calls)
    try:
        number = referee.ask()
        referee.start(number, "slot")
        disk.revive()
    except Killed:
        disk.revive()
    kill(referee)
    resumed = make(folder, trials=1)
    assert run(resumed) == [1]
    assert [row.params for row in trial_rows(folder)] == [SPACE.baseline(), MINE]
    assert queued_trials(folder) == {1}
    assert Inbox(folder).waiting() == []


@pytest.mark.parametrize("calls", range(12))
def test_asked_for_by_one_who_is_killed_it_is_there_whole_or_not_at_all(folder, monkeypatch, calls):
    folder.mkdir()
    disk = FrailDisk.under_the_ledger(monkeypatch)
    disk.kill_after(calls)
    with suppress(Killed):
        Inbox(folder).ask(params=MINE)
    assert [dict(each.params) for each in Inbox(folder).waiting()] in ([], [MINE])
    assert Inbox(folder).strays() == {}
    disk.revive()
    Inbox(folder).ask(params=OTHER)
    assert Inbox(folder).waiting()[-1].params == OTHER


@pytest.mark.parametrize("turn", ["running", "handed out", "paused", "unfinished"])
def test_a_stopped_trial_ends_with_its_reason_and_without_a_figure(folder, turn):
    shelf, options = Shelf(), {"trials": 4, "pruner": "halving" if turn == "paused" else "none"}
    referee = make(folder, shelf=shelf, **options)
    for _ in range(2):
        train(referee, referee.ask())
    number = referee.ask()
    if turn == "running":
        train(referee, number, upto=2)
    elif turn == "paused":
        assert train(referee, number) is Verdict.PAUSE
    elif turn == "unfinished":
        train(referee, number, upto=2)
        referee.trials.flush()
        kill(referee)
        referee = make(folder, shelf=shelf, **options)
    Inbox(folder).ask(stop=number)
    referee.follow(0)
    row = {row.trial: row for row in trial_rows(folder)}[number]
    assert (row.outcome, row.error, row.value, row.metrics) == (Outcome.STOPPED, BY_HAND, None, {})
    assert Inbox(folder).waiting() == []
    assert referee.start(number, "late") is None
    assert referee.report([epoch(number, 3)]).verdict in (Verdict.PRUNED, Verdict.STOP)
    assert run(referee) == [3], "the search goes on"
    assert len(epoch_rows(folder, [number])) == row.epochs


@pytest.mark.parametrize("sampler", ["prior", "tpe", "gp", "cmaes", "nsga2", "random"])
def test_no_sampler_hears_of_a_bad_figure_of_it(folder, sampler):
    referee = make(folder, sampler=sampler, pruner="none", trials=3)
    for _ in range(2):
        train(referee, referee.ask())
    number = referee.ask()
    train(referee, number, upto=2)
    Inbox(folder).ask(stop=number)
    referee.follow(0)
    shown = referee.trials.study.optuna.trials[number]
    assert (shown.state.name, shown.values, shown.intermediate_values) == ("FAIL", None, {})
    kill(referee)
    again = make(folder, sampler=sampler, pruner="none", trials=3)
    shown = again.trials.study.optuna.trials[number]
    assert (shown.state.name, shown.values) == ("FAIL", None)


@pytest.mark.parametrize("calls", range(16))
def test_killed_at_any_call_a_stop_is_carried_out_once_it_comes_back(folder, monkeypatch, calls):
    disk = FrailDisk.under_the_ledger(monkeypatch)
    shelf = Shelf()
    referee = make(folder, shelf=shelf)
    number = [referee.ask(), referee.ask()][1]
    train(referee, number, upto=2)
    Inbox(folder).ask(stop=number)
    disk.kill_after(calls)
    with suppress(Killed):
        referee.report([epoch(number, 3)])
    disk.revive()
    kill(referee)
    resumed = make(folder, shelf=shelf)
    resumed.follow(0)
    (row,) = trial_rows(folder)
    assert (row.trial, row.outcome) == (number, Outcome.STOPPED)
    assert Inbox(folder).waiting() == []


def test_requests_that_ask_for_nothing_are_put_aside_with_their_reason(folder):
    referee = make(folder)
    train(referee, referee.ask())
    inbox = Inbox(folder)
    inbox.ask(stop=0)
    inbox.ask(stop=77)
    inbox.ask(params=dict(SPACE.baseline()))  # tried by now
    inbox.ask(params={**MINE, "lr": 4.0})
    (inbox.folder / "9-torn.json").write_text('{"params": {"lr"')
    (inbox.folder / "9-other.json").write_text('{"stop": true}')
    (inbox.folder / "9-folder.json").mkdir()
    (inbox.folder / ".half.json.tmp").write_text("{")
    assert referee.ask() == 1
    assert values_of(folder)[1] not in (dict(SPACE.baseline()), MINE)
    assert inbox.waiting() == []
    assert len(referee.snapshot().torn) == 4
    assert any("4.0 lies outside" in part for part in referee.snapshot().torn)
    assert [path.name for path in inbox.folder.iterdir()] == [".half.json.tmp"]
    shutil.rmtree(inbox.folder)
    assert referee.ask() == 2
