"""Checkpoints of other trials, and attempts that a damaged ledger has lost."""

from __future__ import annotations

import math
import shutil

import pytest
import torch
from support.frail import Killed
from support.referee import RAW, SPACE, epoch, kill, make

from sparring.ledger import attempt_rows, epoch_rows, trial_rows, write_study
from sparring.ledger.checkpoints import CheckpointFolder, Progress, pack
from sparring.records import WAIT, Outcome, Verdict


@pytest.fixture
def shelf(folder):
    folder.mkdir()
    return CheckpointFolder(folder / "checkpoints")


def packed(trial, epochs):
    """What a slot packs that trained ``trial`` for so many epochs."""
    history = [{"metrics": {"val/score": 1.0 / n}, "wall_s": 0.5} for n in range(1, epochs + 1)]
    progress = Progress(
        trial=trial.number, attempt=trial.attempt, epoch=epochs, history=history, study=trial.study, seed=trial.seed,
        params=dict(trial.params),
    )  # fmt: skip
    return pack({"weight": torch.zeros(2)}, progress)


def leave(referee, number, epochs):
    """A slot that trains a trial for so many epochs, has a checkpoint taken, and is heard of no more."""
    start = referee.start(number, f"slot-{number}")
    for n in range(1, epochs + 1):
        told = epoch(number, n, start.trial.attempt, value=1.0 / n)
        assert referee.report([told], checkpoint=packed(start.trial, n)).verdict is Verdict.GO_ON
    return start.trial


def damage(folder, table, number):
    """One bit of the part that a trial's row came in."""
    (part,) = (folder / table).glob(f"*-t{number:05d}*.parquet")
    bytes_ = bytearray(part.read_bytes())
    bytes_[len(bytes_) // 2] ^= 1
    part.write_bytes(bytes_)


def test_a_checkpoint_of_a_deleted_study_is_taken_by_no_trial_of_its_number(folder, shelf):
    referee = make(folder, shelf=shelf)
    assert referee.ask() == 0
    leave(referee, 0, 5)
    kill(referee)
    for name in ("trials", "attempts", "epochs"):
        shutil.rmtree(folder / name)
    (folder / "study.json").unlink()
    write_study(folder, {"spec": {"name": "s", "seed": 7}, "kinds": SPACE.kinds, "metrics": ["val/score"]})

    another = make(folder, shelf=shelf, seed=7)
    assert another.ask() == 0
    start = another.start(0, "slot")
    assert start.checkpoint is None
    another.report([epoch(0, 1)], checkpoint=packed(start.trial, 1))
    another.trials.flush()
    assert [row.epoch for row in epoch_rows(folder)] == [1]
    assert [path.name[:18] for path in shelf.folder.iterdir()] == ["t00000-a001-e00001"], "the stray is gone"


@pytest.mark.parametrize("other", [{"seed": 1}, {"params": {"x": 0.9}}, {"study": "another"}])
def test_a_checkpoint_belongs_to_a_study_a_seed_and_values(folder, shelf, other):
    referee = make(folder, shelf=shelf)
    referee.ask()
    own = referee.start(0, "slot").trial
    shelf.write(0, 1, 3, packed(own, 3))
    assert shelf.recall(own)[1][-1].epoch == 3
    assert shelf.recall(type(own)(**{**vars(own), **other})) is None
    assert not list(shelf.folder.iterdir())


def test_a_checkpoint_from_before_it_named_its_trial_still_counts(folder, shelf):
    referee = make(folder, shelf=shelf)
    referee.ask()
    shelf.write(0, 1, 2, pack({"weight": torch.zeros(2)}, Progress(trial=0, attempt=1, epoch=2)))
    assert referee.start(0, "slot").checkpoint is not None


def test_a_torn_newest_checkpoint_gives_way_to_the_one_before(folder, shelf):
    referee = make(folder, shelf=shelf)
    referee.ask()
    own = referee.start(0, "slot").trial
    shelf.write(0, 1, 2, packed(own, 2))
    shelf.write(0, 1, 3, b"sound by its checksum, and none of ours")
    shelf.write(0, 1, 4, packed(own, 4)).write_bytes(b"torn")
    assert shelf.recall(own) is None, "the two newest are kept, and neither counts"
    shelf.write(0, 1, 3, packed(own, 3))
    assert shelf.recall(own)[1][-1].epoch == 3


def begin(folder, shelf, trials):
    """A search that was killed with so many trials in training; what it had drawn."""
    referee = make(folder, shelf=shelf, pruner="none")
    drawn = {number: leave(referee, number, 2) for number in [referee.ask() for _ in range(trials)]}
    referee.trials.flush()
    kill(referee)
    return drawn


def test_the_attempt_that_was_damaged_comes_back_from_the_trials_checkpoint(folder, shelf):
    drawn = begin(folder, shelf, 3)
    damage(folder, "attempts", 2)
    assert [row.trial for row in attempt_rows(folder)] == [0, 1]

    resumed = make(folder, shelf=shelf, pruner="none")
    (part,) = resumed.snapshot().torn
    assert part.startswith("attempts/")
    assert "t00002" in part
    assert [resumed.ask() for _ in range(4)] == [0, 1, 2, 3]
    start = resumed.start(2, "slot")
    assert (dict(start.trial.params), start.trial.attempt) == (dict(drawn[2].params), 2)
    assert start.checkpoint is not None
    attempts = [(row.trial, row.attempt) for row in attempt_rows(folder)]
    assert attempts == [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2), (3, 1)]


@pytest.mark.parametrize("lost", [1, 2])
def test_values_that_nothing_keeps_are_never_drawn_anew_under_their_number(folder, shelf, lost):
    """Its two epochs are in the ledger; other values under its number would be said to have reached them."""
    begin(folder, shelf, 3)
    damage(folder, "attempts", lost)
    shelf.drop(lost)

    resumed = make(folder, shelf=shelf, pruner="none")
    (row,) = trial_rows(folder)
    assert (row.trial, row.outcome, row.value, dict(row.params)) == (lost, Outcome.CRASHED, None, {})
    assert "lost" in row.error
    handed = [resumed.ask() for _ in range(8)]
    assert handed == [*(number for number in range(8) if number != lost), WAIT]
    kill(resumed)
    assert make(folder, shelf=shelf, pruner="none").ask() == min(set(range(8)) - {lost}), "it opens again"


def test_the_published_default_is_begun_again_from_its_own_values(folder, shelf):
    drawn = begin(folder, shelf, 2)
    damage(folder, "attempts", 0)
    shelf.drop(0)

    resumed = make(folder, shelf=shelf, pruner="none")
    assert resumed.ask() == 0
    assert dict(resumed.start(0, "slot").trial.params) == dict(drawn[0].params) == dict(SPACE.known[0])


def test_a_point_of_a_grid_comes_back_as_itself_and_not_as_the_default(folder, shelf):
    grid = {**RAW, "search": {"width": {"int": [8, 13]}}}
    referee = make(folder, shelf=shelf, space=grid, sampler="grid", trials=6, pruner="none")
    drawn = [leave(referee, number, 2) for number in [referee.ask() for _ in range(3)]]
    referee.trials.flush()
    kill(referee)
    damage(folder, "attempts", 1)
    shelf.drop(1)

    resumed = make(folder, shelf=shelf, space=grid, sampler="grid", trials=6, pruner="none")
    assert [resumed.ask() for _ in range(3)] == [0, 1, 2]
    assert dict(resumed.start(1, "slot").trial.params) == dict(drawn[1].params)


@pytest.mark.parametrize("n", [4, 9])
def test_a_trial_that_was_sick_when_the_referee_died_trains_no_further(folder, monkeypatch, n):
    """Its NaN was committed and its end was not. Epoch 9, the last, would pass for completed if told again."""
    referee = make(folder)
    assert referee.ask() == 0
    referee.start(0, "slot")
    for told in range(1, n):
        referee.report([epoch(0, told)])
    sick = epoch(0, n, value=math.nan)

    def dies(row):
        raise Killed

    monkeypatch.setattr(referee.trials.ledger, "append_trial", dies)
    with pytest.raises(Killed):
        referee.report([sick], last=n == 9)
    kill(referee)

    again = make(folder)
    assert again.report([sick], last=n == 9).verdict is Verdict.DIVERGED
    (row,) = trial_rows(folder)
    assert (row.outcome, row.epochs, row.value) == (Outcome.DIVERGED, n, None)
