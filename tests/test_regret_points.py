"""What the yardstick of searches tells a search beforehand: nothing but the default, or points on the wrong side."""

from __future__ import annotations

import pytest
from benchmarks.regret.configurations import at, share_of
from benchmarks.regret.points import with_wrong_points, without_points

from sparring.models import find_config
from sparring.space import checked_space, find_space, read_space


@pytest.fixture(params=["aegan", "mlp_aae", "aae_series", "auxgan", "boost_vae"])
def space(request):
    return checked_space(read_space(find_space(request.param)), find_config(request.param), request.param)


def test_without_points_the_published_default_is_all_that_is_known(space):
    bare = without_points(space)
    assert len(space.known) > 1
    assert list(bare.known) == [space.baseline()]
    assert bare.dimensions == space.dimensions


def test_a_wrong_point_is_as_far_from_the_other_end_and_moves_nothing_else(space):
    wrong, default = with_wrong_points(space, seed=3), space.baseline()
    assert [each.name for each in wrong.tries] == [each.name for each in space.tries]
    dimensions = {dimension.name: dimension for dimension in space.dimensions}
    mirrored = 0
    for right, other in zip(space.tries, wrong.tries, strict=True):
        space.config(other.params)  # the model takes it
        for name, value in right.params.items():
            dimension = dimensions[name]
            if name not in other.params:
                continue  # it does not apply there
            if name in default and value == default[name]:
                assert other.params[name] == value
            elif dimension.choices:
                assert len(dimension.choices) == 1 or other.params[name] != value
            elif value != dimension.off:
                assert other.params[name] == at(dimension, 1 - share_of(dimension, float(value)))
                mirrored += 1
    assert mirrored >= 2
    assert [dict(each.params) for each in wrong.tries] == [
        dict(each.params) for each in with_wrong_points(space, 3).tries
    ]


def test_wrong_points_are_points_under_every_seed(space):
    for seed in range(20):
        assert with_wrong_points(space, seed).first > 1
