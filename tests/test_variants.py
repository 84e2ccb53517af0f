"""One data set under several options: what a reader says an option changes, and that the rest stays what it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sparring.data import dataset_names, load_dataset, read_card, reader_of
from sparring.data.variants import ROWS, Source, Variants, changes_of, check_same, checksums, differing
from sparring.errors import DataError
from sparring.models import find_config, model_names

SMALL = {"n": 40}


def source(**options: object) -> Source:
    begun = {**SMALL, **options}
    return Source(
        dataset="exafs", path=None, options=begun, split="80/20", fields=("structure", "spectrum"),
        common=checksums(load_dataset("exafs", None, begun), ["spectrum"]),
    )  # fmt: skip


# -- what readers and systems declare ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", dataset_names())
def test_a_reader_declares_options_that_it_has(name):
    assert changes_of(name).keys() <= reader_of(read_card(name)).Options.model_fields.keys()


@pytest.mark.parametrize("name", model_names())
def test_a_system_says_where_figures_are_measured_of_its_own_figures_and_fields(name):
    config = find_config(name)
    assert config.measures.keys() <= set(config.metrics)
    assert {field for fields in config.measures.values() for field in fields} <= set(config.fields)
    assert config.measured_in("val/score") == config.fields


@pytest.mark.parametrize(
    ("dataset", "option", "value"),
    [
        *(("exafs", option, value) for option, value in [("r_min", 0.5), ("r_max", 5.0), ("n_g2", 8), ("n_g4", 16)]),
        *(("exafs", option, value) for option, value in [("k_min", 3.0), ("k_max", 9.0), ("points", 50)]),
        ("muons", "reference", 200), ("cylinder-bell-funnel", "noise", 0.5),
    ],
)  # fmt: skip
def test_an_option_changes_the_fields_that_its_reader_says_and_no_other(dataset, option, value):
    before = checksums(one := load_dataset(dataset, None, SMALL), one.fields)
    after = checksums(other := load_dataset(dataset, None, {**SMALL, option: value}), other.fields)
    assert {name for name in before if before[name] != after[name]} == set(changes_of(dataset)[option])


@pytest.mark.parametrize(("option", "value"), [("n", 50), ("seed", 1)])
def test_an_option_that_changes_everything_is_not_among_them(option, value):
    assert option not in changes_of("exafs")
    before, after = (load_dataset("exafs", None, options) for options in (SMALL, {**SMALL, option: value}))
    for name in before.fields:
        assert checksums(before, [name])[name] != checksums(after, [name])[name]


def test_readings_of_other_fields_are_told_apart_and_defaults_are_known():
    assert differing("exafs", {}, {"n": 40, "r_max": 6.0}) == []
    assert differing("exafs", {"n_g2": 8}, {"r_max": 5.0, "n_g2": 16}) == ["r_max", "n_g2"]


# -- what trials have in common ---------------------------------------------------------------------------------------


def test_other_rows_and_another_target_are_told_from_the_same():
    common = source().common
    check_same(load_dataset("exafs", None, {**SMALL, "r_max": 5.0}), common, {})
    with pytest.raises(DataError, match=r"exafs: with n = 50 it has other rows than the study began with"):
        source().load({"n": 50})
    with pytest.raises(DataError, match=r"with n = 40, points = 30 it has another spectrum than"):
        source().load({**SMALL, "points": 30})


def test_the_rows_are_their_names_their_order_and_their_parts():
    data = load_dataset("exafs", None, SMALL)
    rows = checksums(data, ())[ROWS]
    turned = replace(data, ids=data.ids[::-1])
    parted = replace(data, parts={"train": 30, "valid": 10})
    assert len({rows, checksums(turned, ())[ROWS], checksums(parted, ())[ROWS]}) == 3


def test_every_variant_is_split_into_the_same_rows():
    variants = Variants(source())
    one, other = variants.take(SMALL), variants.take({**SMALL, "n_g2": 8})
    for part in ("train", "valid"):
        np.testing.assert_array_equal(getattr(one, part)["spectrum"], getattr(other, part)["spectrum"])
    assert [len(one.train["spectrum"]), len(one.valid["spectrum"])] == [32, 8]
    assert [variant.about["shapes"]["structure"] for variant in (one, other)] == [[49], [41]]
    assert other.about["sha256"] == load_dataset("exafs", None, {**SMALL, "n_g2": 8}).sha256
    assert len(other.about["axes"]["spectrum"]) == 226


def counted(monkeypatch, **limits: int) -> tuple[Variants, list[float]]:
    """Variants, and the r_max of each that is made."""
    made: list[float] = []
    load = Source.load

    def count(self, options):
        made.append(options["r_max"])
        return load(self, options)

    monkeypatch.setattr(Source, "load", count)
    return Variants(source(), **limits), made


def test_the_last_used_variants_are_kept(monkeypatch):
    variants, made = counted(monkeypatch, most=2)
    for r_max in (4.0, 5.0, 4.0, 6.0, 4.0, 5.0):
        variants.take({**SMALL, "r_max": r_max})
    assert made == [4.0, 5.0, 6.0, 5.0]


def test_the_bytes_of_what_is_kept_are_bounded(monkeypatch):
    one = Variants(source()).take(SMALL).nbytes
    assert one == 40 * (49 + 226) * 4
    variants, made = counted(monkeypatch, most_bytes=2 * one)
    for r_max in (4.0, 5.0, 6.0, 5.0, 4.0):
        variants.take({**SMALL, "r_max": r_max})
    assert made == [4.0, 5.0, 6.0, 4.0]
    variants, made = counted(monkeypatch, most_bytes=one - 1)
    assert len({id(variants.take({**SMALL, "r_max": 4.0})) for _ in range(2)}) == 2
    assert made == [4.0, 4.0]


def test_a_machine_that_does_not_see_the_files_is_told_apart_from_a_trial_that_fails(tmp_path: Path):
    source().check_path()
    replace(source(), path=str(tmp_path)).check_path()
    with pytest.raises(
        DataError, match=r"--data-path: a search over options of the data reads .*gone on every machine"
    ):
        replace(source(), path=str(tmp_path / "gone")).check_path()
