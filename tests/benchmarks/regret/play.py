"""Replays every strategy on a bank, 50 seeds of each budget, and writes a line per search.

    cd tests && python -m benchmarks.regret.play BANK --out runs.jsonl --processes 2
    … play BANK --out runs.jsonl --world forest --strategies 'ours' 'TPE, halving' --seeds 10 --budgets '24 trials'
    … play BANK --out speed.jsonl --world bank --speed 'blind halving'   (how long 10^6 trials take)

BANK holds one Parquet file per system (bank.py). A search that has its line already is not repeated, so the same
command goes on after a kill. `figures.py` makes tables and plots of the lines.

Budgets are trials (24, 100, 200), or the seconds that so many whole trainings take in the mean: 8, 33, 67, a third.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import multiprocessing
import os
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sparring.models import find_config
from sparring.space import checked_space, find_space, read_space

from .curves import Table, read_table
from .slots import Played, play
from .strategies import Budget
from .worlds import BankWorld, ForestWorld, World

TRIALS, WHOLE = (24, 100, 200), (8, 33, 67)
"""Budgets in trials, and in whole trainings' seconds."""

NAMES = [f"{count} trials" for count in TRIALS] + [f"{count} trainings" for count in WHOLE]
"""Of the budgets."""

SLOTS = 2

SLOW = {"GP, halving": 5, "CQR, ASHA": 5}
"""Strategies whose sampler takes seconds for a draw, with the most seeds that they are replayed under."""


@dataclass(frozen=True, order=True)
class Key:
    """One search."""

    world: str
    system: str
    strategy: str
    budget: str
    seed: int


@cache
def world_of(name: str, file: Path) -> World:
    """The world of a system's file."""
    system = file.stem
    space = checked_space(read_space(find_space(system)), find_config(system), system)
    table = read_table(file, space.fingerprint()[:10])
    return BankWorld(table) if name == "bank" else ForestWorld(table, space)


def budgets(table: Table) -> dict[str, Budget]:
    """By name."""
    trials = {f"{count} trials": Budget(trials=count, slots=SLOTS) for count in TRIALS}
    seconds = {f"{count} trainings": Budget(seconds=count * table.whole_s, slots=SLOTS) for count in WHOLE}
    return trials | seconds


def searched(world: World, key: Key) -> dict[str, object]:
    """Replays one search: its line."""
    began = time.process_time()
    strategy, curve_of = world.strategies[key.strategy](budgets(world.table)[key.budget], key.seed)
    played = play(strategy, curve_of, SLOTS)
    return {
        **asdict(key),
        "default": world.default,
        "best": world.best,
        "found": _truth(played, played.named),
        "path": _path(played),
        "begun": len(played.curves),
        "whole": int(np.isfinite(played.ended).sum()),
        "seconds": played.seconds,
        "best_begun": _finite(played.best_begun),
        "best_whole": _finite(played.best_whole),
        "cpu_s": time.process_time() - began,
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _truth(played: Played, number: int | None) -> float | None:
    return None if number is None else played.curves[number].truth


def _path(played: Played) -> list[tuple[int, float]]:
    """Where the trial that is named changes: after how many trials, and what the new one reaches in truth."""
    path: list[tuple[int, float]] = []
    last: int | None = None
    for count, named in enumerate(played.named_after(), start=1):
        if named is not None and named != last:
            path.append((count, played.curves[named].truth))
            last = named
    return path


def keys(
    files: Sequence[Path], worlds: Sequence[str], strategies: Sequence[str], seeds: int, asked: Sequence[str] = ()
) -> Iterator[Key]:
    """All searches, seed by seed, so that every beginning covers everything. asked: budgets by name; all if empty."""
    names = {(world, file): list(world_of(world, file).strategies) for world in worlds for file in files}
    for seed in range(seeds):
        for (world, file), known in names.items():
            for strategy in known:
                if (not strategies or strategy in strategies) and seed < SLOW.get(strategy, seeds):
                    for budget in asked or budgets(world_of(world, file).table):
                        yield Key(world, file.stem, strategy, budget, seed)


def read_lines(out: Path) -> dict[Key, dict[str, Any]]:
    """The line of each search. What a kill tore is passed over."""
    lines: dict[Key, dict[str, Any]] = {}
    for text in out.read_text().splitlines() if out.exists() else ():
        with suppress(json.JSONDecodeError):
            line = json.loads(text)
            lines[Key(*(line[name] for name in Key.__dataclass_fields__))] = line
    return lines


def work(given: argparse.Namespace, share: int) -> None:
    """The searches that fall to this process and have no line yet."""
    files = sorted(given.bank.glob("*.parquet"))
    if given.systems:
        files = [file for file in files if file.stem in given.systems]
    had, said = read_lines(given.out), time.monotonic()
    searches = keys(files, given.world, given.strategies, given.seeds, given.budgets)
    todo = [key for key in searches if key not in had]
    # By the key alone, since the processes do not see the same lines.
    mine = [key for key in todo if zlib.crc32(repr(key).encode()) % given.processes == share]
    for count, key in enumerate(mine, start=1):
        line = json.dumps(searched(world_of(key.world, given.bank / f"{key.system}.parquet"), key))
        with open(given.out, "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(f"\n{line}\n")  # a new line first, for the last one may be torn
        if time.monotonic() - said > 30 or count == len(mine):
            said = time.monotonic()
            print(f"{count} of {len(mine)} searches", flush=True)


def time_trials(given: argparse.Namespace) -> None:
    """CPU seconds of 10^6 trials of each strategy, from searches of 200 trials."""
    for file in sorted(given.bank.glob("*.parquet")):
        world = world_of(given.world[0], file)
        for strategy in given.speed:
            key = Key(world.name, file.stem, strategy, f"{max(TRIALS)} trials", 0)
            searched(world, key)  # imports and caches
            began, replayed = time.process_time(), 0
            while time.process_time() - began < 5:
                searched(world, key)
                replayed += max(TRIALS)
            took_s = (time.process_time() - began) / replayed * 1e6
            print(f"{file.stem} {strategy}: 10^6 trials in {took_s:.0f} CPU s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bank", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs.jsonl"))
    parser.add_argument("--systems", nargs="*", default=[])
    parser.add_argument("--world", nargs="+", default=["bank", "forest"], choices=["bank", "forest"])
    parser.add_argument("--strategies", nargs="*", default=[], help="their names; all by default")
    parser.add_argument("--budgets", nargs="*", default=[], choices=NAMES, help="all by default")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--speed", nargs="+", metavar="STRATEGY", help="only time these")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    if given.speed:
        time_trials(given)
        return
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=(given, share)) for share in range(given.processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        sys.exit("a process failed; the same command goes on")


if __name__ == "__main__":
    main()
