"""The referee after a kill: what it keeps, hands out again and judges again."""

from __future__ import annotations

from support.referee import Clock, Shelf, epoch, kill, make, train

from sparring.errors import LedgerError
from sparring.ledger import attempt_rows, epoch_rows, trial_rows
from sparring.records import WAIT, Outcome, Verdict


def test_a_resumed_study_keeps_the_finished_and_hands_out_the_unfinished_first(folder):
    shelf = Shelf()
    referee = make(folder, shelf=shelf)
    for _ in range(4):
        referee.ask()
    train(referee, 1)
    train(referee, 0, upto=1)
    before = {row.trial: row for row in trial_rows(folder)}
    begun = {row.trial: row.params for row in attempt_rows(folder)}
    kill(referee)

    resumed = make(folder, shelf=shelf)
    handed = [resumed.ask() for _ in range(9)]
    unfinished = [0, 2, 3]
    assert handed == [*unfinished, 4, 5, 6, 7, WAIT, WAIT]
    start = resumed.start(unfinished[0], "t0")
    assert start.trial.attempt == 2
    assert dict(start.trial.params) == begun[unfinished[0]]
    for number in handed[:7]:
        resumed.start(number, f"t{number}")
        resumed.report([epoch(number, n, 2 if number in unfinished else 1) for n in range(1, 10)], last=True)
    assert resumed.ask() is None
    after = {row.trial: row for row in trial_rows(folder)}
    assert sorted(after) == list(range(8))
    assert all(after[number] == row for number, row in before.items())


def test_an_unheard_rung_is_judged_when_the_trial_comes_back(folder):
    """Its slot finished epochs 1 and 2 and checkpointed; the referee died before it heard of either."""
    shelf = Shelf()
    referee = make(folder, shelf=shelf)
    for _ in range(4):
        referee.ask()
    train(referee, 1, upto=4)
    referee.start(3, "lost")
    shelf.kept[3] = b"3 2"
    referee.trials.flush()
    kill(referee)

    resumed = make(folder, shelf=shelf)
    assert 3 in [resumed.ask() for _ in range(4)]
    assert resumed.start(3, "again") is None
    assert resumed.snapshot().paused == 1
    resumed.trials.flush()
    assert [row.epoch for row in epoch_rows(folder) if row.trial == 3] == [1, 2]


def test_a_trial_in_training_while_the_referee_came_back_is_not_handed_out_again(folder):
    referee = make(folder)
    for _ in range(2):
        referee.ask()
    referee.start(0, "a")
    referee.report([epoch(0, 1)])
    kill(referee)
    back = make(folder)
    # Epoch 1 had not reached the ledger; the slot tells it again.
    assert back.report([epoch(0, 1), epoch(0, 2)]).verdict is Verdict.GO_ON
    assert [back.ask(), back.ask()] == [1, 2]
    assert [trial.number for trial in back.snapshot().running] == [0]
    assert back.start(0, "b").trial.attempt == 2


def test_a_trial_that_ends_while_it_waits_is_not_handed_out(folder):
    """A slot's last report and its next start are repeated to a referee that has just come back."""
    referee = make(folder)
    for _ in range(3):
        referee.ask()
    referee.start(0, "a")
    kill(referee)
    back = make(folder)
    back.report([epoch(0, n) for n in range(1, 10)], last=True)
    assert back.start(1, "b").trial.number == 1
    assert [back.ask(), back.ask()] == [2, 3]


def test_a_paused_trial_is_paused_still_when_the_referee_comes_back(folder):
    shelf = Shelf()
    referee = make(folder, shelf=shelf, trials=4)
    for _ in range(3):
        referee.ask()
    train(referee, 1)
    assert train(referee, 2) is Verdict.PAUSE
    kill(referee)
    back = make(folder, shelf=shelf, trials=4)
    assert [back.ask() for _ in range(3)] == [0, 3, WAIT]
    assert back.snapshot().paused == 1
    train(back, 0)
    train(back, 3)
    assert back.ask() is None
    assert {row.trial: row.outcome for row in trial_rows(folder)} == {
        0: Outcome.COMPLETED,
        1: Outcome.COMPLETED,
        2: Outcome.PRUNED,
        3: Outcome.PRUNED,
    }


def test_a_slot_that_dies_between_the_verdict_and_its_farewell_leaves_the_trial_paused(folder):
    referee = make(folder)
    for _ in range(3):
        referee.ask()
    train(referee, 1)
    referee.start(2, "a")
    assert referee.report([epoch(2, 1)]).verdict is Verdict.PAUSE
    assert referee.report([epoch(2, 1)]).verdict is Verdict.PAUSE  # a report that is repeated
    assert referee.start(2, "another slot") is None
    assert referee.snapshot().paused == 1


def test_a_rung_that_was_passed_is_not_judged_again(folder):
    shelf = Shelf()
    referee = make(folder, shelf=shelf)
    for _ in range(3):
        referee.ask()
    train(referee, 2, upto=2)
    train(referee, 1, upto=4)
    referee.trials.flush()
    kill(referee)
    resumed = make(folder, shelf=shelf)
    for _ in range(3):
        resumed.ask()
    assert resumed.start(2, "again") is not None


def test_a_torn_checkpoint_is_passed_over(folder):
    shelf = Shelf()
    referee = make(folder, shelf=shelf)
    referee.ask()
    shelf.kept[0] = b"torn"
    start = referee.start(0, "a")
    assert start is not None
    assert start.checkpoint is None


def test_epochs_not_yet_in_the_ledger_are_told_again_by_the_slot(folder):
    clock = Clock()
    referee = make(folder, clock=clock)
    referee.ask()
    referee.start(0, "a")
    assert referee.report([epoch(0, 1)]).durable == 0
    clock.now = 2.0
    assert referee.report([epoch(0, 1), epoch(0, 2)]).durable == 2
    assert [row.epoch for row in epoch_rows(folder)] == [1, 2]


def test_a_full_disk_stops_the_search_and_loses_nothing_committed(folder, monkeypatch):
    referee = make(folder)
    for _ in range(2):
        referee.ask()
    train(referee, 1)
    referee.start(0, "a")

    def refuse(*_rows):
        raise LedgerError("trials/: no space left on device")

    monkeypatch.setattr(referee.trials.ledger, "append_trial", refuse)
    answer = referee.report([epoch(0, n) for n in range(1, 10)], last=True)
    assert answer.verdict is Verdict.STOP
    assert referee.ask() is None
    assert referee.start(0, "b") is None
    assert referee.snapshot().broken == "trials/: no space left on device"
    referee.close()
    monkeypatch.undo()
    back = make(folder)
    assert [row.trial for row in trial_rows(folder)] == [1]
    assert back.ask() == 0


def test_a_trial_that_reports_all_its_epochs_at_once_counts_at_its_rungs(folder):
    """The referee came back and had heard nothing; the slot repeats everything with the last epoch."""
    referee = make(folder)
    for number in range(3):
        referee.ask()
        referee.start(number, f"t{number}")
    referee.report([epoch(1, n) for n in range(1, 10)], last=True)
    assert [row.outcome for row in trial_rows(folder)] == [Outcome.COMPLETED]
    assert referee.report([epoch(2, 1)]).verdict is Verdict.PAUSE  # who comes first at a rung goes on


def test_a_trial_that_fails_its_first_rung_counts_at_the_next_one_too(folder):
    """Its checkpoint knows three epochs of which the referee has not heard."""
    shelf = Shelf()
    referee = make(folder, shelf=shelf, trials=4)
    assert [referee.ask() for _ in range(4)] == [0, 1, 2, 3]
    train(referee, 1, upto=1)
    shelf.kept[2] = b"2 3"
    assert referee.start(2, "again") is None
    referee.start(3, "t3")
    assert referee.report([epoch(3, n, value=1.0) for n in (1, 2)]).verdict is Verdict.GO_ON
    assert referee.report([epoch(3, 3, value=5.0)]).verdict is Verdict.PAUSE  # who comes first at a rung goes on
