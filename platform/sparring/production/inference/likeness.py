"""How like a generated sample is to held-out rows: the published figure of merit, and the plots that go with it.

For ``sample --against``: boosted trees learn from one half of both and are scored on the other half
(``two_sample.py``). If the model has codes, the trees also tell codes of the held-out rows from draws of the prior.
Kolmogorov-Smirnov tests and correlations say where a difference comes from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import pyarrow.parquet
import torch
from rich.console import Console

from ...data.physics.kinematics import to_box, to_polar
from ...display import print_listing
from ...errors import UsageError
from ...models.metrics.two_sample import Auc, auc
from ...models.verbs import Encodes
from ...training.single import EPOCHS
from ..drawing.muon_charts import (
    AUXILIARY,
    GENERATED,
    REAL,
    Distribution,
    Two,
    Variable,
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

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = ("valid", "test")
"""What the nets have not learned from."""
TABLES = ("muons", "rareness")
TRACED = ("val/auc", "val/distance", "val/code_score")


@dataclass(frozen=True, kw_only=True)
class Codes:
    """Codes of held-out rows beside their prior."""

    values: np.ndarray
    """(N, latent_dim)."""
    draws: np.ndarray
    """As many draws of the prior, (N, latent_dim)."""
    prior: Distribution
    """The distribution that each number of a code should have, one of scipy.stats."""
    before: np.ndarray | None
    """What was encoded, where that should be distributed as the prior is: auxiliary values, (N, 4)."""


class KstestResult(Protocol):
    """What scipy's tests answer, as far as it is used here."""

    statistic: float
    pvalue: float


class KsTest(NamedTuple):
    """Kolmogorov and Smirnov's test of two samples, or of a sample and a distribution."""

    distance: float
    """Largest difference of the two cumulative distributions, 0 to 1."""
    p: float
    """Chance of so large a distance between samples of one distribution."""


@dataclass(frozen=True, kw_only=True)
class Tests:
    """Where a difference comes from: column by column, and in the codes."""

    by_variable: Mapping[str, KsTest]
    """By variable's label, real against generated rows."""
    by_code: tuple[KsTest, ...] = ()
    """By number of the code, codes of real rows against the prior; empty if the model has no codes."""
    correlations: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By what is correlated, (columns, columns): the codes, and what was encoded where the prior says how it lies."""


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


def write_likeness(loaded: Loaded, answers: Answers, real: Rows, *, folder: Path, seed: int, console: Console) -> None:
    """``likeness.json``, ``scores.parquet`` and the plots into the folder; the figures onto the console.

    answers: the generated sample. real: the held-out rows it is compared with.
    """
    figures, codes = compare(loaded, answers, real, seed)
    (name, generated), *_ = answers.items()
    variables, real_rows = shown(name, real.fields[name].double().cpu().numpy())
    both = real_rows, shown(name, generated.astype(np.float64))[1]
    tests = _test(variables, both, codes)
    sides = _sides(name)
    pictures = {
        **_draw_samples(variables, both, tests),
        **_draw_codes(codes, tests),
        **_draw_classifiers(figures, sides),
        **_draw_progress(loaded),
    }
    document = _document(str(real.part), figures, tests)
    (folder / "likeness.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    is_real = np.repeat([True, False], len(figures[name].scores) // 2)
    write_table(folder / "scores.parquet", {"is_real": is_real, "score": figures[name].scores})
    for stem, picture in pictures.items():
        write_picture(folder / f"{stem}.png", picture)
    _print(figures, tests, sides, str(real.part), console)


def _test(variables: Sequence[Variable], both: Two, codes: Codes | None) -> Tests:
    """The tests of real against generated rows, and of the codes if there are any."""
    from scipy.stats import ks_2samp, kstest

    real, generated = both
    by_variable = {
        variable.label: _ks_test(ks_2samp(real[:, column], generated[:, column]))
        for column, variable in enumerate(variables)
    }
    if codes is None:
        return Tests(by_variable=by_variable)
    correlations = {"the codes": _correlation(codes.values)}
    if codes.before is not None:
        correlations[AUXILIARY] = _correlation(codes.before)
    by_code = tuple(_ks_test(kstest(column, codes.prior.cdf)) for column in codes.values.T)
    return Tests(by_variable=by_variable, by_code=by_code, correlations=correlations)


def _document(part: str, figures: Mapping[str, Auc], tests: Tests) -> dict[str, object]:
    """``likeness.json``."""
    document: dict[str, object] = {
        "part": part,
        "auc": {
            what: {"value": figure.value, "error": figure.error, "rows": figure.rows}
            for what, figure in figures.items()
        },
        "ks": {label: test._asdict() for label, test in tests.by_variable.items()},
    }
    if tests.by_code:
        document["codes"] = {
            "ks": [test._asdict() for test in tests.by_code],
            "correlation": {what: matrix.tolist() for what, matrix in tests.correlations.items()},
        }
    return document


def _draw_samples(variables: Sequence[Variable], both: Two, tests: Tests) -> dict[str, Figure]:
    distances = [test.distance for test in tests.by_variable.values()]
    return {
        "variables": draw_variables(variables, {REAL: both[0], GENERATED: both[1]}, distances),
        "pairs": draw_pairs(variables, both),
    }


def _draw_codes(codes: Codes | None, tests: Tests) -> dict[str, Figure]:
    if codes is None:
        return {}
    distances = [test.distance for test in tests.by_code]
    return {"codes": draw_codes(codes.values, codes.prior, distances, tests.correlations)}


def _draw_classifiers(figures: Mapping[str, Auc], sides: Mapping[str, tuple[str, str]]) -> dict[str, Figure]:
    """The first figure, that of the sample itself, as ``classifier``; the others with their names."""
    pictures: dict[str, Figure] = {}
    for what, figure in figures.items():
        half = len(figure.scores) // 2
        scores = figure.scores[:half], figure.scores[half:]
        stem = f"classifier_{what.replace(' ', '_')}" if pictures else "classifier"
        pictures[stem] = draw_scores(scores, sides[what], figure.value, figure.error)
    return pictures


def _columns(name: str, rows: np.ndarray) -> np.ndarray:
    """What the trees see: of muons the six polar columns without the charge, as published."""
    return to_box(to_polar(rows)) if name == "muons" else np.asarray(rows[:, :4], dtype=np.float64)


def _sides(name: str) -> dict[str, tuple[str, str]]:
    """By what the trees compare, what its two sides are called."""
    return {name: (REAL, GENERATED), "codes": ("encoded", "drawn"), "auxiliary values": ("given", "drawn")}


def _codes(loaded: Loaded, found: Rows, seed: int) -> Codes | None:
    """None if the model has no encoder. Its noise and the prior's draws hang on the seed alone."""
    import scipy.stats

    if not isinstance(loaded.model, Encodes):
        return None
    encoded = loaded.model.encode(found.fields, seed=seed)
    return Codes(
        values=_numbers(encoded["codes"]),
        draws=_numbers(encoded["draws"]),
        prior=getattr(scipy.stats, loaded.model.prior_name),
        before=_numbers(encoded["given"]) if "given" in encoded else None,
    )


def _numbers(rows: torch.Tensor) -> np.ndarray:
    array: np.ndarray = rows.detach().double().cpu().numpy()
    return array


def _normal(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def _ks_test(result: KstestResult) -> KsTest:
    return KsTest(distance=float(result.statistic), p=float(result.pvalue))


def _correlation(rows: np.ndarray) -> np.ndarray:
    """Pearson's, (columns, columns); 0 with a column that never changes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        matrix: np.ndarray = np.nan_to_num(np.atleast_2d(np.corrcoef(rows, rowvar=False)))
    return matrix


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
    figures: Mapping[str, Auc], tests: Tests, sides: Mapping[str, tuple[str, str]], part: str, console: Console
) -> None:
    table = [
        (f"{what}: {' or '.join(sides[what])}", f"{figure.value:.4f} ± {figure.error:.4f}", f"{figure.rows:,}")
        for what, figure in figures.items()
    ]
    print_listing(console, ("boosted trees tell", "AUC", "rows of each"), table)
    words = f"0.5 is perfect. They learned from half of the rows of {part} and were scored on the other half."
    console.print(words, soft_wrap=True)
    if tests.by_code:
        distances = ", ".join(f"{test.distance:.3f}" for test in tests.by_code)
        largest = "; ".join(
            f"of {what} {np.abs(matrix - np.eye(len(matrix))).max():.3f}" for what, matrix in tests.correlations.items()
        )
        console.print(
            f"Codes against their prior, KS distance: {distances}. Largest correlation {largest}.", soft_wrap=True
        )
