"""What the mirror refuses before anything starts."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from pyarrow import fs
from support.mirrored import IDENTITY, STUDY, begin, names_here, names_there, opened, train

from sparring.errors import UsageError
from sparring.ledger.mirror import Mirror, store
from sparring.ledger.mirror.store import Store

pytestmark = pytest.mark.slow  # all together


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("mirror", "--mirror: mirror is none: URI has empty scheme"),
        ("", "--mirror: an empty address is none"),
        ("s4://bucket/x", "--mirror: s4://bucket/x is none: Unrecognized filesystem type"),
        ("s3://", "--mirror: s3:// names no bucket"),
        ("s3://b/x?region=r&token=hunter2", "--mirror: s3://b/x is none: Unexpected query parameter"),
        ("s3://KEY:hunter2@bucket/x", "--mirror: an address holds no credentials, but got s3://…@bucket/x"),
        ("s3://KEY:sl/hunter2@bucket/x?region=r", "--mirror: an address holds no credentials, but got s3://…@bucket/x"),
        ("s3://hunter2@bucket/x", "--mirror: an address holds no credentials"),
        ("/proc/nowhere", "--mirror: /proc/nowhere/study must take files, but: "),
    ],
)
def test_a_bad_address_is_refused_in_one_sentence(folder, bad, message):
    with pytest.raises(UsageError) as caught:
        Mirror(folder, bad).check()
    assert str(caught.value).startswith(message)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_refused(folder, s3):
    with pytest.raises(UsageError, match=r"s3://no-such-bucket/x/study must take files, but: .*NO_SUCH_BUCKET"):
        Mirror(folder, f"s3://no-such-bucket/x{s3}").check()


def test_an_address_that_does_not_answer_is_refused_in_time(folder, here, monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(store, "CHECK_S", 0.05)
    monkeypatch.setattr(Store, "write", lambda self, name, data: answered.wait(600))
    with pytest.raises(UsageError, match=r"did not answer within 0\.05 s"):
        Mirror(folder, here).check()
    answered.set()


def test_the_check_leaves_no_file(folder, address):
    Mirror(folder, address).check()
    files = Store(address, folder.name)
    found = files.files.get_file_info(fs.FileSelector(files.base, recursive=True, allow_not_found=True))
    assert [info.path for info in found] == []


def test_a_study_is_not_mirrored_into_itself(folder):
    begin(folder)
    for address in (folder.parent, folder):
        with pytest.raises(UsageError, match="a mirror lies outside the study"):
            Mirror(folder, str(address)).check()


def test_another_study_under_the_same_name_is_refused(folder, here):
    begin(folder)
    with Mirror(folder, here):
        pass
    shutil.rmtree(folder)
    with pytest.raises(UsageError, match=r"must hold the same search, but seed was 0 and is 5; give this search its"):
        Mirror(folder, here).check({"model": "toy", "seed": 5})
    Mirror(folder, here).check(IDENTITY)
    begin(folder, metrics=["val/other"])
    with pytest.raises(UsageError, match="holds another of that name; choose another --mirror or --name, or move"):
        Mirror(folder, here).check(IDENTITY)
    Path(here, "study", STUDY).write_text("{}")
    with pytest.raises(UsageError, match=r"study\.json: it must have the checksum it carries"):
        Mirror(folder, here).check(IDENTITY)


def test_files_without_a_study_are_refused(folder, here):
    begin(folder)
    with opened(folder) as ledger, Mirror(folder, here):
        train(ledger, 0)
    Path(here, "study", STUDY).unlink()
    with pytest.raises(UsageError, match=r"holds 5 files of a study but no study\.json"):
        Mirror(folder, here).check()


def test_an_older_copy_put_back_is_refused(folder, here, tmp_path):
    begin(folder)
    with opened(folder) as ledger, Mirror(folder, here, look_s=0.02):
        train(ledger, 0)
        shutil.copytree(folder, tmp_path / "backup")
        train(ledger, 1)
        ledger.compact()
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "backup", folder)
    with pytest.raises(UsageError, match=r"holds 1 rows of attempts and 2 rows of epochs and 1 rows of trials that"):
        Mirror(folder, here).seed()


def test_a_second_search_from_the_same_beginning_is_refused(folder, here):
    for _ in range(2):
        begin(folder)
        with opened(folder) as ledger:
            train(ledger, 0)
        running = Mirror(folder, here)
        running.check(IDENTITY)
        if not names_there(here, folder):
            with running:
                pass
            shutil.rmtree(folder)
    with pytest.raises(UsageError, match=r"1 rows of attempts and 1 rows of trials"):
        running.seed()


def test_what_a_killed_search_left_of_a_merger_is_no_other_study(folder, here):
    begin(folder)
    with opened(folder) as ledger:
        train(ledger, 0, 1)
        Mirror(folder, here).copy()
        ledger.compact()
    before = names_there(here, folder)
    resumed = Mirror(folder, here)
    resumed.check(IDENTITY)
    assert resumed.seed() is False
    with resumed:
        pass
    assert len(before) == 10
    assert names_there(here, folder) == names_here(folder)
