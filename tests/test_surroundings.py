"""What surrounds a search: quotas of control groups, homes, temporary folders, left-over addresses, file systems."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from sparring import resources
from sparring.cluster import connection
from sparring.errors import ClusterError, UsageError
from sparring.ledger import read_study, write_study
from sparring.ledger.lock import lock_study
from sparring.ledger.study_json import move_data, study_digest
from sparring.resources import available_cpus

BOUND = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@pytest.fixture
def groups(tmp_path) -> Path:
    """A file as /proc/self/cgroup; the groups' folders lie beside it."""
    return tmp_path / "cgroup"


@pytest.mark.parametrize(("quota", "cpus"), [("100000 100000", 1), ("150000 100000", 1), ("20000 100000", 1)])
@pytest.mark.parametrize("where", ["job/step", "job", "."])
def test_a_quota_of_any_group_above_is_seen(groups, tmp_path, quota, cpus, where):
    groups.write_text("0::/job/step\n")
    (tmp_path / "job" / "step").mkdir(parents=True)
    (tmp_path / "job" / "step" / "cpu.max").write_text("max 100000\n")
    (tmp_path / where / "cpu.max").write_text(f"{quota}\n")
    assert available_cpus(groups, tmp_path) == min(BOUND, cpus)


def test_a_quota_of_the_first_version_is_seen(groups, tmp_path, monkeypatch):
    monkeypatch.setattr(resources.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    groups.write_text("4:memory:/job\n2:cpu,cpuacct:/job\n0::/\n")
    folder = tmp_path / "cpu" / "job"
    folder.mkdir(parents=True)
    for quota, cpus in ((250_000, 2), (-1, 64), (50_000, 1)):
        (folder / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (folder / "cpu.cfs_period_us").write_text("100000\n")
        assert available_cpus(groups, tmp_path) == cpus
    assert available_cpus(tmp_path / "none", tmp_path) == 64


# -- Ray's files, tokens and addresses --------------------------------------------------------------------------------


def refusal(address: str | None = None) -> str:
    with pytest.raises(ClusterError) as caught:
        connection.connect(address).__enter__()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("name", ["TMPDIR", "RAY_TMPDIR"])
def test_a_temporary_folder_too_deep_for_rays_sockets_is_refused(monkeypatch, name):
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv(name, "/scratch/" + 40 * "x")
    assert refusal().startswith(f"{name}: Ray puts its sockets below it, whose paths may have 107 bytes, but /scratch/")
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    connection._check_sockets()


@pytest.fixture
def no_token(monkeypatch, tmp_path) -> Path:
    """A home without a token; returns it."""
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.fault(65)
@pytest.mark.parametrize("home", ["/proc/nohome", "taken"])
def test_a_home_that_cannot_be_written_is_named_with_the_way_out(monkeypatch, no_token, home):
    (no_token / "taken").write_text("a file")
    monkeypatch.setenv("HOME", str(no_token / home))
    message = refusal()
    assert f"{no_token / home}/.ray/auth_token, but that cannot be written: " in message
    assert "set RAY_AUTH_TOKEN_PATH" in message


def test_a_user_without_name_or_home_needs_a_token_and_no_more(monkeypatch, no_token):
    monkeypatch.setattr(connection.os.path, "expanduser", lambda path: path)  # as for a uid that nobody has
    assert "this user has no home" in refusal()
    monkeypatch.setenv("RAY_AUTH_TOKEN", 64 * "a")
    connection._authenticate(local=True)
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_a_token_is_written_once_for_this_user_alone(no_token):
    connection._authenticate(local=True)
    token = (no_token / ".ray" / "auth_token").read_text()
    assert len(token) == 64
    assert (no_token / ".ray" / "auth_token").stat().st_mode & 0o777 == 0o600
    connection._authenticate(local=True)
    assert (no_token / ".ray" / "auth_token").read_text() == token


def dead_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_address_where_nothing_listens_is_refused_at_once_by_where_it_was_said(monkeypatch):
    address = f"127.0.0.1:{dead_port()}"
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    started = time.monotonic()
    assert refusal(address).startswith(f"--address: wants a running Ray cluster, but at {address} nothing answers")
    assert refusal(address).endswith("or leave --address out")
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert refusal(address).startswith("RAY_ADDRESS: wants a running Ray cluster")
    assert refusal(address).endswith("or unset RAY_ADDRESS")
    assert time.monotonic() - started < 2 * connection.ANSWER_S


# -- file systems, and data that moved --------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_hard_links_is_refused_before_anything_starts(tmp_path, monkeypatch, code):
    def refuses(*_):
        raise OSError(code, os.strerror(code))

    with lock_study(tmp_path / "fine"):
        assert [path.name for path in (tmp_path / "fine").iterdir()] == ["LOCK"]
    monkeypatch.setattr(os, "link", refuses)
    with pytest.raises(UsageError, match="a study needs a file system with hard links, but this one refuses them"):
        lock_study(tmp_path / "study").__enter__()


def test_data_that_moved_are_found_where_they_lie_now_and_the_study_stays_what_it_is(tmp_path):
    spec = {"data_path": "/old/data.npz"}
    write_study(tmp_path / "study", {"spec": spec, "kinds": {}, "metrics": []})
    written, digest = (tmp_path / "study" / "study.json").read_bytes(), study_digest(tmp_path / "study")
    move_data(tmp_path / "study", "/new/data.npz")
    assert read_study(tmp_path / "study")["spec"]["data_path"] == "/new/data.npz"
    assert study_digest(tmp_path / "study") == digest
    assert (tmp_path / "study" / "study.json").read_bytes() == written
    (tmp_path / "study" / "data_path.json").write_text("{")  # torn
    assert read_study(tmp_path / "study")["spec"]["data_path"] == "/old/data.npz"
    assert json.loads(written)["spec"] == spec
