"""How many trials a search may run, and what it says of a space that holds fewer."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from support.studies import ended, fill, small_study

from sparring.cluster.session import conduct
from sparring.records import Outcome
from sparring.space.grid import points
from sparring.study.budget import configurations, exhaustion


@pytest.mark.parametrize("sampler", ["tpe", "qmc", "grid"])
def test_a_small_space_bounds_the_trials_and_it_is_said(tmp_path, sampler):
    study = small_study(tmp_path, sampler=sampler, trials=24)
    assert study.spec.trials == 4
    assert "This space has 4 configurations: each is tried once" in study.notes
    few = small_study(tmp_path, sampler=sampler, trials=3)
    assert few.spec.trials == 3
    assert not any("configurations" in note for note in few.notes)


def test_a_search_by_seconds_alone_is_bounded_too(tmp_path):
    assert small_study(tmp_path, trials=None, train_s=9.0).spec.trials == 4


def test_a_space_with_a_range_of_floats_has_no_end(tmp_path):
    study = small_study(tmp_path, "dropout = { uniform = [0.0, 0.5] }\n", trials=24)
    assert study.spec.trials == 24
    assert configurations(study.space) is None
    assert study.notes == ()
    assert exhaustion(fill(study, []), study.space) is None


def some(study, trials):
    return [ended(n, params, 0.5, Outcome.COMPLETED) for n, params in enumerate(points(study.space, 0)[:trials])]


def test_a_search_that_has_tried_everything_says_so(tmp_path):
    study = small_study(tmp_path, trials=24)
    fill(study, some(study, 4))
    shown = io.StringIO()
    assert conduct(study, None, Console(file=shown, width=200)) == 0
    said = "All 4 configurations of this space have been tried; only a wider one can hold a better"
    assert shown.getvalue().splitlines()[-1] == said


def test_one_that_has_something_left_does_not(tmp_path):
    study = small_study(tmp_path, trials=3)
    fill(study, some(study, 3))
    assert exhaustion(study.folder, study.space) is None
