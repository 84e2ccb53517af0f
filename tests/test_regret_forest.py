"""Curves from the bank, and the forest that is fitted to them and says how wrong it is."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.regret.configurations import draw
from benchmarks.regret.curves import read_table
from benchmarks.regret.forest import Forest, _fit, _Trees
from support.curve_bank import write_bank

from sparring.models import find_config
from sparring.space import checked_space, find_space, read_space

pytestmark = pytest.mark.slow  # all together


@pytest.fixture(scope="module")
def space():
    return checked_space(read_space(find_space("mlp_aae")), find_config("mlp_aae"), "mlp_aae")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_bank(tmp_path_factory.mktemp("bank"))


def test_a_configuration_reaches_what_its_seeds_reach_in_the_mean(file):
    table = read_table(file)
    ends = [curve.best[-1] for curve in table.default.curves.values()]
    assert len(ends) == 3
    assert table.default.truth == pytest.approx(np.mean(ends))
    assert table.regret(table.default.truth) == 1
    assert table.regret(table.best) == 0
    assert table.regret((table.best + table.default.truth) / 2) == pytest.approx(0.5)


def test_the_noise_of_seeds_is_that_of_the_curves_and_the_end_ranks_as_itself(file):
    table = read_table(file)
    assert table.seed_noise == pytest.approx(0.02, rel=0.6)
    assert len(table.rank_correlation) == 9
    assert table.rank_correlation[-1] == pytest.approx(1)
    assert table.rank_correlation[0] < table.rank_correlation[5]


def test_a_diverged_training_keeps_what_it_had_and_reaches_nothing(file):
    diverged = next(known for known in read_table(file).known if not known.curves[0].is_whole)
    assert diverged.curves[0].epochs == 4
    assert np.isfinite(diverged.curves[0].best[-1])
    assert diverged.truth == np.inf


def test_what_was_drawn_from_another_space_is_no_default(file, tmp_path):
    rows = pq.read_table(file).to_pylist()
    older = [{**row, "space": "older", "training": f"{row['training']}-o", "config": "{}"} for row in rows[:9]]
    pq.write_table(pa.Table.from_pylist([*rows, *older]), tmp_path / "mlp_aae.parquet")
    table = read_table(tmp_path / "mlp_aae.parquet")
    assert [known.kind for known in table.known if known.number >= 1_000_000] == ["of another space"]
    assert table.default.truth == read_table(file).default.truth


def test_the_forest_states_its_error_and_it_is_large_where_nothing_can_be_learnt(file, space, tmp_path):
    fit = Forest(read_table(file), space, trees=30).fit
    assert 0.2 < fit.r2 < 1
    assert 0.2 < fit.tau < 1
    assert fit.r2_seconds > 0.9
    rows = pq.read_table(file).to_pylist()
    trainings = sorted({row["training"] for row in rows})
    other = dict(zip(trainings, np.random.default_rng(1).permutation(trainings).tolist(), strict=True))
    values = {(row["training"], row["epoch"]): row["value"] for row in rows}
    for row in rows:
        row["value"] = values.get((other[row["training"]], row["epoch"]), row["value"])
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "mlp_aae.parquet")
    shuffled = Forest(read_table(tmp_path / "mlp_aae.parquet"), space, trees=30).fit
    assert shuffled.r2 < 0.1


def test_all_trees_at_once_answer_as_scikit_learn(file, space):
    forest = Forest(read_table(file), space)
    rng = np.random.default_rng(0)
    features = np.array([forest.features(draw(space, rng)) for _ in range(50)])
    targets = np.column_stack([features @ rng.standard_normal(features.shape[1]), features[:, 0]])
    trees = _Trees(features, targets, 30, 0)
    ours = np.array([trees.predict(row) for row in features])
    assert ours == pytest.approx(_fit(features, targets, 30, 0).predict(features))


def test_a_curve_of_the_forest_scatters_as_the_seeds_do(file, space):
    forest = Forest(read_table(file), space)
    params = space.baseline()
    curves = [forest.curve(params, np.random.default_rng(seed)) for seed in range(200)]
    ends = np.log([curve.best[-1] for curve in curves if curve.is_whole])
    assert np.std(ends) == pytest.approx(forest.fit.seed_noise, rel=0.6)
    assert np.mean(ends) == pytest.approx(np.log(forest.truth(params)), abs=0.1)
    assert forest.best(draws=300) <= min(forest.truth(draw(space, np.random.default_rng(seed))) for seed in range(50))


def test_a_forest_of_too_few_configurations_is_refused(file, space, tmp_path):
    rows = [row for row in pq.read_table(file).to_pylist() if row["number"] in (0, 100)]
    assert json.loads(rows[0]["setup"])["epochs"] == 9
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "mlp_aae.parquet")
    with pytest.raises(ValueError, match=r"mlp_aae: a forest needs 5 configurations of the space, got 2"):
        Forest(read_table(tmp_path / "mlp_aae.parquet"), space)
