"""The checks run in this process, and ways to reseal what was tampered with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

from safetensors.torch import load_file, save_file

from sparring.production.handover import checks, fresh
from sparring.production.handover.bundle import read_files, write
from sparring.production.handover.candidate import Candidate
from sparring.production.handover.evidence import Evidence, Limits
from sparring.production.handover.fresh_process import Told
from sparring.production.registry import Registry
from sparring.production.registry.entries import CheckOutcome

WEIGHTS = "model.safetensors"
EASY = {"rows": 6, "latency_ms": 1e6, "memory_mb": 1e6}


class ThisProcess:
    """Stands in for a fresh process, which takes seconds to begin."""

    @staticmethod
    def begin(folder: Path, probe: Path) -> Callable[[], fresh.Examination]:
        return partial(fresh.examine, folder, probe)

    def ask(self, folder: Path, probe: Path) -> Callable[[], Told]:
        return lambda: Told(0, fresh.examine(folder, probe).model_dump_json(), "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def evidence_of(candidate: Candidate, folder: Path, **fields: Any) -> Evidence:
    limits = Limits(**{**EASY, **fields.pop("limits", {})})
    registry = Registry(address=str(folder.parent / "production"))
    known = {"name": candidate.study.spec.model, "registry": registry, "rivals": {}, "begin": ThisProcess.begin}
    return Evidence(candidate=candidate, folder=folder, limits=limits, **{**known, **fields})


def outcomes(evidence: Evidence, reason: str | None = None) -> list[CheckOutcome]:
    return list(checks.run(evidence, reason))


def first_failed(evidence: Evidence) -> CheckOutcome | None:
    """The first check that fails; those after it are not asked."""
    return next((each for each in checks.run(evidence) if each.outcome == "failed"), None)


def reseal(folder: Path) -> None:
    """A manifest for whatever lies there now, as a careless or an evil hand would make it."""
    write(folder, "aegan", read_files(folder))


def change_weights(folder: Path, change: Any) -> None:
    state = load_file(folder / WEIGHTS)
    save_file(change(state) or state, folder / WEIGHTS)
    reseal(folder)


def change_text(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert old in text, f"{file} lacks {old}"
    (folder / file).write_text(text.replace(old, new))
    reseal(folder)
