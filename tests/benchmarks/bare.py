"""What bare searches find, over several seeds: `python tests/benchmarks/bare.py aegan --seeds 10 --results DIR`.

Runs `sparring search SYSTEM --seed N --split 80/20` for each seed that DIR does not hold yet, one after the other, and
prints all of them as a Markdown table: the published default, the best trial and who drew it, trials begun and done,
seconds of training and of the whole command. The last line names the median run, which is the one to show. 80/20, so
that figures compare with those of before the spaces kept test rows.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sparring.ledger import attempt_rows, read_study, spec_from_json, trial_rows
from sparring.ledger.effort import read_effort
from sparring.ledger.ranking import best_row, is_ranked


@dataclass(frozen=True, kw_only=True)
class Run:
    """One seed's search. wall_s is None where the search was not run by this script."""

    seed: int
    folder: Path
    default: float | None
    best: float | None
    source: str
    begun: int
    completed: int
    train_s: float
    wall_s: float | None

    def line(self) -> str:
        wall = "" if self.wall_s is None else f"{self.wall_s:.0f}"
        figures = " | ".join("" if value is None else f"{value:.4g}" for value in (self.default, self.best))
        counts = f"{self.begun} | {self.completed} | {self.train_s:.0f} | {wall}"
        return f"| {self.seed} | {figures} | {self.source} | {counts} |"


def search(system: str, seed: int, folder: Path) -> None:
    """Runs the bare command; its seconds are kept beside the study, in ``wall.json``."""
    began = time.monotonic()
    command = [sys.executable, "-m", "sparring", "search", system, "--seed", str(seed), "--split", "80/20"]
    subprocess.run([*command, "--name", folder.name, "--results", str(folder.parent)], check=True)
    (folder / "wall.json").write_text(json.dumps(time.monotonic() - began))


def read_run(seed: int, folder: Path) -> Run:
    spec = spec_from_json(read_study(folder)["spec"])
    rows = trial_rows(folder)
    sources = {row.trial: row.source for row in attempt_rows(folder)}
    best = best_row(rows, spec.objective)
    wall = folder / "wall.json"
    return Run(
        seed=seed,
        folder=folder,
        default=next((row.value for row in rows if row.trial == 0), None),
        best=None if best is None else best.value,
        source="" if best is None else f"trial {best.trial}, {sources[best.trial]}",
        begun=len(sources),
        completed=sum(map(is_ranked, rows)),
        train_s=read_effort(folder, spec).seconds,
        wall_s=json.loads(wall.read_text()) if wall.exists() else None,
    )


def table(runs: list[Run]) -> Iterator[str]:
    yield "| seed | published default | best | drawn | begun | completed | training s | whole command s |"
    yield "|---|---|---|---|---|---|---|---|"
    yield from (run.line() for run in runs)
    found = [run for run in runs if run.best is not None]
    # median_low is one of the runs; of an even number it is the better of the middle two only where lower is better
    middle = statistics.median_low([run.best for run in found if run.best is not None])
    shown = next(run for run in found if run.best == middle)
    yield f"\nmedian run: seed {shown.seed}, {middle:.4g} ({shown.folder})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path, required=True)
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folders = {seed: given.results.absolute() / f"{given.system}-{seed}" for seed in range(given.seeds)}
    for seed, folder in folders.items():
        if not (folder / "study.json").exists():
            search(given.system, seed, folder)
    print("\n".join(table([read_run(seed, folder) for seed, folder in folders.items()])))


if __name__ == "__main__":
    main()
