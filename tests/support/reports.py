"""Studies for the report, written without a search."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from sparring.ledger import Ledger, spec_to_json, write_study
from sparring.ledger.yardsticks import FORM
from sparring.records import AttemptRow, EpochRow, Outcome, StudySpec, TrialRow
from sparring.report import write_report

METRICS = ("train/loss_gen", "val/score", "val/mse_predict_spectrum")


SEARCH = {
    "lr": {"loguniform": [1e-5, 1e-1]},
    "decay": {"loguniform": [1e-6, 1e-2], "off": 0.0},
    "loss": {"choice": ["mse", "wcc"]},
    "width": {"int": [5, 15], "when": {"loss": "wcc"}},
    "norm": {"choice": [True, False]},
}


KINDS = {"lr": "float", "decay": "float", "loss": "str", "width": "int", "norm": "bool"}


PARAMS = {"lr": 0.001, "decay": 0.0, "loss": "mse", "norm": True}


IDENTITY = {"data_sha256": "abc"}


EVIL = "</script><img src=x onerror=alert(1)>"


def trial(number: int, outcome: Outcome, value: float | None = None, **rest: Any) -> TrialRow:
    known = {"params": PARAMS, "epochs": 9, "best_epoch": None if value is None else 7, "wall_s": 1.5}
    metrics = {} if value is None else {"val/score": value, "val/mse_predict_spectrum": value / 8}
    return TrialRow(
        trial=number, attempt=1, seed=0, outcome=outcome, value=value, **{"metrics": metrics, **known, **rest}
    )


def study(
    folder: Path,
    ended: list[TrialRow],
    *,
    begun: int = 0,
    rows: dict[str, int] | None = None,
    name: str = "demo",
    spec: Mapping[str, Any] | None = None,
    **tables: Any,
) -> Path:
    """rows: of each part of the split. spec: fields of it. tables: of the study's space, such as another ``search``."""
    folder = folder / name
    space = {"model": "aegan", "dataset": "exafs", "search": SEARCH, **tables}
    known = StudySpec(**{"name": name, "model": "aegan", "dataset": "exafs", "space": space, **(spec or {})})
    content = {"spec": spec_to_json(known), "kinds": KINDS, "metrics": METRICS, "identity": IDENTITY}
    write_study(folder, {**content, "rows": rows or {}})
    with Ledger(folder, kinds=KINDS, metrics=METRICS) as ledger:
        for number in range(begun):
            ledger.append_attempt(AttemptRow(trial=number, attempt=1, seed=0, params=PARAMS))
        for row in ended:
            if row.value is not None:
                epochs = [
                    EpochRow(trial=row.trial, attempt=1, epoch=e, metrics={"val/score": row.value + 1 / e}, wall_s=0.1)
                    for e in range(1, row.epochs + 1)
                ]
                ledger.append_epochs(epochs)
            ledger.append_trial(row)
    return folder


MIXED = [
    trial(0, Outcome.COMPLETED, 0.4),
    trial(1, Outcome.PRUNED, 0.05, epochs=1),
    trial(2, Outcome.COMPLETED, 0.1, params={"lr": 0.01, "decay": 1e-4, "loss": "wcc", "width": 9, "norm": False}),
    trial(3, Outcome.DIVERGED, metrics={"val/score": math.nan}),
    trial(4, Outcome.CRASHED, error="Traceback (most recent call last):\n  File x\nRuntimeError: [bold] torn"),
    trial(5, Outcome.COMPLETED, 0.2),
]


def text_of(folder: Path, width: int = 120, **options: Any) -> str:
    console = Console(file=io.StringIO(), width=width)
    write_report(folder, console=console, **{"yardsticks": False, **options})
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def frozen(page: str) -> Any:
    """What a page's script is given."""
    (data,) = re.findall(r'<script id="frozen" type="application/json">(.*?)</script>', page, re.DOTALL)
    return json.loads(data)


def cells(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def cache(folder: Path, **scores: float) -> None:
    found = [
        {"name": name, "figures": {"val/score": score, "val/mse_predict_spectrum": score / 8}, "seconds": 1.0}
        for name, score in scores.items()
    ]
    key = {"model": "aegan", "split": "80/20", **IDENTITY, "form": FORM}
    (folder / "yardsticks.json").write_text(json.dumps({"key": key, "yardsticks": found}))
