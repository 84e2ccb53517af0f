"""Charts of muons, real and generated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import halfnorm, norm
from sklearn.metrics import auc as trapezoids
from sklearn.metrics import roc_auc_score

from sparring.data.physics.kinematics import to_polar
from sparring.production.drawing.muon_charts import (
    AUXILIARY,
    draw_codes,
    draw_pairs,
    draw_progress,
    draw_scores,
    draw_variables,
)
from sparring.production.drawing.muon_variables import MUONS, shown


def marked(frame: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The points of a frame: x, y and half the length of the error bars."""
    (container,) = frame.containers
    points, _, (bars,) = container.lines
    ends = np.array([bar[:, 1] for bar in bars.get_segments()])
    return *points.get_data(), (ends[:, 1] - ends[:, 0]) / 2


def titles(frame: Any) -> tuple[str, str, str]:
    return frame.get_title("left"), frame.get_xlabel(), frame.get_ylabel()


@pytest.mark.slow
def test_real_rows_are_points_with_errors_and_generated_ones_a_line_on_axes_of_both(muons):
    variables, real = shown("muons", muons[:3000])
    assert variables == MUONS
    np.testing.assert_allclose(real[:, 1:], to_polar(muons[:3000]))
    made = shown("muons", muons[3000:4000] * 1.1)[1]
    figure = draw_variables(variables, {"real": real, "generated": made}, [0.125 * column for column in range(7)])
    labels = ["charge", "r [cm]", "θ [rad]", "z [cm]", "$p_T$ [GeV]", "$θ_{p_T}$ [rad]", "$p_z$ [GeV]"]
    assert [frame.get_xlabel() for frame in figure.axes] == labels
    assert [frame.get_title("right") for frame in figure.axes] == [f"KS {0.125 * at:.3f}" for at in range(7)]
    assert figure.get_supylabel() == "share per bin"
    assert sorted(text.get_text() for text in figure.legends[0].get_texts()) == ["generated", "real"]
    scales = [(frame.get_xscale(), frame.get_yscale()) for frame in figure.axes]
    linear, tall, square = ("linear", "linear"), ("linear", "log"), ("log", "log")
    assert scales == [linear, tall, linear, tall, square, linear, square]
    for column, frame in enumerate(figure.axes):
        x, y, half = marked(frame)
        (line,) = frame.patches
        share, edges, _ = line.get_data()
        assert len(share) == (2 if column == 0 else 50)
        counts, _ = np.histogram(real[:, column], edges)
        np.testing.assert_allclose(y, counts[counts > 0] / 3000)
        np.testing.assert_allclose(half, np.sqrt(counts[counts > 0]) / 3000)
        np.testing.assert_allclose(share, np.histogram(made[:, column], edges)[0] / 1000)
        assert frame.get_xlim() == (edges[0], edges[-1])
        left, right = edges[:-1][counts > 0], edges[1:][counts > 0]
        is_log = frame.get_xscale() == "log"
        np.testing.assert_allclose(x, np.sqrt(left * right) if is_log else (left + right) / 2)
        steps = np.diff(np.log(edges) if is_log else edges)
        np.testing.assert_allclose(steps, steps[0])
        # A logarithmic axis leaves out a 2,000th at either end, a linear one nothing.
        assert share.sum() == pytest.approx(1.0, abs=0.005 if is_log else 1e-12)


@pytest.mark.slow
def test_maps_of_every_pair_are_shares_on_one_scale(muons):
    variables, real = shown("muons", muons[:3000])
    made = shown("muons", muons[3000:4000])[1]
    *frames, bar = draw_pairs(variables, (real, made)).axes
    assert bar.get_ylabel() == "share per bin"
    expected = [(first, second) for first in range(1, 7) for second in range(first + 1, 7)]
    labels = ["", "r [cm]", "θ [rad]", "z [cm]", "$p_T$ [GeV]", "$θ_{p_T}$ [rad]", "$p_z$ [GeV]"]
    assert len(frames) == 2 * len(expected)
    for pair, left, right in zip(expected, frames[::2], frames[1::2], strict=True):
        assert titles(left) == ("real", labels[pair[0]], labels[pair[1]])
        assert titles(right) == ("generated", labels[pair[0]], "")
        cut = np.quantile(real, [5e-4, 1 - 5e-4], axis=0)[:, pair]
        for rows, frame in ((real, left), (made, right)):
            (cells,) = frame.collections
            edges = cells.get_coordinates()
            x, y = edges[0, :, 0], edges[:, 0, 1]
            assert ((x[0], y[0]) <= cut[0]).all()
            assert ((x[-1], y[-1]) >= cut[1]).all()
            counts, _, _ = np.histogram2d(rows[:, pair[0]], rows[:, pair[1]], [x, y])
            np.testing.assert_allclose(cells.get_array().filled(0), counts.T / len(rows))
            assert (cells.get_array().mask == (counts.T == 0)).all()
            assert cells.norm is frames[0].collections[0].norm
            scales = tuple("log" if column in (4, 6) else "linear" for column in pair)
            assert (frame.get_xscale(), frame.get_yscale()) == scales
    (cells,) = frames[0].collections
    assert cells.norm.vmin < 1 / 3000
    assert cells.norm.vmax == max(frame.collections[0].get_array().max() for frame in frames)


@pytest.mark.slow
def test_codes_stand_beside_their_prior_and_their_correlations():
    codes = np.abs(np.random.default_rng(0).normal(loc=[0, 0, 6], size=(2000, 3)))
    matrix = np.array([[1.0, -0.25, 0.0], [-0.25, 1.0, 0.9], [0.0, 0.9, 1.0]])
    figure = draw_codes(codes, [halfnorm] * 3, [0.1, 0.2, 0.3], {"the codes": matrix, AUXILIARY: np.eye(4)})
    for column, frame in enumerate(figure.axes[:3]):
        assert titles(frame) == ("", f"code {column + 1}", "share per bin")
        assert frame.get_title("right") == f"KS 0.{column + 1}00"
        (line,) = frame.patches
        share, edges, _ = line.get_data()
        np.testing.assert_allclose(share, np.diff(halfnorm.cdf(edges)))
        assert edges[-1] >= codes[:, column].max()
        counts, _ = np.histogram(codes[:, column], edges)
        np.testing.assert_allclose(marked(frame)[1], counts[counts > 0] / 2000)
    for frame, name, table in zip(figure.axes[3:], ("the codes", AUXILIARY), (matrix, np.eye(4)), strict=True):
        assert frame.get_title("left") == f"correlation of {name}"
        (image,) = frame.images
        np.testing.assert_array_equal(image.get_array(), table)
        assert image.get_clim() == (-1, 1)
        written = {text.get_position(): text.get_text() for text in frame.texts}
        assert written == {(at + 1, row + 1): f"{value:.2f}" for (row, at), value in np.ndenumerate(table)}
    ticks = [tick.get_text() for tick in figure.axes[4].get_xticklabels()]
    assert ticks == ["r", "z", "$p_T$", "$p_z$"]


@pytest.mark.slow
def test_more_correlations_than_numbers_fit_have_a_colour_bar():
    codes = np.random.default_rng(0).normal(size=(50, 20))
    figure = draw_codes(codes, [norm] * 20, [0.0] * 20, {"the codes": np.corrcoef(codes.T)})
    *codes_shown, matrix, bar = figure.axes
    assert [frame.get_xlabel() for frame in codes_shown] == [f"code {at}" for at in range(1, 12)]
    assert not matrix.texts
    assert bar.get_ylim() == (-1, 1)


@pytest.mark.slow
def test_the_curve_of_the_trees_has_the_area_that_stands_above_it():
    rng = np.random.default_rng(0)
    scores = rng.beta(3, 2, 400), rng.beta(2, 3, 600)
    area = roc_auc_score(np.repeat([1, 0], [400, 600]), np.concatenate(scores))
    spread, curve = draw_scores(scores, ("real", "generated"), area, 0.01).axes
    trees, guessing = curve.lines
    assert trapezoids(*trees.get_data()) == pytest.approx(area)
    assert titles(curve) == (f"AUC {area:.4f} ± 0.0100", "generated, taken for real", "real, found")
    np.testing.assert_array_equal(guessing.get_data(), [[0, 1], [0, 1]])
    (line,) = spread.patches
    share, edges, _ = line.get_data()
    np.testing.assert_allclose(share, np.histogram(scores[1], edges)[0] / 600)
    np.testing.assert_allclose(marked(spread)[1].sum(), 1)
    assert (spread.get_yscale(), spread.get_xlabel()) == ("log", "trees' probability of being real")


@pytest.mark.slow
def test_the_kept_epoch_is_marked_and_the_perfect_auc_is_a_line():
    epochs = np.arange(1.0, 6.0)
    figures = {"val/auc": 0.9 - 0.01 * epochs, "val/distance": 1 / epochs, "val/code_score": epochs - 2}
    figure = draw_progress(epochs, figures, 4)
    assert [frame.get_title("left") for frame in figure.axes] == list(figures)
    assert [frame.get_yscale() for frame in figure.axes] == ["linear", "log", "linear"]
    for frame, values in zip(figure.axes, figures.values(), strict=True):
        line, kept, *perfect = frame.lines
        np.testing.assert_array_equal(line.get_data(), [epochs, values])
        np.testing.assert_array_equal(kept.get_data(), [[4.0], [values[3]]])
        assert frame.get_xlabel() == "epoch"
        assert [set(each.get_ydata()) for each in perfect] == ([{0.5}] if frame is figure.axes[0] else [])
