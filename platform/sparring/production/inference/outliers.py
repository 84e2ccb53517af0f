"""Outliers: how strange an out-of-distribution set looks beside the model's own, by every score the model has.

Out-of-distribution samples are the positives. AUROC is the chance that one of them scores above one of the model's own.
FPR at 95 % TPR is the share of own samples above the threshold that finds 95 % of the others (0 is perfect, 0.95 a
guess).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import UsageError
from ..drawing.style import histogram, look, name_all, sheet, write_picture
from ..loading.loaded import Loaded
from ..output import open_folder, write_table
from .answers import Answers, ask
from .samples import NamedRows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TPR = 0.95
BINS = 40


@dataclass(frozen=True, kw_only=True)
class Separation:
    """How well one score separates the two sets."""

    auroc: float
    fpr_at_95_tpr: float
    mean_own: float
    mean_foreign: float
    """Mean over the out-of-distribution set."""


def scores(loaded: Loaded, rows: NamedRows) -> Answers:
    """By name of the score, (N,); the larger, the stranger."""
    return ask(loaded.able("outliers").score, rows.fields)


def separate(own: np.ndarray, ood: np.ndarray) -> Separation:
    """One score of both sets, (N,) and (M,), both at least one. Raises UsageError if one is empty."""
    from sklearn.metrics import roc_auc_score, roc_curve

    if not len(own) or not len(ood):
        raise UsageError(f"outliers: both sets need samples, but got {len(own)} and {len(ood)}")
    is_ood = np.concatenate([np.zeros(len(own)), np.ones(len(ood))])
    values = np.concatenate([own, ood])
    false, true, _ = roc_curve(is_ood, values, drop_intermediate=False)
    return Separation(
        auroc=float(roc_auc_score(is_ood, values)),
        fpr_at_95_tpr=float(false[np.argmax(true >= TPR)]),
        mean_own=float(own.mean()),
        mean_foreign=float(ood.mean()),
    )


def write_outliers(
    folder: Path, own: tuple[NamedRows, Answers], ood: tuple[NamedRows, Answers]
) -> Mapping[str, Separation]:
    """``outliers.json`` (the figures), ``scores.parquet`` (each sample's) and ``scores.png``; returns the figures."""
    figures = {name: separate(values, ood[1][name]) for name, values in own[1].items()}
    open_folder(folder)
    separations = {name: asdict(separation) for name, separation in figures.items()}
    rows = {"own": len(own[0]), "foreign": len(ood[0])}
    document = json.dumps({"rows": rows, "scores": separations}, indent=2)
    (folder / "outliers.json").write_text(document + "\n", encoding="utf-8")
    columns = {name: np.concatenate([own[1][name], ood[1][name]]) for name in figures}
    is_ood = [False] * len(own[0]) + [True] * len(ood[0])
    ids = [*own[0].ids, *ood[0].ids]
    write_table(folder / "scores.parquet", {"id": ids, "is_foreign": is_ood, **columns})
    write_picture(folder / "scores.png", draw_scores({"own": own[1], "foreign": ood[1]}))
    return figures


@look()
def draw_scores(scores: Mapping[str, Answers]) -> Figure:
    """A histogram per score, both sets in one frame.

    scores: by set, then by score, (N,).
    """
    names = list(scores["own"])
    figure, frames = sheet(len(names), columns=3)
    for frame, name in zip(frames, names, strict=True):
        edges = np.histogram_bin_edges(
            np.concatenate([answers[name] for answers in scores.values()]).astype(float), BINS
        )
        for key, answers in scores.items():
            histogram(frame, edges, answers[name], key)
        frame.locator_params("x", nbins=4)
        frame.set(xlabel=name, ylim=(0, None))
    figure.supylabel("share per bin")
    name_all(figure)
    return figure
