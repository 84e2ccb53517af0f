"""The study that ``--fork NEW`` begins from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..ledger import STUDY_FILE, read_study, spec_from_json
from ..records import StudySpec


@dataclass(frozen=True, kw_only=True)
class Fork:
    """A study whose space, data and seed are the defaults of a new one, to which it gives its trials."""

    folder: Path
    spec: StudySpec

    @property
    def where(self) -> str:
        """What messages call its space."""
        return f"{self.folder.name}/{STUDY_FILE}"


def read_fork(results: Path, name: str | None, new: str, model: str) -> Fork:
    """The study ``name`` below ``results``, from which the study ``new`` is to begin.

    Raises UsageError if no name is given, it is the new one's or the study searches another model; UnknownName or
    LedgerError if there is no such study.
    """
    if name is None:
        raise UsageError(f"--fork {new}: it begins from a study; say which one by --name")
    if name == new:
        raise UsageError(f"--fork {new}: the new study wants a name of its own, but {name} is the old one's")
    folder = (results / name).absolute()
    spec = spec_from_json(read_study(folder)["spec"])
    if spec.model != model:
        raise UsageError(f"--fork {new}: study {name} searches {spec.model}, but got {model}; name {spec.model}")
    return Fork(folder=folder, spec=spec)
