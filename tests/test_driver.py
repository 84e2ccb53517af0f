"""What the driver does around a search: waits for the referee, hears signals, refuses addresses. No Ray is started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import ray
import torch
from ray.exceptions import GetTimeoutError, RayTaskError
from support.referee import epoch as heard
from support.referee import kill, make

from sparring.cluster import search, trainer
from sparring.cluster.connection import connect
from sparring.cluster.referee_actor import RefereeActor
from sparring.cluster.signals import Interrupted, handled, interrupt
from sparring.errors import ClusterError, LedgerError, StudyLocked
from sparring.ledger import epoch_rows, trial_rows
from sparring.ledger.checkpoints import CheckpointFolder
from sparring.ledger.disk import newest_whole
from sparring.records import RUNGS, Objective, Outcome, Start, StudySpec, Trial, Verdict
from sparring.training.averaging import PeerLost, Workers

# -- waiting for the referee ------------------------------------------------------------------------------------------


class Answers:
    """Stands in for ``ray.get``: answers after so many seconds, or never; counts how often it was asked."""

    def __init__(self, after_s: float) -> None:
        self.at, self.asked = time.monotonic() + after_s, 0

    def __call__(self, answer, timeout):
        self.asked += 1
        time.sleep(0.01)
        if time.monotonic() < self.at:
            raise GetTimeoutError
        return answer


def test_an_answer_that_takes_long_is_waited_for(monkeypatch):
    get = Answers(0.1)
    monkeypatch.setattr(ray, "get", get)
    assert search.wait_for("answer", [signal.SIGINT]) == "answer"
    assert get.asked > 1


def test_a_second_signal_ends_thewait_for_a_referee_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(ray, "get", Answers(1e9))
    with pytest.raises(Interrupted) as ended:
        search.wait_for("answer", [signal.SIGINT, signal.SIGTERM])
    assert ended.value.args == (signal.SIGTERM,)


def test_it_still_gets_a_moment_to_commit(monkeypatch):
    monkeypatch.setattr(ray, "get", Answers(0.1))
    assert search.wait_for("answer", [2, 2], patience_s=60.0) == "answer"


def test_an_error_of_ours_arrives_as_itself(monkeypatch):
    def fails(answer, timeout):
        raise RayTaskError("follow", "traceback", StudyLocked("study s: another process searches it"))

    monkeypatch.setattr(ray, "get", fails)
    with pytest.raises(StudyLocked, match="another process searches it"):
        search.wait_for("answer", [])


# -- signals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_the_search_ends_it_through_every_finally(number):
    closed, before = [], signal.getsignal(number)

    def work() -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        finally:
            closed.append(True)

    with pytest.raises(Interrupted) as ended, handled(interrupt):
        work()
    assert (ended.value.args, closed) == ((number,), [True])
    assert signal.getsignal(number) is before


def test_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        caught: list[int] = []
        with handled(caught.append):
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
        assert caught == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(("arguments", "code"), [((), 130), ((signal.SIGTERM,), 143), ((signal.SIGHUP,), 129)])
def test_a_signal_while_ray_starts_has_its_exit_code(run_verb, monkeypatch, tmp_path, capsys, arguments, code):
    def struck(*_, **__):
        raise Interrupted(*arguments)

    monkeypatch.setattr("sparring.cluster.session.conduct", struck)
    assert run_verb("search", "aegan", "--results", tmp_path, "--set", "data.n=50") == code
    assert "the same command again continues" in capsys.readouterr().err


# -- addresses --------------------------------------------------------------------------------------------------------


def test_a_way_in_from_outside_is_refused():
    with pytest.raises(ClusterError, match=r"--address: .*ray://head:10001 is Ray's way in from outside; use `ray job"):
        connect("ray://head:10001").__enter__()


@pytest.mark.parametrize(
    "error",
    [ConnectionError("no answer"), RuntimeError("Version\nmismatch"), ValueError("token"), Exception("timed out.")],
    ids=repr,
)
def test_a_cluster_that_cannot_be_joined_is_named_in_one_sentence(monkeypatch, error):
    def fails(**_):
        raise error

    monkeypatch.setattr(ray, "init", fails)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr("sparring.cluster.connection._check_listens", lambda *_: None)
    with pytest.raises(
        ClusterError, match=r"--address: wants a running Ray cluster .* got '10\.0\.0\.1:6379' and"
    ) as no:
        connect("10.0.0.1:6379").__enter__()
    assert "\n" not in str(no.value)
    with pytest.raises(ClusterError, match=r"^Ray did not start on this machine: .*; where the machine is busy") as no:
        connect(None).__enter__()  # a Ray of our own that fails is no matter of the address
    assert "\n" not in str(no.value)


# -- a referee that cannot open its study -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "kind"), [(StudyLocked("held"), StudyLocked), (OSError("no disk"), LedgerError)], ids=["ours", "foreign"]
)
def test_a_closed_referee_tells_the_driver_why_and_slots_that_nothing_is_left(monkeypatch, tmp_path, raised, kind):
    def fails(*_, **__):
        raise raised

    monkeypatch.setattr("sparring.referee.trials.Ledger", fails)
    monkeypatch.setattr("sparring.referee.referee.make_pruner", lambda *_: None)
    spec = StudySpec(name="s", model="m", dataset="d", objectives=(Objective(metric="val/score"),))
    space = SimpleNamespace(kinds={}, first=1, rungs=RUNGS)
    actor = RefereeActor(tmp_path, spec, space, CheckpointFolder(tmp_path), epochs=9, metrics=["val/score"])
    assert actor.ask() is None
    assert actor.start(0, "token") is None
    row = SimpleNamespace(epoch=1)
    assert actor.report([row]).verdict is Verdict.STOP
    actor.fail(0, 1, Outcome.CRASHED, "")
    actor.leave(0, 1, b"")
    actor.give_up("why", is_certain=False)
    actor.close()
    with pytest.raises(kind, match=str(raised)):
        actor.follow(0)


# -- what a trainer makes of errors -----------------------------------------------------------------------------------


@pytest.mark.fault(12, stand_in=True)
@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (torch.cuda.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
        (ValueError("no"), False),
    ],
)
def test_want_of_memory_is_known_by_its_many_names(error, is_memory):
    assert trainer.is_out_of_memory(error) is is_memory


def test_want_of_memory_in_a_collective_is_no_lost_peer(monkeypatch):
    workers = Workers(0, 2)
    for error, raised in (
        (torch.cuda.OutOfMemoryError("full"), torch.cuda.OutOfMemoryError),
        (RuntimeError("gone"), PeerLost),
    ):

        def fails(flat, error=error):
            raise error

        monkeypatch.setattr(torch.distributed, "all_reduce", fails)
        with pytest.raises(raised):
            workers.all_agree(True)


@pytest.mark.parametrize("is_dead", [False, True])
def test_a_gpu_whose_context_is_gone_takes_its_process_with_it(monkeypatch, is_dead):
    told = []
    mine = SimpleNamespace(_device="cuda", _workers=None, _fail=lambda start, error, rows: told.append(error))
    mine._check_device = lambda: trainer.Trainer._check_device(mine)
    mine._run_epochs = lambda start, solo: 1 / 0
    run, training = trainer.Trainer._run, SimpleNamespace(epoch_rows=list)

    def synchronize(device):
        if is_dead:
            raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    if is_dead:
        with pytest.raises(RuntimeError, match="device-side"):
            run(mine, None, training)
    else:
        run(mine, None, training)
    assert isinstance(told[0], ZeroDivisionError), "its end is told first"


def test_epochs_that_only_the_checkpoint_knows_are_told_until_the_ledger_has_them(tmp_path, monkeypatch):
    """Killed before the ledger had them; then the referee dies as well, before its next commit."""

    class Training:
        """Restored at epoch 4 of 9; epoch 3 was the best."""

        epoch, is_exhausted = 4, False

        def epoch_rows(self):
            return [heard(0, n, 2, value=0.01 if n == 3 else 0.5) for n in range(1, self.epoch + 1)]

        def run_epoch(self):
            self.epoch += 1
            self.is_exhausted = self.epoch == 9
            return self.epoch_rows()[-1]

        def save(self):
            return b"0 4"

        def weights(self, data):
            return self.save()

    referee = make(tmp_path / "study", trials=1, pruner="none")
    referee.ask()
    referee.start(0, "slot")
    referee.start(0, "another")
    kill(referee)
    resumed = make(tmp_path / "study", trials=1, pruner="none")
    start = Start(trial=Trial(number=0, params={}, seed=0, attempt=2), checkpoint=b"0 4", durable=1)
    names = []
    signs = SimpleNamespace(show=lambda *_: None, on=lambda method, *doing: names.append(doing) or method)
    handle = SimpleNamespace(**{name: SimpleNamespace(remote=getattr(resumed, name)) for name in ("report", "leave")})
    monkeypatch.setattr(trainer, "ray", SimpleNamespace(get=lambda answer: answer))
    mine = SimpleNamespace(
        _leads=True, _workers=None, _referee=handle, _spec=resumed.spec, _rearm=lambda: None, _about_data=None,
        _signs=signs,
    )  # fmt: skip
    trainer.Trainer._run_epochs(mine, start, Training())
    (row,) = trial_rows(tmp_path / "study")
    assert (row.outcome, row.value, row.best_epoch) == (Outcome.COMPLETED, 0.01, 3)
    assert [each.epoch for each in epoch_rows(tmp_path / "study")] == list(range(2, 10))
    assert names == [*(("reports", epoch) for epoch in range(5, 9)), ("ends", 9)]


def test_checkpoints_of_a_later_attempt_are_newer_whatever_their_epoch(tmp_path):
    """Both of the first attempt were torn, so the second began anew."""
    shelf = CheckpointFolder(tmp_path)
    for attempt, epoch in ((1, 49), (1, 50), (2, 1)):
        path = shelf.write(0, attempt, epoch, f"{attempt} {epoch}".encode())
        assert path.exists()
    assert newest_whole(shelf._paths(0)) == b"2 1"
    shelf.write(0, 2, 2, b"2 2")
    assert sorted(each.name[7:18] for each in tmp_path.iterdir()) == ["a002-e00001", "a002-e00002"]


@pytest.mark.fault(15)
def test_an_epoch_that_holds_pythons_lock_is_ended_at_the_silence_limit_with_its_stack():
    program = (
        "import re\n"
        "from types import SimpleNamespace\n"
        "from sparring.cluster.trainer import Trainer\n"
        "mine = SimpleNamespace(_spec=SimpleNamespace(silence_limit_s=1.0))\n"
        "mine._rearm = lambda: Trainer._rearm(mine)\n"
        "with Trainer._silence_limited(mine):\n"
        "    re.match('(a+)+$', 64 * 'a' + 'b')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert 'File "<string>", line 7' in done.stderr
