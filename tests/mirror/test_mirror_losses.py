"""What takes nothing out of the mirror, and what happens when the other side fails."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import time
from hashlib import sha256
from pathlib import Path

import pytest
from support.mirrored import STUDY, begin, bucket, names_here, names_there, opened, train, wait_for

from sparring.ledger import trial_rows
from sparring.ledger.mirror import Mirror, mirror
from sparring.ledger.mirror.store import Store

pytestmark = pytest.mark.slow  # all together


@pytest.mark.parametrize(
    "lost", ["trials", "epochs", "checkpoints", "trials attempts epochs checkpoints", "study.json"]
)
def test_a_folder_that_vanishes_takes_nothing_out_of_the_mirror(folder, here, lost):
    begin(folder)
    running = Mirror(folder, here)
    with opened(folder) as ledger:
        train(ledger, 0, 1)
        ledger.compact()
        train(ledger, 2, end=False)
    running.copy()
    before = names_there(here, folder)
    for name in lost.split():
        (folder / name).unlink() if name == STUDY else shutil.rmtree(folder / name)
    running.copy()
    assert names_there(here, folder) == before


def test_a_part_damaged_here_leaves_the_whole_one_over_there(folder, here):
    begin(folder)
    with opened(folder) as ledger:
        train(ledger, 0, 1)
        with Mirror(folder, here):
            pass
    part = sorted((folder / "trials").iterdir())[0]
    part.write_bytes(b"torn")
    with opened(folder) as ledger:  # sets it aside, and merges the rest
        assert len(ledger.torn) == 1
        train(ledger, 2)
        ledger.compact()
    running = Mirror(folder, here)
    assert running.seed() is False
    with running:
        pass
    shutil.rmtree(folder)
    assert Mirror(folder, here).seed()
    assert [row.trial for row in trial_rows(folder)] == [0, 1, 2]


def test_a_part_torn_while_the_search_runs_is_not_sent(folder, here):
    begin(folder)
    running = Mirror(folder, here)
    with opened(folder) as ledger:
        train(ledger, 0)
        running.copy()
        there = Path(here, "study", "trials", sorted(os.listdir(folder / "trials"))[0])
        whole = there.read_bytes()
        (folder / "trials" / there.name).write_bytes(b"torn")
        running.copy()
    assert there.read_bytes() == whole


def test_a_merged_part_torn_before_it_was_sent_replaces_nothing(folder, here):
    begin(folder)
    running = Mirror(folder, here)
    with opened(folder) as ledger:
        train(ledger, 0, 1)
        running.copy()
        before = names_there(here, folder)
        ledger.compact("trials")
        next((folder / "trials").iterdir()).write_bytes(b"torn")
        running.copy()
    assert names_there(here, folder) == before


# -- the other side fails ---------------------------------------------------------------------------------------------


def test_a_bucket_removed_midway_does_not_stop_the_search_and_is_filled_again(folder, s3, tmp_path):
    name = "gone-" + sha256(str(tmp_path).encode()).hexdigest()[:12]
    files = bucket(s3, name)
    begin(folder)
    with opened(folder) as ledger, Mirror(folder, f"s3://{name}/deep/er{s3}", look_s=0.02) as running:
        train(ledger, 0)
        wait_for(lambda: running.missing == 0 and names_there(f"s3://{name}/deep/er{s3}", folder))
        wait_for(lambda: removed(files, name))
        train(ledger, 1)
        wait_for(lambda: "not there yet: " in (running.problem or "") and "NO_SUCH_BUCKET" in running.problem)
        assert "testing" not in running.problem
        train(ledger, 2)
        assert len(trial_rows(folder)) == 3
        files.create_dir(name)
        wait_for(lambda: running.problem is None and running.missing == 0, seconds=90)  # its pause doubles up to 60 s
        assert names_there(f"s3://{name}/deep/er{s3}", folder) == names_here(folder)  # also what was there before
    assert running.problem is None
    assert names_there(f"s3://{name}/deep/er{s3}", folder) == names_here(folder)


def test_closing_says_how_many_files_are_missing(folder, here, monkeypatch):
    begin(folder)
    write = Store.write

    def full(self, name, data):
        if name.startswith("epochs/"):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, name, data)

    monkeypatch.setattr(Store, "write", full)
    with opened(folder) as ledger, Mirror(folder, here, look_s=0.01, final_s=0.1) as running:
        train(ledger, 0, 1)
    missing = len(names_here(folder) - names_there(here, folder))
    assert missing > 4
    assert running.missing == missing
    assert f"{missing} files are not there yet: [Errno 28] No space left on device; the same command" in running.problem
    monkeypatch.undo()
    with Mirror(folder, here):
        pass
    assert names_there(here, folder) == names_here(folder)


def test_what_somebody_removed_over_there_is_there_again_at_the_end(folder, here):
    begin(folder)
    with Mirror(folder, here, look_s=0.01):
        wait_for(lambda: names_there(here, folder))
        Path(here, "study", STUDY).unlink()
    assert names_there(here, folder) == {STUDY}


def test_a_mistake_of_ours_is_reported_and_the_thread_lives_on(folder, here, monkeypatch):
    begin(folder)
    monkeypatch.setattr(mirror, "list_parts", lambda place: 1 / 0)
    with Mirror(folder, here, look_s=0.01) as running:
        wait_for(lambda: running.problem is not None and "division by zero" in running.problem)
        monkeypatch.undo()
        wait_for(lambda: running.problem is None)
    assert names_there(here, folder) == names_here(folder)


def test_a_file_half_written_over_there_is_no_file(folder, here):
    begin(folder)
    running = Mirror(folder, here)
    running.store.files = Stuck(running.store.files)
    with pytest.raises(OSError, match="killed here"):
        running.copy()
    assert os.listdir(Path(here, "study")) == [f".owner.json.{socket.gethostname()}-{os.getpid()}.tmp"]
    assert names_there(here, folder) == set()
    assert Mirror(folder, here).copy()
    assert names_there(here, folder) == {STUDY}


class Stuck:
    """A file system whose client dies after writing and before renaming."""

    def __init__(self, files):
        self._files = files

    def __getattr__(self, name):
        return getattr(self._files, name)

    def move(self, source, target):
        raise OSError(errno.EINTR, "killed here")


def removed(files, name):
    """Has the bucket gone? What the mirror sends meanwhile may keep it."""
    try:
        files.delete_dir(name)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def test_since_when_files_are_missing_there_is_known(folder, here, monkeypatch):
    begin(folder)
    with opened(folder) as ledger, Mirror(folder, here, look_s=0.02) as running:
        made = running.whole_at
        train(ledger, 0)
        wait_for(lambda: running.whole_at > made and names_there(here, folder) == names_here(folder))
        monkeypatch.setattr(Store, "write", refuse)
        train(ledger, 1)
        wait_for(lambda: running.problem is not None)
        stuck = running.whole_at
        time.sleep(0.1)
        assert running.whole_at == stuck
        monkeypatch.undo()
        wait_for(lambda: running.whole_at > stuck)


def refuse(*_arguments: object) -> None:
    raise OSError("no room over there")
