"""Published figures beside what the same settings reach here: `python tests/benchmarks/reproductions.py`.

Trains each case below with its published settings where its data are at hand, and writes the table of
docs/reproductions.md. `--data CARD=PATH` says where a set lies; published ones are fetched where there is a network.
Without data a case is not run. `--only CASE` runs some. A row that another machine has measured stays until it is
measured anew, so each machine fills in what it has the data for.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sparring.data import load_dataset, split_dataset
from sparring.errors import DataError, NoTrialSucceeded, UsageError
from sparring.models import find_model
from sparring.records import Objective
from sparring.study import load_ood
from sparring.training.single import train_single

PAGE = Path(__file__).parents[2] / "docs" / "reproductions.md"
HEAD = ("case", "figure", "published", "here", "when, and on what")
NOT_RUN = "not run"
TEXT = f"""# Published figures, and what the same settings reach here

Written by `python tests/benchmarks/reproductions.py`, which trains each case with its published settings where the data
are at hand or can be fetched, and says "{NOT_RUN}" where they are not. One seed each;
figures are of test rows, of the best epoch by the objective on validation rows.

"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One published figure: what it is of, and the setting that should reach it."""

    name: str
    figure: str
    """In words, with the metric's name."""
    published: str
    """As the source has it, with who found it."""
    model: str
    dataset: str
    metric: str
    objective: str
    """The metric whose best epoch is judged."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Where the published setting is not the system's default."""
    split: str = "75/15/10"


CASES = (
    Case(
        name="iron, structure to spectrum", model="aegan", dataset="fe-xanes", metric="val/mse_predict_spectrum",
        objective="val/score", figure="squared error of spectra, `val/mse_predict_spectrum`",
        published="none of its own; its code, best of 4 runs: 0.00346; mean of the training rows: 0.00926",
    ),
    Case(
        name="iron, spectrum to structure", model="aegan", dataset="fe-xanes", metric="val/mse_predict_structure",
        objective="val/score", figure="squared error of descriptors, `val/mse_predict_structure`",
        published="none of its own; its code, best of 4 runs: 0.244; mean of the training rows: 0.892",
    ),
    Case(
        name="MNIST, Parzen", model="mlp_aae", dataset="mnist", metric="val/parzen", objective="val/balance",
        fields={"epochs": 10, "steps_per_epoch": 2000, "parzen_samples": 10_000},
        figure="log-likelihood in nats by Parzen windows on 10,000 samples, `val/parzen`",
        published="340 ± 2 (arXiv:1511.05644, another net); 298 ± 1.7 (PyTorch-GAN's)",
    ),
    Case(
        name="muons, 1D", model="auxgan", dataset="muon-files", metric="val/auc", objective="val/auc",
        fields={"epochs": 8, "steps_per_epoch": 25_000, "auc_rows": 50_000},
        figure="boosted trees against real muons, area under the ROC curve, `val/auc`, after 200,000 steps",
        published="0.564 (mean of 9 runs of 200,000 steps); 0.541 (the best of 875,000)",
    ),
    Case(
        name="MNIST against Fashion-MNIST", model="advvae", dataset="mnist", metric="val/auroc_reconstruction",
        objective="val/score", fields={"out_dataset": "fashionmnist"},
        figure="area under the ROC curve of the reconstruction score, `val/auroc_reconstruction`",
        published="none; the command is the published one",
    ),
)  # fmt: skip


def measure(case: Case, paths: Mapping[str, Path]) -> tuple[float, int]:
    """The figure, and the rows it is of. Raises DataError or UsageError where the data are not to be had,
    NoTrialSucceeded if no epoch has finite figures."""
    model = find_model(case.model)
    given = dict(case.fields)
    if model.Config.ood_path and (ood := paths.get(str(given.get(model.Config.ood)))) is not None:
        given[model.Config.ood_path] = str(ood)
    config = model.Config(**given)
    data = load_dataset(case.dataset, paths.get(case.dataset))
    split = split_dataset(data, case.split)
    parts = {
        part: {name: data.fields[name][getattr(split, part)] for name in config.fields}
        for part in ("train", "valid", "test")
    }
    ood = load_ood(config, case.name, data)
    trained = train_single(
        model, config, parts["train"], parts["valid"], seed=0, watch=lambda row: None,
        objective=Objective(metric=case.objective), ood=None if ood is None else ood.fields,
        test=parts["test"] if len(split.test) else None,
    )  # fmt: skip
    if trained.best is None:
        raise NoTrialSucceeded(f"the training ended {trained.outcome.value} before any epoch had finite figures")
    if trained.test:
        return trained.test["test/" + case.metric.removeprefix("val/")], len(split.test)
    return trained.best.metrics[case.metric], len(split.valid)


def row_of(case: Case, paths: Mapping[str, Path]) -> tuple[str, ...]:
    """The case's line of the table."""
    began = time.perf_counter()
    try:
        figure, rows = measure(case, paths)
    except (DataError, UsageError):
        way_out = "no data at hand"
        return case.name, case.figure, case.published, NOT_RUN, way_out
    seconds = time.perf_counter() - began
    machine = f"{os.cpu_count()} {platform.machine()} cores, {seconds:,.0f} s"
    return (
        case.name, case.figure, case.published, f"{figure:.4g}",
        f"{datetime.now(UTC):%Y-%m-%d}, {rows:,} rows, {machine}",
    )  # fmt: skip


def measured_before(page: str) -> dict[str, tuple[str, ...]]:
    """By case the lines of a page that say a figure."""
    lines = [tuple(cell.strip() for cell in line.strip("| ").split(" | ")) for line in page.splitlines()]
    return {line[0]: line for line in lines if len(line) == len(HEAD) and line[3] not in (NOT_RUN, HEAD[3], "---")}


def page_of(rows: Sequence[tuple[str, ...]]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *rows]
    return TEXT + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", action="append", default=[], metavar="CARD=PATH", help="where a set lies; repeatable")
    parser.add_argument("--only", action="append", metavar="CASE", help="a case by its name; repeatable")
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args(words)
    paths = {name: Path(path) for name, _, path in (each.partition("=") for each in asked.data)}
    if unknown := set(asked.only or ()) - {case.name for case in CASES}:
        parser.error(f"--only: no case {sorted(unknown)[0]!r}; there are: {', '.join(case.name for case in CASES)}")
    known = measured_before(asked.page.read_text()) if asked.page.exists() else {}
    rows = []
    for case in CASES:
        row = known.get(case.name)
        if asked.only is None or case.name in asked.only:
            found = row_of(case, paths)
            row = found if found[3] != NOT_RUN or row is None else row
        rows.append(row or (case.name, case.figure, case.published, NOT_RUN, "not asked for"))
        print(" | ".join(rows[-1]), flush=True)
    asked.page.write_text(page_of(rows))


if __name__ == "__main__":
    main()
