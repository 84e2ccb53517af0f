"""Choices that are lists: from TOML through Optuna, the ledger and the pinned file back to the model's Config."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import optuna
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel, Field

from sparring.errors import SpaceError
from sparring.ledger import Ledger, trial_rows, write_study
from sparring.records import Outcome, TrialRow
from sparring.space import Space, apply_config, apply_settings, checked_space, pin, read_space, write_toml

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Config(BaseModel):
    epochs: Annotated[int, Field(ge=1)] = 10
    lr: Annotated[float, Field(gt=0)] = 0.01
    hidden_dims: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (32, 64)
    depth: int = 2
    names: tuple[str, ...] = ("a",)


SPACE: dict[str, Any] = {
    "model": "toy",
    "dataset": "digits",
    "objectives": [{"metric": "val/score"}],
    "search": {
        "lr": {"loguniform": [1e-5, 3e-2]},
        "hidden_dims": {"choice": [[32, 64], [32, 64, 128], [16]]},
        "depth": {"int": [1, 3], "when": {"hidden_dims": [[32, 64], [16]]}},
    },
}


def space_of(**search: Any) -> Space:
    return checked_space({**SPACE, "search": {**SPACE["search"], **search}}, Config, where="toy.toml")


def test_a_list_is_its_text_in_a_trial_and_a_list_in_the_config() -> None:
    space = space_of()
    assert space.baseline() == {"lr": 0.01, "hidden_dims": "[32, 64]", "depth": 2}
    assert space.config(space.baseline()).hidden_dims == (32, 64)
    assert space.values({"lr": 0.01, "hidden_dims": "[32, 64, 128]"})["hidden_dims"] == [32, 64, 128]
    assert space.kinds["hidden_dims"] == "str"


def test_optuna_draws_every_list_without_a_warning() -> None:
    space = space_of()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    drawn = [space.suggest(study.ask()) for _ in range(30)]  # pytest turns Optuna's warning into an error
    assert {str(params["hidden_dims"]) for params in drawn} == {"[32, 64]", "[32, 64, 128]", "[16]"}
    assert {space.config(params).hidden_dims for params in drawn} == {(32, 64), (32, 64, 128), (16,)}
    values, distributions = space.to_optuna(drawn[0])
    assert distributions["hidden_dims"] == optuna.distributions.CategoricalDistribution(
        ("[32, 64]", "[32, 64, 128]", "[16]")
    )
    study.enqueue_trial(values)
    assert space.suggest(study.ask()) == drawn[0]


def test_a_condition_may_name_lists() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=2))
    for _ in range(30):
        params = space_of().suggest(study.ask())
        assert ("depth" in params) == (params["hidden_dims"] != "[32, 64, 128]")
    assert "depth" in checked_space(apply_settings(SPACE, ["hidden_dims=[16]"], Config.model_fields), Config).baseline()
    assert (
        "depth" not in checked_space(apply_settings(SPACE, ["hidden_dims=[9]"], Config.model_fields), Config).baseline()
    )


def test_a_list_survives_the_ledger(tmp_path: Path) -> None:
    space = space_of()
    params = space.baseline()
    folder = tmp_path / "toy"
    folder.mkdir()
    write_study(folder, {"kinds": space.kinds, "metrics": ["val/score"]})
    with Ledger(folder, kinds=space.kinds, metrics=["val/score"]) as ledger:
        ledger.append_trial(
            TrialRow(trial=0, attempt=1, seed=0, outcome=Outcome.COMPLETED, params=params, value=1.0, best_epoch=1)
        )
    (row,) = trial_rows(folder)
    assert row.params == params
    assert space.config(row.params).hidden_dims == (32, 64)
    assert pq.read_table(folder / "trials").column("param.hidden_dims").to_pylist() == ["[32, 64]"]


def test_a_pinned_list_is_a_list_in_toml_and_builds_the_same_config(tmp_path: Path) -> None:
    space = space_of()
    params = {"lr": 0.001, "hidden_dims": "[32, 64, 128]"}
    (tmp_path / "best.toml").write_text(write_toml(pin(space, params, seed=3, found={})))
    raw = read_space(tmp_path / "best.toml")
    assert raw["fixed"]["hidden_dims"] == [32, 64, 128]
    assert checked_space(raw, Config).config({}) == space.config(params)


def test_a_list_is_set_and_published_as_a_list() -> None:
    space = checked_space(apply_settings(SPACE, ["hidden_dims=[8, 8]"], Config.model_fields), Config)
    assert space.config(space.baseline()).hidden_dims == (8, 8)
    space = checked_space(apply_config(SPACE, {"hidden_dims": [4, 2]}), Config)
    assert space.baseline()["hidden_dims"] == "[4, 2]"
    assert space.config(space.baseline()).hidden_dims == (4, 2)


def test_spaces_without_lists_keep_the_fingerprint_they_had_before_lists() -> None:
    raw = {**SPACE, "search": {"lr": {"loguniform": [1e-5, 3e-2]}, "depth": {"choice": [1, 2]}}}
    before = "bd7983748c13df5d535f2a7187ce13a95362532e032f6ce5e2b30c8ad1641cbf"
    assert checked_space(raw, Config).fingerprint() == before


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ([[32, 64], 32], r"all str, or all lists of those, but got \[\[32, 64\], 32\]"),
        ([[32], []], r"holds one or more values.*but got \[\]"),
        ([[32], [64, 0.5]], r"all float, all int, all bool or all str, but got \[64, 0\.5\]"),
        ([[32], [[64]]], r"but got \[\[64\]\]"),
        ([[32], [float("nan")]], r"numbers are finite and within"),
        ([[32], [32]], r"each choice stands once"),
        ([[32]], r"'\[32\]' is the only choice"),
        ([[32, 64], [0]], r"toy refuses '\[0\]': wants at least 1; narrow the range"),
        ([[32, 64], ["a"]], r"toy refuses '\[\"a\"\]': wants a whole number"),
        ([[16], [8]], r"the default '\[32, 64\]' lies outside one of \['\[16\]', '\[8\]'\]"),
    ],
)
def test_a_bad_list_is_refused_by_place_and_rule(choice: list[Any], words: str) -> None:
    with pytest.raises(SpaceError, match=rf"toy\.toml: search\.hidden_dims: .*{words}"):
        space_of(hidden_dims={"choice": choice}, depth={"int": [1, 3]})


def test_a_condition_on_a_list_that_never_occurs_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"hidden_dims = '\[7\]' never occurs; it is one of"):
        space_of(depth={"int": [1, 3], "when": {"hidden_dims": [[7]]}})
    with pytest.raises(SpaceError, match=r"hidden_dims = 32 never occurs"):
        space_of(depth={"int": [1, 3], "when": {"hidden_dims": [32, 64]}})
