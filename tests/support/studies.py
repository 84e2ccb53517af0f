"""Studies of a small space, with ledgers as a search leaves them; nothing is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sparring.ledger import Ledger
from sparring.records import AttemptRow, Outcome, TrialRow, Value
from sparring.study import Limits, Study, open_folder, prepare

HEAD = 'model = "aegan"\ndataset = "exafs"\n[[objectives]]\nmetric = "val/score"\n'

LAYERS = "n_hl_gen = { int = [1, 2] }\nhidden_size = { choice = [8, 16] }\n"


def small_space(folder: Path, more: str = "", layers: str = LAYERS, head: str = HEAD, name: str = "small") -> str:
    """A space's file: four configurations, and the fields of ``more``."""
    path = folder / f"{name}.toml"
    path.write_text(f"{head}[defaults]\nn_hl_gen = 1\nhidden_size = 8\n[search]\n{layers}{more}")
    return str(path)


def small_study(
    results: Path,
    more: str = "",
    *,
    space: str | None = None,
    settings: Sequence[str] = (),
    name: str | None = None,
    earlier: Sequence[Path] = (),
    fork: str | None = None,
    objectives: Sequence[str] = (),
    **limits: Any,
) -> Study:
    """Prepared on sixty pairs, not begun. more: fields that are searched beside ``LAYERS``."""
    return prepare(
        "aegan", space=None if fork is not None and space is None else space or small_space(results, more),
        settings=["data.n=60", *settings], results=results, name=name, earlier=earlier, fork=fork,
        objectives=objectives, limits=Limits(**limits), address="none",
    )  # fmt: skip


def ended(number: int, params: Mapping[str, Value], value: float | None, outcome: Outcome, epochs: int = 9) -> TrialRow:
    counts = outcome in (Outcome.COMPLETED, Outcome.PRUNED)
    return TrialRow(
        trial=number, attempt=1, seed=0, outcome=outcome, params=params, value=value if counts else None,
        best_epoch=1 if counts else None, epochs=epochs, metrics={"val/score": value} if counts and value else {},
    )  # fmt: skip


def fill(study: Study, rows: Sequence[TrialRow]) -> Path:
    """The study's folder, with these trials ended."""
    study.folder.mkdir(parents=True, exist_ok=True)
    open_folder(study)
    ledger = Ledger(study.folder, kinds=study.space.kinds, metrics=study.config_class.emitted())
    for row in rows:
        ledger.append_attempt(AttemptRow(trial=row.trial, attempt=1, seed=0, params=row.params))
        ledger.append_trial(row)
    ledger.close()
    return study.folder
