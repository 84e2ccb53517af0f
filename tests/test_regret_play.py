"""Whole searches replayed: ours by its own referee, what is written, and what the figures make of it."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.regret.curves import make_curve, read_table
from benchmarks.regret.figures import rank_correlation, report
from benchmarks.regret.ours import Ours
from benchmarks.regret.play import TRIALS, Key, read_lines, searched, work
from benchmarks.regret.ranking import Lines, rank
from benchmarks.regret.slots import play
from benchmarks.regret.strategies import Budget
from benchmarks.regret.worlds import BankWorld, ForestWorld
from support.curve_bank import write_bank

from sparring.models import find_config
from sparring.records import Outcome
from sparring.space import checked_space, find_space, read_space

TESTS = Path(__file__).parent

EPOCHS = 27

pytestmark = pytest.mark.slow  # all together


def curves(ends):
    """Each falls from 9 to its end in one epoch, and stays there; an epoch takes a second."""
    return [make_curve(np.array([9.0, *[end] * (EPOCHS - 1)]), np.ones(EPOCHS), is_whole=True) for end in ends]


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bank")
    write_bank(folder)
    return folder


@pytest.fixture(scope="module")
def worlds(bank):
    space = checked_space(read_space(find_space("mlp_aae")), find_config("mlp_aae"), "mlp_aae")
    table = read_table(bank / "mlp_aae.parquet")
    return BankWorld(table), ForestWorld(table, space)


def test_ours_begins_the_trials_of_its_budget_and_finishes_what_is_known_and_what_is_best():
    known = curves([5, 4, 8, *np.linspace(7, 3, 21)])
    search = Ours(Budget(trials=24), EPOCHS, lambda number, _: known[number], seed=0, first=3)
    played = play(search, search.curve, 2)
    assert len(played.curves) == 24
    assert played.trained[:3].tolist() == [EPOCHS] * 3
    assert np.isfinite(played.ended[-1])  # each of those after them is the best so far
    assert played.named == 23
    its = search.referee.snapshot()
    assert its.outcomes[Outcome.COMPLETED] == np.isfinite(played.ended).sum()
    assert its.epochs == played.trained.sum()
    assert its.trained_s == played.seconds
    assert its.best.trial == played.named


def test_ours_stops_those_that_are_worse_and_spends_its_seconds():
    known = curves([3, *np.linspace(4, 8, 400)])
    search = Ours(Budget(seconds=300.0), EPOCHS, lambda number, _: known[number], seed=0)
    played = play(search, search.curve, 2)
    assert played.trained.min() < EPOCHS
    assert 300 - 2 * EPOCHS <= played.seconds <= 300 + 2 * EPOCHS
    assert played.named == 0


def test_a_diverged_trial_of_ours_ends_and_the_search_goes_on():
    known = curves([3, 4, 5, 2])
    known[1] = make_curve(np.array([9.0, np.nan]), np.ones(2), is_whole=False)
    search = Ours(Budget(trials=4), EPOCHS, lambda number, _: known[number], seed=0)
    played = play(search, search.curve, 2)
    assert played.trained[1] == 2
    assert played.named == 3


def test_every_strategy_ends_in_both_worlds_and_the_same_seed_repeats_itself(worlds):
    for world in worlds:
        for strategy in world.strategies:
            if strategy.startswith(("GP", "CMA")):  # seconds a draw; a package that need not be there
                continue
            lines = [searched(world, Key(world.name, "mlp_aae", strategy, f"{TRIALS[0]} trials", 3)) for _ in range(2)]
            for line in lines:
                del line["cpu_s"]
            assert lines[0] == lines[1], strategy
            assert lines[0]["begun"] == TRIALS[0], strategy
            assert lines[0]["found"] is not None, strategy
            assert lines[0]["path"][-1][1] == lines[0]["found"]


def test_in_the_bank_everyone_gets_the_same_trials_and_training_all_of_them_stops_no_best(worlds):
    bank, _ = worlds
    lines = {
        name: searched(bank, Key("bank", "mlp_aae", name, "24 trials", 0)) for name in ("ours", "whole", "peeking")
    }
    assert len({line["best_begun"] for line in lines.values()}) == 1
    assert lines["whole"]["best_whole"] == lines["whole"]["best_begun"]
    assert lines["peeking"]["found"] <= min(line["found"] for line in lines.values())
    assert lines["peeking"]["seconds"] < lines["whole"]["seconds"]


def test_the_same_command_goes_on_and_repeats_only_what_was_torn(bank, tmp_path):
    out = tmp_path / "runs.jsonl"
    command = [sys.executable, "-m", "benchmarks.regret.play", str(bank), "--out", str(out), "--world", "bank"]
    command += ["--seeds", "2", "--strategies", "whole", "blind halving", "one epoch"]
    subprocess.run(command, cwd=TESTS, check=True)
    first = read_lines(out)
    assert len(first) == 3 * 6 * 2
    out.write_text(out.read_text()[:-20])
    assert len(read_lines(out)) == len(first) - 1
    asked = {
        "bank": bank,
        "out": out,
        "world": ["bank"],
        "strategies": command[-3:],
        "seeds": 2,
        "systems": [],
        "budgets": [],
    }
    work(argparse.Namespace(**asked, processes=1), 0)  # what the command's process does
    texts = [text for text in out.read_text().splitlines() if text]
    assert len(texts) == len(first) + 1
    assert read_lines(out).keys() == first.keys()


def line(key, found, path=None):
    whole = {"default": 2.0, "best": 1.0, "found": found, "path": path or [[1, found]], "begun": 24, "whole": 3}
    return {**vars(key), **whole, "seconds": 9.0, "best_begun": 1.0, "best_whole": found}


def lines_of(found):
    """found: by strategy and budget, what it found by seed, or the path of each."""
    lines = {}
    for (strategy, budget), values in found.items():
        for seed, value in enumerate(values):
            key = Key("bank", "mlp_aae", strategy, budget, seed)
            path = value if isinstance(value, list) else None
            lines[key] = line(key, path[-1][1] if path else value, path)
    return lines


def test_regret_is_one_at_the_default_and_nothing_at_the_best():
    lines = Lines(lines_of({("ours", "24 trials"): [1.0, 1.5, 2.0, 3.0, None]}), "bank")
    assert list(lines.regrets("mlp_aae", "ours", "24 trials").values()) == [0, 0.5, 1, 1, 1]
    assert lines.stopped("mlp_aae", "ours", "24 trials") == [0, 0.5, 1, 1, 1]


def test_ranks_and_their_critical_difference_are_those_of_the_textbook():
    # Demšar (JMLR 2006), table 5: q is 2.343 for three and 2.850 for six methods at 0.05.
    found = {("a", "24 trials"): [1.1] * 10, ("b", "24 trials"): [1.2] * 10, ("ours", "24 trials"): [1.0] * 10}
    ranks = Lines(lines_of(found), "bank").ranks("24 trials")
    assert ranks.means == {"ours": 1, "a": 2, "b": 3}
    assert ranks.blocks == 10
    assert ranks.critical == pytest.approx(2.343 * np.sqrt(3 * 4 / 60), rel=1e-3)
    assert ranks.p == pytest.approx(np.exp(-10), rel=1e-6)  # chi squared of 20 with two degrees of freedom
    six = rank("abcdef", np.random.default_rng(0).random((14, 6)))
    assert six.critical == pytest.approx(2.850 * np.sqrt(6 * 7 / (6 * 14)), rel=1e-3)
    assert rank("ab", np.ones((5, 2))).p == 1


def test_trials_needed_are_read_from_the_median_of_the_paths():
    found = {("ours", "24 trials"): [1.3, 1.4, 1.5], ("a", "200 trials"): [[[1, 1.9], [7, 1.4]]] * 2 + [[[1, 1.9]]]}
    lines = Lines(lines_of(found), "bank")
    assert lines.needed("mlp_aae", "a", "24 trials", "200 trials") == 7
    worse = {**found, ("a", "200 trials"): [[[1, 1.9], [7, 1.41]]] * 3}
    assert Lines(lines_of(worse), "bank").needed("mlp_aae", "a", "24 trials", "200 trials") is None


def test_the_report_states_the_forests_error_and_the_rank_correlation_goes_into_a_file(bank, worlds, tmp_path):
    runs = tmp_path / "runs.jsonl"
    with runs.open("w") as file:
        for world in worlds:
            for strategy in list(world.strategies)[:3]:
                for seed in range(2):
                    for budget in ("24 trials", "200 trials"):
                        made = searched(world, Key(world.name, "mlp_aae", strategy, budget, seed))
                        file.write(json.dumps(made) + "\n")
    text = report(bank, runs, tmp_path)
    fit = worlds[1].forest.fit
    assert f"| mlp_aae | 30 | {fit.r2:.2f} | {fit.tau:.2f} |" in text
    assert "## World: bank" in text
    assert "critical difference" in text
    assert {path.name for path in tmp_path.glob("*.png")} >= {"bank-paths.png", "forest-ranks-24-trials.png"}
    assert len(rank_correlation([worlds[0].table])["mlp_aae"]["tau"]) == 9
