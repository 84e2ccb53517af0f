"""A promotion or a roll-back that dies at any call that changes the disk: the old version or the new, never neither."""

from __future__ import annotations

import errno
import itertools
import random
from contextlib import suppress

import pytest
from support.bundles import NAME, letter_of, promote
from support.frail import Killed

from sparring.errors import SparringError
from sparring.production.registry import Registry


def after(registry, act, frail, calls, how, chance):
    """Does it on a disk that dies, or refuses, after so many calls; True once it has ended before that."""
    if how == "refused":
        frail.refuse_after(calls, errno.ENOSPC)
    else:
        frail.kill_after(calls)
    ended = False
    with suppress(Killed, SparringError):
        act(registry)
        ended = True
    if how == "power cut" and not ended:
        frail.cut_power(chance)
    frail.revive()
    return ended


ACTS = {
    "promotion": (lambda registry: promote(registry, "b"), ["a"], {1: "a", 2: "b"}),
    "roll-back": (lambda registry: registry.roll_back(NAME), ["a", "b"], {2: "b", 1: "a"}),
}


@pytest.mark.fault(67, stand_in=True)
@pytest.mark.parametrize("how", ["killed", "power cut", "refused"])
@pytest.mark.parametrize("what", ACTS)
def test_whoever_dies_when_readers_find_the_old_version_or_the_new_one(what, how, frail, tmp_path):
    act, before, letters = ACTS[what]
    chance = random.Random(0)
    seen = set()
    for calls in itertools.count():
        registry = Registry(address=str(tmp_path / str(calls)))
        for letter in before:
            promote(registry, letter)
        entries = registry.history(NAME)
        ended = after(registry, act, frail, calls, how, chance)
        current = registry.current(NAME).version
        seen.add(current)
        assert letter_of(registry) == letters[current], f"call {calls}"
        assert registry.history(NAME)[: len(entries)] == entries, f"call {calls}"
        assert promote(registry, "c").replaced == current, f"call {calls}: what died is in nobody's way"
        assert letter_of(registry) == "c"
        if ended:
            break
    assert calls > 10
    assert seen == set(letters)


@pytest.mark.parametrize("how", ["killed", "power cut"])
def test_a_first_promotion_that_dies_leaves_nothing_in_production_or_the_whole(how, frail, tmp_path):
    chance = random.Random(1)
    for calls in itertools.count():
        registry = Registry(address=str(tmp_path / str(calls)))
        ended = after(registry, lambda registry: promote(registry, "a"), frail, calls, how, chance)
        if registry.current(NAME) is not None:
            assert letter_of(registry) == "a"
        promote(registry, "b")
        assert letter_of(registry) == "b"
        if ended:
            break
