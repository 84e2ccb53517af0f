"""What a search does when Ray dies under it, its whole process group is told to end, or a proxy is in the way."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from sparring.ledger import trial_rows

pytestmark = [pytest.mark.ray, pytest.mark.slow]

LONG = ("--trials", "2", "--set", "epochs=243", "--pruner", "none", "--checkpoint-seconds", "0")


@pytest.mark.fault(8)
@pytest.mark.parametrize("victim", ["raylet/raylet", "gcs/gcs_server"])
def test_a_dead_daemon_of_rays_ends_the_search_in_one_sentence_and_the_same_command_goes_on(
    command, find_processes, victim
):
    search = command("lost")
    process = search.start(*LONG)
    search.wait_for(lambda: len(search.epochs()) > 4, process)
    daemon = find_processes(victim, process.pid)[0]
    before, began = len(search.epochs()), time.monotonic()
    daemon.kill()
    assert process.wait(60) == 7, search.said()[-3000:]
    took_s = time.monotonic() - began
    assert took_s < 40, f"{took_s:.0f} s"
    assert "Ray has ended under the search" in search.said().splitlines()[-1], search.said()[-3000:]
    assert "Traceback" not in search.said()
    assert len(search.epochs()) >= before
    resumed = search.start(*LONG)
    search.wait_for(lambda: len(search.epochs()) > before + 4, resumed)
    resumed.send_signal(signal.SIGINT)
    assert resumed.wait(120) == 130, search.said()[-3000:]


@pytest.mark.fault(10)
def test_sigterm_to_the_whole_process_group_ends_it_at_once_with_its_state_kept(command):
    search = command("group")
    words = [sys.executable, "-m", "sparring", "search", "aegan", "--name", "group", "--results", str(search.results)]
    process = search.call("setsid", *words, *search.settings, *LONG)
    search.wait_for(lambda: len(search.epochs()) > 4, process)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(60) == 143, search.said()[-3000:]
    took_s = time.monotonic() - began
    assert took_s < 20, f"{took_s:.0f} s"
    assert "the same command again continues" in search.said()
    assert "Traceback" not in search.said()
    assert list((search.folder / "checkpoints").glob("*.safetensors"))


def test_a_proxy_in_the_environment_keeps_no_trial_of_two_workers_from_beginning(command):
    search = command("proxied")
    proxy = {f"{scheme}_proxy": "http://192.0.2.1:9" for scheme in ("http", "https")}  # an address of no machine
    budget = ("--trials", "3", "--set", "epochs=9", "--workers-per-trial", "2", "--race", "off")
    process = search.start(*budget, **proxy)
    assert process.wait(300) == 0, search.said()[-3000:]
    assert len(trial_rows(search.folder)) == 3
