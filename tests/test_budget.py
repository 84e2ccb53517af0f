"""How many trials and hours a search may spend, and what it says of a space that holds fewer."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from support.studies import ended, fill, small_study

from sparring.cluster.session import conduct
from sparring.ledger import Ledger
from sparring.ledger.effort import limit_seconds, read_effort
from sparring.records import EpochRow, Outcome, StudySpec
from sparring.space.grid import points
from sparring.study import is_complete
from sparring.study.budget import budget_notes, configurations, exhaustion


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
    assert budget_notes(study.spec, study.space) == []
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


def spec_of(**changes):
    return StudySpec(name="s", model="aegan", dataset="exafs", **changes)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"cpu_hours": 1.0}, 3600.0),
        ({"cpu_hours": 1.0, "slots": 8}, 3600.0),  # of all slots together
        ({"cpu_hours": 1.0, "cpus_per_worker": 2, "workers_per_trial": 3}, 600.0),  # a second of a slot is 6 of them
        ({"gpu_hours": 1.0, "gpus_per_worker": 0.25}, 14400.0),
        ({"gpu_hours": 1.0, "gpus_per_worker": 1.0, "workers_per_trial": 4, "cpus_per_worker": 8}, 900.0),
        ({"cpu_hours": 1.0, "train_s": 10.0, "slots": 2}, 20.0),
        ({}, float("inf")),
    ],
)
def test_hours_are_of_every_processor_or_gpu_of_a_trial(changes, seconds):
    assert limit_seconds(spec_of(**changes)) == seconds


@pytest.mark.parametrize(("gpus", "flag"), [(0.0, "cpu_hours"), (0.5, "gpu_hours")])
def test_a_study_whose_hours_are_spent_is_complete_until_it_is_given_more(tmp_path, gpus, flag):
    """One trial of one epoch took 36 s of a processor, or 72 s of half a GPU; two are 0.02 hours."""
    more = {"trials": None, "race": "off", "gpus_per_worker": gpus, "settings": ["epochs=1"]}
    study = small_study(tmp_path, **more, **{flag: 0.019})
    fill(study, [ended(0, {"n_hl_gen": 1, "hidden_size": 8}, 0.5, Outcome.COMPLETED, epochs=1)])
    with Ledger(study.folder, kinds=study.space.kinds, metrics=study.config_class.emitted()) as ledger:
        row = EpochRow(trial=0, attempt=1, epoch=1, metrics={"val/score": 0.5}, wall_s=144.0 * gpus, cpu_s=36.0)
        ledger.append_epochs([row])
    assert read_effort(study.folder, study.spec).seconds == (72.0 if gpus else 36.0)
    assert is_complete(study)
    assert not is_complete(small_study(tmp_path, **more, **{flag: 0.021}))
