"""A worker that falls silent ends itself, its trial gets another attempt, and in the end its outcome says so."""

from __future__ import annotations

import time

import pytest

from sparring.ledger import trial_rows
from sparring.records import Outcome
from sparring.study import Limits, open_folder, prepare

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.mark.fault(14)
def test_a_trial_that_never_finishes_an_epoch_times_out(ray_cluster, tmp_path):
    import ray

    from sparring.cluster.referee_actor import open_referee
    from sparring.cluster.trainer import WorkerInputs

    study = prepare(
        "aegan",
        settings=["data.n=100", "hidden_size=8"],
        results=tmp_path,
        limits=Limits(trials=2, slots=1, silence_limit_s=2.0),
    )
    open_folder(study)
    space, metrics = study.space.without_model(), study.config_class.emitted()
    referee = open_referee(study.folder, study.spec, space, epochs=study.epochs, metrics=metrics)
    train, valid = ray.put(study.rows("train")), ray.put(study.rows("valid"))
    brief = ray.put(WorkerInputs(spec=study.spec, referee=referee, train=train, valid=valid, ood=ray.put({})))

    @ray.remote(num_cpus=0, max_retries=0)
    def attempt(brief, number: int, token: str) -> None:
        from sparring.cluster.trainer import Trainer
        from sparring.training.loop import TrialTraining

        TrialTraining.run_epoch = lambda self: time.sleep(3600)
        Trainer(brief).train(number, token)

    number = ray.get(referee.ask.remote())
    for each in range(study.spec.attempts):
        with pytest.raises(ray.exceptions.WorkerCrashedError):
            ray.get(attempt.remote(brief, number, f"attempt {each}"), timeout=200)  # the limit of 2 s ends it
    ray.get(attempt.remote(brief, number, "one more"))  # is told that there is nothing left to run
    ray.get(referee.close.remote())
    (row,) = trial_rows(study.folder)
    assert (row.outcome, row.attempt) == (Outcome.TIMED_OUT, study.spec.attempts)
    assert "2 s" in row.error
    ray.kill(referee)
