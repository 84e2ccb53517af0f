"""How far a re-training moves each system's objective: `python tests/benchmarks/noise.py`, from the bank of curves.

Reads the trainings that `benchmarks.regret.bank` made (`--folder`, the checkout's by default): every configuration that
was trained to its end from more than one seed. σ of the best epoch's figure is pooled over them, as a race pools it.
`--window 3` takes the best median of three epochs in a row instead of the best epoch.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from sparring.records import Objective
from sparring.study.conclusion import noise_of, scale_of

CURVES = Path(__file__).parent / "regret" / "curves"
BEST = Objective(metric="best")
"""All objectives of the bank are minimised."""


def figures(path: Path, window: int = 1) -> dict[int, list[float]]:
    """By configuration the figure of each seed that trained to its end: the best median of so many epochs in a row."""
    table = pq.read_table(path, columns=["number", "seed", "epoch", "value", "outcome"]).sort_by("epoch")
    curves: dict[tuple[int, int], list[float]] = defaultdict(list)
    for row in table.filter(np.equal(table["outcome"].to_pylist(), "completed")).to_pylist():
        curves[row["number"], row["seed"]].append(row["value"])
    found: dict[int, list[float]] = defaultdict(list)
    for (number, _), values in sorted(curves.items()):
        starts = range(max(len(values) - window + 1, 1))
        found[number].append(min(float(np.median(values[start : start + window])) for start in starts))
    return {number: values for number, values in found.items() if len(values) > 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=CURVES)
    parser.add_argument("--window", type=int, default=1, help="epochs of which a figure is the median")
    asked = parser.parse_args()
    print(
        "| system | configurations | trainings | a re-training moves it by | 95 % | published default alone |\n|"
        + "---|" * 6
    )
    for path in sorted(asked.folder.glob("*.parquet")):
        groups = figures(path, asked.window)
        scale = scale_of(BEST, (value for values in groups.values() for value in values))
        taken = {number: [scale.take(value) for value in values] for number, values in groups.items()}
        noise, default = noise_of(taken.values()), noise_of([taken.get(0, [])])
        if noise is not None:
            ends = f"{scale.show(noise.low)} to {scale.show(noise.high)}"
            alone = "" if default is None else scale.show(default.sigma)
            trainings = sum(map(len, groups.values()))
            print(f"| `{path.stem}` | {len(groups)} | {trainings} | {scale.show(noise.sigma)} | {ends} | {alone} |")


if __name__ == "__main__":
    main()
