"""What a slot's process says of itself: in its title, and in the names of its calls."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sparring.cluster import signs
from sparring.cluster.signs import Signs


@pytest.fixture
def titles(monkeypatch) -> list[str]:
    """All that the process was called, the first as Ray calls it."""
    called = ["ray::Slot.train"]
    ray = SimpleNamespace(getproctitle=lambda: called[-1], setproctitle=called.append)
    monkeypatch.setattr(signs, "_raylet", lambda: ray)
    return called


def test_the_title_says_trial_and_phase_after_its_first_word_and_is_given_back(titles):
    with Signs("aegan-1", 7) as trial:
        trial.show("builds its networks")
        trial.show("trains", 12)
    assert titles == [
        "ray::Slot.train",
        "ray::Slot.train aegan-1 trial 7 builds its networks",
        "ray::Slot.train aegan-1 trial 7 trains epoch 12",
        "ray::Slot.train",
    ]


def test_a_call_has_a_name_of_its_own():
    method = SimpleNamespace(options=lambda name: name)
    assert Signs("aegan-1", 7).on(method, "ends", 27) == "aegan-1 trial 7 ends epoch 27"
    assert Signs("aegan-1", 7).on(method, "starts") == "aegan-1 trial 7 starts"
