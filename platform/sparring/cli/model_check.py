"""``sparring models check``: does a model keep the contract of ``models/base.py``? Each promise is tried on rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from ..errors import UsageError

if TYPE_CHECKING:
    from ..training.contract.subject import Subject

MOST_ROWS = {"train": 1024, "valid": 256}
"""Rows of each part that the checks use: enough to learn something from, few enough for a minute."""
LEAST_ROWS = {"train": 102, "valid": 12}


def check_model(
    name: str, *, space: str | None, dataset: str | None, data_path: Path | None, settings: list[str], console: Console
) -> None:
    """Prints every check as it ends, what failed with a reason and a way out.

    The configuration is the baseline of the model's space, the rows are those of its data set. Raises UsageError if a
    check failed, and what a search would refuse: a space with a default outside its range, data without its fields.
    """
    from ..training.contract.checks import CHECKS, run_checks

    subject, about = _read_subject(name, space, dataset, data_path, settings)
    console.print(Text.assemble((name, "bold"), f" · {about}"), soft_wrap=True)
    _tell(console, "passed", "defaults lie inside the ranges of its space", "")
    failed = []
    for each in run_checks(subject):
        failed += [each.name] if each.reason else []
        _tell(console, "failed" if each.reason else "passed", each.name, f"{each.seconds:.1f} s")
        for line, style in ((each.reason, ""), (each.way_out, "dim")):
            if line:
                console.print(Text(f"        {line}", style=style), soft_wrap=True)
    if failed:
        raise UsageError(f"models check: {name} breaks {len(failed)} of {len(CHECKS)} promises: {'; '.join(failed)}")
    console.print(f"{name} keeps all {len(CHECKS)} promises.", soft_wrap=True, highlight=False)


def _tell(console: Console, outcome: str, name: str, seconds: str) -> None:
    colour = "green" if outcome == "passed" else "bold red"
    console.print(Text.assemble((f"{outcome:<8}", colour), name, (f"  {seconds}", "dim")), soft_wrap=True)


def _read_subject(
    name: str, space: str | None, dataset: str | None, data_path: Path | None, settings: list[str]
) -> tuple[Subject, str]:
    """The model with its baseline and rows; and in words, which these are."""
    import numpy as np
    import torch

    from ..display import nearby
    from ..models import find_model
    from ..study.asked_space import read_asked_space
    from ..study.limits import DEFAULT_LIMITS
    from ..study.prepare import check_asked_space, load_study, make_spec
    from ..training.contract.subject import Subject

    model_class = find_model(name)
    asked = read_asked_space(name, model_class.Config, space=space, dataset=dataset, settings=settings)
    searched = check_asked_space(asked, name, model_class.Config)
    spec = make_spec(asked, searched, DEFAULT_LIMITS, name="check", data_path=data_path)
    study = load_study(Path("check"), spec, searched)
    rows = {
        part: {
            field: torch.from_numpy(np.array(study.dataset.fields[field][getattr(study.split, part)[:most]]))
            for field in model_class.Config.fields
        }
        for part, most in MOST_ROWS.items()
    }
    counts = {part: len(next(iter(fields.values()))) for part, fields in rows.items()}
    words = " and ".join(f"{count:,} {part}" for part, count in counts.items())
    if any(counts[part] < least for part, least in LEAST_ROWS.items()):
        least = " and ".join(f"{count} {part}" for part, count in LEAST_ROWS.items())
        raise UsageError(f"models check: wants {least} rows, but {spec.dataset} gives {words}; name another --dataset")
    config = searched.default_config()
    values = {field: getattr(config, field) for field in type(config).model_fields} | {"steps_per_epoch": None}
    values["batch_size"] = min(config.batch_size, 64)
    subject = Subject(model_class, values, rows, spec.objectives[0])
    return subject, f"trial 0 of {nearby(Path(asked.where))} on {words} rows of {spec.dataset}"
