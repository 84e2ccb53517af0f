"""The bank of learning curves: which configurations, in which order, and that no kill makes a row twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import optuna
import pyarrow.parquet as pq
import pytest
from benchmarks.regret.bank_files import SCHEMA, Bank
from benchmarks.regret.configurations import configurations, draw

from sparring.models import find_config
from sparring.space import checked_space, find_space, read_space

TESTS = Path(__file__).parent

TINY = ("--set", "steps_per_epoch=2", "--set", "epochs=3")


def space_of(system):
    return checked_space(read_space(find_space(system)), find_config(system), system)


@pytest.mark.parametrize("system", ["aegan", "aae_series", "auxgan"])
def test_every_configuration_is_one_the_space_can_draw(system):
    space = space_of(system)
    drawn = [configuration.params for configuration in configurations(space, 120)]
    told = [space.to_optuna(params)[0] for params in drawn]  # a SpaceError if a value lies outside
    assert [space.suggest(optuna.trial.FixedTrial(values)) for values in told] == drawn
    assert all(space.config(params) for params in drawn)


def test_a_beginning_of_the_bank_is_the_beginning_of_a_longer_one_and_none_comes_twice():
    space = space_of("mlp_aae")
    long = configurations(space, 60)
    assert configurations(space, 20) == long[:20]
    assert len({json.dumps(configuration.params) for configuration in long}) == 60
    assert [long[0].kind, long[0].params] == ["default", space.baseline()]


def test_near_a_point_half_of_the_values_are_the_points_and_numbers_move_a_fifth_of_their_range():
    space = space_of("mlp_aae")
    default, rng = space.baseline(), np.random.default_rng(0)
    drawn = [draw(space, rng, near={**default, "lr_gen": 1e-3}) for _ in range(2000)]
    assert np.mean([params["lr_dis"] == default["lr_dis"] for params in drawn]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([params["norm"] == default["norm"] for params in drawn]) == pytest.approx(0.75, abs=0.04)
    moved = [np.log(params["lr_gen"] / 1e-3) / np.log(25) for params in drawn if params["lr_gen"] != 1e-3]
    # In the middle of its range the ends, 2.5 deviations away, hardly fold anything back.
    assert np.std(moved) == pytest.approx(0.2, abs=0.015)


def rows(training, epochs=2):
    same = dict.fromkeys(SCHEMA.names, "") | {"training": training, "number": 1, "seed": 0, "cpu_s": 1.0}
    return [{**same, "epoch": epoch, "value": 1.0} for epoch in range(1, epochs + 1)]


def test_a_merge_that_died_before_it_removed_the_parts_makes_no_row_twice(tmp_path):
    bank = Bank(tmp_path)
    bank.add("aegan", "a", rows("a"))
    bank.add("aegan", "b", rows("b"))
    shutil.copytree(tmp_path / "parts", tmp_path / "kept")
    assert bank.merge("aegan") == 2
    shutil.copytree(tmp_path / "kept", tmp_path / "parts", dirs_exist_ok=True)
    assert bank.merge("aegan") == 2
    assert pq.read_table(tmp_path / "aegan.parquet").num_rows == 4
    assert not list(tmp_path.glob("parts/*/*"))


def test_what_is_merged_or_still_a_part_is_not_claimed_again(tmp_path):
    bank = Bank(tmp_path)
    bank.add("aegan", "a", rows("a"))
    bank.merge("aegan")
    bank.add("aegan", "b", rows("b"))
    claims = {}
    for training in "abc":
        with bank.claim("aegan", training) as is_ours:
            claims[training] = is_ours
    assert claims == {"a": False, "b": False, "c": True}


def test_what_another_process_trains_is_not_claimed_and_its_death_frees_it(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from benchmarks.regret.bank_files import Bank\n"
        "with Bank(Path(sys.argv[1])).claim('aegan', 'a') as ours: print(ours, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, env=environment) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"True\n"
        bank = Bank(tmp_path)
        with bank.claim("aegan", "a") as is_ours:
            assert not is_ours
        other.kill()
    with bank.claim("aegan", "a") as is_ours:
        assert is_ours


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_makes_no_row_twice(tmp_path):
    command = [sys.executable, "-m", "benchmarks.regret.bank", "mlp_aae", "--configurations", "3", *TINY]
    command += ["--processes", "2", "--folder", str(tmp_path)]
    with subprocess.Popen(command, cwd=TESTS, start_new_session=True) as first:
        until = time.monotonic() + 300
        while not list(tmp_path.glob("parts/mlp_aae/*.parquet")):
            assert first.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        os.killpg(first.pid, signal.SIGKILL)
    kept = {path.stem: path.stat().st_mtime_ns for path in tmp_path.glob("parts/mlp_aae/*.parquet")}
    assert 0 < len(kept) < 9
    subprocess.run(command, cwd=TESTS, check=True)
    table = pq.read_table(tmp_path / "mlp_aae.parquet").to_pylist()
    assert set(kept) <= {row["training"] for row in table}
    seen = Counter((row["number"], row["seed"], row["epoch"]) for row in table)
    assert set(seen.values()) == {1}
    assert len(seen) == 3 * 3 * 3
    assert all(row["cpu_s"] > 0 for row in table)
