"""How like a generated sample is to held-out rows: the published figure of merit, and the plots that go with it.

For ``sample --against``: boosted trees learn from one half of both and are scored on the other (``two_sample.py``). Of
a model with codes they also tell the codes of the held-out rows from draws of the prior, and the Kolmogorov-Smirnov
test and the correlations of the codes say where that comes from.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import torch
from rich.console import Console

from ...data.physics.kinematics import to_box, to_polar
from ...display import print_listing
from ...errors import UsageError
from ...models.metrics.two_sample import Auc, auc
from ...training.single import EPOCHS
from ..drawing.muon_charts import (
    AUXILIARY,
    GENERATED,
    REAL,
    draw_codes,
    draw_pairs,
    draw_progress,
    draw_scores,
    draw_variables,
    shown,
)
from ..drawing.style import write_picture
from ..loading.loaded import Loaded
from ..output import write_table
from .answers import Answers
from .samples import Rows

PARTS = ("valid", "test")
"""What the nets have not learned from."""
TABLES = ("muons", "rareness")
TRACED = ("val/auc", "val/distance", "val/code_score")
CHUNK = 8192


@dataclass(frozen=True, kw_only=True)
class Codes:
    """Codes of held-out rows beside their prior."""

    values: np.ndarray
    """(N, latent_dim)."""
    draws: np.ndarray
    """Of the prior, as many."""
    prior: Any
    """The distribution of each number, of scipy.stats."""
    before: np.ndarray | None
    """What was encoded, where it should be as the prior itself: auxiliary values, (N, 4)."""


def check_against(loaded: Loaded, part: str | None, rows: int | None) -> None:
    """Raises UsageError unless the model makes muons or their rareness, and ``part`` is held out."""
    if part is None:
        if rows is not None:
            raise UsageError("--rows: says how many real rows --against compares with; name a part: --against valid")
        return
    if part not in PARTS:
        raise UsageError(f"--against: wants rows that were held out, {' or '.join(PARTS)}, but got {part!r}")
    if loaded.fields[0] not in TABLES:
        raise UsageError(f"--against: compares tables of muons, but the model {loaded.about.model} makes another kind")


def compare(loaded: Loaded, answers: Answers, found: Rows, seed: int) -> tuple[dict[str, Auc], Codes | None]:
    """By what is told apart, the trees' figure: the sample from real rows, and codes from draws of their prior."""
    (name, generated), *_ = answers.items()
    real = found.fields[name].double().cpu().numpy()
    figures = {name: auc(*(_columns(name, each) for each in (real, generated)), seed=seed)}
    codes = _codes(loaded, found, seed)
    if codes is not None:
        figures["codes"] = auc(codes.values, codes.draws, seed=seed)
        if codes.before is not None:
            figures["auxiliary values"] = auc(codes.before, np.abs(_normal(codes.before.shape, seed)), seed=seed)
    return figures, codes


def write_likeness(
    loaded: Loaded, answers: Answers, found: Rows, part: str, folder: Path, seed: int, console: Console
) -> None:
    """``likeness.json``, ``scores.parquet`` and the plots into the folder; the figures onto the console."""
    from scipy.stats import ks_2samp, kstest

    figures, codes = compare(loaded, answers, found, seed)
    (name, generated), *_ = answers.items()
    variables, real = shown(name, found.fields[name].double().cpu().numpy())
    both = real, shown(name, generated.astype(np.float64))[1]
    tests = {each.label: ks_2samp(both[0][:, at], both[1][:, at]) for at, each in enumerate(variables)}
    document: dict[str, Any] = {
        "part": part,
        "auc": {what: {"value": each.value, "error": each.error, "rows": each.rows} for what, each in figures.items()},
        "ks": {label: _test(each) for label, each in tests.items()},
    }
    pictures = {
        "variables": draw_variables(
            variables, {REAL: both[0], GENERATED: both[1]}, [float(each.statistic) for each in tests.values()]
        ),
        "pairs": draw_pairs(variables, both),
    }
    if codes is not None:
        per_code = [kstest(column, codes.prior.cdf) for column in codes.values.T]
        correlations = {"the codes": _correlation(codes.values)}
        if codes.before is not None:
            correlations[AUXILIARY] = _correlation(codes.before)
        document["codes"] = {
            "ks": [_test(each) for each in per_code],
            "correlation": {what: matrix.tolist() for what, matrix in correlations.items()},
        }
        distances = [float(each.statistic) for each in per_code]
        pictures["codes"] = draw_codes(codes.values, codes.prior, distances, correlations)
    told = _told(name)
    for what, each in figures.items():
        half = len(each.scores) // 2
        scores = each.scores[:half], each.scores[half:]
        stem = "classifier" if what == name else f"classifier_{what.replace(' ', '_')}"
        pictures[stem] = draw_scores(scores, told[what], each.value, each.error)
    main = figures[name]
    half = len(main.scores) // 2
    write_table(folder / "scores.parquet", {"is_real": [True] * half + [False] * half, "score": main.scores})
    (folder / "likeness.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if (progress := _progress(loaded)) is not None:
        pictures["progress"] = progress
    for stem, picture in pictures.items():
        write_picture(folder / f"{stem}.png", picture)
    _say(figures, told, document, part, console)


def _columns(name: str, rows: np.ndarray) -> np.ndarray:
    """What the trees see: of muons the six polar columns without the charge, as published."""
    return to_box(to_polar(rows)) if name == "muons" else np.asarray(rows[:, :4], dtype=np.float64)


def _told(name: str) -> dict[str, tuple[str, str]]:
    """By what is told apart, what the two sides are called."""
    return {name: (REAL, GENERATED), "codes": ("encoded", "drawn"), "auxiliary values": ("given", "drawn")}


def _codes(loaded: Loaded, found: Rows, seed: int) -> Codes | None:
    """None if the model has no encoder. Its noise and the prior's draws hang on the seed alone."""
    import scipy.stats

    model: Any = loaded.model
    if not hasattr(model, "encode"):
        return None
    known = inspect.signature(model.encode).parameters
    generator = torch.Generator(loaded.device).manual_seed(seed)
    more = {"generator": generator} if "generator" in known else {}
    given = {name: rows for name, rows in found.fields.items() if name in known}
    parts = [
        model.encode(**{name: rows[at : at + CHUNK] for name, rows in given.items()}, **more)
        for at in range(0, len(found), CHUNK)
    ]
    draws = model.prior(len(found), generator=generator)
    before = model.aux(found.fields["rareness"]) if hasattr(model, "aux") else None
    return Codes(
        values=_numbers(torch.cat(parts)),
        draws=_numbers(draws),
        prior=getattr(scipy.stats, model.prior_name),
        before=None if before is None else _numbers(before),
    )


def _numbers(rows: torch.Tensor) -> np.ndarray:
    array: np.ndarray = rows.detach().double().cpu().numpy()
    return array


def _normal(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def _test(found: Any) -> dict[str, float]:
    return {"distance": float(found.statistic), "p": float(found.pvalue)}


def _correlation(rows: np.ndarray) -> np.ndarray:
    """Pearson's; 0 with a column that never changes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = np.nan_to_num(np.atleast_2d(np.corrcoef(rows, rowvar=False)))
    return found


def _progress(loaded: Loaded) -> Any:
    """The plot of what ``train`` wrote; None where it is of a version that wrote none."""
    place = loaded.folder / EPOCHS
    if not place.is_file():
        return None
    table = pyarrow.parquet.read_table(place)
    columns = {name: table[name].to_numpy() for name in table.column_names}
    epochs = columns["epoch"].astype(np.float64)
    traced = {name: columns[name] for name in TRACED if name in columns and np.isfinite(columns[name]).all()}
    best = json.loads((loaded.folder / "metrics.json").read_text(encoding="utf-8")).get("epoch", 0)
    return draw_progress(epochs, traced, best) if traced else None


def _say(
    figures: Mapping[str, Auc],
    told: Mapping[str, tuple[str, str]],
    document: Mapping[str, Any],
    part: str,
    console: Console,
) -> None:
    table = [
        (f"{what}: {' or '.join(told[what])}", f"{each.value:.4f} ± {each.error:.4f}", f"{each.rows:,}")
        for what, each in figures.items()
    ]
    print_listing(console, ("boosted trees tell", "AUC", "rows of each"), table)
    words = f"0.5 is perfect. They learned from half of the rows of {part} and were scored on the other half."
    console.print(words, soft_wrap=True)
    if "codes" in document:
        codes = document["codes"]
        largest = {
            what: np.abs(np.array(matrix) - np.eye(len(matrix))).max() for what, matrix in codes["correlation"].items()
        }
        distances = ", ".join(f"{each['distance']:.3f}" for each in codes["ks"])
        said = "; ".join(f"of {what} {value:.3f}" for what, value in largest.items())
        console.print(
            f"Codes against their prior, KS distance: {distances}. Largest correlation {said}.", soft_wrap=True
        )
