"""What each verb does with a loaded model: the files it writes, and what it says of them on the console."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from ..errors import UsageError
from ..progress import print_listing
from ..space import apply_settings
from .controls import compare, write_controls
from .outliers import scores, write_outliers
from .rows import Rows, read_rows
from .trained import Loaded
from .verbs import errors, predict, reconstruct, sample, write_answers, write_texts


def run_sample(loaded: Loaded, n: int, seed: int, boost: float | None, output: Path | None, console: Console) -> None:
    """``n`` draws into ``samples`` of the model's folder, or ``output``; as all here."""
    answers = sample(loaded, n, seed=seed, boost=boost)
    axes = {name: _axis(loaded, name) for name in answers if name in loaded.about.axes}
    where = output or loaded.folder / "samples"
    write_answers(where, "samples", answers, {}, (), axes)
    console.print(f"{n:,} samples: {where}", soft_wrap=True)


def run_reconstruct(loaded: Loaded, found: Rows, output: Path | None, console: Console) -> None:
    """The samples as they come back."""
    truths, answers = reconstruct(loaded, found)
    where = output or loaded.folder / "reconstructions"
    write_answers(where, "reconstructions", answers, truths, found.ids, _axes(loaded, found))
    _say_errors(truths, answers, console)
    console.print(f"Reconstructions of {len(found):,} samples: {where}", soft_wrap=True)


def run_predict(
    loaded: Loaded,
    asked: Sequence[tuple[Path, Sequence[str], Rows]],
    text: bool,
    console: Console,
) -> None:
    """asked: (folder, fields to predict from, samples), each written on its own. text: one .txt per sample too."""
    for where, given, found in asked:
        truths, answers = predict(loaded, found, given)
        axes = _axes(loaded, found)
        write_answers(where, "predictions", answers, truths, found.ids, axes)
        if text:
            for name, values in answers.items():
                write_texts(where, name, values, found.ids, axes.get(name))
        _say_errors(truths, answers, console)
        console.print(f"Predictions of {len(found):,} samples: {where}", soft_wrap=True)


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
    part: str | None,
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
    options = apply_settings({}, [f"data.{setting}" for setting in out_settings], ()).get("data", {})
    foreign = read_rows(loaded, n=rows, dataset=out_dataset, data_path=out_path, options=options, flag=out_flag)
    if foreign.is_own:
        raise UsageError(f"--out-dataset: {out_dataset} is what the model was trained on; name a foreign set")
    where = output or loaded.folder / "outliers"
    figures = write_outliers(where, (own, scores(loaded, own)), (foreign, scores(loaded, foreign)))
    head = ("score", "AUROC", "FPR at 95 % TPR", "mean, own", "mean, foreign")
    table = [
        (name, f"{each.auroc:.4f}", f"{each.fpr_at_95_tpr:.4f}", f"{each.mean_own:.4g}", f"{each.mean_foreign:.4g}")
        for name, each in figures.items()
    ]
    print_listing(console, head, table)
    console.print(f"{len(own):,} own and {len(foreign):,} samples of {out_dataset}: {where}", soft_wrap=True)


def _axis(loaded: Loaded, name: str) -> np.ndarray:
    return np.array(loaded.about.axes[name])


def _axes(loaded: Loaded, found: Rows) -> dict[str, np.ndarray]:
    """Where columns lie: as the rows say, else as they lay in training."""
    return {name: _axis(loaded, name) for name in loaded.about.axes} | dict(found.axes)


def _say_errors(truths: dict[str, np.ndarray], answers: dict[str, np.ndarray], console: Console) -> None:
    if truths:
        found = errors(truths, answers)
        table = [(name, f"{each.mean():.6g}", f"{len(each):,}") for name, each in found.items()]
        print_listing(console, ("field", "mean squared error", "samples"), table)
