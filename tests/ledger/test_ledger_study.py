"""The ledger's study.json."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from support.frail import ended, open_ledger
from support.ledger import METRICS

from sparring.errors import LedgerError, UnknownName, UsageError
from sparring.ledger import (
    read_study,
    spec_from_json,
    spec_to_json,
    write_study,
)
from sparring.records import Objective, StudySpec


def test_study_json_says_what_it_was_given(tmp_path):
    document = {
        "spec": {"name": "ä"},
        "kinds": {"lr": "float"},
        "metrics": ["val/score"],
        "versions": {"torch": "2.13"},
    }
    write_study(tmp_path / "deep" / "study", document)
    assert read_study(tmp_path / "deep" / "study") == {"schema_version": 1, **document}
    assert [path.name for path in (tmp_path / "deep" / "study").iterdir()] == ["study.json"]


def test_study_json_is_written_once(folder):
    with pytest.raises(LedgerError, match="written once, but there is one"):
        write_study(folder, {"kinds": {}, "metrics": ["other"]})
    assert read_study(folder)["metrics"] == list(METRICS)


def test_study_json_must_name_the_columns(tmp_path):
    with pytest.raises(LedgerError, match=r"names its columns, but got no kinds and no metrics"):
        write_study(tmp_path / "study", {"spec": {}})
    assert list(tmp_path.iterdir()) == []


def test_a_study_json_left_half_written_does_not_hinder_the_next(tmp_path):
    (tmp_path / ".study.json.tmp").write_text('{"kin')
    with pytest.raises(UnknownName, match="no study here"):
        read_study(tmp_path)
    write_study(tmp_path, {"kinds": {}, "metrics": []})
    assert read_study(tmp_path)["kinds"] == {}


def test_study_json_torn_at_any_length_is_refused(folder):
    path = folder / "study.json"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(LedgerError, match=r"study\.json: it must"):
            read_study(folder)


@pytest.mark.parametrize("text", ["[]", "3", "null", '{"kinds": {}}'])
def test_study_json_of_another_make_is_refused(folder, text):
    (folder / "study.json").write_text(text)
    with pytest.raises(LedgerError, match=r"study\.json: it must"):
        read_study(folder)


def test_study_json_changed_by_hand_is_refused(folder):
    path = folder / "study.json"
    path.write_text(path.read_text().replace('"float"', '"int"'))
    with pytest.raises(LedgerError, match="must have the checksum it carries, but was changed"):
        read_study(folder)


def test_a_study_of_a_newer_sparring_is_refused(tmp_path):
    write_study(tmp_path / "study", {"kinds": {}, "metrics": [], "schema_version": 2})
    with pytest.raises(LedgerError, match="up to schema version 1, but got 2; update Sparring"):
        read_study(tmp_path / "study")


def test_a_spec_comes_back_from_json_as_it_was():
    spec = StudySpec(
        name="one",
        model="aegan",
        dataset="exafs",
        data_options=MappingProxyType({"fourier": True}),
        space={"search": {"lr": {"loguniform": [1e-5, 3e-2]}}, "fixed": {"batch_size": 64}},
        objectives=(Objective(metric="val/score"), Objective(metric="val/mse_recon_structure", goal="maximize")),
        time_s=60.0,
    )
    assert spec_from_json(json.loads(json.dumps(spec_to_json(spec)))) == spec


def test_a_spec_with_values_json_cannot_hold_is_refused():
    for value in (math.nan, datetime(2026, 1, 1, tzinfo=UTC), Path("x")):
        with pytest.raises(UsageError, match=r"study one: .* can be kept, but"):
            spec_to_json(StudySpec(name="one", model="aegan", dataset="exafs", space={"x": value}))


def test_a_spec_with_unknown_fields_is_refused():
    document = spec_to_json(StudySpec(name="one", model="aegan", dataset="exafs"))
    with pytest.raises(LedgerError, match=r"this version's fields, but: .*colour"):
        spec_from_json({**document, "colour": "red"})


def test_a_table_that_was_moved_and_linked_is_refused_before_a_merge_would_lose_it(folder, tmp_path):
    with open_ledger(folder) as ledger:
        ledger.append_trial(ended(0))
    moved = tmp_path / "another disk"
    (folder / "trials").rename(moved)
    (folder / "trials").symlink_to(moved)
    with pytest.raises(LedgerError, match="a table is a folder of its own, but this is a link"):
        open_ledger(folder)
    (folder / "trials").unlink()
    moved.rename(folder / "trials")
    with open_ledger(folder) as ledger:
        assert ledger.append_trial(ended(0)) is False
