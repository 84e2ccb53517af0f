"""One search at a time is copied to a mirror: the second is refused, and the overtaken one stops and says so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.mirrored import IDENTITY, begin, names_there, opened, train

from sparring.errors import UsageError
from sparring.ledger import read_trials
from sparring.ledger.mirror import Mirror, claim
from sparring.ledger.mirror.claim import OWNER, SILENT_S
from sparring.ledger.mirror.store import Store

pytestmark = pytest.mark.slow  # all together


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(claim, "SETTLE_S", 0.0)


def claimed(address: str, folder: Path, **by: object) -> Store:
    """Another search's claim over there."""
    files = Store(address, folder.name)
    said = {"process": "p", "machine": "m", "host": "elsewhere", "pid": 7, "since": "2026-11-30T05:00:00+00:00"} | by
    files.write(OWNER, json.dumps(said).encode())
    return files


def owner(files: Store) -> str:
    return json.loads(files.read(OWNER))["host"]


def test_a_claim_is_there_while_a_study_is_copied_and_gone_at_the_end(folder, address):
    begin(folder)
    running = Mirror(folder, address, look_s=0.02)
    running.seed()
    with opened(folder) as ledger, running:
        train(ledger, 0)
        assert json.loads(running.store.read(OWNER))["pid"] == os.getpid()
    with pytest.raises(FileNotFoundError):
        running.store.read(OWNER)


def test_a_mirror_that_another_search_writes_is_refused_and_left_as_it_is(folder, address):
    begin(folder)
    files = claimed(address, folder)
    with pytest.raises(UsageError) as caught:
        Mirror(folder, address).seed()
    assert "process 7 on elsewhere has been copied there since 2026-11-30T05:00:00+00:00" in str(caught.value)
    assert f"if that machine is lost, try again in {SILENT_S:g} s" in str(caught.value)
    assert owner(files) == "elsewhere"
    assert set(files.times("")) == {OWNER}, "the question leaves no file"


def test_a_claim_that_has_been_silent_is_taken_over(folder, here):
    begin(folder)
    files = claimed(here, folder)
    long_ago = time.time() - SILENT_S - 5
    os.utime(Path(here, folder.name, OWNER), (long_ago, long_ago))
    assert Mirror(folder, here).seed() is False
    assert owner(files) != "elsewhere"


def test_a_claim_of_a_dead_process_of_this_machine_is_taken_over_at_once(folder, here):
    begin(folder)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    claimed(here, folder, machine=claim._machine(), pid=dead.pid)
    assert Mirror(folder, here).seed() is False


def test_the_same_number_in_another_container_is_another_process(folder, here):
    begin(folder)
    files = claimed(here, folder, host=claim.socket.gethostname(), pid=os.getpid(), machine="of another container")
    with pytest.raises(UsageError, match="one search at a time"):
        Mirror(folder, here).seed()
    assert json.loads(files.read(OWNER))["process"] == "p"


def test_a_torn_claim_is_nobody_s(folder, here):
    begin(folder)
    claimed(here, folder).write(OWNER, b"{")
    assert Mirror(folder, here).seed() is False


def test_a_claim_is_told_again_before_it_counts_as_silent(folder, here, monkeypatch):
    monkeypatch.setattr(claim, "BEAT_S", 0.0)
    begin(folder)
    running = Mirror(folder, here)
    running.seed()
    running.copy()
    long_ago = time.time() - SILENT_S - 5
    os.utime(Path(here, folder.name, OWNER), (long_ago, long_ago))
    running.copy()  # though there is nothing to send
    assert time.time() - Path(here, folder.name, OWNER).stat().st_mtime < SILENT_S


def test_an_overtaken_search_sends_and_deletes_nothing_more_and_says_so(folder, address, monkeypatch):
    monkeypatch.setattr(claim, "FRESH_S", 0.0)
    begin(folder)
    running = Mirror(folder, address, look_s=0.02)
    with opened(folder) as ledger:
        train(ledger, 0)
        assert running.copy()
        files = claimed(address, folder)
        before = names_there(address, folder)
        train(ledger, 1)
        ledger.compact()
        closing = time.monotonic()
        with running:
            pass
    assert time.monotonic() - closing < 20, "it does not try for as long as for a network that fails"
    assert running.problem is not None
    assert "nothing more is copied, since process 7 on elsewhere has been copied there" in running.problem
    assert "the same command again" not in running.problem
    assert names_there(address, folder) == before
    assert owner(files) == "elsewhere"
    files.delete([OWNER])  # the other one has ended
    assert running._try() is False, "and still this study's rows do not go among the other's"
    assert names_there(address, folder) == before


HEAD = """
import socket, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[5])
socket.gethostname = lambda: sys.argv[3]
from support.mirrored import IDENTITY, begin, opened, train
from sparring.errors import UsageError
from sparring.ledger.mirror import Mirror
folder, address = Path(sys.argv[1]), sys.argv[2]
time.sleep(max(0.0, float(sys.argv[4]) - time.time()))
copies = Mirror(folder, address, look_s=0.02)
try:
    copies.check(IDENTITY)
    copies.seed()
except UsageError as error:
    print("refused", error)
    sys.exit()
begin(folder)
with opened(folder) as ledger, copies:
    for trial in range(3):
        train(ledger, trial)
        time.sleep(0.3)
print("whole" if copies.problem is None else copies.problem)
"""


@pytest.mark.parametrize("later_s", [0.0, 0.3, 1.2])
def test_of_two_heads_one_is_copied_whole_and_the_other_is_told(tmp_path, here, later_s):
    start = time.time() + 6.0  # both have imported what they need by then
    heads = [
        subprocess.Popen(
            [sys.executable, "-c", HEAD, str(tmp_path / host / "study"), here, host, str(start + later),
             str(Path(__file__).parents[1])],
            stdout=subprocess.PIPE, text=True,
        )
        for host, later in (("a", 0.0), ("b", later_s))
    ]  # fmt: skip
    said = [head.communicate()[0].strip() for head in heads]
    whole = [host for host, words in zip("ab", said, strict=True) if words == "whole"]
    assert len(whole) == 1, said
    other = next(words for words in said if words != "whole")
    assert f"on {whole[0]} has been copied there" in other
    folder = tmp_path / "third" / "study"
    back = Mirror(folder, here)
    back.check(IDENTITY)
    assert back.seed() is True
    assert back.torn == ()
    assert read_trials(folder).table.sort_by("trial").select(["trial", "seq", "ended"]) == read_trials(
        tmp_path / whole[0] / "study"
    ).table.sort_by("trial").select(["trial", "seq", "ended"])
    shutil.rmtree(folder)
