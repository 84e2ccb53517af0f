"""Ray's daemons under a search, without Ray: their process groups, their deaths, and what the driver then says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import ray
from ray._private import services
from ray.exceptions import ActorDiedError, GetTimeoutError, RayError

from sparring.cluster import search, timeouts
from sparring.cluster.daemons import deaths
from sparring.errors import ClusterLost

RESTING = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def dies(monkeypatch):
    """Has one daemon of Ray's be dead: its kind and its return code."""

    def die(kind: str, code: int) -> SimpleNamespace:
        processes = [(kind, SimpleNamespace(pid=77, returncode=code))]
        node = SimpleNamespace(dead_processes=lambda: processes, killed=[])
        node.kill_all_processes = lambda **how: node.killed.append(how)
        monkeypatch.setattr(ray._private.worker, "_global_node", node)
        return node

    return die


def never(answer, timeout):
    time.sleep(0.01)
    raise GetTimeoutError


def test_a_signal_to_the_searchs_group_does_not_reach_rays_daemons():
    program = (
        "import subprocess, sys\n"
        "from ray._private import services\n"
        "from sparring.cluster.daemons.deaths import in_groups_of_their_own\n"
        "with in_groups_of_their_own():\n"
        f"    daemon = services.ConsolePopen({RESTING!r}, preexec_fn=lambda: None)\n"
        "print(daemon.pid, flush=True)\n"
        "daemon.wait()\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, process_group=0)
    daemon = int(driver.stdout.readline())
    try:
        os.killpg(driver.pid, signal.SIGTERM)
        assert driver.wait(30) == -signal.SIGTERM
        os.kill(daemon, 0)  # it is there
    finally:
        os.kill(daemon, signal.SIGKILL)
        driver.stdout.close()


def test_afterwards_processes_start_as_they_did():
    usual = services.ConsolePopen
    with deaths.in_groups_of_their_own():
        assert services.ConsolePopen is not usual
    assert services.ConsolePopen is usual


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("raylet", -9, "raylet (process 77) was ended by signal 9"),
        ("gcs_server", 1, "gcs (process 77) ended with code 1"),
        ("dashboard", -9, None),
        ("monitor", 1, None),
    ],
)
def test_the_death_of_what_a_search_needs_is_told(dies, kind, code, words):
    dies(kind, code)
    assert deaths.dead_daemon() == words


@pytest.mark.fault(9, stand_in=True)
def test_trials_of_several_workers_need_the_dashboard_too(dies):
    dies("dashboard", -9)
    assert deaths.dead_daemon(needs_dashboard=True) == "dashboard (process 77) was ended by signal 9"


def test_a_daemons_death_ends_the_wait_at_once_with_a_code_of_its_own(dies, monkeypatch):
    dies("raylet", -9)
    monkeypatch.setattr(ray, "get", never)
    began = time.monotonic()
    with pytest.raises(ClusterLost, match=r"Ray has ended under the search: raylet .* same command again") as ended:
        search.wait_for("answer", [])
    assert ended.value.exit_code == 7
    assert time.monotonic() - began < 1.0


def test_whoever_has_sent_a_signal_gets_its_exit_code_even_if_ray_ends_with_it(dies, monkeypatch):
    dies("raylet", -15)
    monkeypatch.setattr(ray, "get", never)
    with pytest.raises(ClusterLost, match=r"^Interrupted, and Ray has ended too") as ended:
        search.wait_for("answer", [signal.SIGTERM])
    assert ended.value.exit_code == 143


@pytest.mark.fault(12, stand_in=True)
def test_a_referee_that_never_answers_is_given_up_by_the_driver(monkeypatch):
    monkeypatch.setattr(ray, "get", never)
    monkeypatch.setattr(search, "memory_note", lambda: "; 97% of the memory is in use")
    with pytest.raises(ClusterLost, match=r"must answer within 0\.1 s, but has not; 97% of the memory"):
        search.wait_for("answer", [], limit_s=0.1)


def test_a_referee_that_cannot_come_back_is_no_traceback(monkeypatch):
    def fails(answer, timeout):
        raise ActorDiedError

    monkeypatch.setattr(ray, "get", fails)
    with pytest.raises(ClusterLost, match="the same command again continues"):
        search.wait_for("answer", [])


def test_an_error_of_rays_is_told_as_a_death_only_where_something_died(dies):
    with pytest.raises(RayError), deaths.telling_of_the_dead():
        raise RayError("a mistake of ours")
    dies("gcs_server", -9)
    with pytest.raises(ClusterLost, match="gcs"), deaths.telling_of_the_dead():
        raise RayError("no answer")


def test_what_is_left_of_a_dead_ray_is_killed_without_waiting_for_it(dies, monkeypatch):
    forgotten = []
    monkeypatch.setattr(deaths.atexit, "unregister", forgotten.append)
    assert not deaths.let_go()
    node = dies("monitor", 1)
    assert not deaths.let_go()
    node = dies("raylet", -9)
    assert deaths.let_go()
    assert node.killed == [{"check_alive": False, "allow_graceful": False}]
    assert forgotten == [ray._private.worker.shutdown]


def test_a_lost_cluster_ends_the_command_at_once_in_one_sentence(tmp_path):
    program = (
        "import atexit, sys, time\n"
        "from sparring.cluster import session\n"
        "from sparring.errors import ClusterLost\n"
        "def conduct(*_, **__):\n"
        "    atexit.register(time.sleep, 600)\n"
        "    raise ClusterLost('Ray has ended')\n"
        "session.conduct = conduct\n"
        "from sparring.cli import main\n"
        f"sys.argv = ['sparring', 'search', 'aegan', '--results', {str(tmp_path)!r}, '--set', 'data.n=50']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 7
    assert done.stderr.splitlines()[-1] == "sparring: Ray has ended"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("free", "words"), [(50, "; 95% of the memory is in use, and above 95 %"), (500, "")])
def test_memory_is_spoken_of_where_it_is_almost_full(tmp_path, free, words):
    report = tmp_path / "meminfo"
    report.write_text(f"MemTotal:       1000 kB\nMemFree:        10 kB\nMemAvailable:   {free} kB\n")
    assert timeouts.memory_note(report).startswith(words)
    assert bool(timeouts.memory_note(report)) == bool(words)
    assert timeouts.memory_note(tmp_path / "none") == ""
