"""What can go wrong, as the user meets it.

    SparringError                 every error of ours; the command line prints it as one sentence
    ├── UsageError          (2)   a flag, name or path the command cannot accept
    │   ├── SpaceError            a search-space TOML or a hyperparameter's value
    │   ├── DataError             a data set that is missing, torn or of the wrong form
    │   ├── UnknownName           no model, data set, study … of that name
    │   ├── ConfigError           a model configuration (YAML, pinned TOML, --set)
    │   └── ClusterError          a cluster that cannot hold what was asked of it
    ├── StudyLocked         (3)   another process is searching this study
    ├── FolderLocked        (3)   another process is training into this folder
    ├── NoTrialSucceeded    (4)   the search ended and not one trial completed
    ├── NothingToReport     (5)   the study holds no finished trial yet
    ├── PromotionRefused    (6)   a check refused the bundle, or another promotion came first
    ├── ClusterLost         (7)   Ray ended under a search; resuming goes on
    ├── RegistryLocked      (3)   another process is promoting, or rolling back, a model of this name
    ├── LedgerError         (1)   results could not be committed; nothing committed before is lost
    ├── Infeasible          (1)   a combination of values that cannot be trained; ends its trial, not the search
    └── CheckpointError     (1)   a checkpoint is torn or does not fit the model

The number is the process's exit code. Each message names the place, the rule, what was got and the
way out, in one sentence.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pydantic import ValidationError


class SparringError(Exception):
    """Any error Sparring raises on purpose."""

    exit_code = 1


class UsageError(SparringError):
    """A flag, name or path the command cannot accept; nothing was started, nothing written."""

    exit_code = 2


class SpaceError(UsageError):
    """A search space, or a hyperparameter's value, that breaks a rule."""


class ConfigError(UsageError):
    """A model configuration that breaks a rule."""


class DataError(UsageError):
    """A data set that is missing, torn, non-finite or of the wrong form."""


class UnknownName(UsageError):
    """No model, data set, space, study, sampler … has this name; the message lists those there are."""


class ClusterError(UsageError):
    """The cluster cannot hold what was asked of it; the message has the numbers and the largest setting that fits."""


class StudyLocked(SparringError):
    """Another process holds the study; the message names it."""

    exit_code = 3

    def __init__(self, message: str, holder: str = "") -> None:
        super().__init__(message)
        self.holder = holder
        """The clause that says who holds it since when."""


class FolderLocked(SparringError):
    """Another process trains into the folder; nothing was changed."""

    exit_code = 3


class NoTrialSucceeded(SparringError):
    """The search ended without one completed trial; the message counts the reasons."""

    exit_code = 4


class NothingToReport(SparringError):
    """The study holds no finished trial yet."""

    exit_code = 5


class PromotionRefused(SparringError):
    """A bundle did not pass a check, or another one was promoted meanwhile; what is in production stays."""

    exit_code = 6


class ClusterLost(SparringError):
    """Ray, or the referee's process, ended or fell silent under a search; what was committed is safe.

    Its own shutdown may wait for the dead, so whoever prints this ends the process at once, with ``exit_code``.
    """

    def __init__(self, message: str, exit_code: int = 7) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class RegistryLocked(SparringError):
    """Another process is promoting, or rolling back, a model of this name; nothing was changed."""

    exit_code = 3


class LedgerError(SparringError):
    """A row could not be committed (disk full, folder gone); what was committed before is safe."""


class Infeasible(SparringError):
    """A trial's values cannot be trained (a batch smaller than its workers need); the trial ends as infeasible."""


class CheckpointError(SparringError):
    """A checkpoint whose checksum, keys, shapes or types do not match."""


class Fault(NamedTuple):
    """One complaint of a pydantic ValidationError."""

    field: str
    """Dotted name of the field; empty if the complaint is about a combination of fields."""
    rule: str
    """What must hold, in pydantic's words or a validator's."""
    value: object
    """What was given."""
    names_value: bool
    """False where the value would tell a reader nothing: none was given, or the rule names it already."""

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}" if self.field else self.rule


def faults(error: ValidationError) -> list[Fault]:
    """The complaints of a ValidationError, at least one, in its order."""
    return [
        Fault(
            field=".".join(map(str, fault["loc"])),
            rule=rule_of(fault),
            value=fault["input"],
            names_value=fault["type"] not in ("missing", "value_error"),
        )
        for fault in error.errors(include_url=False)
    ]


WORDS = {
    "int_type": "wants a whole number",
    "int_parsing": "wants a whole number",
    "int_from_float": "wants a whole number",
    "float_type": "wants a number",
    "float_parsing": "wants a number",
    "finite_number": "wants a finite number",
    "bool_type": "wants true or false",
    "bool_parsing": "wants true or false",
    "string_type": "wants a text",
    "string_too_short": "wants a text",
    "string_pattern_mismatch": "wants a text of the form {pattern}",
    "literal_error": "wants {expected}",
    "enum": "wants {expected}",
    "greater_than": "wants more than {gt}",
    "greater_than_equal": "wants at least {ge}",
    "less_than": "wants less than {lt}",
    "less_than_equal": "wants at most {le}",
    "multiple_of": "wants a multiple of {multiple_of}",
    "list_type": "wants a list",
    "tuple_type": "wants a list",
    "dict_type": "wants a table",
    "model_type": "wants a table",
    "too_short": "wants {min_length} items or more, but has {actual_length}",
    "too_long": "wants at most {max_length} items, but has {actual_length}",
    "missing": "is missing",
    "extra_forbidden": "is not known here",
}
"""What pydantic's types of complaint mean, in our words; a type that is not here keeps its own."""


def rule_of(fault: Mapping[str, Any]) -> str:
    """The rule that one of pydantic's complaints is about. fault: an element of ``ValidationError.errors()``."""
    words: str = WORDS.get(fault["type"], fault["msg"].removeprefix("Value error, "))
    return words.format(**fault.get("ctx", {})) if fault["type"] in WORDS else words


def sentence(error: ValidationError) -> str:
    """The first complaint of a ValidationError, with the value it is about."""
    first = faults(error)[0]
    return f"{first.field} = {first.value!r}: {first.rule}" if first.field else f"this combination: {first.rule}"


FEW = 12
"""Names that a sentence lists beside the closest one."""

CLOSENESS = 0.7
"""Least share of letters in common: metrics begin alike, so that ``val/auc`` has 0.63 of ``val/score``."""


def names_hint(name: str, known: Collection[str], way_out: str = "") -> str:
    """What there is instead of ``name``: the closest one, if one is close, and all unless they are many.

    known: in the order in which they are to be named. way_out: what else can be done, ``give the path of a .toml``.
    """
    close = difflib.get_close_matches(name, known, n=1, cutoff=CLOSENESS)
    listed = f"there are: {', '.join(known) or 'none'}"
    if close and len(known) > FEW:
        return f"did you mean {close[0]!r}?{way_out and f' Or {way_out}'}"
    hint = f"did you mean {close[0]!r}? T{listed[1:]}" if close else listed
    return f"{hint}{way_out and f'; or {way_out}'}"


def refuse_unknown(names: Iterable[str], known: Collection[str], where: str, what: str) -> None:
    """Raises SpaceError at the first of ``names`` not in ``known``, with the closest known one, else with all."""
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(known))}"
            raise SpaceError(f"{where}: no {what} {name!r}; {hint}")
