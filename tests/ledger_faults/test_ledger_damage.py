"""Torn, damaged and vanished parts of a ledger, and disks that are full or fail."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.frail import ended, new_study, open_ledger, part_names

from sparring.errors import LedgerError
from sparring.ledger import (
    parts,
    read_trials,
    trial_rows,
)


@pytest.mark.fault(26)
def test_a_flipped_bit_anywhere_in_a_part_is_seen(folder):
    with open_ledger(folder) as ledger:
        ledger.append_trial(ended(0))
    (name,) = part_names(folder)
    whole = (folder / "trials" / name).read_bytes()
    chance = random.Random(1)
    for place in range(len(whole)):
        with (folder / "trials" / name).open("r+b", buffering=0) as part:
            os.pwrite(part.fileno(), bytes([whole[place] ^ 1 << chance.randrange(8)]), place)
            reading = read_trials(folder)
            os.pwrite(part.fileno(), whole[place : place + 1], place)
        assert reading.table.num_rows == 0
        assert len(reading.torn) == 1
    assert read_trials(folder).table.num_rows == 1


def test_a_new_study_and_its_folder_are_synced(frail, tmp_path):
    folder = new_study(tmp_path / "study")
    assert {folder, tmp_path} <= set(frail.asked_to_sync)


LABEL = "t00009-a1-00000000.parquet"


def test_the_next_ledger_sets_torn_parts_aside_with_the_reason(folder):
    with open_ledger(folder) as ledger:
        for number in range(3):
            ledger.append_trial(ended(number))
    torn = folder / "trials" / part_names(folder)[1]
    torn.write_bytes(b"")
    (folder / "trials" / "mine.parquet").write_bytes(b"not ours")
    (folder / "trials" / f"00000008-{LABEL}").symlink_to("nowhere")
    (folder / "trials" / f"00000009-{LABEL}").mkdir()
    assert len(read_trials(folder).torn) == 4
    assert torn.exists()
    with open_ledger(folder) as ledger:
        assert len(ledger.torn) == 4
        assert f"trials/{torn.name}: its 0 bytes do not have" in " ".join(ledger.torn)
        assert ledger.append_trial(ended(1))
    assert read_trials(folder).torn == ()
    assert len(pq.read_table(folder / "trials")) == 3
    aside = {path.name for path in (folder / "_torn").iterdir()}
    assert {
        f"trials-{torn.name}",
        "trials-mine.parquet",
        f"trials-00000008-{LABEL}",
        f"trials-00000009-{LABEL}",
    } <= aside
    reason = json.loads((folder / "_torn" / f"trials-{torn.name}.reason.json").read_text())
    assert reason["part"] == f"trials/{torn.name}"
    assert "checksum" in reason["reason"]


def test_compaction_sets_aside_what_tore_meanwhile(folder):
    with open_ledger(folder) as ledger:
        for number in range(3):
            ledger.append_trial(ended(number))
        name = part_names(folder)[0]
        os.truncate(folder / "trials" / name, 10)
        ledger.compact()
        assert len(ledger.torn) == 1
        assert (folder / "_torn" / f"trials-{name}").stat().st_size == 10
    assert [row.trial for row in trial_rows(folder)] == [1, 2]


def test_a_reader_whose_parts_are_merged_after_it_listed_them_lists_again(folder, monkeypatch):
    with open_ledger(folder) as ledger:
        for number in range(3):
            ledger.append_trial(ended(number))
        real = parts.list_parts

        def list_then_merge(place):
            listed = real(place)
            monkeypatch.setattr(parts, "list_parts", real)
            ledger.compact("trials")
            return listed

        monkeypatch.setattr(parts, "list_parts", list_then_merge)
        assert [row.trial for row in trial_rows(folder)] == [0, 1, 2]


@pytest.mark.fault(27)
def test_what_a_killed_writer_left_over_is_ignored_and_then_removed(folder):
    with open_ledger(folder) as ledger:
        ledger.append_trial(ended(0))
    (folder / "trials" / ".00000002-t00001-a1-00000000.parquet.tmp").write_bytes(b"half")
    for name in ("checkpoints", "weights"):
        (folder / name).mkdir()
        (folder / name / ".t00001-0000000000000000.safetensors.tmp").write_bytes(b"half")
    (folder / ".trials.merged").mkdir()
    (folder / ".epochs.old").mkdir()
    assert read_trials(folder).torn == ()
    assert len(pq.read_table(folder / "trials")) == 1
    with open_ledger(folder):
        assert len(part_names(folder)) == 1
    assert not any(path.name.startswith(".") for path in folder.iterdir())
    assert not list(folder.glob("*/.*.tmp"))


@pytest.mark.fault(22, stand_in=True)
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EROFS])
def test_a_refused_call_commits_nothing_and_the_next_try_uses_a_new_file(frail, folder, number):
    with open_ledger(folder) as ledger:
        ledger.append_trial(ended(0))
        before = part_names(folder)
        for calls in range(7):
            frail.refuse_after(calls, number)
            with pytest.raises(LedgerError, match=f"t00001-a1 could not be committed: .*{os.strerror(number)}"):
                ledger.append_trial(ended(1))
            assert part_names(folder) == before
        frail.revive()
        assert ledger.append_trial(ended(1))
    files = [path for path in frail.asked_to_sync if path.name.endswith(".parquet.tmp")]
    assert len(files) == len(set(files)) > 2
    assert [row.trial for row in trial_rows(folder)] == [0, 1]


def test_a_compaction_that_was_refused_can_be_repeated(frail, tmp_path):
    for calls in range(12):
        folder = new_study(tmp_path / f"study{calls}")
        with open_ledger(folder) as ledger:
            for number in range(3):
                ledger.append_trial(ended(number))
            frail.refuse_after(calls, errno.ENOSPC)
            with pytest.raises(LedgerError, match=r"parts could not be merged: .*No space left"):
                ledger.compact("trials")
            assert len(trial_rows(folder)) == 3
            frail.revive()
            ledger.compact("trials")
            assert ledger.append_trial(ended(3))
        assert [row.trial for row in trial_rows(folder)] == [0, 1, 2, 3]
        assert len(pq.read_table(folder / "trials")) == 4


def test_a_file_that_cannot_grow_commits_nothing(folder):
    with open_ledger(folder) as ledger:
        ledger.append_trial(ended(0))
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, limits[1]))  # less than a part: the first write is cut short
        try:
            with pytest.raises(
                LedgerError, match=r"could not be committed: .*File too large.*committed before is safe"
            ):
                ledger.append_trial(ended(1))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert len(part_names(folder)) == 1
        assert ledger.append_trial(ended(1))
    assert len(trial_rows(folder)) == 2


def test_a_disk_that_gives_back_other_bytes_commits_nothing(frail, folder):
    def write(descriptor, data):
        os.write(descriptor, bytes(len(data)))
        return len(data)

    with open_ledger(folder) as ledger:
        frail.write = write
        with pytest.raises(LedgerError, match="the disk gave back other bytes than were written"):
            ledger.append_trial(ended(0))
        assert part_names(folder) == []


FULL_DISK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support import frail as rows
from sparring.errors import LedgerError
from sparring.ledger import trial_rows
folder = rows.new_study(Path(sys.argv[1]) / "study")
ledger = rows.open_ledger(folder)
done = 0
try:
    while True:
        done += ledger.append_trial(rows.ended(done))
except LedgerError as error:
    assert "No space left on device" in str(error), error
try:
    ledger.compact()
except LedgerError as error:
    assert "No space left on device" in str(error), error
assert [row.trial for row in trial_rows(folder)] == list(range(done)), done
ballast = next(Path(sys.argv[1]).glob("ballast"))
ballast.unlink()
ledger.close()
ledger = rows.open_ledger(folder)
ledger.append_trial(rows.ended(done))
ledger.compact()
print(len(trial_rows(folder)) - done, done)
"""


@pytest.mark.fault(19)
def test_a_full_disk_loses_nothing_and_the_search_goes_on_once_there_is_room(tmp_path):
    mount = f"mount -t tmpfs -o size=192k none '{tmp_path}' && head -c 96k /dev/zero > '{tmp_path}/ballast'"
    private = ["unshare", "-rm", "sh", "-c"]
    if not shutil.which("unshare") or subprocess.run([*private, mount], capture_output=True).returncode:
        pytest.skip("no private mounts here")
    command = f"{mount} && exec '{sys.executable}' -c \"$0\" '{tmp_path}' '{Path(__file__).parents[1]}'"
    done = subprocess.run([*private, command, FULL_DISK], capture_output=True, text=True, timeout=30)
    more, before = map(int, done.stdout.split() or pytest.fail(done.stderr))
    assert more == 1
    assert before > 3
