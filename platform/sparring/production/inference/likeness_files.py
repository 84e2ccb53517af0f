"""How like a generated sample is to held-out rows, as figures, tables and plots in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet
from rich.console import Console

from ...display import print_listing
from ...models.metrics.two_sample import Auc
from ...training.single import EPOCHS
from ..drawing.muon_charts import (
    GENERATED,
    REAL,
    Two,
    draw_codes,
    draw_pairs,
    draw_progress,
    draw_scores,
    draw_variables,
)
from ..drawing.muon_variables import Variable, shown
from ..drawing.style import write_picture
from ..loading.loaded import Loaded
from ..output import write_table
from .answers import Answers
from .likeness import Codes, Differences, compare, find_differences
from .samples import NamedRows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRACED = ("val/auc", "val/distance", "val/code_score")
"""Metrics whose course over the epochs is drawn."""


def write_likeness(
    loaded: Loaded, answers: Answers, real: NamedRows, *, folder: Path, seed: int, console: Console
) -> None:
    """``likeness.json``, ``scores.parquet`` and the plots into the folder; the figures onto the console.

    answers: the generated sample. real: the held-out rows it is compared with.
    """
    figures, codes = compare(loaded, answers, real, seed)
    (name, generated), *_ = answers.items()
    variables, real_rows = shown(name, real.fields[name].double().cpu().numpy())
    both = real_rows, shown(name, generated.astype(np.float64))[1]
    differences = find_differences(variables, both, codes)
    sides = _sides(name)
    pictures = {
        **_draw_samples(variables, both, differences),
        **_draw_codes(codes, differences),
        **_draw_classifiers(figures, sides),
        **_draw_progress(loaded),
    }
    document = _document(str(real.part), figures, differences)
    (folder / "likeness.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    is_real = np.repeat([True, False], len(figures[name].scores) // 2)
    write_table(folder / "scores.parquet", {"is_real": is_real, "score": figures[name].scores})
    for stem, picture in pictures.items():
        write_picture(folder / f"{stem}.png", picture)
    _print(figures, differences, sides, str(real.part), console)


def _sides(name: str) -> dict[str, tuple[str, str]]:
    """By what the trees compare, what its two sides are called."""
    return {name: (REAL, GENERATED), "codes": ("encoded", "drawn"), "auxiliary values": ("given", "drawn")}


def _document(part: str, figures: Mapping[str, Auc], differences: Differences) -> dict[str, object]:
    """``likeness.json``."""
    document: dict[str, object] = {
        "part": part,
        "auc": {
            what: {"value": figure.value, "error": figure.error, "rows": figure.rows}
            for what, figure in figures.items()
        },
        "ks": {label: test._asdict() for label, test in differences.by_variable.items()},
    }
    if differences.by_code:
        document["codes"] = {
            "ks": [test._asdict() for test in differences.by_code],
            "correlation": {what: matrix.tolist() for what, matrix in differences.correlations.items()},
        }
    return document


def _draw_samples(variables: Sequence[Variable], both: Two, differences: Differences) -> dict[str, Figure]:
    distances = [test.distance for test in differences.by_variable.values()]
    return {
        "variables": draw_variables(variables, {REAL: both[0], GENERATED: both[1]}, distances),
        "pairs": draw_pairs(variables, both),
    }


def _draw_codes(codes: Codes | None, differences: Differences) -> dict[str, Figure]:
    if codes is None:
        return {}
    distances = [test.distance for test in differences.by_code]
    return {"codes": draw_codes(codes.values, codes.priors, distances, differences.correlations)}


def _draw_classifiers(figures: Mapping[str, Auc], sides: Mapping[str, tuple[str, str]]) -> dict[str, Figure]:
    """The first figure, that of the sample itself, as ``classifier``; the others with their names."""
    pictures: dict[str, Figure] = {}
    for what, figure in figures.items():
        half = len(figure.scores) // 2
        scores = figure.scores[:half], figure.scores[half:]
        stem = f"classifier_{what.replace(' ', '_')}" if pictures else "classifier"
        pictures[stem] = draw_scores(scores, sides[what], figure.value, figure.error)
    return pictures


def _draw_progress(loaded: Loaded) -> dict[str, Figure]:
    """The figures that ``train`` wrote by epoch; none where it was of a version that wrote none."""
    path = loaded.folder / EPOCHS
    if not path.is_file():
        return {}
    table = pyarrow.parquet.read_table(path)
    columns = {name: table[name].to_numpy() for name in table.column_names}
    epochs = columns["epoch"].astype(np.float64)
    traced = {name: columns[name] for name in TRACED if name in columns and np.isfinite(columns[name]).all()}
    best = json.loads((loaded.folder / "metrics.json").read_text(encoding="utf-8")).get("epoch", 0)
    return {"progress": draw_progress(epochs, traced, best)} if traced else {}


def _print(
    figures: Mapping[str, Auc],
    differences: Differences,
    sides: Mapping[str, tuple[str, str]],
    part: str,
    console: Console,
) -> None:
    table = [
        (f"{what}: {' or '.join(sides[what])}", f"{figure.value:.4f} ± {figure.error:.4f}", f"{figure.rows:,}")
        for what, figure in figures.items()
    ]
    print_listing(console, ("boosted trees tell", "AUC", "rows of each"), table)
    words = f"0.5 is perfect. They learned from half of the rows of {part} and were scored on the other half."
    console.print(words, soft_wrap=True)
    if differences.by_code:
        distances = ", ".join(f"{test.distance:.3f}" for test in differences.by_code)
        largest = {what: np.abs(rho - np.eye(len(rho))).max() for what, rho in differences.correlations.items()}
        named = "; ".join(f"of {what} {value:.3f}" for what, value in largest.items())
        console.print(
            f"Codes against their prior, KS distance: {distances}. Largest correlation {named}.", soft_wrap=True
        )
