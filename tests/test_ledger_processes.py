"""The ledger among processes: locks, readers beside a writer, and writers that are killed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pandas as pd
import pytest

from sparring.errors import StudyLocked, UsageError
from sparring.ledger import Ledger, lock_study, read_epochs, read_trials, write_study

KINDS = {"lr": "float"}
METRICS = ("val/score",)

PRELUDE = """
import os, random, signal, sys, time
import pandas  # pyarrow imports it for its first row, which would take most of a short life
from sparring.ledger import Ledger, lock_study
from sparring.records import EpochRow, Outcome, TrialRow

def write(folder, number, ledger):
    both = [EpochRow(trial=number, attempt=1, epoch=n, metrics={"val/score": 0.5}, wall_s=1) for n in (1, 2)]
    ledger.append_epochs(both)
    ledger.append_trial(TrialRow(trial=number, attempt=1, seed=1, outcome=Outcome.COMPLETED, params={"lr": 0.5}))
    os.write(1, b"%d " % number)

def open_ledger(folder, wait_s=0.0):
    return Ledger(folder, kinds={"lr": "float"}, metrics=["val/score"], wait_s=wait_s)
"""

KILLED_WRITERS = """
chance = random.Random(3)
for life in range(10):
    source, sink = os.pipe()
    pid = os.fork()
    if not pid:
        os.dup2(sink, 1)
        with open_ledger(sys.argv[1], 5.0) as ledger:
            for n in range(1000):
                write(sys.argv[1], 1000 * life + n, ledger)
                if n % 5 == 4:
                    ledger.compact()
        os._exit(0)
    os.close(sink)
    told = b""
    if life % 5:  # the others may die before their first row
        told = os.read(source, 4096)
    time.sleep(chance.uniform(0.0, 0.2))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    while piece := os.read(source, 4096):
        told += piece
    os.close(source)
    os.write(1, told + b"| ")
"""

BUSY_WRITER = """
with open_ledger(sys.argv[1]) as ledger:
    for number in range(100_000):
        write(sys.argv[1], number, ledger)
        if number % 30 == 29:
            ledger.compact()
"""

HOLDER = """
with lock_study(sys.argv[1]), open_ledger(sys.argv[1]):
    os.write(1, b"held")
    time.sleep(3600)
"""


@pytest.fixture
def folder(tmp_path):
    study = tmp_path / "study"
    write_study(study, {"kinds": KINDS, "metrics": METRICS})
    return study


def open_ledger(folder, wait_s=0.0):
    return Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=wait_s)


def start(program, folder):
    command = [sys.executable, "-c", PRELUDE + program, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


@contextmanager
def held_by_another_process(folder):
    with start(HOLDER, folder) as holder:
        try:
            assert holder.stdout.read(4) == b"held"
            yield holder
        finally:
            holder.kill()


@pytest.mark.fault(38)
def test_a_second_search_is_refused_and_told_who_holds_the_study(folder):
    with held_by_another_process(folder) as holder:
        words = (
            rf"{re.escape(str(folder))}: one process at a time.*process {holder.pid} on \S+ has held this one since 20"
        )
        with pytest.raises(StudyLocked, match=words), lock_study(folder):
            pytest.fail("two processes hold the study")
        began = time.monotonic()
        with pytest.raises(StudyLocked, match=words):
            open_ledger(folder, wait_s=0.2)
        assert time.monotonic() - began >= 0.2
        # kill -9 frees both, and a writer that waits gets in
        threading.Timer(0.1, os.kill, (holder.pid, signal.SIGKILL)).start()
        open_ledger(folder, wait_s=10).close()
        with lock_study(folder):
            pass


@pytest.mark.fault(13, stand_in=True)
@pytest.mark.fault(39)
def test_a_lock_file_of_a_dead_process_or_another_boot_holds_nobody_off(folder):
    (folder / "LOCK").write_text(json.dumps({"pid": 1, "host": "other" * 40, "boot_id": "other", "start": "2020"}))
    with lock_study(folder):
        holder = json.loads((folder / "LOCK").read_text())
        assert holder["pid"] == os.getpid()
        assert set(holder) == {"pid", "host", "boot_id", "start"}
        assert holder["boot_id"] != "other"


def test_a_holder_that_has_not_signed_yet_is_still_respected(folder):
    with lock_study(folder):
        (folder / "LOCK").write_text("")
        with pytest.raises(StudyLocked, match="has only just started"), lock_study(folder):
            pytest.fail("two hold the study")


def test_a_lock_is_free_again_when_its_block_ends_in_an_error(folder):
    with pytest.raises(ValueError, match="inner"), lock_study(folder):
        raise ValueError("inner")
    with lock_study(folder):
        pass


def test_a_lock_taken_while_its_file_was_replaced_is_taken_again(folder, monkeypatch):
    path, real = folder / "LOCK", fcntl.flock

    def replace_then_lock(descriptor, how):
        monkeypatch.setattr(fcntl, "flock", real)
        path.unlink()
        path.write_text("")
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", replace_then_lock)
    with lock_study(folder), pytest.raises(StudyLocked, match=f"process {os.getpid()}"), lock_study(folder):
        pytest.fail("two hold the study")


@pytest.mark.fault(40, stand_in=True)
@pytest.mark.parametrize("fault", ["grants everything", "knows no locks"])
def test_a_file_system_without_locks_is_refused_at_the_start(folder, monkeypatch, fault):
    def flock(descriptor, how):
        if fault == "knows no locks":
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(UsageError, match="must lie on a file system that keeps flock locks"), lock_study(folder):
        pytest.fail("held without a lock")


@pytest.mark.fault(23, stand_in=True)
def test_a_study_that_cannot_be_written_is_refused_at_the_start(tmp_path):
    (tmp_path / "file").write_text("")
    words = "must be writable, but: Not a directory; choose another --results"
    with pytest.raises(UsageError, match=words), lock_study(tmp_path / "file" / "study"):
        pytest.fail("held nothing")


@pytest.mark.fault(29)
@pytest.mark.fault(11)
def test_writers_killed_at_random_moments_lose_nothing_they_acknowledged(folder):
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + KILLED_WRITERS, str(folder)], capture_output=True, timeout=600
    )
    lives = [{int(word) for word in life.split()} for life in done.stdout.split(b"|")]
    assert len(lives) == 11, done.stderr
    acknowledged = set().union(*lives)
    trials = read_trials(folder)
    there = trials.table["trial"].to_pylist()
    assert trials.torn == ()
    assert len(there) == len(set(there))
    assert acknowledged <= set(there)
    assert len(set(there) - acknowledged) <= 10  # one per life may have been committed and not yet told
    assert sum(map(bool, lives)) >= 8, "eight writers were left alive until they had written"
    epochs = read_epochs(folder).table["trial"].to_pylist()
    assert all(epochs.count(number) == 2 for number in epochs)
    with open_ledger(folder) as ledger:
        assert ledger.torn == ()
        ledger.compact()
    assert read_trials(folder).table == trials.table
    assert sorted(pd.read_parquet(folder / "trials")["trial"]) == there


@pytest.mark.fault(30)
def test_readers_beside_a_busy_writer_see_every_acknowledged_row_once(folder):
    told, ours, ood = [-1], 0, 0

    def listen(source):
        text = b""
        while piece := os.read(source, 4096):
            text = (text + piece)[-100:]
            told[0] = int(text.rsplit(b" ", 2)[-2])

    with start(BUSY_WRITER, folder) as writer:
        listener = threading.Thread(target=listen, args=[writer.stdout.fileno()])
        listener.start()
        try:
            deadline = time.monotonic() + 300
            while (told[0] < 65 or ours < 10 or ood < 5) and time.monotonic() < deadline:
                known = told[0]
                reading = read_trials(folder)
                there = reading.table["trial"].to_pylist()
                assert reading.torn == ()
                assert there == list(range(len(there)))
                assert len(there) > known
                ours += 1
                try:
                    frame = pd.read_parquet(folder / "trials") if known >= 0 else None
                except FileNotFoundError:
                    continue  # it had listed parts that were merged before it opened them
                if frame is not None:
                    assert sorted(frame["trial"]) == list(range(len(frame)))
                    assert len(frame) > known
                    ood += 1
        finally:
            writer.kill()
            listener.join()
    assert told[0] >= 65
    assert ours >= 10
    assert ood >= 5
