"""A large study replayed without training: what one referee, its ledger and the live view cost.

    python tests/benchmarks/replay.py --trials 10000 --epochs 50 --slots 64 --pruner none --sampler random

No Ray: simulated slots call a real Referee as `cluster/slot.py` does, repeating what the ledger does not hold yet, and
the live view follows every 0.4 s. The clock is simulated: a trial's epoch takes EPOCH_S, more or less, so the ledger
gathers as many epochs into one part as on a cluster (64 slots: about 60 a second); what is timed is real. All of it
shares one process, so its memory is the referee's and the driver's together.

The rows are recorded: ``recorded.parquet`` holds every epoch's figures of 40 real AEGAN trainings on the embedded set
(the published default and random draws of the shipped space, 800 pairs, 50 epochs, nothing pruned). A trial takes the
rows of one of them, at random, all figures times a factor of its own, so that no two tie. None of the 40 diverged or
died; small shares of the replayed ones do, since both take other ways through the referee. To record others:

    sparring search aegan --name recorded --pruner none --sampler random --trials 40 --set epochs=50 --set data.n=800
    python tests/benchmarks/replay.py --record results/recorded
"""

from __future__ import annotations

import argparse
import heapq
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from sparring.display import LiveView
from sparring.display.tensorboard import Board
from sparring.ledger.checkpoints import Progress
from sparring.records import WAIT, EpochRow, Outcome, Trial, Verdict
from sparring.referee.referee import Referee
from sparring.study import Limits, Study, open_folder, prepare

FOLLOW_S = 0.4

RECORDED = Path(__file__).with_name("recorded.parquet")

EPOCH_S = 1.0
"""Simulated seconds of an epoch, times e^(0.4 · normal) for each trial; the recorded ones took a fraction of that."""

DIVERGED, CRASHED = 0.03, 0.005
"""Shares of trials that end so, in one of their first three epochs."""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Timings:
    """Milliseconds of each call, by its name; of the clock, and of the processor, which a busy machine leaves alone."""

    wall: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def time(self, name: str, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        answer = call(*arguments, **options)
        self.cpu[name].append(1000 * (time.process_time() - cpu))
        self.wall[name].append(1000 * (time.perf_counter() - wall))
        return answer

    def table(self) -> str:
        """A line per call: how many, median, 99th percentile, most and sum."""
        lines = [f"{'ms':8}{'calls':>9}" + "".join(f"{name:>9}" for name in ("median", "p99", "max", "sum s")) * 2]
        for name in self.wall:
            line = f"{name:8}{len(self.wall[name]):9}"
            for took in (sorted(self.wall[name]), sorted(self.cpu[name])):
                figures = (statistics.median(took), took[int(0.99 * len(took))], took[-1], sum(took) / 1000)
                line += "".join(f"{figure:9.2f}" for figure in figures)
            lines.append(line)
        return "\n".join([f"{'':17}{'wall':>36}{'cpu':>36}", *lines])


def record(study: Path) -> None:
    """Writes the figures of a study's completed trials, one row per epoch, into RECORDED."""
    from sparring.ledger import epoch_rows, trial_rows

    whole = {row.trial for row in trial_rows(study) if row.outcome is Outcome.COMPLETED}
    rows = sorted(epoch_rows(study, whole), key=lambda row: (row.trial, row.epoch))
    columns: dict[str, Any] = {"trial": [row.trial for row in rows], "epoch": [row.epoch for row in rows]}
    for name in rows[0].metrics:
        columns[name] = pa.array([row.metrics[name] for row in rows], pa.float32())
    pq.write_table(pa.table(columns), RECORDED, compression="zstd", compression_level=19)
    print(f"{len(whole)} trials, {len(rows)} epochs, {RECORDED.stat().st_size} bytes: {RECORDED}")


def recorded() -> list[list[dict[str, float]]]:
    """By trial, by epoch: the figures."""
    trials: dict[int, list[dict[str, float]]] = defaultdict(list)
    for row in pq.read_table(RECORDED).to_pylist():
        trial = row.pop("trial")
        del row["epoch"]
        trials[trial].append(row)
    return list(trials.values())


class Replayed:
    """What a trial reports: a recorded one's rows, scaled; the same for the same number."""

    def __init__(self, trial: Trial, of: Sequence[list[dict[str, float]]]) -> None:
        chance = random.Random(trial.number)
        self.rows, self.factor = chance.choice(of), math.exp(0.1 * chance.gauss(0, 1))
        self.epoch_s = EPOCH_S * math.exp(0.4 * chance.gauss(0, 1))
        fate, self.ends_at = chance.random(), chance.randint(1, 3)
        self.diverges, self.crashes = fate < DIVERGED, DIVERGED <= fate < DIVERGED + CRASHED
        self.trial = trial

    def row(self, epoch: int) -> EpochRow:
        factor = math.nan if self.diverges and epoch >= self.ends_at else self.factor
        metrics = {name: value * factor for name, value in self.rows[epoch - 1].items()}
        number, attempt = self.trial.number, self.trial.attempt
        return EpochRow(trial=number, attempt=attempt, epoch=epoch, metrics=metrics, wall_s=self.epoch_s)


class Shelf:
    """Checkpoints in memory: of a paused trial, the number of epochs it has trained."""

    def __init__(self) -> None:
        self.kept: dict[int, bytes] = {}

    def write(self, trial: int, attempt: int, epoch: int, packed: bytes) -> Path:
        self.kept[trial] = packed
        return Path()

    def recall(self, trial: Trial) -> tuple[bytes, list[EpochRow]] | None:
        packed = self.kept.get(trial.number)
        return None if packed is None else (packed, [])

    def lost(self, study: str, known: Collection[int]) -> list[Progress]:
        return []

    def drop(self, trial: int) -> None:
        self.kept.pop(trial, None)


class Slot:
    """A slot of the cluster, as far as the referee sees it: one call per epoch."""

    def __init__(self, referee: Referee, epochs: int, of: Sequence[list[dict[str, float]]], timings: Timings) -> None:
        self.referee, self.epochs, self.of, self.timings = referee, epochs, of, timings
        self.trial: Replayed | None = None
        self.steps = 0

    def begin(self) -> float | None:
        """Takes the next trial; the seconds to its first epoch's end, None if there is no trial."""
        number = self.timings.time("ask", self.referee.ask)
        if number is None:
            return None
        if number == WAIT:
            self.trial = None
            return EPOCH_S
        self.steps += 1
        start = self.timings.time("start", self.referee.start, number, f"{id(self)}-{self.steps}")
        assert start is not None
        self.trial = Replayed(start.trial, self.of)
        self.epoch = 0 if start.checkpoint is None else int(start.checkpoint)
        self.untold: list[EpochRow] = []
        return self.trial.epoch_s

    def go_on(self) -> float | None:
        """Ends an epoch; the seconds to the next one's end, here or in the next trial."""
        if self.trial is None:
            return self.begin()
        self.epoch += 1
        if self.trial.crashes and self.epoch >= self.trial.ends_at:
            trial = self.trial.trial
            self.timings.time("fail", self.referee.fail, trial.number, trial.attempt, Outcome.CRASHED, "ValueError: x")
            return self.begin()
        self.untold.append(self.trial.row(self.epoch))
        last = self.epoch == self.epochs
        answer = self.timings.time("report", self.referee.report, self.untold, last=last)
        if answer.verdict is Verdict.PAUSE:
            trial = self.trial.trial
            self.timings.time("leave", self.referee.leave, trial.number, trial.attempt, b"%d" % self.epoch)
        if last or answer.verdict is not Verdict.GO_ON:
            return self.begin()
        self.untold = [row for row in self.untold if row.epoch > answer.durable]
        return self.trial.epoch_s


def prepare_study(folder: Path, *, trials: int, epochs: int, slots: int, pruner: str, sampler: str) -> Study:
    limits = Limits(trials=trials, slots=slots, pruner=pruner, sampler=sampler)
    study = prepare(
        "aegan", settings=[f"epochs={epochs}"], results=folder, name="replay", address="nowhere", limits=limits
    )
    study.folder.mkdir(parents=True, exist_ok=True)
    open_folder(study)
    return study


def open_referee(study: Study, clock: Clock) -> Referee:
    shelf, metrics = Shelf(), study.config_class.emitted()
    space = study.space.without_model()
    return Referee(study.folder, study.spec, space, shelf, epochs=study.epochs, metrics=metrics, clock=clock)


def replay(
    study: Study, *, tensorboard: bool = False, say: Callable[[str], object] = lambda line: None
) -> tuple[Timings, float]:
    """Searches the study to its end; what every call took, and the simulated seconds."""
    clock, timings = Clock(), Timings()
    referee = timings.time("open", open_referee, study, clock)
    metrics, objective = study.config_class.emitted(), study.spec.objectives[0]
    board = Board(study.folder, dimensions=study.space.dimensions, metrics=metrics, objective=objective)
    board.enabled = tensorboard
    slots = [Slot(referee, study.epochs, recorded(), timings) for _ in range(study.spec.slots)]
    due = [(after, index) for index, slot in enumerate(slots) if (after := slot.begin()) is not None]
    heapq.heapify(due)
    followed, cursor, said = 0.0, 0, time.monotonic()
    with open(os.devnull, "w") as null:
        console = Console(file=null, force_terminal=True, width=100)
        with LiveView(console, title="replay", objective=objective) as view:
            while due:
                clock.now, index = heapq.heappop(due)
                if clock.now - followed >= FOLLOW_S or not due:
                    followed = clock.now
                    snapshot, events, cursor = timings.time("follow", referee.follow, cursor)
                    timings.time("show", view.update, snapshot, [])
                    for event in events if tensorboard else ():
                        write = board.start if isinstance(event, Trial) else board.epoch
                        timings.time("board", write if isinstance(event, Trial | EpochRow) else board.end, event)
                    if time.monotonic() - said > 30:
                        said = time.monotonic()
                        say(f"{snapshot.finished} of {snapshot.trials} trials, {memory_mb():.0f} MB")
                after = slots[index].go_on()
                if after is not None:
                    heapq.heappush(due, (clock.now + after, index))
    timings.time("close", referee.close)
    board.close()
    return timings, clock.now


def memory_mb() -> float:
    """The most this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report_s(study: Study, *flags: str) -> tuple[float, float]:
    """Seconds that `sparring report` takes, of the clock and of the processor."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "sparring", "report", study.spec.name, "--results", str(study.folder.parent)]
    subprocess.run([*command, *flags], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _say(line: str) -> None:
    """On the real stderr: the live view has taken the others."""
    print(line, file=sys.__stderr__, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("trials", 10_000), ("epochs", 50), ("slots", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--pruner", default="none")
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--tensorboard", action="store_true")
    parser.add_argument("--record", metavar="STUDY", type=Path, help="only record a study's rows")
    parser.add_argument("--again", metavar="DIR", type=Path, help="only open what an earlier run left there")
    given = parser.parse_args()
    if given.record:
        record(given.record)
        return
    limits = {name: getattr(given, name) for name in ("trials", "epochs", "slots", "pruner", "sampler")}
    if given.again:
        timings = Timings()
        timings.time("open", open_referee, prepare_study(given.again, **limits), Clock()).close()
        print(f"again, in a process of its own, at most {memory_mb():.0f} MB\n{timings.table()}", flush=True)
        return
    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        study = prepare_study(Path(folder), **limits)
        print(f"begins with {memory_mb():.0f} MB", flush=True)
        began = time.monotonic()
        timings, simulated = replay(study, tensorboard=given.tensorboard, say=_say)
        took_s = time.monotonic() - began
        print(f"{took_s:.0f} s for {simulated:.0f} simulated; at most {memory_mb():.0f} MB", flush=True)
        print(timings.table(), flush=True)
        subprocess.run([sys.executable, *sys.argv, "--again", folder], check=True)
        for flags in (["--no-yardsticks"], []):
            print("report {} {:.1f} s, of the processor {:.1f} s".format(flags, *report_s(study, *flags)), flush=True)


if __name__ == "__main__":
    main()
