"""What a referee has to say to Prometheus, without Ray; and what its gauges let through."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kendalltau
from support.referee import Clock, epoch, make, run, train

from sparring.cluster.metering import gauges
from sparring.cluster.metering.gauges import RECORD_S, Gauges
from sparring.cluster.metering.race import RaceGauges
from sparring.cluster.metering.readings import Readings
from sparring.cluster.metering.rungs import SHOWN, spread, tau_b
from sparring.cluster.metering.series import MOST, PREFIX, SERIES, STUDY, Reading
from sparring.records import Outcome


def told(referee, readings: Readings) -> dict[tuple[str, ...], float]:
    """The readings now, after all events that there are, by name and tags."""
    snapshot, events, _ = referee.follow(0)
    readings.hear(events)
    return {(name.removeprefix("sparring_"), *tags.values()): value for name, value, tags in readings.take(snapshot)}


def test_a_study_in_the_midst_of_its_trials(tmp_path):
    referee = make(tmp_path / "s", trials=8, slots=3)
    readings = Readings(referee, [0.25])
    for number in range(3):
        assert referee.ask() == number
    for number, upto in enumerate((9, 3, 1)):
        train(referee, number, upto=upto)
    now = told(referee, readings)
    assert now["trials", "completed"] == 1
    assert now["trials", "collapsed"] == 0
    assert (now["open_trials", "training"], now["open_trials", "paused"]) == (1, 1)
    assert now["slots",] == 3
    assert now["epochs",] == 13
    assert (now["rung_reached", "1"], now["rung_reached", "3"], now["rung_reached", "9"]) == (3, 2, 1)
    assert now["objective_best", "val/score"] == now["objective_default", "val/score"] == 5 + 1 / 9
    assert now["objective_now", "val/score"] == pytest.approx(0.1 + 1 / 3)
    assert now["attempts_lost", "slot_died"] == 0
    assert now["commit_seconds", "0.99"] >= now["commit_seconds", "0.5"] > 0
    assert now["answer_seconds", "0.5"] == 0.25
    assert now["disk_free_bytes",] > 0


def test_a_whole_study_and_the_same_after_a_resume(tmp_path):
    referee = make(tmp_path / "s", trials=24, pruner="halving")
    readings = Readings(referee, [])
    run(referee)
    once = told(referee, readings)
    twice = told(referee, readings)  # the same events again, as after a lost answer
    referee.close()
    again = make(tmp_path / "s", trials=24, pruner="halving")
    resumed = told(again, Readings(again, []))
    again.close()
    names = {"trials", "rung_reached", "rung_stopped", "rung_correlation", "objective_best", "objective_now"}
    kept = {key: value for key, value in once.items() if key[0] in names}
    assert {key[0] for key in kept} == names
    assert kept == {key: value for key, value in twice.items() if key[0] in names}
    assert kept == {key: value for key, value in resumed.items() if key[0] in names}
    stopped = sum(value for key, value in once.items() if key[0] == "rung_stopped")
    assert stopped == once["trials", "pruned"] > 0
    assert once["rung_reached", "9"] == once["trials", "completed"] >= 3
    assert once["rung_correlation", "3"] == pytest.approx(1.0), "score() keeps the order of the trials"


def test_attempts_are_lost_by_cause_and_seconds_by_stage(tmp_path):
    clock = Clock()
    referee = make(tmp_path / "s", trials=4, attempts=3, clock=clock)
    readings = Readings(referee, [])
    assert referee.ask() == 0
    clock.now += 2.0
    referee.start(0, "first")
    clock.now += 1.0
    referee.start(0, "second")  # another token: the first slot is dead
    clock.now += 1.0
    referee.report([epoch(0, 1, attempt=2)])
    referee.fail(0, 2, Outcome.OUT_OF_MEMORY, "no room")
    now = told(referee, readings)
    assert (now["attempts_lost", "slot_died"], now["attempts_lost", "out_of_memory"]) == (1, 1)
    assert (now["trial_seconds", "wait"], now["trial_seconds", "train"]) == (2.0, 0.5)
    assert now["trial_seconds", "lost"] == 1.0


def test_health_is_of_the_trials_in_training(tmp_path):
    referee = make(tmp_path / "s", trials=4, slots=3, pruner="none")
    readings = Readings(referee, [])
    for number, moved in enumerate((0.1, 0.4, math.nan)):
        referee.ask()
        referee.start(number, f"slot-{number}")
        referee.report([epoch(number, 1, health={"health/moved_dis": moved, "health/grad_dis": 0.5})])
    now = told(referee, readings)
    assert now["health", "moved_dis", "lowest"] == 0.1
    assert now["health", "moved_dis", "median"] == 0.25
    assert now["health", "moved_dis", "highest"] == 0.4
    assert now["trials", "diverged"] == 1


def test_every_reading_is_in_the_table_with_its_tags_and_a_study_has_few(tmp_path):
    referee = make(tmp_path / "s", trials=30)
    readings = Readings(referee, [0.1])
    run(referee)
    snapshot, events, _ = referee.follow(0)
    readings.hear(events)
    taken = list(readings.take(snapshot))
    for name, _, tags in taken:
        assert tuple(tags) == SERIES[name].tags
    sure = {name for name, series in SERIES.items() if series.is_sure}
    assert sure - {name for name, _, _ in taken} == {"sparring_retrainings"}, "the driver shows that one"
    assert len(taken) + 7 * 3 + 3 * SHOWN < MOST, "with every health figure and as many rungs as are shown"


def test_tau_b_is_that_of_scipy():
    random = np.random.default_rng(0)
    for count in (3, 10, 200):
        pairs = random.integers(0, count // 2 + 2, (count, 2)).astype(float)
        assert tau_b(pairs) == pytest.approx(kendalltau(*pairs.T).statistic)
    assert tau_b(np.ones((4, 2))) is None


def test_of_many_rungs_few_are_shown():
    assert spread(range(1, 100)) == (1, 15, 29, 43, 57, 71, 85, 99)
    assert spread((3, 9)) == (3, 9)


class Shown(dict):
    """Stands for Ray's gauges: by name and tags the value that was set."""

    def make(self, name: str, description: str, tag_keys: tuple[str, ...]) -> Shown:
        assert description
        self.name, self.keys_ = name, tag_keys
        return self

    def set(self, value: float, tags: dict[str, str]) -> None:
        assert tuple(tags) == self.keys_
        self[self.name, *tags.values()] = value


@pytest.fixture
def shown(monkeypatch) -> Shown:
    import ray.util.metrics

    shown = Shown()
    monkeypatch.setattr(ray.util.metrics, "Gauge", shown.make)
    return shown


def test_gauges_are_shown_every_few_seconds_with_the_study(shown):
    clock = Clock()
    made = Gauges("s", clock)
    assert made.show(lambda: [Reading("sparring_slots", 2), Reading("sparring_left_seconds", math.inf)])
    assert shown == {("sparring_slots", "s"): 2.0}
    assert not made.show(lambda: pytest.fail("too early"))
    clock.now += RECORD_S
    assert made.show(list)


def test_a_study_has_at_most_so_many_series(shown):
    clock = Clock()
    made = Gauges("s", clock)
    many = [Reading("sparring_trials", number, {"outcome": str(number)}) for number in range(MOST + 5)]
    made.show(lambda: many)
    assert len(shown) == MOST


def test_what_goes_wrong_costs_the_metrics_and_never_the_search(shown, caplog):
    clock = Clock()
    made = Gauges("s", clock)
    made.show(lambda: [Reading("sparring_slots", 1 / 0)])
    clock.now += 10 * RECORD_S
    assert not made.show(lambda: pytest.fail("it is over"))
    assert [record.name for record in caplog.records] == [gauges.__name__]
    assert "shows no more metrics: ZeroDivisionError" in caplog.text


def test_names_are_those_that_prometheus_takes():
    for name, series in SERIES.items():
        assert name == series.name
        assert (PREFIX + name).replace("_", "").isalnum()
        assert STUDY not in series.tags


def test_a_race_shows_what_is_left_and_the_noise_once_it_is_measured(shown):
    race = RaceGauges("s")
    race.begin(6)
    race.tell()
    assert dict(shown) == {
        ("sparring_retrainings", "s", "ended"): 0.0,
        ("sparring_retrainings", "s", "to_go"): 6.0,
    }
    race.noise = 0.08
    taken = {(name, *tags.values()): value for name, value, tags in race.readings()}
    assert (taken["sparring_retrainings", "ended"], taken["sparring_retrainings", "to_go"]) == (1, 5)
    assert taken["sparring_noise", "fresh_seeds"] == 0.08
    assert all(tuple(tags) == SERIES[name].tags for name, _, tags in race.readings())
