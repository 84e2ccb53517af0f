"""Bad spaces: each is refused before anything starts, by place and rule."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from support.toy_space import SPACE, Config

from sparring.data.cards import options_of, read_card
from sparring.errors import SpaceError, UnknownName
from sparring.models import find_config
from sparring.resources import shipped
from sparring.space import apply_settings, checked_space, find_space, read_space

NAN, INF = float("nan"), float("inf")


def refusal_of(raw: dict[str, Any]) -> str:
    with pytest.raises(SpaceError) as caught:
        checked_space(raw, Config, where="toy.toml")
    text = str(caught.value)
    assert text.startswith("toy.toml: ")
    assert "\n" not in text
    return text


RANGES: list[tuple[str, Any, str]] = [
    ("lr", {"loguniform": [0.0, 1.0]}, "search.lr: a log range needs 0 < low, but got low=0.0; use a small positive"),
    ("depth", {"int": [0, 4], "log": True}, "a log range needs 0 < low, but got low=0"),
    ("lr", {"uniform": [1.0, 0.1]}, "search.lr: wants low < high, but got low=1.0, high=0.1; swap them"),
    ("lr", {"uniform": [0.1, 0.1]}, "both 0.1, which leaves nothing to search; set it under [fixed]"),
    ("lr", {"uniform": [NAN, 1.0]}, "wants a finite number"),
    ("lr", {"uniform": [0.1, INF]}, "wants a finite number"),
    ("depth", {"int": [1, 10**400]}, "wants a finite number"),
    ("lr", {"uniform": ["1e-3", 1.0]}, "uniform wants a number, but got '1e-3'"),
    ("lr", {"uniform": [False, True]}, "uniform wants a number, but got False"),
    ("depth", {"int": [True, 5]}, "int wants an integer, but got True"),
    ("depth", {"int": [1.0, 5]}, "int wants an integer, but got 1.0"),
    ("depth", {"int": [1, 5, 9]}, "int wants [low, high], but got [1, 5, 9]"),
    ("depth", {"int": 5}, "int wants [low, high], but got 5"),
    ("depth", {"int": [1, 6], "step": 2}, "step=2 does not divide high - low = 6 - 1"),
    ("dropout", {"uniform": [0.0, 0.5], "step": 0.2}, "step=0.2 does not divide"),
    ("depth", {"int": [1, 5], "step": 0}, "wants step > 0, but got step=0"),
    ("depth", {"int": [1, 5], "step": 2, "log": True}, "a log range has no step"),
    ("depth", {"int": [1, 5], "log": "yes"}, "search.depth.log: wants true or false"),
    ("lr", {"loguniform": [0.1, 1.0], "step": 0.1}, "a loguniform goes with off, when, but got step"),
    ("lr", {"loguniform": [0.01, 1.0], "off": 0.5}, "search.lr.off: must lie outside [0.01, 1.0]"),
    ("lr", {"loguniform": [0.001, 1.0], "off": 0.0}, "refuses 0.0: wants more than 0"),
    ("width", {"choice": []}, "choice wants a list of values"),
    ("width", {"choice": [64]}, "the only choice"),
    ("width", {"choice": [64, 64]}, "each choice stands once"),
    ("width", {"choice": [64, "128"]}, "choices are all float, all int, all bool or all str"),
    ("width", {"choice": [True, 2]}, "choices are all float, all int, all bool or all str"),
    ("width", {"choice": [[64], [128]]}, "toy refuses '[64]': wants a whole number; narrow the range"),
    ("lr", {"choice": [NAN, 0.01]}, "choices are finite numbers"),
    ("lr", {"choice": ["0.01", "0.1"]}, "refuses '0.01': wants a number"),
    ("loss", {"choice": ["mse", "wcc", "l2"]}, "refuses 'l2': wants 'mse', 'l1' or 'wcc'"),
    ("depth", {"int": [0, 5]}, "search.depth: toy refuses 0: wants at least 1"),
    ("dropout", {"uniform": [0.0, 1.0]}, "refuses 1.0: wants less than 1"),
    ("depth", {"uniform": [1.0, 4.5]}, "refuses 1.0: wants a whole number"),
    ("lr", {"loguniform": [0.1, 1.0]}, "search.lr: the default 0.01 lies outside [0.1, 1.0]; widen the range"),
    ("early_stop", {"int": [1, 5]}, "search.early_stop: the default None lies outside"),
    ("lr", {}, "exactly one of loguniform, uniform, int, choice, but got none"),
    ("lr", {"uniform": [0.0, 1.0], "choice": [1.0, 2.0]}, "exactly one of"),
    ("lr", {"unifrom": [0.0, 1.0]}, "search.lr: no key 'unifrom'; did you mean 'uniform'?"),
    ("lr", [1e-5, 1e-2], "a searched field is a table"),
    ("lr", 0.1, "a single value belongs under [fixed]"),
    ("widht", {"int": [1, 5]}, "search: no field of toy's Config 'widht'; did you mean 'width'?"),
    ("epochs", {"int": [1, 200]}, "epochs: stands under both [fixed] and [search]"),
    (
        "wcc_width",
        {"int": [5, 15], "when": {"los": "wcc"}},
        "search.wcc_width.when: no searched or fixed field 'los'; did",
    ),
    ("wcc_width", {"int": [5, 15], "when": {"milestones": 3}}, "no searched or fixed field 'milestones'"),
    ("wcc_width", {"int": [5, 15], "when": {"loss": "wc"}}, "loss = 'wc' never occurs; it is one of"),
    ("wcc_width", {"int": [5, 15], "when": {"depth": [1, 6]}}, "depth = 6 never occurs; it is [1, 5]"),
    ("wcc_width", {"int": [5, 15], "when": {"epochs": 0}}, "epochs = 0 never occurs: wants at least 1"),
    ("wcc_width", {"int": [5, 15], "when": {"lr": 0.01}}, "wants a choice or an int, but lr is a range of floats"),
    ("wcc_width", {"int": [5, 15], "when": {"wcc_width": 5}}, "`when` runs in a circle: wcc_width needs wcc_width"),
    ("wcc_width", {"int": [5, 15], "when": {}}, "search.wcc_width.when: wants a table"),
    ("wcc_width", {"int": [5, 15], "when": {"loss": []}}, "when.loss: wants a value or a list of values"),
]


@pytest.mark.fault(55)
@pytest.mark.parametrize(("name", "table", "words"), RANGES)
def test_a_bad_dimension_is_refused_by_place_and_rule(name: str, table: Any, words: str) -> None:
    assert words in refusal_of({**SPACE, "search": {**SPACE["search"], name: table}})


FILES: list[tuple[dict[str, Any], str]] = [
    ({"serach": {}}, "no key 'serach'; did you mean 'search'?"),
    ({"model": ""}, "model: wants a text, but got ''"),
    ({"dataset": None}, "dataset is missing; write it above the tables"),
    ({"split": 80}, "split: wants a text, but got 80"),
    ({"search": [1]}, "search: wants a table [search], but got [1]"),
    ({"seed": -1}, "seed: wants an integer from 0 to 2^63 - 1, but got -1"),
    ({"rungs": 0}, "rungs: wants an integer from 1 to 5, but got 0"),
    ({"rungs": True}, "rungs: wants an integer from 1 to 5, but got True"),
    ({"seed": True}, "seed: wants an integer"),
    ({"fixed": {"epochs": 0}}, "fixed.epochs: toy refuses 0: wants at least 1"),
    ({"fixed": {"epochs": "27"}}, "fixed.epochs: toy refuses '27': wants a whole number"),
    ({"fixed": {"epochs": True}}, "fixed.epochs: toy refuses True: wants a whole number"),
    ({"fixed": {"eopchs": 27}}, "fixed: no field of toy's Config 'eopchs'; did you mean 'epochs'?"),
    ({"fixed": {"epochs": INF}}, "fixed.epochs: wants a finite number, but got inf"),
    ({"fixed": {"epochs": datetime.date(2026, 1, 1)}}, "fixed.epochs: wants a number, a text"),
    ({"data": {"cut": [0.0, NAN]}}, "data.cut: wants a finite number, but got nan"),
    ({"defaults": {"epochs": 9}}, "defaults.epochs: 9 is not searched; move it to [fixed]"),
    ({"defaults": {"lr": 0.5}}, "search.lr: the default 0.5 lies outside [1e-05, 0.03]"),
    ({"defaults": {"width": 512, "depth": 5}}, "Config refuses this combination"),
    ({"objectives": []}, "objectives: wants [[objectives]]"),
    (
        {"objectives": [{"metric": "val/scroe"}]},
        "objectives[0].metric: no metric 'val/scroe'; did you mean 'val/score'",
    ),
    ({"objectives": [{"metric": "val/score", "goal": "maximize"}]}, "val/score is to minimize, but got 'maximize'"),
    ({"objectives": [{"metric": "train/loss_gen"}]}, "train/loss_gen has no better direction"),
    ({"objectives": [{"metric": "val/score", "gaol": "x"}]}, "objectives[0]: no key 'gaol'; did you mean 'goal'?"),
    ({"objectives": [{"metric": "val/score"}, {"metric": "val/score"}]}, "each metric stands once"),
]


@pytest.mark.parametrize(("change", "words"), FILES)
def test_a_bad_file_is_refused_by_place_and_rule(change: dict[str, Any], words: str) -> None:
    assert words in refusal_of({**SPACE, **change})


def test_a_circle_of_conditions_names_its_fields() -> None:
    search = {
        "loss": {"choice": ["mse", "wcc"], "when": {"bias": True}},
        "bias": {"choice": [False, True], "when": {"loss": "wcc"}},
    }
    text = refusal_of({**SPACE, "search": search})
    assert "loss needs bias needs loss" in text or "bias needs loss needs bias" in text


def test_a_required_field_needs_a_default_to_start_from() -> None:
    class Required(Config):
        size: int

    raw = {**SPACE, "search": {"size": {"int": [1, 9]}}}
    with pytest.raises(SpaceError, match=r"search\.size: has no default; set one under \[defaults\]"):
        checked_space(raw, Required)
    assert checked_space({**raw, "defaults": {"size": 4}}, Required).baseline() == {"size": 4}


@pytest.mark.timeout(60)  # brackets that nest deep would keep a reader that follows them
def test_what_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    for text, words in (
        (b"model = 'a'\nlr = = 3\n", r"x\.toml: not TOML:.*line 2"),
        (b"[fixed]\nlr = 1\nlr = 2\n", r"not TOML: Cannot overwrite a value"),
        (b"a = '\xff'", r"TOML is UTF-8, but byte 5 is not"),
        (b"a = " + b"[" * 20_000, r"too deep|not TOML"),
        (b"#" * 1_000_001, r"at most 1,000,000 bytes, but got 1,000,001"),
    ):
        path.write_bytes(text)
        with pytest.raises(SpaceError, match=words):
            read_space(path)
    for other in (tmp_path, Path("/dev/zero")):
        with pytest.raises(SpaceError, match="is a file, but this is none"):
            read_space(other)
    with pytest.raises(SpaceError, match=r"none\.toml: no such file; .*`sparring best STUDY -o none\.toml` writes"):
        read_space(tmp_path / "none.toml")


def test_a_setting_that_makes_no_sense_is_refused() -> None:
    for setting, words in (
        ("widht=3", r"--set widht=3: no field 'widht'; did you mean 'width'\?"),
        ("width", r"--set width: wants key=value"),
        ("=3", r"--set =3: wants key=value"),
        ("data.side=None", r"--set data.side=None: an option of the data wants a value, but got None; leave it out"),
        ("lr=" + "[" * 20_000, r"--set lr: arrays or tables stand too deep inside one another"),
    ):
        with pytest.raises(SpaceError, match=words):
            apply_settings(SPACE, [setting], Config.model_fields)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("1e-3", 1e-3), ("true", True), ("mse", "mse"), ('"mse"', "mse"), ("[1, 2]", [1, 2]), ("", ""),
        ("1\nepochs = 3", "1\nepochs = 3"),
        ("True", True), ("False", False), ("None", None), ('"True"', "True"), ("TRUE", "TRUE"), ("none", "none"),
        ("[True]", "[True]"),
    ],
)  # fmt: skip
def test_a_settings_value_is_toml_or_python_s_truth_or_else_a_text(text: str, value: Any) -> None:
    found = apply_settings(SPACE, [f"lr={text}"], Config.model_fields)["fixed"]["lr"]
    assert (type(found), found) == (type(value), value)


def test_a_space_is_found_by_the_name_of_its_model_or_by_path(tmp_path: Path) -> None:
    assert find_space("aegan").name == "aegan.toml"
    assert read_space(find_space("aegan"))["model"] == "aegan"
    (tmp_path / "mine.toml").write_text("model = 'aegan'")
    assert find_space(str(tmp_path / "mine.toml")) == tmp_path / "mine.toml"
    with pytest.raises(SpaceError, match=r"gone\.toml: no such file"):
        find_space(str(tmp_path / "gone.toml"))
    with pytest.raises(UnknownName, match=r"no search space 'aegna'; did you mean 'aegan'"):
        find_space("aegna")


@pytest.mark.parametrize("path", sorted(shipped("search_spaces").glob("*.toml")), ids=lambda path: path.stem)
def test_a_shipped_space_fits_its_model_and_starts_from_the_published_default(path: Path) -> None:
    raw = read_space(path)
    config_class = find_config(raw["model"])
    space = checked_space(raw, config_class, where=path.name)
    assert path.stem == space.model or path.stem.startswith(f"{space.model}-")
    defaults = {name: value for name, value in raw.get("defaults", {}).items() if name in config_class.model_fields}
    assert space.config(space.baseline()) == config_class(**{**space.fixed, **defaults})
    card = read_card(space.dataset)
    assert options_of(card, space.data_options(space.baseline())) == options_of(card, space.data)


FULL_SIZE = ("advvae-32", "aae-28", "mlp_aae-28", "auxgan-published", "aux_aae-published", "boost_vae-published")


@pytest.mark.parametrize("name", FULL_SIZE)
def test_a_space_of_full_size_has_the_published_setting_inside_with_room_on_both_sides(name: str) -> None:
    """Spaces of a bare search are narrower: what three minutes on two cores cannot use is left out there."""
    raw = read_space(find_space(name))
    config_class = find_config(raw["model"])
    assert "defaults" not in raw
    for dimension in checked_space(raw, config_class, where=name).dimensions:
        published = config_class.model_fields[dimension.name].default
        if dimension.choices:
            listed = [
                list(value) if isinstance(value, tuple) else value for value in map(dimension.decode, dimension.choices)
            ]
            assert (list(published) if isinstance(published, tuple) else published) in listed, dimension.name
            if dimension.is_list:  # smaller nets and larger ones
                assert sum(listed[0]) < sum(published) < sum(listed[-1]), dimension.name
        elif published != dimension.off:
            assert dimension.low < published < dimension.high, dimension.name
