"""What ended searches leave is found by their own marks, and nothing else is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.frail import ended, new_study, open_ledger

from sparring.cluster.daemons import leftovers
from sparring.ledger import lock_study, trial_rows


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """Where this test's Ray would put its sessions."""
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / "tmp"))
    folder = tmp_path / "tmp" / "ray"
    folder.mkdir(parents=True)
    return folder


def session(home: Path, name: str) -> Path:
    folder = home / f"session_{name}"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "raylet.out").write_text("words")
    return folder


def daemon(log: Path, title: str) -> subprocess.Popen:
    """A process that writes into a log, and is called ``title``."""
    program = "import sys, time; file = open(sys.argv[1], 'a'); print(flush=True); time.sleep(60)"
    words = [title, "-c", program, str(log)]
    process = subprocess.Popen(words, executable=sys.executable, stdout=subprocess.PIPE)
    process.stdout.readline()  # the log is open
    return process


def test_a_session_is_dead_once_its_search_has_let_go_of_it(home):
    mine = session(home, "1")
    (home / "session_latest").symlink_to(mine)  # as Ray has it
    with leftovers.marked(mine):
        assert leftovers.dead_sessions() == []
    assert [each.folder for each in leftovers.dead_sessions()] == [mine]


def test_a_killed_searchs_session_is_dead_too(home):
    mine = session(home, "1")
    program = (
        "import sys, time; from pathlib import Path; from sparring.cluster.daemons.leftovers import marked\n"
        "with marked(Path(sys.argv[1])): print(flush=True); time.sleep(60)"
    )
    search = subprocess.Popen([sys.executable, "-c", program, str(mine)], stdout=subprocess.PIPE)
    search.stdout.readline()
    assert leftovers.dead_sessions() == []
    search.kill()
    search.wait()
    search.stdout.close()
    assert [each.folder for each in leftovers.dead_sessions()] == [mine]


def test_clean_removes_dead_sessions_with_rays_processes_and_leaves_all_others(home, run_verb, tmp_path, capsys):
    dead, alive, foreign = (session(home, name) for name in "123")
    with leftovers.marked(dead):
        pass
    started = [
        daemon(dead / "logs" / "agent.log", "ray::DashboardAgent"),
        daemon(dead / "logs" / "raylet.out", "tail"),  # a user who reads the log
        daemon(foreign / "logs" / "agent.log", "ray::DashboardAgent"),
    ]
    try:
        with leftovers.marked(alive):
            assert run_verb("clean", "--dry-run", "--results", tmp_path) == 0
            said = capsys.readouterr().out
            assert f"Would remove {dead}, 0.0 MB, and process {started[0].pid}\n" in said
            assert dead.exists()
            assert started[0].poll() is None
            assert run_verb("clean", "--results", tmp_path) == 0
        assert started[0].wait(10) == -15
        assert [each.poll() for each in started[1:]] == [None, None]
        assert sorted(home.iterdir()) == [alive, foreign]
    finally:
        for each in started:
            each.kill()
            each.wait()
            each.stdout.close()
    assert "Nothing" not in capsys.readouterr().out
    assert run_verb("clean", "--results", tmp_path) == 0  # the one that was alive
    assert run_verb("clean", "--results", tmp_path) == 0
    assert capsys.readouterr().out.endswith("Nothing is left behind.\n")
    assert sorted(home.iterdir()) == [foreign]


@pytest.mark.fault(27)
def test_clean_removes_half_written_files_and_no_row(home, run_verb, tmp_path, capsys):
    study = new_study_in(tmp_path / "s")
    half = [study / "trials" / ".00000009-t00009-a1-0badf00d.parquet.tmp", study / "checkpoints" / ".t1.tmp"]
    for path in half:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    with lock_study(study):
        assert run_verb("clean", "--results", tmp_path) == 0
        assert all(path.exists() for path in half), "somebody searches it"
    capsys.readouterr()
    assert run_verb("clean", "--dry-run", "--results", tmp_path) == 0
    said = capsys.readouterr().out
    assert all(f"Would remove {path}\n" in said for path in half)
    assert all(path.exists() for path in half)
    assert run_verb("clean", "--results", tmp_path) == 0
    said = capsys.readouterr().out
    assert all(f"Removed {path}\n" in said for path in half)
    assert not any(path.exists() for path in half)
    assert [row.trial for row in trial_rows(study)] == [0]


def test_the_next_start_of_a_study_removes_them_too(tmp_path):
    study = new_study_in(tmp_path / "s")
    half = [study / name / ".half.tmp" for name in ("epochs", "checkpoints", "weights")]
    for path in half:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    open_ledger(study).close()
    assert not any(path.exists() for path in half)


def new_study_in(folder: Path) -> Path:
    folder.mkdir()
    new_study(folder)
    with open_ledger(folder) as ledger:
        ledger.append_trial(ended(0))
    return folder
