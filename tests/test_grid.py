"""The grid: every point of a space once, the baseline first, whatever is interrupted."""

from __future__ import annotations

from itertools import product

import pytest
from pydantic import BaseModel

from sparring.errors import SpaceError, UsageError
from sparring.records import Outcome, StudySpec, TrialRow
from sparring.referee.sampling.optuna_study import OptunaStudy
from sparring.space import Space, checked_space
from sparring.space.dimension_toml import read_dimension
from sparring.space.grid import LARGEST, points
from sparring.study import Limits, open_folder, prepare
from sparring.study.budget import Budget, choose_budget


class Toy(BaseModel):
    loss: str = "mse"
    width: int = 7
    power: float = 0.5
    w: float = 0.0
    lr: float = 0.01


SEARCH = {
    "loss": {"choice": ["mse", "wcc"]},
    "width": {"int": [5, 9], "step": 2, "when": {"loss": "wcc"}},
    "power": {"uniform": [0.1, 0.5], "step": 0.2},
    "w": {"uniform": [1.0, 2.0], "step": 1.0, "off": 0.0},
}


def toy(search: dict = SEARCH) -> Space:
    return checked_space(
        {"model": "toy", "dataset": "none", "objectives": [{"metric": "val/score"}], "search": search}, Toy
    )


def test_it_is_every_combination_once_and_the_default_leads():
    found = points(toy(), seed=0)
    plain = [{"loss": "mse", "power": p, "w": w} for p, w in product((0.1, 0.3, 0.5), (0.0, 1.0, 2.0))]
    wide = [{**each, "loss": "wcc", "width": n} for each in plain for n in (5, 7, 9)]
    assert len(found) == len(plain) + len(wide)
    assert all(point in found for point in plain + wide)
    assert found[0] == toy().baseline() == {"loss": "mse", "power": 0.5, "w": 0.0}


def test_its_order_is_the_seeds():
    assert points(toy(), seed=3) == points(toy(), seed=3)
    assert points(toy(), seed=3)[1:] != points(toy(), seed=4)[1:]


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ({"uniform": [0.1, 0.5], "step": 0.1}, (0.1, 0.2, 0.3, 0.4, 0.5)),
        ({"int": [2, 8], "step": 3, "off": 0}, (0, 2, 5, 8)),
        ({"int": [1, 4], "log": True}, (1, 2, 3, 4)),
        ({"choice": [[8], [8, 16]]}, ("[8]", "[8, 16]")),
    ],
)
def test_the_values_of_a_field(table, values):
    found = read_dimension("x", table, "x").points()
    assert found == values
    assert [type(each) for each in found] == [type(each) for each in values]


def test_what_cannot_be_counted_or_is_too_many_is_refused():
    with pytest.raises(SpaceError, match=r"search\.lr: a grid wants values that can be counted.* take another --samp"):
        points(toy({"lr": {"loguniform": [1e-4, 1e-2]}}), seed=0)
    with pytest.raises(SpaceError, match=rf"at most {LARGEST:,} points"):
        points(toy({"width": {"int": [1, 200]}, "power": {"uniform": [0.0, 1.0], "step": 0.01}}), seed=0)


def ended(number: int, params: dict) -> TrialRow:
    return TrialRow(trial=number, attempt=1, seed=0, outcome=Outcome.COMPLETED, params=params, value=1.0)


def test_a_study_draws_each_point_once_also_when_it_is_taken_up_again():
    spec = StudySpec(name="s", model="toy", dataset="none", sampler="grid", seed=5)
    space = toy().without_model()
    rows: dict[int, TrialRow] = {}
    for session in (7, 1, 28):
        study = OptunaStudy(spec, space)
        study.rebuild(rows, {})
        for _ in range(session):
            drawn = study.ask()
            rows[drawn.number] = ended(drawn.number, drawn.params)
            study.tell(rows[drawn.number])
    assert [rows[number].params for number in range(36)] == points(space, seed=5)


def grid(tmp_path, **more):
    settings = ["data.n=60"]
    path = tmp_path / "grid.toml"
    path.write_text(
        'model = "aegan"\ndataset = "exafs"\n[[objectives]]\nmetric = "val/score"\n[defaults]\nn_hl_gen = 1\n'
        "hidden_size = 8\n[search]\nn_hl_gen = { int = [1, 2] }\nhidden_size = { choice = [8, 16] }\n"
    )
    return prepare(
        "aegan", space=str(path), settings=settings, results=tmp_path, limits=Limits(**{"sampler": "grid", **more})
    )


def test_a_search_runs_as_many_trials_as_there_are_points(tmp_path):
    budget = choose_budget(None, None, "grid")
    assert (budget.time_s, budget.train_s) == (None, None)
    assert grid(tmp_path, trials=budget.trials).spec.trials == 4
    assert grid(tmp_path, trials=3).spec.trials == 3


def test_a_grid_and_another_sampler_are_two_searches(tmp_path):
    """A trial's number says which point it is."""
    open_folder(grid(tmp_path))
    assert grid(tmp_path).spec.sampler == "grid"
    with pytest.raises(UsageError, match=r"grid was True and is False; give this search its own --name"):
        grid(tmp_path, sampler="tpe")


def test_the_budget_of_other_samplers_is_what_is_said():
    assert choose_budget(None, None, "tpe") == Budget(None, train_s=135.0)
    assert choose_budget(9, None, "tpe") == Budget(9)
    assert choose_budget(None, 60.0, "random") == Budget(None, 60.0)
    assert choose_budget(None, None, "tpe", 2.0) == Budget(None, cpu_hours=2.0)
    assert choose_budget(9, 60.0, "tpe", None, 3.0) == Budget(9, 60.0, gpu_hours=3.0)
    assert choose_budget(None, None, "grid", 2.0) == Budget(LARGEST, cpu_hours=2.0)
