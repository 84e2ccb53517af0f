"""Options of the data in [search]: spelled, checked, drawn and pinned beside the fields of the Config."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from support.toy_space import SPACE, Config

from sparring.errors import SpaceError
from sparring.space import Space, apply_settings, checked_space, pin, read_space, settle_tries, write_toml
from sparring.space.grid import points

OPTIONS: dict[str, Any] = {
    "data.r_max": {"uniform": [4.0, 8.0]},
    "data.n_g2": {"choice": [8, 16], "when": {"depth": [1, 2]}},
}
DEFAULTS = {"data.r_max": 6.0, "data.n_g2": 16}


def raw_of(**tables: Any) -> dict[str, Any]:
    return {**SPACE, "search": {**SPACE["search"], **OPTIONS}, "defaults": DEFAULTS, "data": {"n": 80}, **tables}


def space_of(**tables: Any) -> Space[Config]:
    return checked_space(raw_of(**tables), Config, "toy.toml")


TOML = """
[search]
lr = {{ uniform = [0.1, 0.2] }}
{0}n_g2{1} = {{ int = [8, 16], when = {{ {0}fourier{1} = true }} }}
{0}r_max{1} = {{ uniform = [4.0, 8.0] }}
width = {{ int = [1, 2] }}
[defaults]
{0}n_g2{1} = 8
[[try]]
name = "a"
source = "b"
values = {{ {0}r_max{1} = 5.0 }}
"""


def test_quotes_around_an_option_may_be_left_out(tmp_path):
    read = []
    for quotes in (('"data.', '"'), ("data.", "")):
        (tmp_path / "space.toml").write_text(TOML.format(*quotes))
        read.append(read_space(tmp_path / "space.toml"))
    assert read[0] == read[1]
    assert [list(each["search"]) for each in read] == [["lr", "data.n_g2", "data.r_max", "width"]] * 2, "as written"
    assert read[0]["search"]["data.n_g2"]["when"] == {"data.fourier": True}
    assert read[0]["try"][0]["values"] == {"data.r_max": 5.0}


def test_an_option_is_a_dimension_that_no_config_has():
    space = space_of()
    assert space.kinds["data.r_max"] == "float"
    params = {**space.baseline(), "data.r_max": 5.0}
    assert space.data_options(params) == {"n": 80, "r_max": 5.0, "n_g2": 16}
    assert space.config(params) == space.default_config()
    assert not any(name.startswith("data.") for name in space.values(params))
    assert space.searches_data
    assert not checked_space(SPACE, Config).searches_data


def test_an_option_that_does_not_apply_is_the_readers_default():
    space = space_of()
    params = space.complete({"depth": 3})
    assert "data.n_g2" not in params
    assert space.data_options(params) == {"n": 80, "r_max": 6.0}


def test_a_field_may_depend_on_an_option_fixed_or_searched():
    search = {**SPACE["search"], **OPTIONS, "bias": {"choice": [False, True], "when": {"data.n_g2": 8}}}
    space = space_of(search=search)
    assert "bias" not in space.complete({})
    assert "bias" in space.complete({"data.n_g2": 8})
    search["bias"] = {"choice": [False, True], "when": {"data.n": 80}}
    assert "bias" in space_of(search=search).complete({})
    assert "bias" not in space_of(search=search, data={"n": 90}).complete({})


def test_it_is_drawn_as_any_other_and_told_to_the_sampler_by_its_name():
    space = space_of()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [space.suggest(study.ask()) for _ in range(30)]
    assert all(4 <= params["data.r_max"] <= 8 for params in drawn)
    assert len({params["data.r_max"] for params in drawn}) == 30
    assert space.to_optuna(drawn[0])[0]["data.r_max"] == drawn[0]["data.r_max"]
    assert space.without_model().baseline() == space.baseline()


def test_a_constraint_may_speak_of_a_searched_option():
    space = space_of(constraints=["data.r_max < 7 or width == 64", "data.n > 10"])
    assert space.broken({**space.baseline(), "data.r_max": 7.5}) is None
    assert space.broken({**space.baseline(), "data.r_max": 7.5, "width": 32}) is not None


def test_a_pinned_trial_has_its_options_under_data(tmp_path):
    space = space_of()
    params = {**space.baseline(), "data.r_max": 4.25}
    path = tmp_path / "best.toml"
    path.write_text(write_toml(pin(space, params, seed=1, found={})))
    pinned = checked_space(read_space(path), Config)
    assert pinned.data == {"n": 80, "r_max": 4.25, "n_g2": 16}
    assert pinned.dimensions == ()
    assert pinned.config({}) == space.config(params)


def test_without_searched_options_data_are_pinned_as_they_were():
    space = checked_space({**SPACE, "data": {"n": 80}}, Config)
    assert pin(space, space.baseline(), seed=1, found={})["data"] == {"n": 80}
    assert "data" not in pin(checked_space(SPACE, Config), space.baseline(), seed=1, found={})


def test_a_setting_fixes_an_option_and_takes_it_out_of_the_tries():
    own = {"name": "near", "source": "mine", "values": {"data.r_max": 5.0, "lr": 2e-3}}
    short = {"name": "short", "source": "mine", "values": {"data.r_max": 4.5}}
    changed = settle_tries(
        apply_settings(raw_of(**{"try": [own, short]}), ["data.r_max=5"], Config.model_fields), Config
    )
    space = checked_space(changed, Config)
    assert space.data == {"n": 80, "r_max": 5}
    assert "data.r_max" not in space.kinds
    assert [each.name for each in space.tries] == ["near"]
    assert space.tries[0].params["lr"] == 2e-3


def test_a_setting_of_an_option_that_is_not_searched_adds_no_table():
    assert apply_settings(SPACE, ["data.n=9"], Config.model_fields) == {**SPACE, "data": {"n": 9}}


def test_a_grid_takes_every_value_of_an_option():
    search = {"data.n_g2": {"choice": [8, 16]}, "depth": {"int": [1, 2]}}
    found = points(checked_space({**SPACE, "search": search, "defaults": {"data.n_g2": 16}}, Config), seed=0)
    assert {(point["data.n_g2"], point["depth"]) for point in found} == {(8, 1), (8, 2), (16, 1), (16, 2)}


def test_searched_options_are_part_of_what_a_study_is():
    other = {**OPTIONS, "data.r_max": {"uniform": [4.0, 9.0]}}
    assert space_of().fingerprint() != space_of(search={**SPACE["search"], **other}).fingerprint()
    assert space_of().fingerprint() != space_of(defaults={**DEFAULTS, "data.r_max": 5.0}).fingerprint()


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"data": {"r_max": 5.0}}, r"data\.r_max: stands under both \[data\] and \[search\]"),
        ({"defaults": {"data.n_g2": 16}}, r"search\.data\.r_max: has no default; set one under \[defaults\]"),
        ({"defaults": {**DEFAULTS, "data.r_max": 9.0}}, r"search\.data\.r_max: the default 9\.0 lies outside"),
        ({"defaults": {**DEFAULTS, "data.k": 9}}, r"defaults\.data\.k: 9 is not searched; move it to \[data\]"),
        ({"fixed": {"data.n": 9}}, r"fixed: no field of toy's Config 'data\.n'"),
    ],
)
def test_an_option_that_is_said_wrongly_is_refused(tables, words):
    with pytest.raises(SpaceError, match=words):
        space_of(**tables)
