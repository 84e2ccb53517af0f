"""What each verb does with a loaded model: the files it writes, and what it says of them on the console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from ...data import FieldCard, read_card
from ...display import print_listing
from ...errors import UnknownName, UsageError
from ...models.metrics.two_sample import MOST_ROWS
from ...space import apply_settings, table_of
from ..drawing.muon_charts import TABLES
from ..loading.loaded import Loaded
from .answers import errors, sample, write_answers, write_texts
from .controls import compare, write_controls
from .ensemble import Answered, Ensemble
from .likeness import check_against, write_likeness
from .outliers import scores, write_outliers
from .samples import HELD_OUT, Rows, read_rows

DRAWS = 16
"""How many, if nobody says."""
CALLED = {"train": "training", "valid": "validation", "test": "test"}
"""Parts of a split, as the console calls their rows."""


def run_sample(
    loaded: Loaded,
    n: int | None,
    seed: int,
    boost: float | None,
    output: Path | None,
    console: Console,
    against: str | None = None,
    rows: int | None = None,
    data_path: Path | None = None,
) -> None:
    """``n`` draws (16) into ``samples`` of the model's folder, or ``output``; as all here.

    against: the held-out part whose rows, at most ``rows`` (100,000), the draws are compared with; then as many are
    drawn unless ``n`` says otherwise.
    """
    loaded.method("sample")
    check_against(loaded, against, rows)
    found = (
        None
        if against is None
        else read_rows(
            loaded, part=against, n=MOST_ROWS if rows is None else rows, data_path=data_path, part_flag="--against"
        )
    )
    n = n if n is not None else DRAWS if found is None else len(found)
    answers = sample(loaded, n, seed=seed, boost=boost)
    axes = {name: _axis(loaded, name) for name in answers if name in loaded.about.axes}
    where = output or loaded.folder / "samples"
    write_answers(where, "samples", answers, {}, (), axes, cards=_cards(loaded))
    for name in answers.keys() & TABLES.keys():
        np.save(where / f"{name}.npy", answers[name])
    if found is not None and against is not None:
        write_likeness(loaded, answers, found, against, where, seed, console)
    console.print(f"{n:,} samples: {where}", soft_wrap=True)


def run_pairs(loaded: Loaded, n: int, data_path: Path | None, output: Path | None, console: Console) -> None:
    """``n`` held-out samples beside what comes back, into ``reconstructions`` of ``run_sample``'s folder."""
    loaded.method("reconstruct")
    found = read_rows(loaded, part=HELD_OUT, n=n, data_path=data_path)
    where = (output or loaded.folder / "samples") / "reconstructions"
    run_reconstruct(Ensemble(front=loaded, members=(loaded,)), found, where, console)


def run_reconstruct(asked: Ensemble, found: Rows, output: Path | None, console: Console) -> None:
    """The samples as they come back."""
    given = asked.reconstruct(found)
    where, axes = output or asked.front.folder / "reconstructions", _axes(asked.front, found)
    write_answers(
        where, "reconstructions", given.answers, given.truths, found.ids, axes, given.deviations, _cards(asked.front)
    )
    _say_errors(asked, found, given, console)
    console.print(f"Reconstructions of {_samples(found)}: {where}", soft_wrap=True)


def run_predict(
    ensemble: Ensemble,
    asked: Sequence[tuple[Path, Sequence[str], Rows]],
    text: bool,
    console: Console,
) -> None:
    """asked: (folder, fields to predict from, samples), each written on its own. text: one .txt per sample too."""
    for where, fields, found in asked:
        given, axes = ensemble.predict(found, fields), _axes(ensemble.front, found)
        cards = _cards(ensemble.front)
        write_answers(where, "predictions", given.answers, given.truths, found.ids, axes, given.deviations, cards)
        if text:
            for name, values in given.answers.items():
                write_texts(where, name, values, found.ids, axes.get(name), given.deviations.get(name))
        _say_errors(ensemble, found, given, console)
        console.print(f"Predictions of {_samples(found)}: {where}", soft_wrap=True)


def run_controls(loaded: Loaded, found: Rows, train: Rows, output: Path | None, console: Console) -> None:
    """Each of the model's outputs against eight answers that must be worse."""
    controls = compare(loaded, found, train)
    where = output or loaded.folder / "predictions"
    path = write_controls(where, controls)
    table = []
    for output_name in dict.fromkeys(each.output for each in controls):
        mine = [each for each in controls if each.output == output_name]
        nearest = min(mine, key=lambda each: each.mse_control)
        not_worse = ", ".join(each.control for each in mine if not each.is_passed) or "-"
        table.append((output_name, f"{nearest.mse:.4g}", f"{nearest.mse_control:.4g}", nearest.control, not_worse))
    print_listing(console, ("output", "MSE", "best control's", "which is", "not worse"), table)
    passed = sum(each.is_passed for each in controls)
    console.print(
        f"{passed} of {len(controls)} controls are worse than the model, as they must be: {path}", soft_wrap=True
    )


def run_outliers(
    loaded: Loaded,
    out_dataset: str,
    out_path: Path | None,
    out_settings: Sequence[str],
    part: str | tuple[str, ...] | None,
    rows: int | None,
    data_path: Path | None,
    output: Path | None,
    console: Console,
    *,
    out_flag: str = "--out-path",
) -> None:
    """The model's own rows against ``out_dataset``, at most ``rows`` of each. out_settings: its reader's key=value.

    out_flag: by which the user says ``out_path``.
    """
    loaded.method("outliers")
    own = read_rows(loaded, part=part, n=rows, data_path=data_path)
    options = table_of(apply_settings({}, [f"data.{setting}" for setting in out_settings], ()), "data")
    ood = read_rows(loaded, n=rows, dataset=out_dataset, data_path=out_path, options=options, flag=out_flag)
    if ood.is_own:
        raise UsageError(
            f"--out-dataset: {out_dataset} is what the model was trained on; name an out-of-distribution set"
        )
    where = output or loaded.folder / "outliers"
    figures = write_outliers(where, (own, scores(loaded, own)), (ood, scores(loaded, ood)))
    head = ("score", "AUROC", "FPR at 95 % TPR", "mean, own", "mean, foreign")
    table = [
        (name, f"{each.auroc:.4f}", f"{each.fpr_at_95_tpr:.4f}", f"{each.mean_own:.4g}", f"{each.mean_foreign:.4g}")
        for name, each in figures.items()
    ]
    print_listing(console, head, table)
    console.print(f"{_samples(own, 'own')} and {_samples(ood)} of {out_dataset}: {where}", soft_wrap=True)


def _samples(found: Rows, whose: str = "") -> str:
    """How many, and of which part of their split: ``360 own validation samples``."""
    return " ".join(filter(None, (f"{len(found):,}", whose, CALLED.get(found.part or ""), "samples")))


def _axis(loaded: Loaded, name: str) -> np.ndarray:
    return np.array(loaded.about.axes[name])


def _axes(loaded: Loaded, found: Rows) -> dict[str, np.ndarray]:
    """Where columns lie: as the rows say, else as they lay in training."""
    return {name: _axis(loaded, name) for name in loaded.about.axes} | dict(found.axes)


def _cards(loaded: Loaded) -> Mapping[str, FieldCard]:
    """What the values are, by field; nothing where the data set's card is not at hand, as nothing else needs it."""
    try:
        return read_card(loaded.about.dataset).fields
    except UnknownName:
        return {}


def _say_errors(asked: Ensemble, found: Rows, given: Answered, console: Console) -> None:
    """By field the error, and of several answers their spread."""
    if given.truths:
        spreads = given.spreads()
        head = ("field", "mean squared error", *(["spread (std)"] if spreads else []), "samples")
        table = [
            (name, f"{each.mean():.6g}", *([f"{spreads[name]:.4g}"] if spreads else []), f"{len(each):,}")
            for name, each in errors(given.truths, given.answers).items()
        ]
        print_listing(console, head, table)
        if caution := asked.caution(found):
            console.print(caution, soft_wrap=True)
