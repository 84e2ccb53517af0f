"""The whole command, killed without mercy. Each search runs in a process of its own, as a user's does."""

from __future__ import annotations

import json
import random
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from sparring.ledger import attempt_rows, epoch_rows, read_study, spec_from_json, trial_rows
from sparring.ledger.ranking import best_row
from sparring.records import Outcome

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def test_a_search_finds_a_configuration_and_the_pinned_file_repeats_its_figure(tmp_path, command, monkeypatch):
    secret = f"planted-{secrets.token_hex(8)}"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    search = command("found")
    assert search.run("--trials", "5", "--set", "epochs=9") == 0, search.said()
    session = Path("/tmp/ray/session_latest").resolve()
    assert any(session.rglob("runtime_env_agent.log")), "this is where Ray told it"
    assert not holding(secret, session, search.results)
    rows = trial_rows(search.folder)
    assert sorted(row.trial for row in rows) == [0, 1, 2, 3, 4]
    assert rows[0].outcome is Outcome.COMPLETED
    said = search.said()
    for words in (
        "published default",
        "pandas.read_parquet",
        "tensorboard --logdir",
        "sparring best",
    ):
        assert words in said
    best = best_row(rows, spec_from_json(read_study(search.folder)["spec"]).objectives[0])
    pinned = tmp_path / "best.toml"
    sparring("best", "found", "--results", str(search.results), "-o", str(pinned), cwd=tmp_path)
    told = sparring("train", str(pinned), "-o", str(tmp_path / "trained"), cwd=tmp_path)
    assert f"exactly the figure of trial {best.trial}" in " ".join(told.split())
    figures = json.loads((tmp_path / "trained" / "metrics.json").read_text())
    assert figures["val/score"] == best.value
    # The same command again finds nothing left to do, and starts no Ray to learn it.
    assert search.said().count("Starting Ray") == 1
    assert search.run("--trials", "5", "--set", "epochs=9") == 0
    assert search.said().count("Starting Ray") == 1
    assert trial_rows(search.folder) == rows


def holding(secret: str, *folders: Path) -> list[Path]:
    """Files in which a secret stands."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if secret.encode() in path.read_bytes()]


def sparring(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sparring", *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


@pytest.mark.fault(5)
def test_a_search_outlives_a_slot_and_the_referee(command, find_processes, check_unbroken):
    search = command("outlives")
    process = search.start("--trials", "6", "--set", "epochs=243", "--checkpoint-seconds", "0", "--pruner", "none")
    for victim in ("ray::Slot", "ray::RefereeActor"):
        settled = len(search.epochs())
        search.wait_for(lambda: len(search.epochs()) > settled + 5, process)  # noqa: B023
        find_processes(victim, process.pid)[0].kill()
    assert process.wait(600) == 0, search.said()[-3000:]
    rows = trial_rows(search.folder)
    assert [row.outcome for row in rows] == [Outcome.COMPLETED] * 6
    assert max(row.attempt for row in rows) > 1
    seen = Counter((row.trial, row.epoch) for row in search.epochs())
    assert sorted(seen) == [(trial, epoch) for trial in range(6) for epoch in range(1, 244)]
    check_unbroken(search.folder, max(rows, key=lambda row: row.attempt))


@pytest.mark.fault(6)
@pytest.mark.fault(7)
@pytest.mark.timeout(900)
def test_a_search_killed_ten_times_loses_and_repeats_nothing(command, check_unbroken):
    """Its budget has no end until the last kill: on a fast machine any that is fixed is spent before that."""
    search, chance = command("killed"), random.Random(20261120)
    folder = search.folder
    budget = ["--set", "epochs=81", "--checkpoint-seconds", "0"]
    known: dict[int, object] = {}
    begun: dict[int, object] = {}
    kills = 0
    while kills < 10:
        process = search.start("--trials", "10000", *budget)
        if kills % 5 == 4:
            time.sleep(chance.uniform(0.5, 6.0))  # at any moment of the start as well
        else:
            settled = len(search.epochs())
            search.wait_for(lambda: len(search.epochs()) > settled, process)  # noqa: B023
            time.sleep(chance.uniform(0.0, 1.5))
        if process.poll() is not None:
            pytest.fail(f"the search ended before its {kills + 1}th kill:\n{search.said()[-3000:]}")
        if kills % 2:
            search.kill_all(process)
        else:
            process.kill()  # the driver alone: its slots live on as orphans for some seconds
            process.wait()
        kills += 1
        if not (folder / "study.json").exists():
            continue
        for row in trial_rows(folder):
            assert known.setdefault(row.trial, row) == row
        assert known.keys() == {row.trial for row in trial_rows(folder)}
        for row in attempt_rows(folder):
            assert begun.setdefault(row.trial, row.params) == row.params
    trials = len(begun) + 4
    assert search.run("--trials", str(trials), *budget) == 0, search.said()[-3000:]

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
            assert row.epochs in (9, 27), "nobody is pruned between rungs"
    resumed = [row for row in rows if row.attempt > 1]
    assert resumed, "no trial was ever resumed, so nothing was tested"
    check_unbroken(folder, max(resumed, key=lambda row: row.epochs))
    print(Counter(row.attempt for row in rows), Counter(row.outcome for row in rows))


@pytest.mark.fault(10)
def test_ctrl_c_leaves_checkpoints_and_the_same_command_goes_on(command):
    search = command("interrupted")
    budget = ["--trials", "4", "--set", "epochs=243"]
    process = search.start(*budget)
    folder = search.folder
    search.wait_for(search.epochs, process)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130, search.said()[-3000:]
    assert "the same command again continues" in search.said()
    before = max(row.epoch for row in epoch_rows(folder))
    assert list((folder / "checkpoints").glob("*.safetensors"))
    assert search.run(*budget) == 0
    assert len(trial_rows(folder)) == 4
    assert before > 0
    assert not list((folder / "checkpoints").glob("*.safetensors"))


def test_a_search_runs_on_a_cluster_that_is_already_there(ray_cluster, command):
    search = command("joined")
    assert search.run("--trials", "3", "--set", "epochs=3", "--address", ray_cluster.address_info["address"]) == 0
    assert len(trial_rows(search.folder)) == 3
    # The cluster outlives the search, and the search leaves nothing running on it.
    from ray.util.state import list_actors

    actors = list_actors()
    assert {"Slot", "RefereeActor"} <= {actor.class_name for actor in actors}
    assert [actor for actor in actors if actor.state == "ALIVE"] == []
