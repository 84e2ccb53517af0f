"""A referee on a toy space, without a model and without Ray."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from sparring.ledger import write_study
from sparring.records import WAIT, EpochRow, StudySpec, Verdict
from sparring.referee.referee import Referee
from sparring.space import Space


class Toy(BaseModel):
    epochs: int = 9
    lr: float = 0.01
    loss: str = "mse"
    width: int = 10
    w: float = 0.0


RAW = {
    "model": "toy",
    "dataset": "none",
    "objectives": [{"metric": "val/score"}],
    "search": {
        "lr": {"loguniform": [1e-5, 1.0]},
        "loss": {"choice": ["mse", "wcc"]},
        "width": {"int": [5, 15], "when": {"loss": "wcc"}},
        "w": {"loguniform": [1e-4, 1.0], "off": 0.0},
    },
}


SPACE = Space(RAW, Toy)


class Shelf:
    """Checkpoints in memory: bytes are the number of epochs trained."""

    def __init__(self):
        self.kept = {}

    def write(self, trial, attempt, epoch, packed):
        self.kept[trial] = packed
        return Path()

    def recall(self, trial):
        packed = self.kept.get(trial.number, b"torn")
        if packed == b"torn":
            return None
        number, epochs = (int(part) for part in packed.decode().split())
        return packed, [epoch(number, n, trial.attempt) for n in range(1, epochs + 1)]

    def lost(self, study, known):
        return []

    def drop(self, trial):
        self.kept.pop(trial, None)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def score(trial, n):
    """Trial t ends near t / 10: low numbers are good, except the baseline, which is the worst."""
    return (trial / 10 if trial else 5.0) + 1.0 / n


METRICS = ["val/score", "health/moved_dis", "health/grad_dis"]


def epoch(trial, n, attempt=1, value=None, health=None):
    value = score(trial, n) if value is None else value
    figures = {"val/score": value, **(health or {})}
    return EpochRow(trial=trial, attempt=attempt, epoch=n, metrics=figures, wall_s=0.5)


def make(folder, *, shelf=None, clock=None, weights=None, **spec):
    spec = StudySpec(**{"name": "s", "model": "toy", "dataset": "none", "trials": 8, "space": RAW, **spec})
    space = Space(spec.space, Toy)
    if not (folder / "study.json").exists():
        folder.mkdir(exist_ok=True)
        write_study(folder, {"spec": {"name": "s"}, "kinds": space.kinds, "metrics": METRICS})
    shelf, clock = shelf or Shelf(), clock or Clock()
    return Referee(
        folder, spec, space.without_model(), shelf, epochs=9, metrics=METRICS, weights=weights, clock=clock,
        wait_s=1.0,
    )  # fmt: skip


def train(referee, number, *, upto=9, token="slot"):
    """Runs a trial as a slot does, from its checkpoint if it has one; returns the last verdict."""
    start = referee.start(number, f"{token}-{number}")
    attempt, begun = start.trial.attempt, int(start.checkpoint.split()[1]) if start.checkpoint else 0
    for n in range(begun + 1, upto + 1):
        verdict = referee.report([epoch(number, n, attempt)], last=n == 9).verdict
        if verdict is Verdict.PAUSE:
            referee.leave(number, attempt, f"{number} {n}".encode())
        if verdict is not Verdict.GO_ON:
            return verdict
    return Verdict.GO_ON


def run(referee):
    """Trains, one after the other, whatever the referee hands out until nothing is left; the numbers in that order."""
    handed = []
    while (number := referee.ask()) is not None:
        assert number != WAIT, "nothing runs that could be waited for"
        handed.append(number)
        train(referee, number, token=f"slot{len(handed)}")
    return handed


def kill(referee):
    """What a kill -9 leaves: the files, and no lock."""
    referee.trials.ledger.close()
