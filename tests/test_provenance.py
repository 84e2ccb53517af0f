"""A study that goes on under other code or libraries says so, and goes on."""

from __future__ import annotations

import json

import pytest
from support.studies import small_space

from sparring.ledger.study_json import STUDY_FILE
from sparring.study import open_folder, prepare, provenance


@pytest.fixture
def begun(tmp_path):
    """The arguments of a study that has been begun in ``tmp_path``, and its folder."""
    asked = {"space": small_space(tmp_path), "name": "mine", "results": tmp_path, "address": "nowhere"}
    study = prepare("aegan", **asked)
    assert not [note for note in study.notes if "was begun with" in note]
    open_folder(study)
    return asked, study.folder


def said(asked) -> list[str]:
    return [note for note in prepare("aegan", **asked).notes if "was begun with" in note]


def test_the_same_code_says_nothing(begun):
    asked, folder = begun
    versions = json.loads((folder / STUDY_FILE).read_text())["versions"]
    assert versions.keys() == {"sparring", "code", "python", *provenance.LIBRARIES}
    assert said(asked) == []


@pytest.mark.fault(62, stand_in=True)
def test_other_code_and_libraries_are_named(begun, monkeypatch):
    asked, _ = begun
    before = provenance.versions_here("aegan")
    monkeypatch.setattr(provenance, "versions_here", lambda model: before | {"torch": "2.99.0", "code": "0123456789ab"})
    assert said(asked) == [
        f"mine was begun with code {before['code']} (0123456789ab now), torch {before['torch']} (2.99.0 now): trials "
        "from here on may differ from what the same settings gave before"
    ]


def test_what_an_earlier_version_did_not_write_down_is_not_compared(begun, monkeypatch):
    asked, _ = begun
    monkeypatch.setattr(provenance, "read_study", lambda folder: {"versions": {"torch": "2.13.0"}})
    monkeypatch.setattr(provenance, "versions_here", lambda model: {"torch": "2.13.0", "code": "0123456789ab"})
    assert said(asked) == []


def test_the_digest_sees_what_figures_depend_on_and_nothing_else(tmp_path, monkeypatch):
    for name in ("models/net.py", "metrics/samples.py", "report/page.py", "models/page.md", "study/provenance.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "study" / "provenance.py"))
    digest = provenance.code_digest.__wrapped__
    first = digest()
    for name in ("report/page.py", "models/page.md"):
        (tmp_path / name).write_text("2")
    assert digest() == first
    seen = {first}
    for name in ("models/net.py", "metrics/samples.py"):
        (tmp_path / name).write_text("2")
        seen.add(digest())
    assert len(seen) == 3
