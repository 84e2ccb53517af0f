"""What stands in the frames of answers and outliers, how figures are written, and what drawing leaves alone."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sparring.data import FieldCard
from sparring.errors import DataError
from sparring.production.drawing.muon_charts import (
    draw_codes,
    draw_pairs,
    draw_progress,
    draw_scores,
    draw_variables,
)
from sparring.production.drawing.muon_variables import MUONS, TABLES
from sparring.production.drawing.pictures import picture
from sparring.production.drawing.style import histogram, in_symbols, look, sheet, write_picture
from sparring.production.inference.outliers import draw_scores as draw_outliers

pytestmark = pytest.mark.slow  # all together

RNG = np.random.default_rng(0)


def lines(frame: Any) -> dict[str, np.ndarray]:
    """By name, (2, points): x and y."""
    return {line.get_label(): np.array(line.get_data()) for line in frame.lines}


# -- what all figures share -------------------------------------------------------------------------------------------


def test_nothing_draws_before_it_is_asked_and_nobody_touches_pyplot():
    program = """if True:
        import sys
        import sparring.production.retrain.retrain, sparring.production.drawing.style
        import sparring.production.inference.answer_files as answer_files
        assert "matplotlib" not in sys.modules
        answer_files.picture("series", __import__("numpy").eye(3))
        assert "matplotlib" in sys.modules
        assert "matplotlib.pyplot" not in sys.modules
    """
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=120)


def test_same_numbers_are_the_same_bytes_whatever_the_user_prefers(tmp_path):
    import matplotlib

    values = RNG.normal(size=(2, 30))
    write_picture(tmp_path / "a.png", picture("series", values))
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black", "savefig.dpi": 30, "lines.linewidth": 9}):
        before = dict(matplotlib.rcParams)
        write_picture(tmp_path / "b.png", picture("series", values))
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    write_picture(tmp_path / "b.png", picture("series", values + 0.1))
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert (image.format, image.size) == ("PNG", (960, 390))
        assert "Software" not in image.info


def test_a_figure_that_cannot_be_written_is_said_in_a_sentence(tmp_path):
    with pytest.raises(DataError, match=r"no/a\.png: the picture cannot be written: No such file"):
        write_picture(tmp_path / "no" / "a.png", picture("series", np.eye(3)))


@pytest.mark.parametrize("is_log", [False, True])
def test_points_of_a_histogram_have_the_error_of_their_number(is_log):
    edges, values = np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.5, 1.6, 1.7, 5.0, 9.0])
    with look():
        _, (frame,) = sheet(1, columns=1)
        frame.set_xscale("log" if is_log else "linear")
        histogram(frame, edges, values, "points", is_points=True)
        histogram(frame, edges, values, "line")
    ((points, _, (bars,)),) = (each.lines for each in frame.containers)
    middles = [2**0.5, 32**0.5] if is_log else [1.5, 6.0]
    np.testing.assert_allclose(points.get_data(), [middles, [3 / 5, 1 / 5]])
    ends = [[(middles[0], (3 - 3**0.5) / 5), (middles[0], (3 + 3**0.5) / 5)], [(middles[1], 0), (middles[1], 2 / 5)]]
    np.testing.assert_allclose(bars.get_segments(), ends, atol=1e-12)
    (line,) = frame.patches
    np.testing.assert_allclose(line.get_data().values, [3 / 5, 0, 1 / 5])


@pytest.mark.parametrize(
    ("plain", "printed"),
    [
        ("theta_pt [rad]", "$θ_{p_T}$ [rad]"),
        ("rareness in pz", "rareness in $p_z$"),
        ("spectrum [1/Å^2]", "spectrum [1/Å$^2$]"),
        ("capture of theta", "capture of θ"),
    ],
)
def test_labels_are_printed_as_formulas(plain, printed):
    assert in_symbols(plain) == printed


@pytest.mark.parametrize("rows", [np.zeros((6, 3)), np.full((6, 3), 1e30), -np.ones((1, 3))])
def test_constant_and_single_rows_are_drawn_without_a_warning(rows, tmp_path):
    variables = [MUONS[0], MUONS[3], MUONS[4]]  # of two values, linear, logarithmic
    own, ood = {"code": np.sign(rows[:, 0])}, {"code": np.sign(rows[:, 1])}
    for figure in (
        draw_variables(variables, {"real": rows, "generated": rows}, [0.0] * 3),
        draw_pairs(variables, (rows, rows)),
        draw_codes(rows[:, :1], [Point], [0.0], {"the codes": np.zeros((1, 1))}),
        draw_scores((np.zeros(3), np.zeros(4)), ("real", "generated"), 0.5, 0.0),
        draw_progress(np.ones(1), {"val/auc": np.full(1, 0.5), "val/distance": rows[0, :1]}, 1),
        draw_outliers({"own": own, "foreign": ood}),
        picture("spectrum", rows[:1], rows[:1], spread=np.zeros((1, 3)), axis=np.arange(3.0)),
        picture("spectrum", rows[:1, :1], axis=np.array([3.0])),
    ):
        write_picture(tmp_path / "a.png", figure)
        assert (tmp_path / "a.png").stat().st_size > 1000, "pytest turns warnings into errors"


class Point:
    """A prior that is a point."""

    ppf = staticmethod(np.zeros_like)
    cdf = staticmethod(np.ones_like)


# -- answers ----------------------------------------------------------------------------------------------------------


def test_a_curve_stands_beside_its_truth_along_its_axis_with_units():
    truths, answers = RNG.normal(size=(2, 14, 5))
    card = FieldCard(meaning="k^2 chi(k)", unit="1/Å^2", axis="wave number in 1/Å, 2 to 10")
    axis, ids = np.linspace(2, 10, 5), [f"complex-{row}" for row in range(14)]
    figure = picture("spectrum", answers, truths, ids=ids, axis=axis, card=card)
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("wave number in 1/Å", "spectrum [1/Å$^2$]")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["measured", "predicted"]
    errors = np.square(answers - truths).mean(1)
    order = np.argsort(errors)
    rows = [order[round(rank)] for rank in np.linspace(0, 13, 12)]
    assert (rows[0], rows[-1]) == (errors.argmin(), errors.argmax())
    assert [frame.get_title("left") for frame in figure.axes] == [f"{ids[row]}, MSE {errors[row]:.3g}" for row in rows]
    assert len({frame.get_ylim() for frame in figure.axes}) == 1
    for row, frame in zip(rows, figure.axes, strict=True):
        np.testing.assert_array_equal(lines(frame)["measured"], [axis, truths[row]])
        np.testing.assert_array_equal(lines(frame)["predicted"], [axis, answers[row]])
        assert frame.get_xlim() == (2, 10)


def test_a_transformed_spectrum_has_neither_the_axis_nor_the_unit_of_its_card():
    card = FieldCard(meaning="k^2 chi(k)", unit="1/Å^2", axis="wave number in 1/Å, 2 to 10")
    figure = picture("spectrum", RNG.normal(size=(1, 10)), axis=np.linspace(2, 10, 5), card=card)
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("column", "spectrum")
    np.testing.assert_array_equal(lines(figure.axes[0])["model"][0], np.arange(1, 11))
    figure = picture("spectrum", RNG.normal(size=(1, 10)), card=card)  # of a file without energies
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("column", "spectrum [1/Å$^2$]")


def test_a_band_of_the_deviation_lies_about_its_answer():
    truths, answers = RNG.normal(size=(2, 2, 50))
    half = RNG.random((2, 50))
    for row, frame in enumerate(picture("spectrum", answers, truths, spread=half).axes):
        (band,) = frame.collections
        points = band.get_paths()[0].vertices
        for sign in (-1, 1):
            edge = np.column_stack([np.arange(1, 51), answers[row] + sign * half[row]])
            assert {tuple(point) for point in edge} <= {tuple(point) for point in points}
        assert band.get_label() == "± std"
        low, high = frame.get_ylim()
        assert low < points[:, 1].min()
        assert high > points[:, 1].max()
    assert not picture("spectrum", answers, truths).axes[0].collections


def test_each_channel_of_a_series_has_a_frame():
    answers, half = RNG.normal(size=(5, 30, 3)), RNG.random((5, 30, 3))
    figure = picture("series", answers, spread=half)
    assert [frame.get_title("left") for frame in figure.axes] == [
        f"sample {row}, channel {channel}" for row in range(1, 5) for channel in (1, 2, 3)
    ]
    np.testing.assert_array_equal(lines(figure.axes[5])["model"][1], answers[1, :, 2])
    highest = figure.axes[5].collections[0].get_paths()[0].vertices[:, 1].max()
    assert highest == (answers + half)[1, :, 2].max()


def test_what_samples_are_called_is_no_formula(tmp_path):
    names = ["$x^$ costs $5_$", "铁 " + 60 * "a", "two\nlines"]
    figure = picture("spectrum", RNG.normal(size=(3, 5)), ids=names)
    assert [frame.get_title("left") for frame in figure.axes] == [names[0], "铁 " + 58 * "a", "two lines"]
    write_picture(tmp_path / "a.png", figure)  # neither a faulty formula nor a missing glyph stops it


def test_tables_are_histograms_of_their_columns_with_units():
    rows = np.abs(RNG.normal(size=(300, 7))) + 1
    figure = picture("muons", rows, 1.1 * rows)
    labels = ["charge", "x [cm]", "y [cm]", "z [cm]", "$p_x$ [GeV]", "$p_y$ [GeV]", "$p_z$ [GeV]"]
    assert [frame.get_xlabel() for frame in figure.axes] == labels
    for column, frame in enumerate(figure.axes):
        share, edges, _ = frame.patches[0].get_data()
        np.testing.assert_allclose(share, np.histogram(rows[:, column], edges)[0] / 300)
    figure = picture("rareness", rows[:, :4])
    labels = ["rareness in r", "rareness in z", "rareness in $p_T$", "rareness in $p_z$"]
    assert [frame.get_xlabel() for frame in figure.axes] == labels
    assert {frame.get_xscale() for frame in figure.axes} == {"log"}


@pytest.mark.parametrize("ratio", [1.5, 4.0, 8.0, 12.0, 90.0, 3e3])
def test_labels_of_a_logarithmic_axis_do_not_overlap(ratio):
    rows = np.array([1.3e-4, 13.0]) * ratio ** RNG.random((400, 2))
    for figure in (picture("rareness", rows), draw_pairs(TABLES["rareness"][:2], (rows, rows))):
        figure.draw_without_rendering()
        for frame in figure.axes[:2]:
            labels = [*frame.xaxis.get_majorticklabels(), *frame.xaxis.get_minorticklabels()]
            low, high = frame.bbox.intervalx
            boxes = [each.get_window_extent() for each in labels if each.get_text()]
            boxes = sorted((box for box in boxes if low <= (box.x0 + box.x1) / 2 <= high), key=lambda box: box.x0)
            assert len(boxes) >= 2
            assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_scores_of_both_sets_are_spread_over_the_same_bins():
    own = {name: RNG.normal(size=90) for name in ("code", "reconstruction")}
    ood = {name: RNG.normal(2, size=40) for name in own}
    figure = draw_outliers({"own": own, "foreign": ood})
    for name, frame in zip(own, figure.axes, strict=True):
        assert frame.get_xlabel() == name
        (first, edges, _), (second, same, _) = (line.get_data() for line in frame.patches)
        np.testing.assert_array_equal(edges, same)
        assert (first.sum(), second.sum()) == pytest.approx((1.0, 1.0))
        np.testing.assert_allclose(first, np.histogram(own[name], edges)[0] / 90)
        np.testing.assert_allclose(second, np.histogram(ood[name], edges)[0] / 40)
        assert frame.get_xlim() == (edges[0], edges[-1])
        assert [line.get_label() for line in frame.patches] == ["own", "foreign"]
