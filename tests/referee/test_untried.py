"""No configuration is tried twice, and a space of which nothing is left ends the search."""

from __future__ import annotations

import pytest
from support.sampling import SEARCH, row, search, space_of, study_of

from sparring.errors import SpaceError
from sparring.records import SAMPLERS, Outcome, Trial
from sparring.referee.sampling import untried
from sparring.referee.sampling.samplers import POPULATION
from sparring.referee.sampling.untried import Untried

SMALL = {
    "loss": {"choice": ["mse", "wcc"]},
    "width": {"int": [5, 7], "when": {"loss": "wcc"}},
    "dropout": {"uniform": [0.0, 0.5], "step": 0.25},
}
"""12 configurations: mse with 3 shares of dropout, wcc with 3 widths of each."""


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "gp"])
@pytest.mark.parametrize("sessions", [1, 4])
def test_a_small_space_is_tried_whole_and_each_point_once(name, sessions):
    search_table = SMALL | ({"lr": {"uniform": [0.1, 0.2], "step": 0.1}} if name == "cmaes" else {})
    space, rows = space_of(search_table, defaults={"lr": 0.1} if name == "cmaes" else {}), {}
    size = 24 if name == "cmaes" else 12
    for _ in range(sessions):
        study = study_of(name, rows, space=space)
        search(study, size // sessions if len(rows) < size - size // sessions else 99, rows)
    assert study.exhausted == f"all {size} configurations of this space have been tried"
    assert len(rows) == len({frozenset(each.params.items()) for each in rows.values()}) == size
    with pytest.raises(SpaceError, match=rf"all {size} configurations of this space have been tried; widen"):
        study.ask()


@pytest.mark.slow
def test_gp_tries_a_small_space_whole():
    study = study_of("gp", space=space_of(SMALL))
    assert len(search(study, 99)) == 12


def test_a_space_with_a_range_of_floats_is_never_exhausted():
    study = study_of("random", space=space_of(SMALL | {"lr": SEARCH["lr"]}))
    search(study, 40)
    assert study.exhausted is None


def test_what_a_genetic_algorithm_would_repeat_is_changed():
    """A child of one parent that does not mutate is its parent: a third of all draws, without a look at what was."""
    rows = search(study_of("nsga2"), 10 * POPULATION)
    assert len({frozenset(each.params.items()) for each in rows.values()}) == 10 * POPULATION


def test_trials_that_failed_or_run_count_as_tried():
    space = space_of({"loss": SMALL["loss"]})
    study = study_of("random", {0: row(0, {"loss": "mse"}, Outcome.CRASHED)}, space=space)
    assert study.ask().params == {"loss": "wcc"}
    assert study.exhausted is not None
    study.rebuild(
        {}, {0: Trial(number=0, params={"loss": "mse"}, seed=0), 1: Trial(number=1, params={"loss": "wcc"}, seed=0)}
    )
    assert study.exhausted is not None


def test_the_nearest_differs_in_one_value_while_there_is_one():
    left, tried = Untried(space_of(SMALL), seed=0), {"loss": "wcc", "width": 5, "dropout": 0.0}
    left.note(tried)
    near = left.nearest(tried)
    assert sum(near.get(name) != value for name, value in tried.items()) == 1


def test_of_a_space_that_cannot_be_counted_the_nearest_is_looked_for_ever_further_away():
    space = space_of(SEARCH)
    left = Untried(space, seed=0)
    tried = space.baseline()
    left.note(tried)
    near = left.nearest(tried)
    assert near != tried
    assert sum(near[name] != value for name, value in tried.items()) == 1
    assert near == left.nearest(tried)


def test_where_none_is_found_it_is_said(monkeypatch):
    monkeypatch.setattr(untried, "DRAWS_PER_STEP", 3)
    monkeypatch.setattr(Untried, "__contains__", lambda *_: False)
    with pytest.raises(SpaceError, match=r"search: no configuration was found that has not been tried; widen"):
        Untried(space_of(SEARCH), seed=0).nearest(space_of(SEARCH).baseline())
