"""A study to mirror, and what lies here and over there."""

from __future__ import annotations

import os
import time

from pyarrow import fs

from sparring.ledger import Ledger, write_study
from sparring.ledger.checkpoints import CheckpointFolder
from sparring.ledger.disk import newest_whole
from sparring.ledger.mirror.store import Store
from sparring.ledger.weights import WeightsFolder
from sparring.records import AttemptRow, EpochRow, Outcome, TrialRow

KINDS = {"lr": "float"}


METRICS = ("val/score",)


STUDY = "study.json"


IDENTITY = {"model": "toy", "seed": 0}


AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def bucket(s3, name):
    options = dict(pair.split("=") for pair in s3[1:].split("&"))
    files = fs.S3FileSystem(**options, allow_bucket_creation=True, allow_bucket_deletion=True)
    files.create_dir(name)
    return files


def begin(folder, **document):
    write_study(folder, {"kinds": KINDS, "metrics": METRICS, "identity": IDENTITY, **document})


def opened(folder):
    return Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=0)


def epoch(trial, number, attempt=1):
    return EpochRow(trial=trial, attempt=attempt, epoch=number, metrics={"val/score": trial + 1 / number}, wall_s=0.5)


def ended(trial):
    return TrialRow(
        trial=trial, attempt=1, seed=7, outcome=Outcome.COMPLETED, params={"lr": 0.1}, value=trial + 0.5, epochs=2
    )


def train(ledger, *trials, end=True):
    checkpoints, weights = CheckpointFolder(ledger.folder / "checkpoints"), WeightsFolder(ledger.folder / "weights")
    for trial in trials:
        ledger.append_attempt(AttemptRow(trial=trial, attempt=1, seed=7, params={"lr": 0.1}, slot="s"))
        for number in (1, 2):
            ledger.append_epochs([epoch(trial, number)])
            checkpoints.write(trial, 1, number, f"{trial} {number}".encode())
        if end:
            weights.write(trial, f"weights of {trial}".encode())
            ledger.append_trial(ended(trial))
            weights.keep([trial])
            checkpoints.drop(trial)


def names_here(folder):
    """What ought to be mirrored, found by other means than the mirror's."""
    files = [*folder.glob("*s/*.parquet"), *folder.glob("*s/*.safetensors"), folder / "study.json"]
    return {str(path.relative_to(folder)) for path in files}


def names_there(address, folder):
    return set(Store(address, folder.name).sizes())


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def newest(folder, trial):
    """The bytes of a trial's newest whole checkpoint in a study's folder; None if there is none."""
    return newest_whole(CheckpointFolder(folder / "checkpoints")._paths(trial))
