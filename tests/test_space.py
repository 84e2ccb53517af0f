"""The search space: what a trial draws, how it comes back from Optuna, what is pinned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from pydantic import create_model
from support.toy_space import SPACE, Config

from sparring.errors import SpaceError
from sparring.space import Space, apply_config, apply_settings, checked_space, pin, read_space, settings_of, write_toml

optuna.logging.set_verbosity(optuna.logging.ERROR)


def space_of(**tables: Any) -> Space:
    return checked_space({**SPACE, **tables}, Config, where="toy.toml")


def test_the_baseline_is_the_published_default_without_what_does_not_apply() -> None:
    expected: dict[str, Any] = {
        "lr": 0.01,
        "width": 64,
        "depth": 2,
        "dropout": 0.0,
        "loss": "mse",
        "w_adv": 0.0,
        "bias": True,
    }
    assert space_of().baseline() == expected
    assert space_of().config(expected) == Config(epochs=27)


def test_defaults_move_the_baseline_and_stay_searched() -> None:
    space = space_of(defaults={"loss": "wcc", "wcc_width": 7.0})
    assert space.baseline()["wcc_width"] == 7
    assert type(space.baseline()["wcc_width"]) is int
    assert space.config(space.baseline()) == Config(epochs=27, loss="wcc", wcc_width=7.0)


def test_a_condition_decides_whether_a_value_is_drawn() -> None:
    space = space_of()
    for loss, extra in (("mse", {}), ("wcc", {"wcc_width": 5})):
        values = {**space.baseline(), "loss": loss, **extra}
        assert ("wcc_width" in space.suggest(optuna.trial.FixedTrial(space.to_optuna(values)[0]))) == (loss == "wcc")


def test_a_condition_may_be_written_before_what_it_names() -> None:
    search = dict(reversed(SPACE["search"].items()))
    names = [dimension.name for dimension in space_of(search=search).dimensions]
    assert names.index("loss") < names.index("wcc_width")


def test_a_condition_on_a_fixed_field_holds_or_not_for_good() -> None:
    search = {"wcc_width": {"int": [5, 15], "when": {"loss": ["wcc", "l1"]}}}
    assert space_of(search=search, fixed={"loss": "l1"}).baseline() == {"wcc_width": 10}
    assert space_of(search=search, fixed={"loss": "mse"}).baseline() == {}


def test_what_hangs_on_an_absent_value_is_absent_too() -> None:
    search = {**SPACE["search"], "early_stop": {"int": [3, 9], "when": {"wcc_width": [5, 6]}}}
    space = space_of(search=search)
    assert "early_stop" not in space.baseline()
    with pytest.raises(SpaceError, match=r"search\.early_stop: does not apply but is 3"):
        space.config({**space.baseline(), "early_stop": 3})


def test_an_off_value_is_drawn_about_half_the_time_and_the_range_otherwise() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    drawn = [float(space_of().suggest(study.ask())["w_adv"]) for _ in range(200)]
    on = [value for value in drawn if value != 0.0]
    assert 70 < len(on) < 130  # binomial(200, 1/2): beyond 4 standard deviations
    assert all(1e-4 <= value <= 1.0 for value in on)
    assert sum(value < 1e-2 for value in on) / len(on) == pytest.approx(0.5, abs=0.2)  # log-uniform: half below 0.01


def test_optuna_parameters_hold_the_switch_and_the_value_only_if_on() -> None:
    space = space_of()
    off, _ = space.to_optuna(space.baseline())
    on, distributions = space.to_optuna({**space.baseline(), "w_adv": 0.5})
    assert off["w_adv.on"] is False
    assert "w_adv" not in off
    assert on["w_adv.on"] is True
    assert on["w_adv"] == 0.5
    assert distributions["w_adv"] == optuna.distributions.FloatDistribution(1e-4, 1.0, log=True)
    assert distributions["dropout"] == optuna.distributions.FloatDistribution(0.0, 0.5, step=0.1)
    assert distributions["depth"] == optuna.distributions.IntDistribution(1, 5)
    assert distributions["width"] == optuna.distributions.CategoricalDistribution((32, 64, 512))


def test_an_enqueued_baseline_is_drawn_exactly() -> None:
    space = space_of()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    study.enqueue_trial(space.to_optuna(space.baseline())[0])
    assert space.suggest(study.ask()) == space.baseline()


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_grouped_multivariate_tpe_searches_conditions_and_switches_and_a_rebuilt_study_goes_on_alike() -> None:
    space = space_of()

    def sampler() -> optuna.samplers.TPESampler:
        return optuna.samplers.TPESampler(multivariate=True, group=True, n_startup_trials=5, seed=3)

    study = optuna.create_study(sampler=sampler())
    for _ in range(25):
        trial = study.ask()
        params = space.suggest(trial)
        space.config({**params, "width": 32})
        study.tell(trial, abs(float(params["lr"]) - 1e-3) + float(params["w_adv"]) + (params["loss"] != "wcc"))
    drawn = {tuple(sorted(trial.params)) for trial in study.trials}
    assert len(drawn) == 4  # wcc or not, w_adv on or off

    rebuilt = optuna.create_study(sampler=sampler())
    for old in study.trials:
        params = space.suggest(optuna.trial.FixedTrial(old.params))
        values, distributions = space.to_optuna(params)
        assert (values, distributions) == (old.params, old.distributions)
        rebuilt.add_trial(optuna.trial.create_trial(params=values, distributions=distributions, value=old.value))
    study.sampler, rebuilt.sampler = sampler(), sampler()
    assert space.suggest(study.ask()) == space.suggest(rebuilt.ask())


def test_a_value_out_of_range_missing_or_unknown_does_not_reach_optuna() -> None:
    space, base = space_of(), space_of().baseline()
    for params, words in (
        ({**base, "lr": 0.1}, r"search\.lr: 0\.1 lies outside \[1e-05, 0\.03\]"),
        ({**base, "width": 65}, r"search\.width: 65 lies outside one of \[32, 64, 512\]"),
        ({**base, "depth": 2.5}, r"search\.depth: 2\.5 lies outside"),
        ({**base, "depth": True}, r"search\.depth: True lies outside"),
        ({**base, "bias": 1}, r"search\.bias: 1 lies outside"),
        ({**base, "dropout": 0.15}, r"search\.dropout: 0\.15 lies outside"),
        ({**base, "lr": float("nan")}, r"search\.lr: nan lies outside"),
        ({name: value for name, value in base.items() if name != "lr"}, r"search\.lr: applies but has no value"),
        ({**base, "wcc_width": 5}, r"search\.wcc_width: does not apply but is 5"),
        ({**base, "widht": 5}, r"no searched field 'widht'; did you mean 'width'\?"),
    ):
        with pytest.raises(SpaceError, match=words):
            space.to_optuna(params)


def test_a_combination_the_model_refuses_is_a_space_error() -> None:
    with pytest.raises(
        SpaceError, match=r"toy\.toml: Config refuses this combination: width times depth is at most 1000"
    ):
        space_of().config({**space_of().baseline(), "width": 512, "depth": 5})


def test_kinds_are_the_columns_of_the_ledger() -> None:
    assert space_of().kinds == {
        "lr": "float", "width": "int", "depth": "int", "dropout": "float",
        "loss": "str", "wcc_width": "int", "w_adv": "float", "bias": "bool",
    }  # fmt: skip


def test_the_fingerprint_sees_meaning_and_not_order() -> None:
    shuffled = json.loads(json.dumps(SPACE, sort_keys=True))
    shuffled["search"] = dict(reversed(shuffled["search"].items()))
    shuffled["search"]["width"] = {"choice": [512, 32, 64]}
    shuffled["search"]["w_adv"]["loguniform"] = [1e-4, 1]
    shuffled["found"] = {"study": "aegan-1"}
    assert checked_space(shuffled, Config).fingerprint() == space_of().fingerprint()

    changes: tuple[dict[str, Any], ...] = (
        {"fixed": {"epochs": 9}},
        {"defaults": {"depth": 3}},
        {"search": {**SPACE["search"], "depth": {"int": [1, 6]}}},
        {"search": {**SPACE["search"], "wcc_width": {"int": [5, 15]}}},
        {"objectives": [{"metric": "val/mse_predict_spectrum"}]},
        {"model": "other"},
        {"rungs": 1},
    )
    prints = {space_of(**change).fingerprint() for change in changes} | {space_of().fingerprint()}
    assert len(prints) == len(changes) + 1
    assert space_of(rungs=2).fingerprint() == space_of().fingerprint(), "as many as unless said"


def test_the_pinned_file_is_a_space_without_a_search_that_builds_the_same_config(tmp_path: Path) -> None:
    space = space_of(
        data={"fourier": False}, defaults={"wcc_width": 12.0}, fixed={"epochs": 27, "early_stop": None}, rungs=1
    )
    params = {**space.baseline(), "lr": 0.1 * 0.1 / 3, "w_adv": 1e-4}
    found: dict[str, Any] = {"study": "aegan-1", "trial": 7, "value": 0.123456789012345678, "epoch": 9, "note": None}
    (tmp_path / "best.toml").write_text(write_toml(pin(space, params, seed=11, found=found)))
    pinned = checked_space(read_space(tmp_path / "best.toml"), Config)
    assert pinned.dimensions == ()
    assert pinned.baseline() == {}
    assert pinned.config({}) == space.config(params)
    assert pinned.fixed["lr"] == 0.1 * 0.1 / 3
    assert pinned.fixed["wcc_width"] == 12.0  # of no effect here, yet the user's own default stays in the record
    assert pinned.seed == 11
    settings = settings_of(pinned.raw)
    assert pinned.raw["found"] == {key: value for key, value in found.items() if value is not None} | {
        "settings": settings
    }
    assert (settings["lr"], settings["seed"], settings["data.fourier"]) == (0.1 * 0.1 / 3, 11, False)
    assert (pinned.model, pinned.dataset, pinned.data) == ("toy", "exafs", {"fourier": False})
    assert pinned.objectives == space.objectives
    assert "rungs" not in pinned.raw


def test_a_null_that_toml_cannot_say_is_not_dropped_in_silence() -> None:
    Nullable = create_model("Nullable", __base__=Config, decay=(float | None, 1e-5))
    space = checked_space({**SPACE, "fixed": {"decay": None}}, Nullable)
    with pytest.raises(SpaceError, match=r"fixed\.decay: TOML has no null"):
        pin(space, space.baseline(), seed=0, found={})


def test_a_setting_fixes_a_field_and_a_config_moves_the_baseline() -> None:
    raw = apply_config(SPACE, {"depth": 4, "early_stop": 5, "epochs": 3})
    assert checked_space(raw, Config).baseline()["depth"] == 4
    assert checked_space(raw, Config).fixed == {"epochs": 3, "early_stop": 5}
    raw = apply_settings(raw, ["depth=3", "loss = mse", "lr=1e-3", "data.fourier=true"], Config.model_fields)
    space = checked_space(raw, Config)
    assert space.fixed == {"epochs": 3, "early_stop": 5, "depth": 3, "loss": "mse", "lr": 1e-3}
    assert {"depth", "loss", "lr", "wcc_width"}.isdisjoint(space.baseline())
    assert space.data == {"fourier": True}
    assert "depth" in SPACE["search"]  # the argument stays as it was
    assert "data" not in SPACE


@pytest.mark.parametrize("word", ["False", "false"])
def test_python_s_truth_is_a_value_and_its_none_is_what_a_pinned_file_leaves_out(word: str, tmp_path: Path) -> None:
    space = checked_space(apply_settings(SPACE, [f"bias={word}", "early_stop=None"], Config.model_fields), Config)
    config = space.config(space.baseline())
    assert (config.bias, config.early_stop) == (False, None)
    (tmp_path / "best.toml").write_text(write_toml(pin(space, space.baseline(), seed=0, found={})), encoding="utf-8")
    assert checked_space(read_space(tmp_path / "best.toml"), Config).config({}) == config
