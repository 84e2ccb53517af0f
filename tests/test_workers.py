"""Trials of several workers in warm groups: the whole command, its workers killed for real."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from sparring.ledger import attempt_rows, epoch_rows, trial_rows
from sparring.records import Outcome

pytestmark = [pytest.mark.ray, pytest.mark.slow]

TWO = ("--workers-per-trial", "2", "--pruner", "none")
WORKER = "ray::RayTrainWorker"


def figures(folder: Path) -> dict[tuple[int, int], float]:
    rows = epoch_rows(folder)
    found = {(row.trial, row.epoch): row.metrics["val/score"] for row in rows}
    assert len(found) == len(rows), "every epoch once"
    return found


@pytest.mark.fault(1)
@pytest.mark.fault(4)
def test_whoever_of_a_group_is_killed_costs_an_attempt_and_no_figure(command, find_processes):
    """Each worker in the first trial, their slot in the second, the referee in the third."""
    budget = (*TWO, "--trials", "3", "--set", "epochs=90", "--checkpoint-seconds", "0")
    whole = command("whole")
    assert whole.run(*budget) == 0, whole.said()[-3000:]

    killed = command("killed")
    process = killed.start(*budget)
    for rank in (0, 1):
        settled = len(killed.epochs())
        killed.wait_for(lambda: len(killed.epochs()) > settled + 5, process)  # noqa: B023
        workers = killed.wait_for(lambda: sorted(find_processes(WORKER, process.pid), key=pid), process)
        workers[rank].kill()
    for trial, title in ((1, "ray::Slot"), (2, "ray::RefereeActor")):
        killed.wait_for(lambda: sum(row.trial == trial for row in killed.epochs()) > 5, process)  # noqa: B023
        find_processes(title, process.pid)[0].kill()
    assert process.wait(600) == 0, killed.said()[-3000:]

    rows = trial_rows(killed.folder)
    assert [row.outcome for row in rows] == [Outcome.COMPLETED] * 3
    assert [row.attempt for row in rows[:2]] == [3, 2], "a death, one more attempt"
    assert rows[2].attempt <= 2, "workers in training outlive the referee, unless they were about to be told apart"
    assert figures(killed.folder) == figures(whole.folder)
    assert [row.value for row in rows] == [row.value for row in trial_rows(whole.folder)]


def pid(process) -> int:
    return process.pid


@pytest.mark.fault(2)
def test_a_trial_that_loses_its_workers_every_time_crashes_and_the_search_goes_on(command, find_processes):
    search = command("stubborn")
    process = search.start(*TWO, "--trials", "2", "--set", "epochs=243")
    for attempt in (1, 2, 3):

        def trains(attempt=attempt) -> list:
            begun = [row for row in attempt_rows(search.folder) if row.trial == 0] if search.epochs() else []
            return find_processes(WORKER, process.pid) if begun and begun[-1].attempt == attempt else []

        search.wait_for(trains, process)[0].kill()
    search.wait_for(lambda: [row for row in attempt_rows(search.folder) if row.trial == 1], process)
    process.send_signal(signal.SIGINT)  # the second trial would only take its time
    assert process.wait(600) == 130, search.said()[-3000:]
    (row,) = trial_rows(search.folder)
    assert (row.trial, row.outcome, row.attempt) == (0, Outcome.CRASHED, 3)
    assert "3 times" in row.error


def test_a_worker_that_hangs_is_given_up_by_the_others(command, find_processes):
    search = command("hanging")
    process = search.start(*TWO, "--trials", "1", "--set", "epochs=121", "--collective-limit", "3s")
    search.wait_for(lambda: len(search.epochs()) > 3, process)
    hung = find_processes(WORKER, process.pid)[0]
    hung.suspend()
    try:
        assert process.wait(600) == 0, search.said()[-3000:]
    finally:
        if hung.is_running():
            hung.kill()
    (row,) = trial_rows(search.folder)
    assert (row.outcome, row.attempt) == (Outcome.COMPLETED, 2)
    assert sorted(epoch for _, epoch in figures(search.folder)) == list(range(1, 122))


@pytest.mark.parametrize("end", ["normal", "pruned", "interrupted", "starting", "killed"])
def test_nothing_is_left_on_the_cluster(ray_cluster, command, find_processes, end):
    from ray.util.state import list_actors, list_placement_groups

    search = command(end)
    budget = {
        "normal": ("--trials", "2", "--set", "epochs=2", "--pruner", "none"),
        "pruned": ("--trials", "8", "--set", "epochs=9"),
        "interrupted": ("--trials", "2", "--set", "epochs=243", "--pruner", "none"),
        "starting": ("--trials", "2", "--set", "epochs=243", "--pruner", "none"),
        "killed": ("--trials", "1", "--set", "epochs=120", "--pruner", "none"),
    }[end]
    address = ray_cluster.address_info["address"]
    process = search.start("--workers-per-trial", "2", *budget, "--address", address)
    if end in ("interrupted", "starting"):
        search.wait_for(search.epochs if end == "interrupted" else lambda: find_processes("ray::Mailbox"), process)
        process.send_signal(signal.SIGINT)
    if end == "killed":
        search.wait_for(search.epochs, process)
        find_processes(WORKER)[0].kill()
    assert process.wait(600) == (130 if end in ("interrupted", "starting") else 0), search.said()[-3000:]
    outcomes = Counter(row.outcome for row in trial_rows(search.folder))
    assert bool(outcomes[Outcome.PRUNED]) == (end == "pruned")

    deadline = time.monotonic() + 30  # Ray Train's cleaner looks once a second
    while time.monotonic() < deadline:
        alive = [actor.class_name for actor in list_actors() if actor.state != "DEAD"]
        places = [group.state for group in list_placement_groups() if group.state != "REMOVED"]
        left = find_processes(WORKER) + find_processes("ray::Slot") + find_processes("ray::Mailbox")
        # Ray keeps one coordinator for the cluster's whole life, whoever first asked for workers.
        if set(alive) <= {"_AutoscalingCoordinatorActor"} and not places and not left:
            return
        time.sleep(0.5)
    pytest.fail(f"left behind after a {end} end: {alive} {places} {left} of {os.getpid()}")
