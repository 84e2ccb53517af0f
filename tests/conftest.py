"""What the tests share: a local Ray for those that need one, and the way to the reference data.

The checkout's root is never put on the path: `import platform` means the standard library here, and `sparring` is
imported from where pip installed it.
"""

from __future__ import annotations

import importlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.leftovers import nothing_left, pytest_fixture_setup  # noqa: F401 -- guard every test by being here

# Before torch and Ray are imported, here and in every process a test starts: two threads per process on a small machine
# are slower than one, and one thread adds in one order.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Ray reads these once, at its import. A token of this run alone leaves no file in the user's home.
os.environ["RAY_AUTH_MODE"] = "token"
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))

# A shell without a terminal has what it starts with `&` ignore Ctrl-C, and nohup a hang-up; the searches that the tests
# start and interrupt would inherit that.
for _number, _usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _usual)

# A console of the commands keeps for ever the width that COLUMNS says while it is made, so they are made without it:
# the first test to import them may have set it for its own screen alone.
os.environ.pop("COLUMNS", None)
importlib.import_module("sparring.cli")

CHECKOUT = Path(__file__).parents[1]


SHARES_TRAINED = CHECKOUT / "tests" / "verbs"
"""The folder whose files share trained models, which two processes would both train."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what uses Ray, and puts it last: a broken rule of a pure module shows before Ray has started.

    Of several processes (``-n 2 --dist loadgroup``) each takes whole files, whose fixtures are then made once.
    """
    for item in items:
        if "ray_cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.ray)
        if config.pluginmanager.hasplugin("xdist"):
            group = SHARES_TRAINED if SHARES_TRAINED in item.path.parents else item.path
            item.add_marker(pytest.mark.xdist_group(group.name))
    items.sort(key=lambda item: item.get_closest_marker("ray") is not None)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder that holds `platform/`, `tests/` and pyproject.toml."""
    return CHECKOUT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the reference data: $SPARRING_SHARED, or `shared/data` beside the checkout. Skips without it."""
    folder = Path(os.environ.get("SPARRING_SHARED") or CHECKOUT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}; set SPARRING_SHARED to the folder that holds it")
    return folder


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Any]:
    """One local Ray for a module's tests, 2 CPUs and the dashboard; yields what `ray.init` returned.

    Not for the session: a search that a test starts brings a Ray of its own, and two at once quarrel over ports.
    """
    import ray

    try:
        yield ray.init(address="local", num_cpus=2, include_dashboard=True, log_to_driver=False)
    finally:
        ray.shutdown()


@pytest.fixture(scope="session")
def run_verb() -> Callable[..., int]:
    """Runs ``sparring …`` in this process; returns its exit code."""

    def run(*arguments: str | Path) -> int:
        from sparring import cli

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["sparring", *map(str, arguments)])
            with pytest.raises(SystemExit) as caught:
                cli.main()
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return run


class Command:
    """``sparring search aegan`` on tiny nets, a process of its own as a user's is; its study lies in ``folder``."""

    TINY = (
        "hidden_size=32",
        "n_hl_gen=1",
        "n_hl_shared=1",
        "n_hl_dis=1",
        "batch_size=64",
        "data.n=600",
        "loss_gen=mse",
    )

    def __init__(self, place: Path, name: str) -> None:
        self.results, self.folder = place / "results", place / "results" / name
        self.log, self.name = place / f"{name}.log", name
        self.started: list[subprocess.Popen] = []

    @property
    def settings(self) -> list[str]:
        """What makes its nets tiny, as words."""
        return [word for setting in self.TINY for word in ("--set", setting)]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "sparring", "search", "aegan", "--name", self.name]
        return self.call(*command, "--results", str(self.results), *self.settings, *arguments, **environment)

    def call(self, *program: str, cwd: Path | None = None, **environment: str) -> subprocess.Popen:
        """Starts any program that leads to the search; what it says goes to the same log."""
        with self.log.open("ab") as log:
            around = os.environ | {"COLUMNS": "100"} | environment
            process = subprocess.Popen(program, stdout=log, stderr=log, cwd=cwd or self.log.parent, env=around)
        self.started.append(process)
        return process

    def end(self) -> None:
        """Ends what it started and still runs, the last one first."""
        for process in reversed(self.started):
            process.terminate()
            try:
                process.wait(120)  # killed, a driver would leave its Ray to the next test's
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def run(self, *arguments: str, seconds: float = 600) -> int:
        process = self.start(*arguments)
        try:
            return process.wait(seconds)
        finally:
            process.kill()

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def epochs(self) -> list:
        """The epochs in the ledger; none before the study has begun."""
        from sparring.ledger import epoch_rows

        return epoch_rows(self.folder) if (self.folder / "study.json").exists() else []

    def kill_all(self, process: subprocess.Popen) -> None:
        """SIGKILL for the driver, Ray's daemons, the referee and every slot, as close to at once as a process can."""
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
        for blow in (psutil.Process.suspend, psutil.Process.kill):
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    blow(member)
        process.wait()

    def wait_for(self, met: Callable[[], Any], process: subprocess.Popen, seconds: float = 300) -> Any:
        """What ``met`` answers once that is true; fails if the search ends first or the time is up."""
        deadline = time.monotonic() + seconds
        while not (answer := met()):
            assert process.poll() is None, f"the search ended first:\n{self.said()[-3000:]}"
            assert time.monotonic() < deadline, f"nothing happened:\n{self.said()[-3000:]}"
            time.sleep(0.1)
        return answer


def processes(title: str, root: int | None = None) -> list[psutil.Process]:
    """Processes below ``root`` (this one by default) whose command line holds ``title``."""
    found = []
    for each in psutil.Process(root).children(recursive=True):
        try:
            if title in " ".join(each.cmdline()):
                found.append(each)
        except psutil.NoSuchProcess:
            continue
    return found


@pytest.fixture(scope="session")
def run_both() -> Callable[..., None]:
    """Runs a program as the two ranks of a group, `python PROGRAM RANK …`, until both have ended well."""

    def run(program: str, *arguments: str | Path) -> None:
        two = [subprocess.Popen([sys.executable, program, str(rank), *map(str, arguments)]) for rank in (0, 1)]
        try:
            assert [process.wait(timeout=350) for process in two] == [0, 0]
        finally:
            for process in two:
                process.kill()
                process.wait()

    return run


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[[str], Command]]:
    """Makes a Command whose study has the given name; what it started ends with the test."""
    made: list[Command] = []

    def make(name: str) -> Command:
        made.append(Command(tmp_path, name))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture(scope="session")
def command_in() -> type[Command]:
    """A Command for a folder that outlives the test; whoever makes one calls ``end``."""
    return Command


@pytest.fixture(scope="session")
def find_processes() -> Callable[..., list[psutil.Process]]:
    return processes


@pytest.fixture(scope="session")
def check_unbroken() -> Callable[[Path, Any], None]:
    """Asserts of a study's folder and a row of it, bit for bit, that one process trains the same without a break."""

    def check(folder: Path, row: Any) -> None:
        import torch

        from sparring.ledger import epoch_rows
        from sparring.models import find_model
        from sparring.records import Trial
        from sparring.space import Space
        from sparring.study import reopen
        from sparring.training.loop import TrialTraining

        study = reopen(folder)
        torch.set_num_threads(1)
        solo = TrialTraining(
            find_model(study.spec.model),
            Space(study.spec.space, study.config_class).config(row.params),
            {name: torch.from_numpy(array) for name, array in study.rows("train").items()},
            {name: torch.from_numpy(array) for name, array in study.rows("valid").items()},
            trial=Trial(number=row.trial, params=row.params, seed=row.seed),
            objective=study.spec.objectives[0],
        )
        told = {each.epoch: each.metrics["val/score"] for each in epoch_rows(folder) if each.trial == row.trial}
        assert told == {epoch: solo.run_epoch().metrics["val/score"] for epoch in range(1, row.epochs + 1)}

    return check
