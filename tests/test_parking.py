"""Tune's thread stands still once the search is left, so that it calls nothing of a Ray that is being shut down."""

from __future__ import annotations

import itertools
import pickle
import threading

from sparring.cluster import parking
from sparring.cluster.parking import Parking, open_road, park


def test_a_parked_thread_begins_no_other_step(monkeypatch):
    end = threading.Event()
    monkeypatch.setattr(parking, "_never", end)
    steps: list[int] = []
    callback = pickle.loads(pickle.dumps(Parking()))  # as Tune's state files bring it back

    def tune() -> None:
        for step in itertools.takewhile(lambda _: not end.is_set(), itertools.count()):
            callback.on_step_begin(step, [])
            steps.append(step)

    open_road()
    thread = threading.Thread(target=tune, daemon=True)
    thread.start()
    try:
        assert park(10.0)
        count = len(steps)
        thread.join(0.2)
        assert thread.is_alive()
        assert len(steps) == count
    finally:
        open_road()  # for a search that this process may start later
        end.set()
        thread.join()


def test_who_steps_no_more_is_not_waited_for_for_ever():
    open_road()
    try:
        assert not park(0.05)
    finally:
        open_road()
