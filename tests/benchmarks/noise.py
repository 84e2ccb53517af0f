"""How far a re-training moves each system's objective: `python tests/benchmarks/noise.py`, from the bank of curves.

Reads the trainings that `benchmarks.regret.bank` made (`--folder`, the checkout's by default): every configuration that
was trained to its end from more than one seed. σ of the best epoch's figure is pooled over them, as a race pools it.
`--window 3` takes the best median of three epochs in a row instead of the best epoch.

`--studies DIR` reads the bare searches that `bare.py --results DIR` made instead, of several seeds each: what all of
them trained to its end with equal values is the published default and the points to try first.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from sparring.ledger import read_study, spec_from_json, trial_rows
from sparring.records import Objective, Outcome
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


def figures_of_studies(folder: Path) -> Iterator[tuple[str, dict[int, list[float]]]]:
    """System, data set and figure, and by the values of a trial, numbered, the figures of each seed's completed one."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.glob("*/study.json")):
        spec = spec_from_json(read_study(path.parent)["spec"])
        groups = found[f"{spec.model}, {spec.dataset}, {spec.objective.metric}"]
        for row in trial_rows(path.parent):
            if row.outcome is Outcome.COMPLETED and row.value is not None:
                groups[str(sorted(row.params.items()))].append(row.value)
    for name, groups in found.items():
        yield name, dict(enumerate(values for values in groups.values() if len(values) > 1))


def figures_of_bank(folder: Path, window: int) -> Iterator[tuple[str, dict[int, list[float]]]]:
    yield from ((path.stem, figures(path, window)) for path in sorted(folder.glob("*.parquet")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=CURVES)
    parser.add_argument("--studies", type=Path, metavar="DIR", help="bare searches instead of the bank")
    parser.add_argument("--window", type=int, default=1, help="epochs of which a figure is the median; of the bank")
    asked = parser.parse_args()
    print(
        "| system | configurations | trainings | a re-training moves it by | 95 % | published default alone | σ |\n|"
        + "---|" * 7
    )
    read = figures_of_bank(asked.folder, asked.window) if asked.studies is None else figures_of_studies(asked.studies)
    for name, groups in read:
        scale = scale_of(BEST, (value for values in groups.values() for value in values))
        taken = {number: [scale.take(value) for value in values] for number, values in groups.items()}
        noise, default = noise_of(taken.values()), noise_of([taken.get(0, [])])
        if noise is not None:
            ends = f"{scale.show(noise.low)} to {scale.show(noise.high)}"
            alone = "" if default is None else scale.show(default.sigma)
            trainings = sum(map(len, groups.values()))
            shown = f"{scale.show(noise.sigma)} | {ends} | {alone} | {noise.sigma:.4f}"
            print(f"| `{name}` | {len(groups)} | {trainings} | {shown} |")


if __name__ == "__main__":
    main()
