"""The muons' figure of merit, while they train and of a trained model, its plots, and the sample as a plain table."""

from __future__ import annotations

import functools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
import torch
from PIL import Image
from scipy.stats import halfnorm, ks_2samp, kstest, norm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import auc as trapezoids
from sklearn.metrics import roc_auc_score

from sparring.data import load_dataset, split_rows
from sparring.data.embedded.muons import draw
from sparring.data.physics.kinematics import to_box, to_polar
from sparring.errors import DataError, UsageError
from sparring.models import find_model
from sparring.models.metrics.classifier_auc import Detection
from sparring.models.metrics.two_sample import auc, share_above
from sparring.production import About, Loaded, read_trained
from sparring.production.drawing.muon_charts import (
    AUXILIARY,
    MUONS,
    draw_codes,
    draw_pairs,
    draw_progress,
    draw_scores,
    draw_variables,
    shown,
)
from sparring.production.inference.answers import DRAWN, sample
from sparring.production.inference.likeness import check_against, compare
from sparring.production.inference.samples import read_rows
from sparring.records import Objective, Trial
from sparring.report.yardsticks import Task, measure
from sparring.space import write_toml
from sparring.study import prepare
from sparring.training.loop import TrialTraining

SMALL: dict[str, dict[str, Any]] = {
    "auxgan": {"hidden_gen": [32, 32], "hidden_dis": [32, 32], "noise": 10, "aux_steps": 50},
    "aux_aae": {"hidden_gen": [32, 32], "hidden_dis": [32, 32], "code": "softplus"},
    "boost_vae": {"hidden": [32, 32]},
}
EPOCHS = 3


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, run_verb) -> Any:
    """Trains a model once, by the command and with val/auc as its objective; returns its folder."""
    place = tmp_path_factory.mktemp("trained")

    def train(name: str) -> Path:
        folder: Path = place / name
        if not folder.exists():
            raw = {"model": name, "dataset": "muons", "split": "75/15/10", "seed": 1}
            raw |= {"objectives": [{"metric": "val/auc"}], "data": {"n": 1200, "reference": 500}}
            raw |= {"fixed": {"epochs": EPOCHS, "batch_size": 50, "auc_rows": 200, **SMALL[name]}}
            (place / f"{name}.toml").write_text(write_toml(raw), encoding="utf-8")
            assert run_verb("train", place / f"{name}.toml", "-o", folder) == 0
        return folder

    return train


@pytest.fixture(scope="module")
def muons() -> np.ndarray:
    return draw(6000, np.random.default_rng(5))


# -- the trees' figure, summed over batches ---------------------------------------------------------------------------


def told_apart(learn: tuple[Any, Any], score: tuple[Any, Any]) -> float:
    """The published figure by scikit-learn alone: first against second of both pairs."""
    trees = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.1, max_depth=4, early_stopping=False, random_state=0
    )
    trees.fit(np.concatenate(learn), np.repeat([1, 0], [len(each) for each in learn]))
    labels = np.repeat([1, 0], [len(each) for each in score])
    return float(roc_auc_score(labels, trees.predict_proba(np.concatenate(score))[:, 1]))


def test_shares_above_average_to_the_area_under_the_curve_ties_too():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 30, 500) / 30, rng.integers(0, 25, 400) / 30
    labels = np.repeat([1, 0], [500, 400])
    expected = roc_auc_score(labels, np.concatenate([first, second]))
    assert share_above(first, second).mean() == pytest.approx(expected, abs=1e-12)


def test_batches_add_up_to_what_scikit_learn_finds():
    rng = np.random.default_rng(1)
    real, known, generated = rng.normal(size=(700, 3)), rng.normal(size=(300, 3)), rng.normal(0.3, 1, size=(600, 3))
    detection = Detection(300)
    detection.fit(torch.tensor(known))
    a, b, c = (torch.tensor(each, dtype=torch.float32) for each in (real, known, generated))
    total = sum(float(detection.sums(part, b, c)["auc"]) for part in a.split(250))
    a, b, c = (each.numpy() for each in (a, b, c))
    assert total / 700 == pytest.approx(told_apart((b, c[:300]), (a, c[300:])), abs=1e-9)
    # Other rows, other trees: those of before would still be fooled where these are not.
    other = np.concatenate([c[:300] + 1, c[300:]])
    later = float(detection.sums(torch.tensor(a), torch.tensor(b), torch.tensor(other))["auc"])
    assert later / 700 == pytest.approx(told_apart((b, other[:300]), (a, other[300:])), abs=1e-9)
    assert later != total


def test_what_is_not_finite_has_no_figure_and_too_few_rows_no_trees():
    detection = Detection(100)
    rows = torch.zeros(40, 2)
    rows[3, 1] = torch.nan
    assert math.isnan(float(detection.sums(torch.zeros(5, 2), torch.zeros(20, 2), rows)["auc"]))
    with pytest.raises(DataError, match=r"auc_rows: trees learn from at least 20 training rows, but got 19"):
        detection.fit(torch.zeros(19, 2))


def solo(name: str, **fields: Any) -> TrialTraining:
    data = load_dataset("muons", options={"n": 500, "reference": 500})
    split = split_rows(len(data))
    parts = [
        {field: torch.from_numpy(data.fields[field][index]) for field in find_model(name).Config.fields}
        for index in (split.train, split.valid)
    ]
    config = find_model(name).Config(**SMALL[name], batch_size=50, epochs=EPOCHS, **fields)
    metric = "val/auc" if "auc_rows" in fields else "val/distance"
    return TrialTraining(
        find_model(name), config, *parts, trial=Trial(number=0, params={}, seed=2), objective=Objective(metric=metric)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_figure_of_an_epoch_is_the_trees_on_rows_that_nobody_learned_from(name):
    run = solo(name, auc_rows=400)
    figure = run.run_epoch().metrics["val/auc"]
    model: Any = run.model.eval()
    given, known = run.valid_rows, run.train_rows
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        if name == "aux_aae":
            scored, learned = model.encode(given["rareness"]).numpy(), model.encode(known["rareness"]).numpy()
            drawn = torch.randn(800, 4, generator=generator).abs().numpy()
        else:
            drawn = to_box(to_polar(model.sample(800, generator=generator).numpy()))
            scored, learned = (to_box(to_polar(rows["muons"].numpy())) for rows in (given, known))
    # Trees only see the order within a column, but their bins' edges are rounded elsewhere in another frame.
    assert figure == pytest.approx(told_apart((learned, drawn[:400]), (scored, drawn[400:])), abs=0.02)


@pytest.mark.slow
def test_as_the_objective_it_says_which_weights_are_kept():
    run = solo("boost_vae", auc_rows=200, lr_gen=0.02)
    figures, states = [], []
    for _ in range(6):
        figures.append(run.run_epoch().metrics["val/auc"])
        states.append({key: tensor.clone() for key, tensor in run.model.state_dict().items()})
    best = int(np.argmin(figures))
    assert best < 5, "else the last weights would do as well"
    assert (run.best_epoch, run.best_value) == (best + 1, figures[best])
    assert all(tensor.equal(states[best][key]) for key, tensor in run.best_state.items())


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_measuring_it_changes_nothing_else_and_is_off_by_default(name):
    on, off = solo(name, auc_rows=50), solo(name)
    for _ in range(2):
        with_figure, without = on.run_epoch().metrics, off.run_epoch().metrics
        assert with_figure.pop("val/auc") > 0
        assert with_figure == without


def test_as_an_objective_it_has_to_be_switched_on(tmp_path):
    with pytest.raises(UsageError, match=r"val/auc is measured only where auc_rows is set.*--set auc_rows"):
        prepare("boost_vae", objectives=["val/auc"], results=tmp_path)
    study = prepare("boost_vae", objectives=["val/auc"], settings=["auc_rows=100"], results=tmp_path)
    assert study.spec.objective.metric == "val/auc"
    assert study.spec.objective.goal == "minimize"


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_plain_methods_are_measured_by_it_too_where_it_is_on(name):
    data = load_dataset("muons", options={"n": 1500, "reference": 500})
    config = find_model(name).Config(**SMALL[name] | ({"aux_steps": 1} if name == "auxgan" else {}), auc_rows=600)
    fields = {field: data.fields[field] for field in config.fields}
    found, complaints = measure(Task(model=name, config=config, fields=fields, split=split_rows(len(data))))
    assert complaints == []
    figures = {each.name: each.figure("val/auc") for each in found}
    (floor,) = [figures[each.name] for each in found if each.is_floor]
    plain = figures["the values themselves" if name == "aux_aae" else "independent columns"]
    assert floor < 0.55 < plain


# -- what train writes ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_trace_of_every_epoch_is_written_and_the_best_weights_are_kept(name, trained):
    folder = trained(name)
    trace = pyarrow.parquet.read_table(folder / "epochs.parquet").to_pylist()
    assert [row["epoch"] for row in trace] == [1, 2, 3]
    best = min(trace, key=lambda row: row["val/auc"])
    kept = json.loads((folder / "metrics.json").read_text())
    del best["wall_s"]
    assert {key: kept[key] for key in best} == best
    assert {key for key in kept if key not in best} == {f"test/{key[4:]}" for key in best if key.startswith("val/")}
    loaded = read_trained(folder)
    rows, train = read_rows(loaded, part="valid"), read_rows(loaded, part="train")
    model: Any = loaded.model
    if model.config.auc_rows:  # what lies beside the weights is of prepare, not of the file
        model.detection.fit(train.fields[loaded.fields[0]])
    with torch.no_grad():
        sums = {key: float(total) for key, total in model.evaluate(**rows.fields).items()}
    assert model.figures(sums)["val/auc"] == pytest.approx(kept["val/auc"], abs=1e-9)


# -- a trained model beside held-out rows -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_command_says_and_writes_how_like_its_samples_are(name, trained, tmp_path, run_verb, capsys):
    assert run_verb("sample", trained(name), "--against", "test", "-o", tmp_path) == 0
    said = capsys.readouterr().out
    loaded = read_trained(trained(name))
    rows = read_rows(loaded, part="test")
    (field,) = {"muons", "rareness"} & {path.stem for path in tmp_path.glob("*.npy")}
    table = np.load(tmp_path / f"{field}.npy", allow_pickle=False)
    assert (len(table), table.dtype) == (len(rows), np.float32)
    real = rows.fields[field].double().numpy()
    columns = (lambda each: to_box(to_polar(each))) if field == "muons" else (lambda each: each[:, :4])
    written = json.loads((tmp_path / "likeness.json").read_text())
    found = auc(columns(real), columns(table.astype(np.float64)))
    assert written["auc"][field] == {"value": found.value, "error": found.error, "rows": 120}
    assert f"{found.value:.4f} ± {found.error:.4f}" in said
    assert written["part"] == "test"
    scores = pyarrow.parquet.read_table(tmp_path / "scores.parquet").to_pydict()
    assert roc_auc_score(scores["is_real"], scores["score"]) == pytest.approx(found.value)
    if field == "muons":
        expected = ks_2samp(to_polar(real)[:, 3], to_polar(table)[:, 3]).statistic
        assert written["ks"]["pt [GeV]"]["distance"] == pytest.approx(expected, abs=1e-6)
    pictures = {"variables", "pairs", "classifier", "progress", field}
    if name != "auxgan":
        pictures |= {"codes", "classifier_codes"}
    if name == "aux_aae":
        pictures |= {"classifier_auxiliary_values"}
        codes = loaded.model.encode(rows.fields["rareness"]).double().numpy()
        for column, test in enumerate(written["codes"]["ks"]):
            assert test["distance"] == pytest.approx(kstest(codes[:, column], halfnorm.cdf).statistic, abs=1e-6)
        np.testing.assert_allclose(written["codes"]["correlation"]["the codes"], np.corrcoef(codes.T), atol=1e-6)
        assert "Largest correlation of the codes" in said
    assert {path.stem for path in tmp_path.glob("*.png")} == pictures
    for stem in pictures:
        assert Image.open(tmp_path / f"{stem}.png").getextrema() != ((255, 255),) * 3


@pytest.mark.slow
def test_perfect_samples_get_one_half_and_poor_ones_more(trained, muons):
    loaded = read_trained(trained("boost_vae"))
    rows = read_rows(loaded, part="train")
    perfect = compare(loaded, {"muons": muons.astype(np.float32)}, rows, 0)[0]["muons"]
    assert abs(perfect.value - 0.5) < 4 * perfect.error
    hotter = muons * np.array([1, 1, 1, 1, 1.3, 1.3, 1])
    assert compare(loaded, {"muons": hotter}, rows, 0)[0]["muons"].value > 0.6
    figures, codes = compare(loaded, {"muons": muons}, rows, 0)
    assert codes is not None
    assert codes.values.shape == codes.draws.shape == (900, 4)
    assert all(kstest(column, norm.cdf).pvalue > 1e-3 for column in codes.draws.T)
    assert figures["codes"].value > 0.45


@pytest.mark.parametrize(
    ("part", "rows", "words"),
    [
        ("train", None, r"--against: wants rows that were held out, valid or test, but got 'train'"),
        (None, 100, r"--rows: says how many real rows --against compares with"),
        ("valid", None, r"--against: compares tables of muons, but the model mlp_aae"),
    ],
)
def test_a_comparison_that_says_nothing_is_refused(part, rows, words):
    shapes = {"image": (1, 8, 8)}
    about = About(model="mlp_aae", shapes=shapes, dataset="digits", split="80/20", sha256="", version="")
    model = find_model("mlp_aae")(find_model("mlp_aae").Config(hidden_size=8), shapes)
    with pytest.raises(UsageError, match=words):
        check_against(Loaded(folder=Path(), about=about, model=model, device=torch.device("cpu")), part, rows)


# -- the sample as a table --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_many_samples_are_drawn_by_chunks_and_read_back_as_a_data_set(trained, tmp_path, monkeypatch, run_verb):
    loaded = read_trained(trained("auxgan"))
    model: Any = loaded.model
    few = model.sample(50, generator=torch.Generator().manual_seed(3)).numpy()
    np.testing.assert_array_equal(sample(loaded, 50, seed=3)["muons"], few)
    asked, whole = [], type(model).sample

    @functools.wraps(whole)
    def spy(self: Any, n: int, **more: Any) -> Any:
        asked.append(n)
        return whole(self, n, **more)

    monkeypatch.setattr(type(model), "sample", spy)
    count = DRAWN + 4000
    assert run_verb("sample", trained("auxgan"), "-n", str(count), "--boost", "1.2", "-o", tmp_path) == 0
    assert asked == [DRAWN, 4000]
    table = np.load(tmp_path / "muons.npy", allow_pickle=False)
    assert (table.shape, table.dtype) == ((count, 7), np.float32)
    assert len(np.unique(table[:, 1])) > 0.99 * count
    with np.load(tmp_path / "samples.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["muons"], table)
    read = load_dataset("muon-files", tmp_path / "muons.npy", {"reference": 1000, "most": 500})
    place = int(read.ids[7].rpartition("-")[2]) - 1
    np.testing.assert_allclose(read.fields["muons"][7], table[place], rtol=1e-6)


# -- charts -----------------------------------------------------------------------------------------------------------


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
    figure = draw_codes(codes, halfnorm, [0.1, 0.2, 0.3], {"the codes": matrix, AUXILIARY: np.eye(4)})
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
    figure = draw_codes(codes, norm, [0.0] * 20, {"the codes": np.corrcoef(codes.T)})
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
