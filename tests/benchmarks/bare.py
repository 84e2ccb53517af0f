"""What bare searches find, over several seeds: `python tests/benchmarks/bare.py aegan --seeds 10 --results DIR`.

Runs `sparring search SYSTEM --seed N` for each seed that DIR does not hold yet, one after the other, and prints all of
them as a Markdown table: the published default, the best trial and who drew it, both on the test rows (with the 95 %
interval of the best), the yardstick that comes closest, trials begun and completed, seconds of training and of the
whole command. The last lines count how often the best beat the default and every yardstick, name the median run, which
is the one to show, and sum the system up in a line of the README's table. With --split 80/20, as the spaces had it
before 2026-11-30, there are no test rows.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sparring.ledger import attempt_rows, read_study, spec_from_json
from sparring.ledger.effort import read_effort
from sparring.ledger.ranking import is_ranked
from sparring.records import Interval
from sparring.report import read_report

HEAD = (
    "seed", "published default", "best", "drawn", "default, test rows", "best, test rows", "closest yardstick",
    "begun", "completed", "training s", "whole command s",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Run:
    """One seed's search. Figures are the objective's; None where there is none."""

    seed: int
    folder: Path
    sign: float
    """+1 if lower is better, -1 if higher is."""
    default: float | None
    best: float | None
    source: str
    test: tuple[Interval | None, Interval | None]
    """Of the default and the best, on the test rows."""
    rival: tuple[str, float] | None
    """The yardstick that is best on the validation rows, and its figure there."""
    begun: int
    completed: int
    train_s: float
    wall_s: float | None
    """None where the search was not run by this script."""

    def beats(self, figure: float | None) -> bool:
        return self.best is not None and (figure is None or self.sign * self.best < self.sign * figure)

    def line(self) -> str:
        default, best = self.test
        cells = (
            str(self.seed), _cell(self.default), _cell(self.best), self.source,
            "" if default is None else _cell(default.value),
            "" if best is None else f"{best.value:.4g} ({_cell(best.low)} to {_cell(best.high)})",
            "" if self.rival is None else f"{self.rival[0]} {self.rival[1]:.4g}", str(self.begun), str(self.completed),
            f"{self.train_s:.0f}", "" if self.wall_s is None else f"{self.wall_s:.0f}",
        )  # fmt: skip
        return f"| {' | '.join(cells)} |"


def search(system: str, seed: int, folder: Path, more: list[str]) -> None:
    """Runs the bare command; its seconds are kept beside the study, in ``wall.json``."""
    began = time.monotonic()
    command = [sys.executable, "-m", "sparring", "search", system, "--seed", str(seed), *more]
    subprocess.run([*command, "--name", folder.name, "--results", str(folder.parent)], check=True)
    (folder / "wall.json").write_text(json.dumps(time.monotonic() - began))


def read_run(seed: int, folder: Path, yardsticks: bool) -> Run:
    spec = spec_from_json(read_study(folder)["spec"])
    report = read_report(folder, yardsticks=yardsticks)
    sources = {row.trial: row.source for row in attempt_rows(folder)}
    best, sign = report.best, report.objective.sign
    rivals = [(rival.name, rival.figures[report.objective.metric]) for rival in report.rivals]
    wall = folder / "wall.json"
    return Run(
        seed=seed,
        folder=folder,
        sign=sign,
        default=None if report.baseline is None else report.baseline.value,
        best=None if best is None else best.value,
        source="" if best is None else f"trial {best.trial}, {sources[best.trial]}",
        test=(report.held_out.figure(report.baseline), report.held_out.figure(best)),
        rival=min(rivals, key=lambda rival: sign * rival[1], default=None),
        begun=len(sources),
        completed=sum(map(is_ranked, report.trials)),
        train_s=read_effort(folder, spec).seconds,
        wall_s=json.loads(wall.read_text()) if wall.exists() else None,
    )


def table(runs: list[Run]) -> Iterator[str]:
    yield f"| {' | '.join(HEAD)} |"
    yield "|---" * len(HEAD) + "|"
    yield from (run.line() for run in runs)
    found = [run for run in runs if run.best is not None]
    yield f"\nbetter than the published default: {sum(run.beats(run.default) for run in found)} of {len(runs)}"
    if any(run.rival for run in found):
        count = sum(run.rival is not None and run.beats(run.rival[1]) for run in found)
        yield f"better than every yardstick: {count} of {len(runs)}"
    # median_low is one of the runs; of an even number it is the better of the middle two only where lower is better
    middle = statistics.median_low([run.best for run in found if run.best is not None])
    shown = next(run for run in found if run.best == middle)
    yield f"median run: seed {shown.seed}, {middle:.4g} ({shown.folder})"
    yield summary(runs)


def summary(runs: list[Run]) -> str:
    """Medians over the seeds, on the validation rows, and on the test rows in brackets: default, best, yardstick."""

    def median(figures: Iterable[float | None]) -> str:
        known = [figure for figure in figures if figure is not None]
        return f"{statistics.median(known):.2g}" if known else ""

    tests = [median(each.value for each in (run.test[place] for run in runs) if each is not None) for place in (0, 1)]
    won = sum(run.rival is not None and run.beats(run.rival[1]) for run in runs)
    cells = (
        f"{median(run.default for run in runs)} ({tests[0]})", f"{median(run.best for run in runs)} ({tests[1]})",
        f"{next((run.rival[0] for run in runs if run.rival), '')} "
        f"{median(None if run.rival is None else run.rival[1] for run in runs)}",
        f"{sum(run.beats(run.default) for run in runs)} of {len(runs)}", f"{won} of {len(runs)}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _cell(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.4g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--split", help="the search's own --split; the space's unless given")
    parser.add_argument("--space", help="the search's own --space, to compare two")
    parser.add_argument("--no-yardsticks", action="store_true", help="do not measure them (a minute per seed)")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    asked = {"--split": given.split, "--space": given.space}
    more = [word for flag, value in asked.items() if value is not None for word in (flag, value)]
    folders = {seed: given.results.absolute() / f"{given.system}-{seed}" for seed in range(given.seeds)}
    for seed, folder in folders.items():
        if not (folder / "study.json").exists():
            search(given.system, seed, folder, more)
    runs = [read_run(seed, folder, not given.no_yardsticks) for seed, folder in folders.items()]
    print("\n".join(table(runs)))


if __name__ == "__main__":
    main()
