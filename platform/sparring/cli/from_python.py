"""``sparring.search`` and ``sparring.open_study``: the commands for programs and notebooks.

A search takes the command's own flags, by their names, and is parsed by the command: there is no second list of
options, types or defaults. What a study found is a ``FoundStudy``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.main import get_command

from ..errors import UsageError, names_hint
from ..records import RESULTS
from .results import find_folder
from .screen import REFUSED

if TYPE_CHECKING:
    import pandas as pd

    from ..production.handover.asking import ProductionModel
    from ..records import StudySpec, TrialRow


@dataclass(frozen=True)
class FoundStudy:
    """A study on disk, read anew whenever it is asked: a search may be under way."""

    folder: Path

    @cached_property
    def spec(self) -> StudySpec:
        """What was searched: model, data set, space, objectives, budget."""
        from ..ledger import read_study, spec_from_json

        return spec_from_json(read_study(self.folder)["spec"])

    @property
    def trials(self) -> pd.DataFrame:
        """The ended trials, a row each, the best first: ``rank``, outcome, value, ``param.NAME``, ``metric.NAME``.

        Raises NothingToReport if none has ended.
        """
        from ..report import read_report

        frame: pd.DataFrame = read_report(self.folder, yardsticks=False).table.to_pandas()
        return frame

    @property
    def best(self) -> TrialRow | None:
        """The winner, with ``params``, ``value`` and ``metrics``; None yet.

        By fresh seeds where a race was held, else the best completed trial by the leading objective.
        """
        from ..study.fresh_seeds import find_winner

        return find_winner(self.folder)

    @property
    def conclusion(self) -> tuple[str, ...]:
        """What may be claimed of the best trial, in the sentences that end a search; the first leads, none yet is ().

        Raises LedgerError as every reader of the study.
        """
        from ..study.claim import sentences_of

        return sentences_of(self.folder)

    def load(self, trial: int | None = None) -> ProductionModel:
        """The best trial's model, or another's whose weights are kept, ready to be asked as ``sparring.load`` gives it.

        Its version is 0, for it is not in production. Raises NothingToReport, UnknownName, UsageError or DataError.
        """
        from ..models import short_name
        from ..production.handover.asking import ProductionModel
        from ..production.handover.candidate import open_candidate
        from ..production.handover.manifest import Manifest
        from ..untrusted.screen import Screen

        candidate = open_candidate(self.folder, trial, is_refit=False, console=Screen(quiet=True))
        manifest = Manifest(name=short_name(self.spec.model), version=0, files={})
        return ProductionModel(manifest=manifest, schema=candidate.schema, loaded=candidate.source)


def search(model: str | type, options: Mapping[str, Any]) -> FoundStudy:
    """``sparring.search``. Raises KeyboardInterrupt where a signal cut the search short; the study stays."""
    from .app import app

    command: Any = get_command(app)
    verb = command.commands["search"]
    words = [_name_of(model), *(word for name, value in options.items() for word in _words(verb, name, value))]
    try:
        return FoundStudy(verb.main(words, prog_name="sparring.search", standalone_mode=False))
    except REFUSED as refusal:
        raise UsageError(f"search: {refusal.format_message()}") from refusal
    except SystemExit as end:
        raise KeyboardInterrupt(end.code) from None


def open_study(study: str | Path, results: str | Path = RESULTS, model: str | None = None) -> FoundStudy:
    """``sparring.open_study``."""
    from .own_model import allow_named

    allow_named(model)
    return FoundStudy(find_folder(str(study), Path(results)))


def _name_of(model: str | type) -> str:
    """A name as it is; a class of the user's own by its module, in which it can be found again."""
    if isinstance(model, str):
        return model
    if model.__module__ == "__main__":
        raise UsageError(
            f"search: every worker imports the model, but {model.__qualname__} stands in no module; write it to a "
            f"file, such as my_module.py, and say 'my_module:{model.__qualname__}'"
        )
    return f"{model.__module__}:{model.__qualname__}"


def _words(verb: Any, name: str, value: Any) -> Iterator[str]:
    """One option as the command line has it. Raises UsageError if there is none of that name."""
    flags = {
        opt.lstrip("-").replace("-", "_"): (opt, parameter)
        for parameter in verb.params
        for opt in parameter.opts
        if opt.startswith("--") and opt != "--help"
    }
    if name.rstrip("_") not in flags:
        raise UsageError(f"search: no option {name!r}; {names_hint(name, sorted(flags))}")
    flag, parameter = flags[name.rstrip("_")]
    if value is None or value is False:
        return
    if value is True:
        yield flag
        return
    if isinstance(value, Mapping):
        value = [f"{key}={_toml(each)}" for key, each in value.items()]
    several = isinstance(value, Sequence) and not isinstance(value, str)
    if several and not parameter.multiple:
        raise UsageError(f"search: {name} takes one value, but got {value!r}")
    for each in value if several else [value]:
        yield f"{flag}={each}"


def _toml(value: Any) -> str:
    """A value as --set reads it: TOML on one line."""
    if value is None:
        return "None"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {_toml(each)}' for key, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value) if isinstance(value, bool | str) else str(value)
