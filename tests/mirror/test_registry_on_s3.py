"""The registry in an object store, which keeps no locks."""

from __future__ import annotations

import pytest
from support.bundles import NAME, letter_of, promote, tiny
from support.mirrored import bucket

from sparring.errors import PromotionRefused, RegistryLocked
from sparring.production.registry import Registry


@pytest.fixture
def registry(s3, monkeypatch):
    monkeypatch.setattr("sparring.production.registry.files.TRIES", 1)
    bucket(s3, "models")
    return Registry(address=f"s3://models/team{s3}")


def test_promotions_and_a_roll_back(registry):
    assert registry.names() == []
    for letter in "ab":
        promote(registry, letter)
    assert registry.names() == [NAME]
    assert registry.roll_back(NAME).version == 1
    assert (letter_of(registry), letter_of(registry, 2)) == ("a", "b")
    assert registry.shown == "s3://models/team"
    assert [entry.version for entry in registry.history(NAME)] == [1, 2, 1]
    registry.check(NAME)


def test_of_two_at_once_one_wins_and_the_other_is_told(registry):
    promote(registry, "a")
    seen = registry.current(NAME)

    def make(version):
        with pytest.raises(RegistryLocked, match="one promotion or roll-back at a time"):
            registry.promote(NAME, lambda version: tiny(version, "c"), seen=seen)
        return tiny(version, "b")

    registry.promote(NAME, make, seen=seen)
    with pytest.raises(PromotionRefused, match="run it again"):
        registry.promote(NAME, lambda version: tiny(version, "c"), seen=seen)
    assert letter_of(registry) == "b"
