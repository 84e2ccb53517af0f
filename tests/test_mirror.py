"""A study's second copy: on a folder and on an S3 server of this machine; heads are killed, buckets removed."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
from pyarrow import fs

from sparring.errors import StudyLocked, UsageError
from sparring.ledger import Ledger, attempt_rows, epoch_rows, lock_study, read_study, trial_rows, write_study
from sparring.ledger.checkpoints import CheckpointFolder
from sparring.ledger.mirror import Mirror, mirror, seeding, store
from sparring.ledger.mirror.store import Store
from sparring.ledger.weights import WeightsFolder
from sparring.records import AttemptRow, EpochRow, Outcome, TrialRow

pytestmark = pytest.mark.slow  # all together

KINDS = {"lr": "float"}
METRICS = ("val/score",)
STUDY = "study.json"
IDENTITY = {"model": "toy", "seed": 0}
AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@pytest.fixture(scope="module")
def s3():
    """An S3 server's endpoint as the query of an address, and the environment it wants."""
    from moto.server import ThreadedMotoServer

    with pytest.MonkeyPatch.context() as patch:
        for name, value in AWS.items():
            patch.setenv(name, value)
        server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
        server.stop()


def bucket(s3, name):
    options = dict(pair.split("=") for pair in s3[1:].split("&"))
    files = fs.S3FileSystem(**options, allow_bucket_creation=True, allow_bucket_deletion=True)
    files.create_dir(name)
    return files


@pytest.fixture(params=["file", "s3"])
def address(request, tmp_path):
    if request.param == "file":
        return (tmp_path / "mirror").as_uri()
    query = request.getfixturevalue("s3")
    bucket(query, "mirrors")
    return f"s3://mirrors/{tmp_path.name}{query}"


@pytest.fixture
def here(tmp_path):
    """An address for what does not depend on the kind of file system."""
    return str(tmp_path / "mirror")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "results" / "study"


def begin(folder, **document):
    write_study(folder, {"kinds": KINDS, "metrics": METRICS, "identity": IDENTITY, **document})


def opened(folder):
    return Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=0)


def epoch(trial, number, attempt=1):
    return EpochRow(trial=trial, attempt=attempt, epoch=number, metrics={"val/score": trial + 1 / number}, wall_s=0.5)


def ended(trial):
    return TrialRow(
        trial=trial, attempt=1, seed=7, outcome=Outcome.COMPLETED, params={"lr": 0.1}, value=trial + 0.5, epochs=2
    )


def train(ledger, *trials, end=True):
    checkpoints, weights = CheckpointFolder(ledger.folder / "checkpoints"), WeightsFolder(ledger.folder / "weights")
    for trial in trials:
        ledger.append_attempt(AttemptRow(trial=trial, attempt=1, seed=7, params={"lr": 0.1}, slot="s"))
        for number in (1, 2):
            ledger.append_epochs([epoch(trial, number)])
            checkpoints.write(trial, 1, number, f"{trial} {number}".encode())
        if end:
            weights.write(trial, f"weights of {trial}".encode())
            ledger.append_trial(ended(trial))
            weights.keep([trial])
            checkpoints.drop(trial)


def rows_of(folder):
    return trial_rows(folder), attempt_rows(folder), epoch_rows(folder)


def raw_counts(folder):
    """As a reader counts who knows nothing of keys."""
    return [len(pd.read_parquet(folder / table)) for table in ("trials", "attempts", "epochs")]


def names_here(folder):
    """What ought to be mirrored, found by other means than the mirror's."""
    files = [*folder.glob("*s/*.parquet"), *folder.glob("*s/*.safetensors"), folder / "study.json"]
    return {str(path.relative_to(folder)) for path in files}


def names_there(address, folder):
    return set(Store(address, folder.name).sizes())


# -- there and back ---------------------------------------------------------------------------------------------------


def test_a_study_is_mirrored_while_it_runs_and_comes_back(folder, address):
    begin(folder)
    with opened(folder) as ledger, Mirror(folder, address, look_s=0.02) as running:
        train(ledger, 0, 1)
        wait_for(lambda: names_there(address, folder) == names_here(folder))
        ledger.compact()
        train(ledger, 2)
        train(ledger, 3, end=False)
    assert (running.problem, running.missing) == (None, 0)
    assert names_there(address, folder) == names_here(folder)
    # study.json, 3 parts of attempts, 5 of epochs, 2 of trials, 2 checkpoints, the weights of the last that ended
    assert len(names_here(folder)) == 14
    before, study = rows_of(folder), read_study(folder)
    shutil.rmtree(folder)

    back = Mirror(folder, address)
    back.check(IDENTITY)
    assert back.seed() is True
    assert back.torn == ()
    assert rows_of(folder) == before
    assert raw_counts(folder) == [3, 4, 8]
    assert read_study(folder) == study
    assert CheckpointFolder(folder / "checkpoints").newest(3) == b"3 2"
    assert WeightsFolder(folder / "weights").read(2) == b"weights of 2"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["study"]

    with opened(folder) as ledger, Mirror(folder, address, look_s=0.02):
        assert ledger.torn == ()
        assert ledger.append_trial(ended(2)) is False
        assert ledger.append_trial(ended(3)) is True
        CheckpointFolder(folder / "checkpoints").drop(3)
    assert names_there(address, folder) == names_here(folder)
    assert rows_of(folder)[0] == [*before[0], ended(3)]


SEARCH = """
import json, random, sys, time
from pathlib import Path
from sparring.ledger import Ledger, write_study
from sparring.ledger.mirror import Mirror
from sparring.records import AttemptRow, EpochRow, Outcome, TrialRow
from sparring.ledger.checkpoints import CheckpointFolder
from sparring.ledger.weights import WeightsFolder

folder, address, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
chance = random.Random(seed)
done = {"attempts": 0, "epochs": 0, "trials": 0, "checkpoints": [0, 0]}

class Told(Mirror):
    def copy(self):
        sure = json.dumps(done)
        whole = super().copy()
        if whole:
            print(sure, flush=True)
        return whole

write_study(folder, {"kinds": {"lr": "float"}, "metrics": ["val/score"], "identity": {"model": "toy", "seed": 0}})
checkpoints = CheckpointFolder(folder / "checkpoints")
with Ledger(folder, kinds={"lr": "float"}, metrics=["val/score"]) as ledger, Told(folder, address, look_s=0.01):
    for trial in range(10000):
        ledger.append_attempt(AttemptRow(trial=trial, attempt=1, seed=7, params={"lr": 0.1}, slot="s"))
        done["attempts"] += 1
        for n in (1, 2, 3):
            row = EpochRow(trial=trial, attempt=1, epoch=n, metrics={"val/score": trial + 1 / n}, wall_s=0.5)
            ledger.append_epochs([row])
            done["epochs"] += 1
            checkpoints.write(trial, 1, n, f"{trial} {n}".encode())
            done["checkpoints"] = [trial, n]
            if chance.random() < 0.1:
                ledger.compact()
            time.sleep(chance.random() * float(sys.argv[4]))
        done["checkpoints"] = [trial + 1, 0]
        ledger.append_trial(TrialRow(trial=trial, attempt=1, seed=7, outcome=Outcome.COMPLETED, params={"lr": 0.1},
                                     value=trial + 0.5, epochs=2))
        done["trials"] += 1
        checkpoints.drop(trial)
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_head_killed_at_any_moment_loses_nothing_that_was_mirrored(folder, address, seed):
    chance = random.Random(seed)
    pause = "0.15" if address.startswith("s3") else "0.02"  # the S3 server of the tests needs 20 ms per file
    search = subprocess.Popen(
        [sys.executable, "-c", SEARCH, str(folder), address, str(seed), pause], stdout=subprocess.PIPE, text=True
    )
    try:
        goal, sure = chance.randint(1, 12), {"trials": 0}
        while sure["trials"] < goal:
            sure = json.loads(search.stdout.readline())
        time.sleep(chance.random() * 0.2)  # into whatever it is doing
    finally:
        search.send_signal(signal.SIGKILL)
        told = [line for line in search.stdout.read().split("\n")[:-1] if line]
        search.wait()
        search.stdout.close()
    sure = json.loads(told[-1]) if told else sure
    shutil.rmtree(folder)

    back = Mirror(folder, address)
    back.check(IDENTITY)
    assert back.seed()
    assert back.torn == ()
    trials, attempts, epochs = rows_of(folder)
    # Whole up to some moment, which is not before the last finished look.
    assert trials == [ended(trial) for trial in range(len(trials))]
    assert [row.trial for row in attempts] == list(range(len(attempts)))
    assert epochs == [epoch(n // 3, n % 3 + 1) for n in range(len(epochs))]
    found = {"attempts": len(attempts), "epochs": len(epochs), "trials": len(trials)}
    assert all(found[table] >= sure[table] for table in found)
    assert raw_counts(folder) == [len(trials), len(attempts), len(epochs)]
    trial, number = sure["checkpoints"]
    if number and trial >= len(trials):
        newest = CheckpointFolder(folder / "checkpoints").newest(trial)
        assert int(newest.split()[1]) >= number

    with opened(folder) as ledger, Mirror(folder, address, look_s=0.01):
        assert ledger.append_trial(ended(0)) is False
        assert ledger.append_trial(ended(len(trials))) is True
    assert names_there(address, folder) == names_here(folder)


def test_the_mirror_holds_every_row_after_each_single_request(folder, address, monkeypatch, tmp_path):
    begin(folder)
    running = Mirror(folder, address)
    sure = []
    requests = []

    def watched(method):
        def call(self, *arguments):
            try:
                return method(self, *arguments)
            finally:
                requests.append(method.__name__)
                there = tmp_path / f"look-{len(requests)}" / folder.name
                assert seeding.seed(there, Store(address, folder.name)) == ()
                held = [row for rows in rows_of(there) for row in rows]
                assert [row for rows in sure for row in rows if row not in held] == []

        return call

    with opened(folder) as ledger:
        train(ledger, 0)
        running.copy()
        monkeypatch.setattr(Store, "write", watched(Store.write))
        monkeypatch.setattr(Store, "_delete", watched(Store._delete))
        monkeypatch.setattr(store, "AT_ONCE", 1)
        for trial in (1, 2):
            sure = rows_of(folder)
            train(ledger, trial)
            ledger.compact()
            assert running.copy()
    assert requests.count("_delete") > 4
    assert names_there(address, folder) == names_here(folder)


def test_checkpoints_rotate_over_there_and_the_newest_is_never_taken(folder, here):
    begin(folder)
    running = Mirror(folder, here)
    checkpoints = CheckpointFolder(folder / "checkpoints")
    with opened(folder):
        for number in range(1, 5):
            checkpoints.write(0, 1, number, f"0 {number}".encode())
            assert running.copy()
            assert names_there(here, folder) == names_here(folder)
    for path in sorted(checkpoints.folder.iterdir())[1:]:
        path.unlink()  # nobody has written a later one, and the trial has not ended
    running.copy()
    assert sorted(name[-36:-29] for name in names_there(here, folder) - {STUDY}) == sorted(["-e00003", "-e00004"])


def test_a_referee_goes_on_from_the_mirror(folder, here):
    from pydantic import BaseModel

    from sparring.records import StudySpec
    from sparring.referee.referee import Referee
    from sparring.space import Space

    class Toy(BaseModel):
        epochs: int = 2
        lr: float = 0.01

    raw = {"model": "toy", "dataset": "none", "objectives": [{"metric": "val/score"}]}
    space = Space(raw | {"search": {"lr": {"loguniform": [1e-5, 1.0]}}}, Toy)
    begin(folder, kinds=space.kinds)
    spec = StudySpec(name="study", model="toy", dataset="none", trials=5, space=raw, pruner="none")

    def referee():
        shelf = CheckpointFolder(folder / "checkpoints")
        return Referee(folder, spec, space.without_model(), shelf, epochs=2, metrics=METRICS, wait_s=0.0)

    with Mirror(folder, here, look_s=0.02):
        first = referee()
        assert [first.ask() for _ in range(3)] == [0, 1, 2]
        for number in (0, 1):
            first.start(number, "slot")
            first.report([epoch(number, 1), epoch(number, 2)], last=True)
        first.start(2, "slot")
        first.report([epoch(2, 1)], checkpoint=b"two")
        first.close()
    before = rows_of(folder)
    shutil.rmtree(folder)

    assert Mirror(folder, here).seed()
    resumed = referee()
    assert [resumed.ask() for _ in range(2)] == [2, 3]
    assert resumed.snapshot().finished == 2
    assert rows_of(folder)[0] == before[0]
    assert CheckpointFolder(folder / "checkpoints").newest(2) == b"two"
    resumed.close()


def test_event_files_are_not_mirrored_but_rebuilt_from_the_ledger(tmp_path, here):
    from rich.console import Console

    from sparring import study as studies
    from sparring.cluster.watch import Watcher

    study = studies.prepare("aegan", results=tmp_path / "results", slots=1, trials=3)
    with lock_study(study.folder):
        studies.open_folder(study)
    metrics = study.config_class.emitted()
    params = study.space.baseline()
    figures = dict.fromkeys(metrics, 1.0)
    with Ledger(study.folder, kinds=study.space.kinds, metrics=metrics) as ledger:
        for trial in (0, 1):
            ledger.append_attempt(AttemptRow(trial=trial, attempt=1, seed=7, params=params))
            ledger.append_epochs([EpochRow(trial=trial, attempt=1, epoch=1, metrics=figures, wall_s=1.0)])
        ledger.append_trial(replace(ended(0), params=params))

    def events():
        with open(os.devnull, "w") as screen, Watcher(study, Console(file=screen), ""):
            pass
        return sorted(str(path.parent) for path in (study.folder / "tensorboard").rglob("*tfevents*"))

    before = events()
    assert len(before) >= 2
    with Mirror(study.folder, here):
        pass
    assert not [name for name in names_there(here, study.folder) if "tensorboard" in name]
    shutil.rmtree(study.folder)
    assert Mirror(study.folder, here).seed()
    assert not (study.folder / "tensorboard").exists()
    assert events() == before


# -- what takes nothing out of the mirror -----------------------------------------------------------------------------


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
    running._store._files = Stuck(running._store._files)
    with pytest.raises(OSError, match="killed here"):
        running.copy()
    assert os.listdir(Path(here, "study")) == [".study.json.tmp"]
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


# -- refused before anything starts -----------------------------------------------------------------------------------


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
    found = files._files.get_file_info(fs.FileSelector(files._base, recursive=True, allow_not_found=True))
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


# -- coming back ------------------------------------------------------------------------------------------------------


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
        if next(reads) >= at:
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
    assert CheckpointFolder(folder / "checkpoints").newest(2) == b"2 1"
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


def removed(files, name):
    """Has the bucket gone? What the mirror sends meanwhile may keep it."""
    try:
        files.delete_dir(name)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


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
