"""The registry: versions, the switch, the history, roll-backs, and two at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.bundles import NAME, letter_of, promote, tiny

from sparring.errors import (
    DataError,
    NothingToReport,
    PromotionRefused,
    RegistryLocked,
    UnknownName,
    UsageError,
)
from sparring.ledger.mirror.store import Store
from sparring.production.registry import Registry
from sparring.production.registry import registry as module
from sparring.production.registry.files import RemoteFiles


@pytest.fixture(params=["folder", "address"])
def either(request, tmp_path, monkeypatch):
    """A registry in a folder, and one at an address without locks."""
    place = tmp_path / "production"
    if request.param == "address":
        place.mkdir()
        address = place.as_uri()
        remote = staticmethod(lambda name: RemoteFiles(Store(address, name, "--to")))
        monkeypatch.setattr(Registry, "_files", lambda self, name: remote(name))
    return Registry(address=str(place))


def test_versions_count_from_one_and_the_newest_is_current(either):
    assert either.current(NAME) is None
    assert either.history(NAME) == ()
    assert [promote(either, letter).version for letter in "abc"] == [1, 2, 3]
    assert either.current(NAME).version == 3
    assert [letter_of(either, version) for version in (1, 2, 3, None)] == ["a", "b", "c", "c"]
    assert either.names() == [NAME]


def test_the_history_says_who_did_what_when_and_from_where(either):
    promote(either, study="s", trial=7, reason="because")
    promote(either)
    first, second = either.history(NAME)
    assert (first.number, first.action, first.version, first.replaced) == (1, "promoted", 1, None)
    assert (first.study, first.trial, first.reason) == ("s", 7, "because")
    assert (second.number, second.replaced) == (2, 1)
    assert "@" in first.who
    assert first.when.endswith("+00:00")


def test_a_roll_back_is_a_new_entry_and_erases_nothing(either):
    for letter in "abc":
        promote(either, letter)
    entry = either.roll_back(NAME, why="it drifts")
    assert (entry.action, entry.version, entry.replaced, entry.reason) == ("rolled back", 2, 3, "it drifts")
    assert letter_of(either) == "b"
    assert letter_of(either, 3) == "c"
    assert [each.version for each in either.history(NAME)] == [1, 2, 3, 2]
    assert either.roll_back(NAME).version == 1, "again: to the one before that one"
    assert either.roll_back(NAME, to=3).version == 3
    assert promote(either, "d").version == 4, "no number is given twice"


def test_a_roll_back_to_nowhere_is_refused(registry):
    with pytest.raises(UnknownName, match=r"no model 'toy' in production at .*; there are: none"):
        registry.roll_back(NAME)
    promote(registry)
    with pytest.raises(NothingToReport, match="version 1 is the first"):
        registry.roll_back(NAME)
    promote(registry)
    with pytest.raises(UnknownName, match="no version 5 of toy; there are: 1, 2"):
        registry.roll_back(NAME, to=5)
    with pytest.raises(UsageError, match="version 2 of toy is current already"):
        registry.roll_back(NAME, to=2)


def test_a_roll_back_to_a_damaged_version_is_refused_and_changes_nothing(registry):
    for letter in "ab":
        promote(registry, letter)
    path = Path(registry.address, NAME, "1", "card.json")
    path.write_bytes(b"[]")
    with pytest.raises(DataError, match=r"1: card.json: must have the SHA-256"):
        registry.roll_back(NAME)
    assert registry.current(NAME).version == 2
    assert len(registry.history(NAME)) == 2


@pytest.mark.fault(68)
def test_of_two_at_once_one_wins_and_the_other_is_told(either, monkeypatch):
    """The second begins while the first writes; then, with what it compared itself with, after the first."""
    monkeypatch.setattr("sparring.production.registry.files.TRIES", 1)
    seen = either.current(NAME)
    told = []

    def make(version):
        with pytest.raises(RegistryLocked) as refusal:
            either.promote(NAME, lambda version: tiny(version, "b"), seen=seen)
        told.append(str(refusal.value))
        return tiny(version, "a")

    either.promote(NAME, make, seen=seen)
    assert "one promotion or roll-back at a time, but" in told[0]
    with pytest.raises(
        PromotionRefused, match=r"version 1 was promoted by .* after this one was compared; run it again"
    ):
        either.promote(NAME, lambda version: tiny(version, "b"), seen=seen)
    assert letter_of(either) == "a"
    assert len(either.history(NAME)) == 1


def test_two_claims_at_the_same_moment_exclude_each_other(tmp_path, monkeypatch):
    """Whoever comes second sees the first's claim; a claim that was left long ago holds nobody off."""
    monkeypatch.setattr("sparring.production.registry.files.TRIES", 1)
    one, other = (RemoteFiles(Store(tmp_path.as_uri(), NAME)) for _ in range(2))
    with one.held(), pytest.raises(RegistryLocked, match="claims this one since"), other.held():
        pass
    with other.held():
        pass
    one._claim("left.json")
    monkeypatch.setattr("sparring.production.registry.files.CLAIM_S", -1.0)
    with other.held():
        assert one.names("claims") != ["left.json"]


def test_whose_claim_was_taken_for_dead_does_not_switch(tmp_path):
    files = RemoteFiles(Store(tmp_path.as_uri(), NAME))
    with files.held() as check:
        check()
        files.remove("claims")
        with pytest.raises(RegistryLocked, match="took so long that another began"):
            check()


def test_a_promotion_whose_claim_is_gone_changes_nothing(tmp_path, monkeypatch):
    files = RemoteFiles(Store(tmp_path.as_uri(), NAME))
    monkeypatch.setattr(Registry, "_files", lambda self, name: files)
    registry = Registry(address=str(tmp_path))
    promote(registry, "a")

    def make(version):
        files.remove("claims")
        return tiny(version, "b")

    with pytest.raises(RegistryLocked, match="took so long that another began"):
        registry.promote(NAME, make, seen=registry.current(NAME))
    assert letter_of(registry) == "a"


def harm_gone(folder: Path) -> None:
    sorted((folder / "history").iterdir())[0].unlink()


def harm_changed(folder: Path) -> None:
    path = sorted((folder / "history").iterdir())[0]
    path.write_text(path.read_text().replace('"trial": 7', '"trial": 8'))


def harm_current(folder: Path) -> None:
    (folder / "current").write_text("{")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (harm_gone, "an entry of the history is gone"),
        (harm_changed, "an entry of the history never changes, but was changed"),
        (harm_current, "current: .*; restore it from a copy"),
    ],
)
def test_a_history_that_was_tampered_with_is_refused(harm, words, registry):
    promote(registry, trial=7)
    promote(registry)
    harm(Path(registry.address, NAME))
    with pytest.raises(DataError, match=words):
        registry.history(NAME)
    before = sorted(Path(registry.address).rglob("*"))
    with pytest.raises(DataError, match=words):
        promote(registry)
    assert sorted(Path(registry.address).rglob("*")) == before


def test_another_bundle_under_a_version_s_number_is_told_though_its_own_manifest_is_whole(registry):
    promote(registry, "a")
    for file, data in tiny(1, "z").items():
        Path(registry.address, NAME, "1", file).write_bytes(data)
    with pytest.raises(DataError, match="not the bundle that was promoted"):
        registry.read(NAME)


def test_names_that_would_leave_the_folder_are_refused(registry):
    for name in ("../up", "a/b", "", ".hidden"):
        with pytest.raises(UsageError, match="--name"):
            registry.current(name)


def test_a_failing_write_leaves_production_as_it_was(registry, monkeypatch):
    promote(registry, "a")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.LocalFiles, "write", refuse)
    with pytest.raises(Exception, match=r"version 2 could not be written: .*No space left .*production is as it was"):
        promote(registry, "b")
    assert letter_of(registry) == "a"


def test_what_lies_there_is_json_that_other_tools_read(registry):
    promote(registry)
    folder = Path(registry.address, NAME)
    current = json.loads((folder / "current").read_text())
    assert current["version"] == 1
    assert json.loads((folder / "history" / current["entry"]).read_text())["version"] == 1
