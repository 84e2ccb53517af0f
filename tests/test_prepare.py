"""The steps from a user's words to a study: what each returns, and what is filled in where the user said nothing."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from sparring.errors import UsageError
from sparring.models import find_config
from sparring.records import StudySpec
from sparring.space import find_space, read_space, write_toml
from sparring.study import Limits, prepare
from sparring.study.asked_space import read_asked_space
from sparring.study.prepare import check_asked_space, make_spec

CONFIG = find_config("aegan")


@pytest.fixture(scope="module")
def asked():
    return read_asked_space("aegan", CONFIG, settings=["data.n=80"])


def spec_of(asked, limits=None, name=None):
    searched = check_asked_space(asked, "aegan", CONFIG)
    return make_spec(asked, searched, limits or Limits(), name=name, data_path=None)


def test_limits_left_alone_are_those_of_a_bare_spec(asked):
    bare, spec = StudySpec(name="bare", model="aegan", dataset="exafs", race="auto"), spec_of(asked)
    for field in fields(Limits):
        assert getattr(spec, field.name) == getattr(bare, field.name), field.name


def test_every_limit_reaches_the_spec(asked):
    """A value of another kind than the default's cannot come from anywhere else."""
    for field in fields(Limits):
        odd = f"odd {field.name}"
        assert getattr(spec_of(asked, replace(Limits(), **{field.name: odd})), field.name) == odd


@pytest.mark.parametrize(("limit", "published", "seed"), [(None, None, 0), (None, 5, 5), (0, 5, 0), (3, 5, 3)])
def test_a_seed_that_is_said_goes_before_the_published_one(asked, limit, published, seed):
    assert spec_of(replace(asked, seed=published), Limits(seed=limit)).seed == seed


def test_a_study_is_named_after_its_model_and_its_set(asked):
    assert spec_of(asked).name == f"aegan-{asked.raw['dataset']}"
    assert spec_of(asked, name="mine").name == "mine"


def test_what_is_asked_leaves_the_file_alone_and_is_there_in_the_spec(asked):
    assert asked.raw["data"]["n"] == 80
    assert asked.raw == {**read_space(find_space("aegan")), "data": asked.raw["data"]} | {"fixed": asked.raw["fixed"]}
    assert spec_of(asked).space == asked.raw
    assert spec_of(asked).data_options["n"] == 80


def test_another_models_space_is_refused(asked):
    with pytest.raises(UsageError, match=r"it is for 'aegan', but 'advvae' is searched; leave it out, or"):
        check_asked_space(asked, "advvae", find_config("advvae"))


TRIES = [
    {"name": "slow", "source": "mine", "values": {"lr_gen": 1e-4}},
    {"name": "wide", "source": "mine", "values": {"lr_gen": 1e-3, "hidden_size": 512}},
]


def space_file(tmp_path, **tables):
    """A space of two fields with two tries, smaller than the shipped one."""
    raw = {
        "model": "aegan", "dataset": "exafs", "data": {"n": 80}, "objectives": [{"metric": "val/score"}],
        "search": {"lr_gen": {"choice": [1e-4, 1e-3, 1e-2]}, "hidden_size": {"choice": [256, 512]}}, "try": TRIES,
    }  # fmt: skip
    path = tmp_path / "small.toml"
    path.write_text(write_toml(raw | tables), encoding="utf-8")
    return str(path)


def test_a_setting_leaves_the_tries_that_it_does_not_make_the_default(tmp_path):
    path = space_file(tmp_path)
    assert read_asked_space("aegan", CONFIG, space=path).raw["try"] == TRIES
    asked = read_asked_space("aegan", CONFIG, space=path, settings=["lr_gen=1e-3"])
    assert asked.raw["try"] == [{**TRIES[1], "values": {"hidden_size": 512}}]
    assert check_asked_space(asked, "aegan", CONFIG).first == 2


def test_a_published_configuration_that_is_a_try_leaves_it_out(tmp_path):
    config = tmp_path / "published.yaml"
    config.write_text("lr_gen: 1.0e-4\n", encoding="utf-8")
    asked = read_asked_space("aegan", CONFIG, space=space_file(tmp_path), config=config)
    assert [table["name"] for table in asked.raw["try"]] == ["wide"]


@pytest.mark.parametrize(("sampler", "names"), [("grid", []), ("random", ["slow", "wide"])])
def test_a_grid_has_no_tries_for_its_numbers_say_which_point_a_trial_is(tmp_path, sampler, names):
    study = prepare("aegan", space=space_file(tmp_path), results=tmp_path, limits=Limits(sampler=sampler, slots=1))
    assert [each.name for each in study.space.tries] == names
    assert [table["name"] for table in study.spec.space.get("try", [])] == names


@pytest.mark.parametrize(("split", "rows"), [(None, (64, 16, 0)), ("75/15/10", (60, 12, 8)), ("80/20", (64, 16, 0))])
def test_split_chooses_the_parts_and_is_kept_with_the_study(tmp_path, split, rows):
    space = tmp_path / "space.toml"
    space.write_text(find_space("aegan").read_text().replace('"75/15/10"', '"80/20"'))
    study = prepare("aegan", space=str(space), split=split, settings=["data.n=80"], results=tmp_path)
    assert tuple(len(getattr(study.split, part)) for part in ("train", "valid", "test")) == rows
    assert study.spec.split == study.spec.space["split"] == study.identity()["split"] == (split or "80/20")
