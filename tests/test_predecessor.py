"""A second training in a folder: another configuration is refused, and answers of other weights are put aside."""

from __future__ import annotations

import re

import pytest
from support.reports import MIXED, study

from sparring.errors import UsageError
from sparring.production.retrain.predecessor import check_same, set_answers_aside, weights_of
from sparring.report import write_report
from sparring.space import write_toml

RAW = {"model": "aegan", "dataset": "exafs", "seed": 5, "fixed": {"epochs": 27, "hidden_size": 8}, "data_path": "/a"}


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "aegan"
    (place / "predictions").mkdir(parents=True)
    (place / "predictions" / "spectrum.npz").write_bytes(b"old")
    (place / "model.safetensors").write_bytes(b"weights")
    (place / "pinned.toml").write_text(write_toml(RAW))
    return place


def test_weights_of_another_configuration_are_not_overwritten(folder):
    said = re.escape(f"-o: {folder} holds weights of another configuration, and they are not overwritten: ")
    with pytest.raises(UsageError, match=f"{said}epochs was 27 and is 3; .* such as -o {re.escape(str(folder))}-2, or"):
        check_same(folder, {**RAW, "fixed": {"epochs": 3, "hidden_size": 8}})
    folder.with_name("aegan-2").mkdir()
    with pytest.raises(UsageError, match=r"seed was 5 and is 6; .*aegan-3, or"):
        check_same(folder, {**RAW, "seed": 6})


def test_the_same_configuration_is_trained_again_wherever_its_data_lie(folder):
    check_same(folder, {**RAW, "data_path": "/b", "found": {"trial": 3}})
    check_same(folder.parent / "nowhere", RAW)


def test_answers_stay_beside_the_weights_that_gave_them(folder):
    before = weights_of(folder)
    assert set_answers_aside(folder, before) is None
    assert set_answers_aside(folder, None) is None
    assert (folder / "predictions" / "spectrum.npz").exists()
    (folder / "model.safetensors").write_bytes(b"other weights")
    assert set_answers_aside(folder, before) == folder / "earlier-1"
    assert not (folder / "predictions").exists()
    assert (folder / "earlier-1" / "predictions" / "spectrum.npz").read_bytes() == b"old"


def test_the_page_is_written_though_the_tables_reader_goes_away(tmp_path):
    made = study(tmp_path, MIXED[:3])

    class Closed:
        def print(self, *_words, **_options):
            raise BrokenPipeError

        width = 80

    with pytest.raises(BrokenPipeError):
        write_report(made, page=tmp_path / "page.html", yardsticks=False, console=Closed())
    assert (tmp_path / "page.html").read_text().startswith("<!")
