"""Any space at all: what it draws its Config takes, Optuna gives back, and a pinned file keeps."""

from __future__ import annotations

from typing import Any, Literal

import optuna
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import create_model

from sparring.space import checked_space, pin

optuna.logging.set_verbosity(optuna.logging.ERROR)

RANGE = st.tuples(st.floats(-100, 100), st.floats(0.001, 100)).map(lambda lw: [lw[0], sum(lw)])
POSITIVE = st.tuples(st.floats(1e-6, 100), st.floats(1.01, 1e4)).map(lambda lf: [lf[0], lf[0] * lf[1]])
INTEGERS = st.tuples(st.integers(-50, 50), st.integers(1, 100)).map(lambda lw: [lw[0], sum(lw)])
TABLES = st.one_of(
    st.builds(lambda r: {"uniform": r}, RANGE),
    st.builds(lambda r: {"loguniform": r}, POSITIVE),
    st.builds(lambda r: {"loguniform": r, "off": 0.0}, POSITIVE),
    st.builds(lambda r: {"int": r}, INTEGERS),
    st.builds(lambda r: {"int": [1, 1 + abs(r[0])], "off": 0, "log": True}, INTEGERS.filter(lambda r: r[0] != 0)),
    st.builds(lambda low, n, k: {"int": [low, low + n * k], "step": k}, st.integers(0, 9), st.integers(1, 9),
              st.integers(1, 9)),
    st.builds(lambda n, s: {"uniform": [0.0, round(n * s, 4)], "step": s}, st.integers(1, 9),
              st.sampled_from([0.1, 0.25, 0.3])),
    st.builds(lambda c: {"choice": c}, st.lists(st.text(max_size=5), min_size=2, max_size=5, unique=True)),
    st.just({"choice": [False, True]}),
)  # fmt: skip


HEAD = {"model": "toy", "dataset": "exafs", "objectives": [{"metric": "val/score"}]}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables=st.lists(TABLES, min_size=1, max_size=5), conditional=st.booleans(), seed=st.integers(0, 99))
def test_whatever_a_space_draws_its_config_takes_and_optuna_gives_back(
    tables: list[dict[str, Any]], conditional: bool, seed: int
) -> None:
    search = {f"field{index}": table for index, table in enumerate(tables)}
    if conditional:
        search = {"gate": {"choice": ["a", "b"]}} | {
            name: {**each, "when": {"gate": "b"}} for name, each in search.items()
        }
    types: dict[str, Any] = {"gate": (Literal["a", "b"], "a")}
    for name, table in search.items():
        first = next(table[kind] for kind in ("uniform", "loguniform", "int", "choice") if kind in table)[0]
        types[name] = (type(first), first)
    space = checked_space({**HEAD, "search": search}, create_model("Drawn", **types))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    for _ in range(5):
        trial = study.ask()
        params = space.suggest(trial)
        config = space.config(params)
        assert all(getattr(config, name) == value for name, value in params.items())
        values, distributions = space.to_optuna(params)
        assert (values, distributions) == (trial.params, trial.distributions)
        assert space.suggest(optuna.trial.FixedTrial(values)) == params
        pinned = checked_space(pin(space, params, seed=seed, found={}), space.config_class)
        assert pinned.config({}) == config
