"""A search whose slots find no place ends and says why, instead of waiting for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from sparring.cluster.timeouts import START_S, is_stalled
from sparring.records import RunningTrial, Snapshot, StudySpec

SPEC = StudySpec(name="s", model="aegan", dataset="exafs", start_limit_s=60.0, silence_limit_s=600.0)
TRAINING = RunningTrial(number=0, attempt=1, epoch=3, epochs=9, value=0.5)


@pytest.mark.parametrize(
    ("running", "silent_s", "stalled"),
    [
        ((), 60 + START_S - 1, False),
        ((), 60 + START_S + 1, True),
        ((TRAINING,), 60 + START_S + 1, False),  # an epoch may take that long
        ((TRAINING,), 60 + START_S + 601, True),
    ],
)
def test_silence_is_a_stall_once_a_start_and_an_epoch_could_be_over(running, silent_s, stalled):
    snapshot = Snapshot(
        trials=2,
        outcomes={},
        running=running,
        best=None,
        baseline=None,
        epochs=0,
        elapsed_s=silent_s,
        left=None,
        silent_s=silent_s,
    )
    assert is_stalled(snapshot, SPEC) is stalled


IMPATIENT = "from sparring.cluster import timeouts; timeouts.START_S = 1.0; from sparring.cli.app import main; main()"


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_cluster_that_others_hold_is_not_waited_for_for_ever(ray_cluster, command, workers):
    import ray

    @ray.remote(num_cpus=2)
    def hold(seconds: float) -> None:
        time.sleep(seconds)

    search, held = command(f"held-{workers}"), hold.remote(300)
    try:
        flags = ["--address", ray_cluster.address_info["address"], "--start-limit", "5s", "--slots", "1"]
        words = ["search", "aegan", "--name", search.name, "--results", str(search.results), "--trials", "2", *flags]
        done = subprocess.run(
            [sys.executable, "-c", IMPATIENT, *words, "--workers-per-trial", workers],
            capture_output=True,
            text=True,
            env=os.environ | {"COLUMNS": "100"},
            timeout=120,
        )
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 2, said
        assert "must find its place within --start-limit 5" in said
        assert "0 of 2 CPUs free" in said
    finally:
        ray.cancel(held, force=True)
