"""Re-trainings as slots make them, without Ray: what one is, and how many are under way at a time."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import ray
from ray.exceptions import WorkerCrashedError

from sparring.cluster import retraining
from sparring.cluster.data_refs import DataRefs
from sparring.cluster.retraining import retrain, train_on_cluster
from sparring.models import find_model
from sparring.records import Outcome, Retraining
from sparring.study import Limits, prepare
from sparring.study.fresh_seeds import Job
from sparring.training.single import train_single

SETTINGS = ["hidden_size=8", "epochs=2", "data.n=120", "batch_size=16", "weight_init_seed=5"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    return prepare("aegan", settings=SETTINGS, results=results, name="s", limits=Limits(trials=2, slots=2))


def job(study, seed=97, **changes):
    return Job(0, {**study.space.baseline(), **changes}, seed, "probe")


def rows(study):
    return (None, study.rows("train"), study.rows("valid"), {}, study.source)


def test_a_retraining_is_the_training_of_its_seed_first_weights_too(study):
    found = [retrain(study.spec, *rows(study), job(study, seed)) for seed in (97, 39)]
    config = study.space.config(study.space.baseline()).model_copy(update={"weight_init_seed": 97})
    alone = train_single(
        find_model("aegan"), config, study.rows("train"), study.rows("valid"), seed=97,
        objective=study.spec.objective, watch=lambda row: None,
    )  # fmt: skip
    assert found[0].value == alone.best.metrics["val/score"] == found[0].metrics["val/score"]
    assert found[1].value != found[0].value
    assert (found[0].outcome, found[0].epochs, found[0].seed) == (Outcome.COMPLETED, 2, 97)
    assert found[0].cpu_s > 0


def test_one_that_diverges_or_cannot_be_built_is_a_row_without_a_figure(study, monkeypatch):
    diverged = retrain(study.spec, *rows(study), job(study, lr_gen=1e30))
    assert diverged.value is None
    assert diverged.outcome in {Outcome.DIVERGED, Outcome.CRASHED}

    def refuse(*arguments, **options):
        raise MemoryError("no room")

    monkeypatch.setattr("sparring.training.single.train_single", refuse)
    crashed = retrain(study.spec, *rows(study), job(study))
    assert (crashed.outcome, crashed.value) == (Outcome.OUT_OF_MEMORY, None)
    assert "no room" in crashed.error


class Tasks:
    """Ray's tasks, run when they are waited for; ``dead`` seeds lose their process. Counts those under way."""

    def __init__(self, monkeypatch, dead=()):
        self.dead, self.told, self.under_way, self.most = dead, [], [], 0
        for name in ("remote", "put", "wait", "get"):
            monkeypatch.setattr(ray, name, getattr(self, name))
        monkeypatch.setattr(retraining, "retrain", lambda *told: Retraining(
            trial=told[-1].trial, seed=told[-1].seed, role="probe", outcome=Outcome.COMPLETED, value=0.5))  # fmt: skip

    def remote(self, **place):
        def begin(*told):
            self.told.append(told)
            self.under_way.append(len(self.told) - 1)
            self.most = max(self.most, len(self.under_way))
            return self.under_way[-1]

        task = type("Task", (), {"remote": staticmethod(begin), "options": staticmethod(lambda name: task)})
        return lambda function: task

    def put(self, value):
        return value

    def wait(self, answers, num_returns, timeout):
        self.under_way.remove(answers[0])
        return answers[:num_returns], answers[num_returns:]

    def get(self, answer):
        told = self.told[answer]
        if told[-1].seed in self.dead:
            raise WorkerCrashedError
        return retraining.retrain(*told)


def test_as_many_are_under_way_as_there_are_slots_and_a_dead_process_is_a_failed_one(study, monkeypatch):
    tasks = Tasks(monkeypatch, dead={22})
    jobs = [Job(0, (), seed, "probe") for seed in (97, 39, 22, 1, 2)]
    found = list(train_on_cluster(replace(study.spec, slots=2), DataRefs(train=0, valid=0, ood=0))(jobs))
    assert tasks.most == 2
    assert {row.seed: row.value or math.inf for row in found} == {97: 0.5, 39: 0.5, 22: math.inf, 1: 0.5, 2: 0.5}
    assert "its process died" in next(row.error for row in found if row.seed == 22)
