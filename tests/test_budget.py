"""How many trials a search may run, and what it says of a space that holds fewer."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sparring.cluster.session import conduct
from sparring.ledger import Ledger
from sparring.records import AttemptRow, Outcome, TrialRow
from sparring.space.grid import points
from sparring.study import Limits, open_folder, prepare
from sparring.study.budget import configurations, exhaustion

SMALL = "n_hl_gen = { int = [1, 2] }\nhidden_size = { choice = [8, 16] }\n"


@pytest.fixture
def prepared(tmp_path):
    """A study of four configurations, or of more fields."""

    def prepare_it(more="", **limits):
        path = tmp_path / "small.toml"
        path.write_text(
            'model = "aegan"\ndataset = "exafs"\n[[objectives]]\nmetric = "val/score"\n[defaults]\nn_hl_gen = 1\n'
            f"hidden_size = 8\n[search]\n{SMALL}{more}"
        )
        return prepare(
            "aegan", space=str(path), settings=["data.n=60"], results=tmp_path, limits=Limits(**limits), address="none"
        )

    return prepare_it


@pytest.mark.parametrize("sampler", ["tpe", "qmc", "grid"])
def test_a_small_space_bounds_the_trials_and_it_is_said(prepared, sampler):
    study = prepared(sampler=sampler, trials=24)
    assert study.spec.trials == 4
    assert "This space has 4 configurations: each is tried once" in study.notes
    few = prepared(sampler=sampler, trials=3)
    assert few.spec.trials == 3
    assert not any("configurations" in note for note in few.notes)


def test_a_space_with_a_range_of_floats_has_no_end(prepared):
    study = prepared(more="dropout = { uniform = [0.0, 0.5] }\n", trials=24)
    assert study.spec.trials == 24
    assert configurations(study.space) is None
    assert study.notes == ()


def fill(study, trials):
    """The ledger of a search that has ended so many trials."""
    study.folder.mkdir(parents=True)
    open_folder(study)
    ledger = Ledger(study.folder, kinds=study.space.kinds, metrics=study.config_class.emitted())
    for number, params in enumerate(points(study.space, 0)[:trials]):
        ledger.append_attempt(AttemptRow(trial=number, attempt=1, seed=0, params=params))
        ledger.append_trial(
            TrialRow(
                trial=number, attempt=1, seed=0, outcome=Outcome.COMPLETED, params=params, value=0.5, best_epoch=1,
                epochs=1, metrics={"val/score": 0.5},
            )
        )  # fmt: skip
    ledger.close()


def test_a_search_that_has_tried_everything_says_so(prepared):
    study = prepared(trials=24)
    fill(study, 4)
    shown = io.StringIO()
    assert conduct(study, None, Console(file=shown, width=200)) == 0
    said = "All 4 configurations of this space have been tried; only a wider one can hold a better"
    assert shown.getvalue().splitlines()[-1] == said


def test_one_that_has_something_left_does_not(prepared):
    study = prepared(trials=3)
    fill(study, 3)
    assert exhaustion(study.folder, study.space) is None
