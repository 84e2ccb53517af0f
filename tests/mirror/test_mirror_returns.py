"""What comes back from the mirror, and what does not."""

from __future__ import annotations

import errno
import os
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from support.mirrored import STUDY, begin, names_here, names_there, newest, opened, train

from sparring.errors import StudyLocked, UsageError
from sparring.ledger import Ledger, attempt_rows, lock_study, trial_rows
from sparring.ledger.mirror import Mirror, seeding
from sparring.ledger.mirror.claim import OWNER
from sparring.ledger.mirror.store import Store

pytestmark = pytest.mark.slow  # all together


@pytest.fixture
def mirrored(folder, here):
    """A study that is only in the mirror, as separate parts: trials 0 and 1 ended, trial 2 in training."""
    begin(folder)
    with opened(folder) as ledger, Mirror(folder, here):
        train(ledger, 0, 1)
        train(ledger, 2, end=False)
    shutil.rmtree(folder)
    return Path(here, "study")


def test_without_a_study_over_there_nothing_comes_back(folder, address):
    assert Mirror(folder, address).seed() is False
    assert not folder.exists()


@pytest.mark.parametrize("at", range(0, 12, 3))
def test_a_seed_cut_short_is_no_study(folder, here, mirrored, monkeypatch, at):
    reads = iter(range(100))
    read = Store.read

    def breaking(self, name):
        if name != OWNER and next(reads) >= at:
            raise OSError(errno.ECONNRESET, "Connection reset by peer")
        return read(self, name)

    monkeypatch.setattr(Store, "read", breaking)
    with pytest.raises(UsageError, match=r"could not be brought back: \[Errno 104\] Connection reset by peer; mend"):
        Mirror(folder, here).seed()
    assert not folder.exists()
    assert not (folder.parent / ".study.seed").exists()
    monkeypatch.undo()
    assert Mirror(folder, here).seed()
    assert len(trial_rows(folder)) == 2


@pytest.mark.parametrize("step", ["compact", "publish", "_drop_ended", "_move_in", "rename"])
def test_a_seed_killed_at_any_step_is_no_study(folder, here, mirrored, monkeypatch, step):
    class Killed(BaseException):
        pass

    def die(*arguments, **options):
        raise Killed

    where = {"compact": Ledger, "rename": os}.get(step, seeding)
    with lock_study(folder), monkeypatch.context() as patch:
        patch.setattr(where, step, die)
        with pytest.raises(Killed):
            Mirror(folder, here).seed()
    assert not (folder / STUDY).exists()
    with lock_study(folder):
        assert Mirror(folder, here).seed()
    assert len(trial_rows(folder)) == 2
    assert not (folder.parent / ".study.seed").exists()


def test_the_lock_stays_held_while_the_study_comes_back(folder, here, mirrored):
    with lock_study(folder):
        assert Mirror(folder, here).seed()
        with pytest.raises(StudyLocked), lock_study(folder):
            pass
    with lock_study(folder):
        pass


def test_a_folder_with_other_things_in_it_is_left_alone(folder, here, mirrored):
    (folder / "trials").mkdir(parents=True)
    with pytest.raises(
        UsageError, match=r"comes back into an empty folder, but this one has trials and no study\.json"
    ):
        Mirror(folder, here).seed()
    assert os.listdir(folder) == ["trials"]


def test_what_is_torn_over_there_is_set_aside_by_name(folder, here, mirrored):
    part = sorted((mirrored / "trials").iterdir())[1]
    part.write_bytes(part.read_bytes()[:-1])
    checkpoint = sorted((mirrored / "checkpoints").iterdir())[1]
    checkpoint.write_bytes(b"torn")
    back = Mirror(folder, here)
    assert back.seed()
    assert [row.trial for row in trial_rows(folder)] == [0]
    assert len(attempt_rows(folder)) == 3
    assert newest(folder, 2) == b"2 1"
    first, second = back.torn
    assert first.startswith(f"{here}/study/checkpoints/{checkpoint.name}: its 4 bytes do not have the checksum in its")
    assert second.startswith(f"{here}/study/trials/{part.name}: its ")
    assert all(
        f"set aside in {folder / '_torn'}; what no other file holds is trained again" in one for one in back.torn
    )
    assert {f"trials-{part.name}", f"checkpoints-{checkpoint.name}"} <= set(os.listdir(folder / "_torn"))


def test_checkpoints_of_trials_that_ended_do_not_come_back(folder, here, mirrored):
    packed = b"of a trial that ended"
    name = f"t00001-a001-e00009-{sha256(packed).hexdigest()[:16]}.safetensors"
    (mirrored / "checkpoints" / name).write_bytes(packed)
    assert Mirror(folder, here).seed()
    assert {path.name[:6] for path in (folder / "checkpoints").iterdir()} == {"t00002"}
    with Mirror(folder, here):
        pass
    assert names_there(here, folder) == names_here(folder)


def test_a_part_that_no_merger_took_in_stays_over_there(folder, here):
    """It was lost here before: the mirror has the only copy, whatever was merged since."""
    begin(folder)
    with opened(folder) as ledger:
        train(ledger, 0, 1, 2)
        mirror = Mirror(folder, here)
        mirror.copy()
        lost = next((folder / "trials").glob("*-t00001-*"))
        lost.unlink()
        ledger.compact()
        ledger.compact()  # a merged part is merged again: what it had replaced counts on
        train(ledger, 3)
        ledger.compact()
        mirror.copy()
    there = {name for name in names_there(here, folder) if name.startswith("trials/")}
    (merged,) = there - {f"trials/{lost.name}"}
    assert "-merged-" in merged
    assert f"trials/{lost.name}" in there
    shutil.rmtree(folder)
    assert Mirror(folder, here).seed()
    assert [row.trial for row in trial_rows(folder)] == [0, 1, 2, 3]
