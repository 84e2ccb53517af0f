"""What is doubtful about data is said before anything is trained, and what is not is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sparring.data.dataset import Dataset
from sparring.data.doubts import doubts
from sparring.study import prepare

RNG = np.random.default_rng(0)
PLAIN = RNG.normal(size=(60, 4))
NAMES = ("a", "b", "c", "d")


def of(values: np.ndarray, axis: np.ndarray | None = None) -> Dataset:
    names = {"x": NAMES} if values.ndim == 2 and values.shape[1] == 4 else {}
    ids = tuple(map(str, range(len(values))))
    return Dataset(name="mine", fields={"x": values}, ids=ids, columns=names, axes={} if axis is None else {"x": axis})


def changed(column: int, values: object) -> np.ndarray:
    rows = PLAIN.copy()
    rows[:, column] = values
    return rows


MISSING = np.where(np.arange(60) % 7 == 0, -999.0, PLAIN[:, 1])
IMAGES = RNG.integers(0, 256, (20, 3, 6, 6), dtype=np.uint8)
BLANK = IMAGES.copy()
BLANK[3] = 7


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (changed(2, 5.0), ["x: column c is constant"]),
        (changed(3, PLAIN[:, 0]), ["x: columns repeat others, 1 of them: d = a"]),
        (changed(0, np.arange(60) + 17), ["x: column a counts the rows; if it only numbers them, set it aside with"]),
        (changed(1, MISSING), ["x: column b holds -999 in 9 rows, far from its other values"]),
        (changed(3, 1e8 * PLAIN[:, 3]), ["x: columns differ in size by 1e+08"]),
        (np.concatenate([PLAIN[:50], PLAIN[:10]]), ["10 rows are the same as another: one sample may train and"]),
        (BLANK, ["x: 1 row is of one colour alone"]),
        (IMAGES[:, :1].repeat(3, axis=1), ["x: its colours are all grey"]),
        (PLAIN, []),
        (IMAGES, []),
        (RNG.normal(size=(20, 9, 2)), []),
        (changed(1, np.where(np.arange(60) % 7 == 0, 999.0, 1000 * PLAIN[:, 1])), []),  # among its other values
    ],
    ids=[
        "constant", "repeated", "counting", "stand-in", "sizes", "rows", "blank", "grey", "table", "images", "series",
        "999",
    ],
)  # fmt: skip
def test_each_doubt_is_one_sentence_and_plain_data_raise_none(values, words):
    found = doubts(of(values))
    assert len(found) == len(words), found
    for sentence, expected in zip(found, words, strict=True):
        assert expected in sentence


def test_a_grid_that_turns_back_is_doubtful():
    assert doubts(of(PLAIN, np.array([1.0, 2.0, 3.0, 4.0]))) == []
    assert doubts(of(PLAIN, np.array([1.0, 2.0, 1.5, 4.0]))) == ["x: its grid neither rises nor falls throughout"]


def table(path: Path, values: np.ndarray = PLAIN) -> Path:
    np.savetxt(path, values, delimiter=",", header=",".join(NAMES), comments="")
    return path


def test_a_file_is_looked_at_by_its_path_alone(tmp_path, monkeypatch, run_verb, capsys):
    monkeypatch.chdir(tmp_path)
    path = table(tmp_path / "mine.csv", changed(2, 5.0))
    assert run_verb("datasets", "check", path, "--model", "mlp_aae") == 0
    said = capsys.readouterr().out
    for words in (
        "table: 60 rows from",
        "columns a, b, c, d",
        "split 80/20: 48 train, 12 valid",
        "mlp_aae can learn it",
    ):
        assert words in said
    assert "Doubtful: image: column c is constant" in said
    assert (tmp_path / "checked" / "table" / "image.png").read_bytes().startswith(b"\x89PNG")


def test_a_search_says_what_is_doubtful_in_one_line(tmp_path):
    values = changed(2, 5.0)
    values[:, 3] = values[:, 0]
    values[1] = values[0]
    study = prepare("mlp_aae", dataset="table", data_path=table(tmp_path / "mine.csv", values), results=tmp_path)
    (note,) = (note for note in study.notes if "doubtful" in note.lower())
    assert note.startswith("Doubtful in the data: image: column c is constant; image: columns repeat others")
    assert note.endswith("; and 1 more: sparring datasets check table --data-path " + str(tmp_path / "mine.csv"))
    whole = prepare("mlp_aae", dataset="table", data_path=table(tmp_path / "mine.csv"), results=tmp_path, name="other")
    assert not [note for note in whole.notes if "doubtful" in note.lower()]


def test_what_a_system_cannot_learn_ends_the_look_with_2(tmp_path, run_verb, capsys):
    np.savez(tmp_path / "mine.npz", image=255 * RNG.random((20, 8, 8)))
    asked = ["datasets", "check", tmp_path / "mine.npz", "-o", tmp_path / "out"]
    assert run_verb(*asked, "--model", "advvae") == 2
    assert "image: floats are intensities from 0 to 1" in capsys.readouterr().err
    assert run_verb(*asked, "--model", "aegan") == 2
    assert "--model: aegan needs the fields structure, spectrum, but arrays holds image" in capsys.readouterr().err
    assert run_verb("datasets", "check", tmp_path) == 2
    assert "a folder does not say how it is read" in capsys.readouterr().err
    assert run_verb("datasets", "mnist", "--model", "aegan") == 2
    assert "say `sparring datasets check NAME|CARD.toml|PATH`" in capsys.readouterr().err
