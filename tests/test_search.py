"""The whole command, killed without mercy. Each search runs in a process of its own, as a user's does."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import psutil
import pytest

from sparring.ledger import attempt_rows, epoch_rows, read_study, spec_from_json, trial_rows
from sparring.records import Outcome, best_row

TINY = ["--set", "hidden_size=32", "--set", "n_hl_gen=1", "--set", "n_hl_shared=1", "--set", "n_hl_dis=1",
        "--set", "batch_size=64", "--set", "data.n=600", "--set", "loss_gen=mse", "--slots", "2"]  # fmt: skip

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def start(results: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "sparring", "search", "aegan", "--results", str(results), *TINY, *arguments]
    with (results.parent / "log.txt").open("ab") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=log, cwd=results.parent, env=os.environ | {"COLUMNS": "100"}
        )


def run(results: Path, *arguments: str, timeout: float = 240) -> int:
    return start(results, *arguments).wait(timeout)


def log_of(results: Path) -> str:
    return (results.parent / "log.txt").read_text(encoding="utf-8")


def kill_all(process: subprocess.Popen) -> None:
    """SIGKILL for the driver, Ray's daemons, the referee and every slot, as close to at once as a process can."""
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for member in family:
        try:
            member.suspend()
        except psutil.NoSuchProcess:
            continue
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()


def test_a_search_finds_a_configuration_and_the_pinned_file_repeats_its_figure(tmp_path):
    results = tmp_path / "results"
    assert run(results, "--trials", "5", "--set", "epochs=9") == 0, log_of(results)
    folder = results / "aegan-exafs"
    rows = trial_rows(folder)
    assert sorted(row.trial for row in rows) == [0, 1, 2, 3, 4]
    assert rows[0].outcome is Outcome.COMPLETED
    said = log_of(results)
    for words in (
        "published default",
        "pandas.read_parquet",
        "tensorboard --logdir",
        "Ray dashboard: http",
        "sparring best",
    ):
        assert words in said
    best = best_row(rows, spec_from_json(read_study(folder)["spec"]).objectives[0])
    pinned = tmp_path / "best.toml"
    sparring("best", "aegan-exafs", "--results", str(results), "-o", str(pinned), cwd=tmp_path)
    told = sparring("train", str(pinned), "-o", str(tmp_path / "trained"), cwd=tmp_path)
    assert f"exactly the figure of trial {best.trial}" in " ".join(told.split())
    figures = json.loads((tmp_path / "trained" / "metrics.json").read_text())
    assert figures["val/score"] == best.value
    # The same command again finds nothing left to do, and starts no Ray to learn it.
    began = time.monotonic()
    assert run(results, "--trials", "5", "--set", "epochs=9") == 0
    assert time.monotonic() - began < 20
    assert trial_rows(folder) == rows


def sparring(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sparring", *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def test_a_search_outlives_a_slot_and_the_referee(tmp_path, check_unbroken):
    results = tmp_path / "results"
    folder = results / "aegan-exafs"
    process = start(results, "--trials", "6", "--set", "epochs=81", "--checkpoint-seconds", "0", "--pruner", "none")
    for victim in ("ray::Slot", "ray::Court"):
        settled = len(told(folder))
        wait_for(lambda: len(told(folder)) > settled + 5, process)  # noqa: B023
        found = [each for each in psutil.Process(process.pid).children(recursive=True) if victim in name_of(each)]
        found[0].kill()
    assert process.wait(240) == 0, log_of(results)[-3000:]
    rows = trial_rows(folder)
    assert [row.outcome for row in rows] == [Outcome.COMPLETED] * 6
    assert max(row.attempt for row in rows) > 1
    seen = Counter((row.trial, row.epoch) for row in epoch_rows(folder))
    assert sorted(seen) == [(trial, epoch) for trial in range(6) for epoch in range(1, 82)]
    check_unbroken(folder, max(rows, key=lambda row: row.attempt))


def told(folder: Path) -> list:
    """The epochs in the ledger; none before the study has begun."""
    return epoch_rows(folder) if (folder / "study.json").exists() else []


def wait_for(met, process: subprocess.Popen, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert process.poll() is None, "the search ended first"
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.2)


def name_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@pytest.mark.timeout(900)
def test_a_search_killed_ten_times_loses_and_repeats_nothing(tmp_path, check_unbroken):
    results, trials, chance = tmp_path / "results", 14, random.Random(20261120)
    folder = results / "aegan-exafs"
    budget = ["--trials", str(trials), "--set", "epochs=81", "--checkpoint-seconds", "0"]
    known: dict[int, object] = {}
    begun: dict[int, object] = {}
    kills = 0
    while kills < 10:
        process = start(results, *budget)
        if kills % 5 == 4:
            time.sleep(chance.uniform(0.5, 6.0))  # at any moment of the start as well
        else:
            settled = len(told(folder))
            wait_for(lambda: len(told(folder)) > settled, process)  # noqa: B023
            time.sleep(chance.uniform(0.0, 1.5))
        if process.poll() is not None:
            pytest.fail(f"the search ended before its {kills + 1}th kill:\n{log_of(results)[-3000:]}")
        if kills % 2:
            process.kill()  # the driver alone: its slots live on as orphans for some seconds
            process.wait()
        else:
            kill_all(process)
        kills += 1
        if not (folder / "study.json").exists():
            continue
        for row in trial_rows(folder):
            assert known.setdefault(row.trial, row) == row
        assert known.keys() == {row.trial for row in trial_rows(folder)}
        for row in attempt_rows(folder):
            assert begun.setdefault(row.trial, row.params) == row.params
    assert run(results, *budget) == 0, log_of(results)[-3000:]

    rows = trial_rows(folder)
    assert sorted(row.trial for row in rows) == list(range(trials))
    assert all(row == known.get(row.trial, row) for row in rows)
    assert {row.outcome for row in rows} <= {Outcome.COMPLETED, Outcome.PRUNED, Outcome.DIVERGED}
    epochs = defaultdict(list)
    for row in epoch_rows(folder):
        epochs[row.trial].append(row.epoch)
    for row in rows:
        assert sorted(epochs[row.trial]) == list(range(1, row.epochs + 1)), "every epoch once"
        if row.outcome is Outcome.PRUNED:
            assert row.epochs in (3, 9, 27), "nobody is pruned between rungs"
    resumed = [row for row in rows if row.attempt > 1]
    assert resumed, "no trial was ever resumed, so nothing was tested"
    check_unbroken(folder, max(resumed, key=lambda row: row.epochs))
    print(Counter(row.attempt for row in rows), Counter(row.outcome for row in rows))


def test_ctrl_c_leaves_checkpoints_and_the_same_command_goes_on(tmp_path):
    results = tmp_path / "results"
    budget = ["--trials", "4", "--set", "epochs=243"]
    process = start(results, *budget)
    folder = results / "aegan-exafs"
    wait_for(lambda: told(folder), process)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130, log_of(results)[-3000:]
    assert "the same command again continues" in log_of(results)
    before = max(row.epoch for row in epoch_rows(folder))
    assert list((folder / "checkpoints").glob("*.safetensors"))
    assert run(results, *budget) == 0
    assert len(trial_rows(folder)) == 4
    assert before > 0
    assert not list((folder / "checkpoints").glob("*.safetensors"))


def test_a_search_runs_on_a_cluster_that_is_already_there(ray_cluster, tmp_path):
    results = tmp_path / "results"
    assert run(results, "--trials", "3", "--set", "epochs=3", "--address", ray_cluster.address_info["address"]) == 0
    assert len(trial_rows(results / "aegan-exafs")) == 3
    # The cluster outlives the search, and the search leaves nothing running on it.
    from ray.util.state import list_actors  # Ray reads the fixture's token at its import

    actors = list_actors()
    assert {"Slot", "Court"} <= {actor.class_name for actor in actors}
    assert [actor for actor in actors if actor.state == "ALIVE"] == []
