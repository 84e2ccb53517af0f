"""A study goes to the mirror while it runs, and comes back."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pandas as pd
import pytest
from support.mirrored import (
    IDENTITY,
    METRICS,
    STUDY,
    begin,
    ended,
    epoch,
    names_here,
    names_there,
    newest,
    opened,
    train,
    wait_for,
)

from sparring.ledger import Ledger, attempt_rows, epoch_rows, lock_study, read_study, trial_rows
from sparring.ledger.checkpoints import CheckpointFolder
from sparring.ledger.mirror import Mirror, seeding, store
from sparring.ledger.mirror.store import Store
from sparring.ledger.weights import WeightsFolder
from sparring.records import AttemptRow, EpochRow

pytestmark = pytest.mark.slow  # all together


def rows_of(folder):
    return trial_rows(folder), attempt_rows(folder), epoch_rows(folder)


def raw_counts(folder):
    """As a reader counts who knows nothing of keys."""
    return [len(pd.read_parquet(folder / table)) for table in ("trials", "attempts", "epochs")]


def test_a_study_is_mirrored_while_it_runs_and_comes_back(folder, address):
    begin(folder)
    with opened(folder) as ledger, Mirror(folder, address, look_s=0.02) as running:
        train(ledger, 0, 1)
        wait_for(lambda: names_there(address, folder) == names_here(folder))
        ledger.compact()
        train(ledger, 2)
        train(ledger, 3, end=False)
    assert (running.problem, running.missing) == (None, 0)
    assert names_there(address, folder) == names_here(folder)
    # study.json, 3 parts of attempts, 5 of epochs, 2 of trials, 2 checkpoints, the weights of the last that ended
    assert len(names_here(folder)) == 14
    before, study = rows_of(folder), read_study(folder)
    shutil.rmtree(folder)

    back = Mirror(folder, address)
    back.check(IDENTITY)
    assert back.seed() is True
    assert back.torn == ()
    assert rows_of(folder) == before
    assert raw_counts(folder) == [3, 4, 8]
    assert read_study(folder) == study
    assert newest(folder, 3) == b"3 2"
    assert WeightsFolder(folder / "weights").read(2) == b"weights of 2"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["study"]

    with opened(folder) as ledger, Mirror(folder, address, look_s=0.02):
        assert ledger.torn == ()
        assert ledger.append_trial(ended(2)) is False
        assert ledger.append_trial(ended(3)) is True
        CheckpointFolder(folder / "checkpoints").drop(3)
    assert names_there(address, folder) == names_here(folder)
    assert rows_of(folder)[0] == [*before[0], ended(3)]


SEARCH = """
import json, random, sys, time
from pathlib import Path
from sparring.ledger import Ledger, write_study
from sparring.ledger.mirror import Mirror
from sparring.records import AttemptRow, EpochRow, Outcome, TrialRow
from sparring.ledger.checkpoints import CheckpointFolder
from sparring.ledger.weights import WeightsFolder

folder, address, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
chance = random.Random(seed)
done = {"attempts": 0, "epochs": 0, "trials": 0, "checkpoints": [0, 0]}

class Told(Mirror):
    def copy(self):
        sure = json.dumps(done)
        whole = super().copy()
        if whole:
            print(sure, flush=True)
        return whole

write_study(folder, {"kinds": {"lr": "float"}, "metrics": ["val/score"], "identity": {"model": "toy", "seed": 0}})
checkpoints = CheckpointFolder(folder / "checkpoints")
with Ledger(folder, kinds={"lr": "float"}, metrics=["val/score"]) as ledger, Told(folder, address, look_s=0.01):
    for trial in range(10000):
        ledger.append_attempt(AttemptRow(trial=trial, attempt=1, seed=7, params={"lr": 0.1}, slot="s"))
        done["attempts"] += 1
        for n in (1, 2, 3):
            row = EpochRow(trial=trial, attempt=1, epoch=n, metrics={"val/score": trial + 1 / n}, wall_s=0.5)
            ledger.append_epochs([row])
            done["epochs"] += 1
            checkpoints.write(trial, 1, n, f"{trial} {n}".encode())
            done["checkpoints"] = [trial, n]
            if chance.random() < 0.1:
                ledger.compact()
            time.sleep(chance.random() * float(sys.argv[4]))
        done["checkpoints"] = [trial + 1, 0]
        ledger.append_trial(TrialRow(trial=trial, attempt=1, seed=7, outcome=Outcome.COMPLETED, params={"lr": 0.1},
                                     value=trial + 0.5, epochs=2))
        done["trials"] += 1
        checkpoints.drop(trial)
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_a_head_killed_at_any_moment_loses_nothing_that_was_mirrored(folder, address, seed):
    chance = random.Random(seed)
    pause = "0.15" if address.startswith("s3") else "0.02"  # the S3 server of the tests needs 20 ms per file
    search = subprocess.Popen(
        [sys.executable, "-c", SEARCH, str(folder), address, str(seed), pause], stdout=subprocess.PIPE, text=True
    )
    try:
        goal, sure = chance.randint(1, 12), {"trials": 0}
        while sure["trials"] < goal:
            sure = json.loads(search.stdout.readline())
        time.sleep(chance.random() * 0.2)  # into whatever it is doing
    finally:
        search.send_signal(signal.SIGKILL)
        told = [line for line in search.stdout.read().split("\n")[:-1] if line]
        search.wait()
        search.stdout.close()
    sure = json.loads(told[-1]) if told else sure
    shutil.rmtree(folder)

    back = Mirror(folder, address)
    back.check(IDENTITY)
    assert back.seed()
    assert back.torn == ()
    trials, attempts, epochs = rows_of(folder)
    # Whole up to some moment, which is not before the last finished look.
    assert trials == [ended(trial) for trial in range(len(trials))]
    assert [row.trial for row in attempts] == list(range(len(attempts)))
    assert epochs == [epoch(n // 3, n % 3 + 1) for n in range(len(epochs))]
    found = {"attempts": len(attempts), "epochs": len(epochs), "trials": len(trials)}
    assert all(found[table] >= sure[table] for table in found)
    assert raw_counts(folder) == [len(trials), len(attempts), len(epochs)]
    trial, number = sure["checkpoints"]
    if number and trial >= len(trials):
        assert int(newest(folder, trial).split()[1]) >= number

    with opened(folder) as ledger, Mirror(folder, address, look_s=0.01):
        assert ledger.append_trial(ended(0)) is False
        assert ledger.append_trial(ended(len(trials))) is True
    assert names_there(address, folder) == names_here(folder)


def test_the_mirror_holds_every_row_after_each_single_request(folder, address, monkeypatch, tmp_path):
    begin(folder)
    running = Mirror(folder, address)
    sure = []
    requests = []

    def watched(method):
        def call(self, *arguments):
            try:
                return method(self, *arguments)
            finally:
                requests.append(method.__name__)
                there = tmp_path / f"look-{len(requests)}" / folder.name
                assert seeding.seed(there, Store(address, folder.name)) == ()
                held = [row for rows in rows_of(there) for row in rows]
                assert [row for rows in sure for row in rows if row not in held] == []

        return call

    with opened(folder) as ledger:
        train(ledger, 0)
        running.copy()
        monkeypatch.setattr(Store, "write", watched(Store.write))
        monkeypatch.setattr(Store, "_delete", watched(Store._delete))
        monkeypatch.setattr(store, "AT_ONCE", 1)
        for trial in (1, 2):
            sure = rows_of(folder)
            train(ledger, trial)
            ledger.compact()
            assert running.copy()
    assert requests.count("_delete") > 4
    assert names_there(address, folder) == names_here(folder)


def test_checkpoints_rotate_over_there_and_the_newest_is_never_taken(folder, here):
    begin(folder)
    running = Mirror(folder, here)
    checkpoints = CheckpointFolder(folder / "checkpoints")
    with opened(folder):
        for number in range(1, 5):
            checkpoints.write(0, 1, number, f"0 {number}".encode())
            assert running.copy()
            assert names_there(here, folder) == names_here(folder)
    for path in sorted(checkpoints.folder.iterdir())[1:]:
        path.unlink()  # nobody has written a later one, and the trial has not ended
    running.copy()
    assert sorted(name[-36:-29] for name in names_there(here, folder) - {STUDY}) == sorted(["-e00003", "-e00004"])


def test_a_referee_goes_on_from_the_mirror(folder, here):
    from pydantic import BaseModel

    from sparring.records import StudySpec
    from sparring.referee.referee import Referee
    from sparring.space import Space

    class Toy(BaseModel):
        epochs: int = 2
        lr: float = 0.01

    raw = {"model": "toy", "dataset": "none", "objectives": [{"metric": "val/score"}]}
    space = Space(raw | {"search": {"lr": {"loguniform": [1e-5, 1.0]}}}, Toy)
    begin(folder, kinds=space.kinds)
    spec = StudySpec(name="study", model="toy", dataset="none", trials=5, space=raw, pruner="none")

    def referee():
        shelf = CheckpointFolder(folder / "checkpoints")
        return Referee(folder, spec, space.without_model(), shelf, epochs=2, metrics=METRICS, wait_s=0.0)

    with Mirror(folder, here, look_s=0.02):
        first = referee()
        assert [first.ask() for _ in range(3)] == [0, 1, 2]
        for number in (0, 1):
            first.start(number, "slot")
            first.report([epoch(number, 1), epoch(number, 2)], last=True)
        first.start(2, "slot")
        first.report([epoch(2, 1)], checkpoint=b"two")
        first.close()
    before = rows_of(folder)
    shutil.rmtree(folder)

    assert Mirror(folder, here).seed()
    resumed = referee()
    assert [resumed.ask() for _ in range(2)] == [2, 3]
    assert resumed.snapshot().finished == 2
    assert rows_of(folder)[0] == before[0]
    assert newest(folder, 2) == b"two"
    resumed.close()


def test_event_files_are_not_mirrored_but_rebuilt_from_the_ledger(tmp_path, here):
    from rich.console import Console

    from sparring import study as studies
    from sparring.cluster.watch import Watcher

    study = studies.prepare("aegan", results=tmp_path / "results", limits=studies.Limits(slots=1, trials=3))
    with lock_study(study.folder):
        studies.open_folder(study)
    metrics = study.config_class.emitted()
    params = study.space.baseline()
    figures = dict.fromkeys(metrics, 1.0)
    with Ledger(study.folder, kinds=study.space.kinds, metrics=metrics) as ledger:
        for trial in (0, 1):
            ledger.append_attempt(AttemptRow(trial=trial, attempt=1, seed=7, params=params))
            ledger.append_epochs([EpochRow(trial=trial, attempt=1, epoch=1, metrics=figures, wall_s=1.0)])
        ledger.append_trial(replace(ended(0), params=params))

    def events():
        with open(os.devnull, "w") as screen, Watcher(study, Console(file=screen), "http://127.0.0.1:1"):
            pass
        return sorted(str(path.parent) for path in (study.folder / "tensorboard").rglob("*tfevents*"))

    before = events()
    assert len(before) >= 2
    with Mirror(study.folder, here):
        pass
    assert not [name for name in names_there(here, study.folder) if "tensorboard" in name]
    shutil.rmtree(study.folder)
    assert Mirror(study.folder, here).seed()
    assert not (study.folder / "tensorboard").exists()
    assert events() == before
