"""Points to try first: [[try]] of a space, what they are made into, refused for, and left out of a changed space."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from support.toy_space import SPACE, Config

from sparring.errors import SpaceError
from sparring.space import Space, apply_config, apply_settings, checked_space, pin, read_space, settle_tries, write_toml

GOOD = {"name": "good practice", "source": "a playbook", "values": {"lr": 2e-3, "w_adv": 0.1}}
WIDE = {"name": "wcc", "source": "a paper", "values": {"loss": "wcc"}}
DAY = datetime.date(2026, 1, 1)
LISTS = {"milestones": {"choice": [[30, 60], [9]]}}


def space_of(*tries: Any, **tables: Any) -> Space:
    return checked_space({**SPACE, "try": list(tries), **tables}, Config, where="toy.toml")


def values_of(*tries: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": f"point {number}", "source": "mine", "values": values} for number, values in enumerate(tries)]


def changed(*settings: str, tries: list[dict[str, Any]], config: Any = None, search: Any = None) -> Space:
    raw = apply_config({**SPACE, "search": search or SPACE["search"], "try": tries}, config or {})
    raw = apply_settings(raw, settings, Config.model_fields)
    return checked_space(settle_tries(raw, Config), Config)


def test_a_try_is_the_baseline_but_for_its_values(tmp_path: Path) -> None:
    (tmp_path / "toy.toml").write_text(write_toml({**SPACE, "try": [GOOD, WIDE]}), encoding="utf-8")
    space = checked_space(read_space(tmp_path / "toy.toml"), Config)
    assert [(each.name, each.source) for each in space.tries] == [("good practice", "a playbook"), ("wcc", "a paper")]
    assert space.tries[0].params == {**space.baseline(), "lr": 2e-3, "w_adv": 0.1}
    assert space.first == 3
    assert space_of().first == 1


def test_a_value_that_newly_applies_takes_its_default_and_its_own_type() -> None:
    assert space_of(WIDE).tries[0].params["wcc_width"] == 10
    assert space_of(WIDE, defaults={"wcc_width": 7}).tries[0].params["wcc_width"] == 7
    given = space_of({**WIDE, "values": {"loss": "wcc", "wcc_width": 12.0, "w_adv": 1}}).tries[0].params
    assert [(type(given[name]), given[name]) for name in ("wcc_width", "w_adv")] == [(int, 12), (float, 1.0)]


def test_what_no_longer_applies_is_no_part_of_a_try() -> None:
    space = space_of({**WIDE, "values": {"loss": "l1"}}, defaults={"loss": "wcc"})
    assert "wcc_width" in space.baseline()
    assert "wcc_width" not in space.tries[0].params


def test_a_list_is_given_as_toml_has_it() -> None:
    space = space_of(*values_of({"milestones": [9]}), search=LISTS)
    assert space.tries[0].params == {"milestones": "[9]"}
    assert space.without_model().tries == space.tries


REFUSED: list[tuple[Any, str]] = [
    ({"name": "x"}, "try: wants [[try]] with name, source and values, but got {'name': 'x'}"),
    ([3], "try: wants [[try]] with name, source and values, but got 3"),
    ([{**GOOD, "value": {}}], "try[0]: no key 'value'; did you mean 'values'?"),
    ([{**GOOD, "name": " "}], "try[0].name: wants a text of 1 to 40 characters, but got ' '"),
    ([GOOD, {**GOOD, "name": "x" * 41}], "try[1].name: wants a text of 1 to 40 characters"),
    ([{**GOOD, "name": "two\nlines"}], "try[0].name: wants a text"),
    ([{**GOOD, "source": ""}], "try 'good practice': source: wants a text that says why it is tried, but got ''"),
    ([{"name": "x", "source": "y"}], "try 'x': values: wants a table such as { lr_gen = 2e-3 }, but got None"),
    (values_of({"widht": 32}), "try 'point 0': no searched field 'widht'; did you mean 'width'?"),
    (values_of({"epochs": 9}), "try 'point 0': no searched field 'epochs'; there are: bias, depth"),
    (values_of({"lr": 0.5}), "try 'point 0': lr: 0.5 lies outside [1e-05, 0.03]; give another value, or widen"),
    (values_of({"width": 65}), "try 'point 0': width: 65 lies outside one of [32, 64, 512]"),
    (values_of({"depth": True}), "try 'point 0': depth: True lies outside [1, 5]"),
    (values_of({"lr": [0.01]}), "try 'point 0': lr: [0.01] lies outside"),
    (values_of({"lr": float("nan")}), "try 'point 0': lr: wants a finite number, but got nan"),
    (values_of({"lr": DAY}), "try 'point 0': lr: wants a number, a text"),
    (values_of({"wcc_width": 7}), "try 'point 0': wcc_width: it does not apply beside the other values; leave it out"),
    (values_of({"width": 512, "depth": 5}), "try 'point 0': values: Config refuses this combination: width times"),
    (values_of({}), "try 'point 0': values: they are the default's, which trial 0 tries already; leave it out"),
    (values_of({"lr": 0.01}), "try 'point 0': values: they are the default's"),
    (values_of({"lr": 1e-3}, {"lr": 1e-3, "depth": 2}), "try 'point 1': values: they make the same point as 'point 0'"),
    ([GOOD, {**WIDE, "name": GOOD["name"]}], "try 'good practice': each name stands once; rename one of them"),
]


@pytest.mark.parametrize(("tables", "words"), REFUSED)
def test_a_bad_try_is_refused_by_its_name_and_its_field(tables: Any, words: str) -> None:
    with pytest.raises(SpaceError) as caught:
        checked_space({**SPACE, "try": tables}, Config, where="toy.toml")
    assert str(caught.value).startswith(f"toy.toml: {words}")


def test_a_default_outside_its_range_is_refused_where_a_try_is_the_first_to_need_it() -> None:
    search = {**SPACE["search"], "wcc_width": {"int": [5, 9], "when": {"loss": "wcc"}}}
    assert space_of(GOOD, search=search).first == 2
    with pytest.raises(SpaceError, match=r"try 'wcc': wcc_width: 10 lies outside \[5, 9\]; give another value"):
        space_of(WIDE, search=search)


def test_a_setting_takes_its_field_out_of_every_try() -> None:
    space = changed("lr=1e-4", tries=[GOOD, WIDE])
    assert [each.name for each in space.tries] == ["good practice", "wcc"]
    assert space.tries[0].params == {**space.baseline(), "w_adv": 0.1}
    assert "lr" in GOOD["values"]  # the argument stays as it was


def test_a_try_that_a_setting_makes_nothing_new_is_left_out() -> None:
    left = changed(
        "lr=1e-4", tries=values_of({"lr": 1e-3}, {"lr": 1e-3, "depth": 2}, {"bias": False}, {"lr": 2e-3, "bias": False})
    )
    assert [each.name for each in left.tries] == ["point 2"]


def test_what_a_setting_makes_idle_goes_and_what_the_model_then_refuses_too() -> None:
    tries = values_of({"loss": "wcc", "wcc_width": 7, "lr": 1e-3}, {"width": 512, "lr": 2e-3})
    left = changed("loss=mse", "depth=5", tries=tries)
    assert [each.name for each in left.tries] == ["point 0"]
    assert left.tries[0].params == {**left.baseline(), "lr": 1e-3}


def test_a_published_configuration_moves_the_tries_and_may_be_one_of_them() -> None:
    left = changed(tries=values_of({"lr": 1e-3}, {"bias": False}), config={"lr": 1e-3, "depth": 4})
    assert [(each.name, each.params["lr"], each.params["depth"]) for each in left.tries] == [("point 1", 1e-3, 4)]


@pytest.mark.parametrize("values", [{"lr": 0.5}, {"rl": 1.0}, {"lr": DAY}, {"depth": {"a": 1}}, 3])
def test_what_is_wrong_in_the_file_is_refused_beside_a_setting_too(values: Any) -> None:
    with pytest.raises(SpaceError, match="try 'point 0': "):
        changed("bias=true", tries=values_of(values))


def test_a_list_of_what_is_no_value_is_refused_beside_a_setting_too() -> None:
    with pytest.raises(SpaceError, match="try 'point 0': milestones: wants a number"):
        changed("bias=true", tries=values_of({"milestones": [DAY]}), search=LISTS)


def test_the_fingerprint_sees_what_is_tried_first_and_in_which_order() -> None:
    plain = Space(SPACE, Config).fingerprint()
    # What it was before there were any tries; studies of that time go on.
    assert plain == "69ed72d2d69a5e92f6f29ee07939e9c54a04208f5729795d7e51bfafdb7848f9"
    prints = {space.fingerprint() for space in (space_of(GOOD), space_of(GOOD, WIDE), space_of(WIDE, GOOD))}
    assert len({plain, *prints}) == 4
    assert space_of().fingerprint() == plain
    assert space_of({**GOOD, "name": "other", "source": "words"}).fingerprint() == space_of(GOOD).fingerprint()
    assert space_of(GOOD).without_model().fingerprint() == space_of(GOOD).fingerprint()


def test_the_referee_s_space_has_the_same_tries_without_a_model() -> None:
    space = space_of(GOOD, WIDE)
    assert space.without_model().tries == space.tries
    assert space.without_model().baseline() == space.baseline()


def test_a_pinned_configuration_has_nothing_left_to_try() -> None:
    space = space_of(GOOD)
    pinned = checked_space(pin(space, space.tries[0].params, seed=0, found={}), Config)
    assert (pinned.tries, pinned.fixed["lr"]) == ((), 2e-3)
