"""A study at a mirror's address is followed: what comes there comes here, and nothing is written there."""

from __future__ import annotations

import shutil

import pytest
from support.mirrored import bucket
from support.reports import KINDS, METRICS, MIXED, study, trial

from sparring.errors import UsageError
from sparring.ledger import Ledger, is_locked, trial_rows
from sparring.ledger.mirror.following import Follower, is_address, studies_at
from sparring.records import Outcome
from sparring.report.dashboard.mirrored import followed


@pytest.fixture
def there(tmp_path):
    """What a mirror holds of a study."""
    folder = study(tmp_path / "mirror", MIXED[:3])
    for name in ("LOCK", "writer.lock"):
        (folder / name).unlink(missing_ok=True)
    return folder


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_an_address_is_a_study_s_or_that_of_several(there):
    assert is_address(there.as_uri())
    assert not is_address("results/demo")
    assert studies_at(there.as_uri()) == [(there.parent.as_uri(), "demo")]
    shutil.copytree(there, there.with_name("other"))
    assert [name for _, name in studies_at(f"{there.parent.as_uri()}/")] == ["demo", "other"]
    with pytest.raises(UsageError, match=r"STUDY: .*/nothing holds no study, nor does a folder below it"):
        studies_at(f"{there.as_uri()}/nothing")


def test_rows_come_as_they_are_written_also_when_parts_are_merged(there, tmp_path):
    before = files_in(there)
    with Follower(there.parent.as_uri(), "demo", tmp_path / "here") as follower:
        follower.refresh()
        here = tmp_path / "here" / "demo"
        assert [row.trial for row in trial_rows(here)] == [0, 1, 2]
        assert files_in(there) == before
        with Ledger(there, kinds=KINDS, metrics=METRICS) as ledger:
            ledger.append_trial(trial(9, Outcome.COMPLETED, 0.3))
            ledger.compact()
        follower.refresh()
        assert [row.trial for row in trial_rows(here)] == [0, 1, 2, 9]
        assert {name for name in files_in(here) if "trials" in name} == {
            name for name in files_in(there) if "trials" in name
        }
        assert follower.complaint == ""


def test_a_part_that_is_not_whole_yet_is_left_until_it_is(there, tmp_path):
    part = max((there / "trials").iterdir())
    whole = part.read_bytes()
    part.write_bytes(whole[:-9])
    with Follower(there.parent.as_uri(), "demo", tmp_path / "here") as follower:
        follower.refresh()
        assert [row.trial for row in trial_rows(follower.folder)] == [0, 1]
        part.write_bytes(whole)
        follower.refresh()
        assert [row.trial for row in trial_rows(follower.folder)] == [0, 1, 2]


def test_while_a_search_copies_there_the_copy_reads_as_one_that_runs(there, tmp_path):
    with Follower(there.parent.as_uri(), "demo", tmp_path / "here") as follower:
        follower.refresh()
        assert not is_locked(follower.folder)
        (there / "owner.json").write_text("{}")
        follower.refresh()
        assert is_locked(follower.folder)
        (there / "owner.json").unlink()
        follower.refresh()
        assert not is_locked(follower.folder)


def test_a_study_in_a_bucket_is_followed_too(s3, there, tmp_path):
    files = bucket(s3, "followed")
    for name in files_in(there):
        with files.open_output_stream(f"followed/prefix/demo/{name}") as stream:
            stream.write((there / name).read_bytes())
    for address in (f"s3://followed/prefix{s3}", f"s3://followed/prefix/demo{s3}"):
        ((parent, name),) = studies_at(address)
        assert name == "demo"
        with Follower(parent, name, tmp_path / "here") as follower:
            follower.refresh()
            assert follower.complaint == ""
            assert [row.trial for row in trial_rows(follower.folder)] == [0, 1, 2]


def test_the_copy_goes_when_nobody_looks_any_more(there):
    said = []
    with followed(there.as_uri(), said.append) as folder:
        assert len(trial_rows(folder)) == 3
    assert not folder.exists()
    assert said == []
