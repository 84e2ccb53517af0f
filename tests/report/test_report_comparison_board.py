"""Studies in one TensorBoard, as TensorBoard itself reads it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image
from support.boards import listed
from support.reports import study, trial
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sparring.errors import UsageError
from sparring.records import Outcome
from sparring.report.comparison import board
from sparring.report.comparison.board import write_board
from sparring.report.comparison.columns import columns_of, value_of
from sparring.report.comparison.reading import read_comparison

ALL = {"tag": 10_000, "scalars": 0}


def searched(folder: Path, name: str, best: float, **rest) -> Path:
    rows = [trial(0, Outcome.COMPLETED, 0.4), trial(1, Outcome.COMPLETED, best), trial(2, Outcome.CRASHED, error="x")]
    return study(folder, rows, name=name, **rest)


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    read = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    read.Reload()
    return [(each.step, pytest.approx(each.value)) for each in read.Scalars(tag)]


@pytest.fixture
def other(tmp_path):
    """A study whose space is another: one name of another type, one fixed, one that the first does not know."""
    search = {
        "lr": {"uniform": [0.0, 0.5]}, "decay": {"choice": [0.0, 0.5]}, "width": {"int": [2, 30]},
        "loss": {"choice": ["l1", "mse"]},
    }  # fmt: skip
    params = {"lr": 0.1, "decay": 0.5, "width": 7, "loss": "l1"}
    rows = [trial(0, Outcome.COMPLETED, 0.3, params=params), trial(12, Outcome.PRUNED, 0.6, params=params)]
    return study(tmp_path, rows, name="other", search=search, fixed={"norm": "batch", "epochs": 9})


def test_every_trial_of_every_study_is_listed_by_study_and_number(tmp_path, other):
    written = write_board(read_comparison([searched(tmp_path, "one", 0.2), other]), tmp_path / "board")
    groups = listed(tmp_path / "board")
    assert sorted(groups) == [
        "one/trial-000-default", "one/trial-001", "one/trial-002", "other/trial-000-default", "other/trial-012",
    ]  # fmt: skip
    assert written == (5, 0, 9 * 4)
    assert scalars(tmp_path / "board" / "one" / "trial-001", "val/score")[:2] == [(1, 1.2), (2, 0.7)]
    assert scalars(tmp_path / "board" / "one" / "trial-001", "best/val/score") == [(7, 0.2)]
    metrics = {m.name.tag: m.value for m in groups["one/trial-001"].metric_values}
    assert metrics["best/val/score"] == pytest.approx(0.2)


def test_different_spaces_have_one_column_per_name_of_one_type_and_no_run_lacks_one(tmp_path, other):
    write_board(read_comparison([searched(tmp_path, "one", 0.2), other]), tmp_path / "board")
    groups = listed(tmp_path / "board")
    first, second = groups["one/trial-001"].hparams, groups["other/trial-012"].hparams
    assert first.keys() == second.keys() == {"study", "system", "lr", "decay", "loss", "width", "norm", "epochs"}
    assert [(each["study"].string_value, each["loss"].string_value) for each in (first, second)] == [
        ("one", "mse"), ("other", "l1"),
    ]  # fmt: skip
    assert (first["norm"].string_value, second["norm"].string_value) == ("true", "batch")
    assert (first["decay"].number_value, second["decay"].number_value) == (0.0, 0.5)
    assert second["width"].number_value == 7
    assert first["width"].number_value < 2  # it does not apply, and lies below every range
    assert (first["epochs"].number_value, second["epochs"].number_value) == (100, 9)  # a default beside a fixed one


def test_a_column_holds_what_any_of_the_studies_has(tmp_path, other):
    comparison = read_comparison([searched(tmp_path, "one", 0.2), other])
    columns = {column.name: column for column in columns_of(comparison.studies)}
    assert (columns["lr"].low, columns["lr"].high, columns["lr"].log) == (0.0, 0.5, False)
    assert columns["loss"].choices == ("mse", "wcc", "l1")
    assert columns["norm"].choices == ("true", "false", "batch")
    assert (columns["decay"].low, columns["decay"].high) == (0.0, 0.5)
    for shown in comparison.studies:
        for row in shown.rows:
            values = {name: value_of(column, shown, row) for name, column in columns.items()}
            assert all(value is None or columns[name].contains(value) for name, value in values.items())


def test_the_best_so_far_of_each_study_and_over_seeds_are_runs_beside_the_trials(tmp_path):
    folders = [searched(tmp_path, f"s{n}", best, spec={"seed": n}) for n, best in enumerate((0.3, 0.1, 0.2))]
    write_board(read_comparison(folders), tmp_path / "board")
    tag = "best so far by trials/val/score"
    assert scalars(tmp_path / "board" / "s1", tag) == [(1, 0.4), (2, 0.1), (3, 0.1)]
    assert scalars(tmp_path / "board" / "s0-and-2-more" / "median", tag) == [(1, 0.4), (2, 0.2), (3, 0.2)]
    assert scalars(tmp_path / "board" / "s0-and-2-more" / "high", tag)[-1] == (3, 0.3)


def test_many_trials_and_epochs_are_thinned_and_the_best_stay(tmp_path, monkeypatch):
    rows = [trial(n, Outcome.COMPLETED, 1.0 - n / 100, epochs=30, best_epoch=17) for n in range(20)]
    folders = [study(tmp_path, rows, name="long"), searched(tmp_path, "short", 0.2)]
    monkeypatch.setattr(board, "MOST_RUNS", 16)
    monkeypatch.setattr(board, "MOST_FIGURES", 60)
    written = write_board(read_comparison(folders), tmp_path / "board")
    assert (written.runs, written.left_out) == (11, 12)
    runs = sorted(path.name for path in (tmp_path / "board" / "long").iterdir() if path.is_dir())
    assert {"trial-000-default", "trial-019", "trial-018", "trial-017"} <= set(runs)
    assert len(runs) == 8
    steps = [step for step, _ in scalars(tmp_path / "board" / "long" / "trial-019", "val/score")]
    assert {17, 30} <= set(steps)
    assert len(steps) <= 60 // 11 + 1
    assert written.figures <= 60 + 2 * 11


def test_a_board_takes_the_place_of_an_earlier_one_and_of_nothing_else(tmp_path):
    comparison = read_comparison([searched(tmp_path, "one", 0.2), searched(tmp_path, "two", 0.1)])
    write_board(comparison, tmp_path / "board")
    (tmp_path / "board" / "one" / "stale").mkdir()
    write_board(comparison, tmp_path / "board")
    assert not (tmp_path / "board" / "one" / "stale").exists()
    about = json.loads((tmp_path / "board" / "comparison.json").read_text())
    assert [Path(name).name for name in about["studies"]] == ["one", "two"]
    with pytest.raises(UsageError, match=r"--tensorboard: .*/one holds something else, which would be replaced"):
        write_board(comparison, tmp_path / "one")
    assert (tmp_path / "one" / "study.json").exists()


def test_two_studies_of_one_name_do_not_share_a_run(tmp_path):
    folders = [searched(tmp_path / side, "one", best) for side, best in (("a", 0.2), ("b", 0.1))]
    write_board(read_comparison(folders), tmp_path / "board")
    assert {"A-one/trial-001", "B-one/trial-001"} <= set(listed(tmp_path / "board"))


class Drawn(NamedTuple):
    trial: int
    name: str
    png: bytes


def test_pictures_of_trials_stand_in_their_runs_at_their_best_epochs(tmp_path, other):
    file = io.BytesIO()
    Image.new("RGB", (4, 3)).save(file, "PNG")
    picture = Drawn(1, "from structure: spectrum", file.getvalue())
    folder = searched(tmp_path, "one", 0.2)
    write_board(read_comparison([folder, other]), tmp_path / "board", lambda of: [picture] if of == folder else [])
    read = EventAccumulator(str(tmp_path / "board" / "one" / "trial-001"), size_guidance={"tensors": 0})
    read.Reload()
    (shown,) = read.Tensors("samples/from structure: spectrum")
    assert (shown.step, list(shown.tensor_proto.string_val)) == (7, [b"4", b"3", picture.png])
    assert read.SummaryMetadata("samples/from structure: spectrum").plugin_data.plugin_name == "images"
    assert not list((tmp_path / "board" / "other").glob("*/*.pictures"))
