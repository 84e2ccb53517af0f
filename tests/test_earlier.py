"""Trials of earlier studies: who is taken, what is said, and that they stay what they were."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.studies import HEAD, ended, fill, small_space, small_study

from sparring.errors import UnknownName, UsageError
from sparring.ledger import read_study, spec_from_json, spec_to_json, trial_rows
from sparring.records import EarlierTrial, Outcome
from sparring.study import earlier, open_folder

DROPOUT = "dropout = { uniform = [0.0, 0.5] }\n"

SHALLOW = {"n_hl_gen": 1, "hidden_size": 8, "dropout": 0.1}
DEEP = {"n_hl_gen": 2, "hidden_size": 16, "dropout": 0.4}


def of_earlier(study):
    """What is said of studies that are learnt from; of the few rows here a search says more."""
    return tuple(note for note in study.notes if note.startswith("--from"))


@pytest.fixture
def old(tmp_path):
    """The folder of a study of five trials."""
    rows = [
        ended(0, SHALLOW, 0.5, Outcome.COMPLETED),
        ended(1, DEEP, 0.3, Outcome.COMPLETED),
        ended(2, {**DEEP, "dropout": 0.3}, 0.7, Outcome.PRUNED, epochs=3),
        ended(3, {**DEEP, "dropout": 0.2}, None, Outcome.DIVERGED),
        ended(4, {**DEEP, "dropout": 0.5}, 0.4, Outcome.PRUNED, epochs=9),
    ]
    return fill(small_study(tmp_path, DROPOUT, name="old"), rows)


def test_trials_of_the_same_setting_are_taken_as_they_are_the_best_first(tmp_path, old):
    study = small_study(tmp_path, DROPOUT, name="new", earlier=[old])
    taken = [(row.study, row.values, row.epochs, row.is_whole, row.shares) for row in study.spec.earlier]
    assert taken == [
        ("old", (0.3,), 9, True, ()), ("old", (0.5,), 9, True, ()), ("old", (0.4,), 9, False, ()),
        ("old", (0.7,), 3, False, ()),
    ]  # fmt: skip
    assert study.spec.earlier[0].params == DEEP
    assert of_earlier(study) == ("--from old: 4 trials taken; 1 left out that failed",)


def test_a_narrower_space_takes_what_lies_in_it(tmp_path, old):
    space = small_space(tmp_path, "dropout = { uniform = [0.0, 0.4] }\n")
    study = small_study(tmp_path, space=space, settings=["n_hl_gen=2"], name="new", earlier=[old])
    assert [row.params["dropout"] for row in study.spec.earlier] == [0.4, 0.3]
    assert all("n_hl_gen" not in row.params for row in study.spec.earlier)
    (note,) = of_earlier(study)
    assert note.startswith("--from old: 2 trials taken; ")
    assert set(note.split("; ")[1:]) == {
        "1 left out of another n_hl_gen", "1 left out that failed", "1 left out beyond the ranges",
    }  # fmt: skip


def test_a_wider_space_takes_what_was_fixed_before(tmp_path, old):
    more = DROPOUT + "batch_size = { choice = [32, 64] }\n"
    study = small_study(tmp_path, more, name="new", earlier=[old])
    assert {row.params["batch_size"] for row in study.spec.earlier} == {64}
    more = DROPOUT + "batch_size = { choice = [16, 32] }\n"
    other = small_study(tmp_path, more, name="x", settings=["batch_size=64"], earlier=[old])
    assert len(other.spec.earlier) == 4


def test_conditions_of_the_new_space_decide_what_applies(tmp_path, old):
    space = small_space(tmp_path, "dropout = { uniform = [0.0, 0.5], when = { n_hl_gen = 2 } }\n")
    study = small_study(tmp_path, space=space, name="new", earlier=[old])
    assert [sorted(row.params) for row in study.spec.earlier if row.params["n_hl_gen"] == 1] == [
        ["hidden_size", "n_hl_gen"]
    ]


def test_what_breaks_a_constraint_is_left_out(tmp_path, old):
    space = small_space(tmp_path, DROPOUT, head='constraints = ["dropout < 0.35"]\n' + HEAD)
    study = small_study(tmp_path, space=space, name="new", earlier=[old])
    assert "2 left out that break a constraint" in of_earlier(study)[0]


def test_where_figures_do_not_compare_it_is_said_and_each_has_its_place(tmp_path, old):
    study = small_study(tmp_path, DROPOUT, name="new", settings=["epochs=54"], earlier=[old])
    assert of_earlier(study)[1:] == (
        "--from old: epochs is 100 there and 54 here",
        "--from old: so figures there and here do not compare; its trials are placed by their ranks",
    )
    assert [row.shares for row in study.spec.earlier] == [(0.125,), (0.375,), (0.625,), (0.875,)]


def test_other_data_are_said(tmp_path, old):
    study = small_study(tmp_path, DROPOUT, name="new", settings=["data.n=61"], earlier=[old])
    assert "--from old: the data of exafs are others there" in of_earlier(study)
    assert study.spec.earlier[0].shares


def test_another_seed_is_said_and_changes_nothing(tmp_path, old):
    study = small_study(tmp_path, DROPOUT, name="new", seed=3, earlier=[old])
    assert of_earlier(study)[1:] == ("--from old: seed is 0 there and 3 here",)
    assert study.spec.earlier[0].shares == ()


def test_several_studies_share_the_room(tmp_path, old, monkeypatch):
    monkeypatch.setattr(earlier, "MOST", 6)
    rows = [ended(n, {**DEEP, "dropout": n / 100}, 0.2 + n / 100, Outcome.COMPLETED) for n in range(12)]
    other = fill(small_study(tmp_path, DROPOUT, name="other"), rows)
    study = small_study(tmp_path, DROPOUT, name="new", earlier=[old, other])
    assert [row.study for row in study.spec.earlier] == ["old"] * 3 + ["other"] * 3
    assert [row.values[0] for row in study.spec.earlier[3:]] == pytest.approx([0.2, 0.21, 0.26])
    assert "--from other: 3 of them are kept, the best and an even share of the others" in of_earlier(study)


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_what_gives_nothing_is_refused(tmp_path, old):
    with pytest.raises(
        UsageError, match=r"--from old: none .* taken: 4 left out beyond the ranges, 1 .* failed; leave"
    ):
        small_study(tmp_path, "dropout = { uniform = [0.0, 0.01] }\n", name="new", earlier=[old])
    empty = fill(small_study(tmp_path, DROPOUT, name="empty"), [])
    with pytest.raises(UsageError, match=r"--from empty: none of its trials can be taken: it has no trial; leave"):
        small_study(tmp_path, DROPOUT, name="new", earlier=[empty])
    with pytest.raises(UsageError, match=r"5 left out, searched by val/score"):
        small_study(tmp_path, DROPOUT, name="new", objectives=["val/mse_recon_structure"], earlier=[old])
    with pytest.raises(UnknownName, match="no study here"):
        small_study(tmp_path, DROPOUT, name="new", earlier=[tmp_path / "nowhere"])


@pytest.mark.parametrize("sampler", ["qmc", "random", "grid"])
def test_a_sampler_that_learns_nothing_is_refused(tmp_path, old, sampler):
    more = "" if sampler == "grid" else DROPOUT
    with pytest.raises(UsageError, match=rf"--from: --sampler {sampler} learns from no trial; leave one of them out"):
        small_study(tmp_path, more, name="new", sampler=sampler, earlier=[old])


def test_a_study_cannot_teach_itself_or_twice(tmp_path, old):
    with pytest.raises(UsageError, match="began with trials of none, but got old; leave --from out"):
        small_study(tmp_path, DROPOUT, name="old", earlier=[old])
    with pytest.raises(UsageError, match="each study is named once"):
        small_study(tmp_path, DROPOUT, name="new", earlier=[old, old])


# -- resumed -----------------------------------------------------------------------------------------------------------


def test_a_resumed_study_has_what_it_began_with_whatever_became_of_the_other(tmp_path, old):
    begun = small_study(tmp_path, DROPOUT, name="new", settings=["epochs=54"], earlier=[old])
    fill(begun, [])
    for path in (old / "trials").iterdir():
        path.unlink()
    for again in ([old], []):
        resumed = small_study(tmp_path, DROPOUT, name="new", settings=["epochs=54"], earlier=again)
        assert resumed.spec.earlier == begun.spec.earlier
        assert open_folder(resumed)
    assert trial_rows(resumed.folder) == []
    assert spec_from_json(read_study(resumed.folder)["spec"]) == begun.spec


def test_others_than_it_began_with_are_refused(tmp_path, old):
    fill(small_study(tmp_path, DROPOUT, name="new", earlier=[old]), [])
    other = fill(small_study(tmp_path, DROPOUT, name="other"), [ended(0, DEEP, 0.3, Outcome.COMPLETED)])
    with pytest.raises(
        UsageError, match=r"--from: study new began with trials of old, but got other; leave --from out"
    ):
        small_study(tmp_path, DROPOUT, name="new", earlier=[other])


def test_older_studies_have_none(tmp_path, old):
    spec = spec_to_json(small_study(tmp_path, DROPOUT).spec)
    del spec["earlier"]
    assert spec_from_json(spec).earlier == ()


# -- forks -------------------------------------------------------------------------------------------------------------


def test_a_fork_has_the_space_the_data_and_the_seed_of_its_origin(tmp_path):
    origin = small_study(tmp_path, DROPOUT, name="old", settings=["lr_gen=0.003"], seed=7)
    fill(origin, [ended(0, DEEP, 0.3, Outcome.COMPLETED)])
    study = small_study(tmp_path, name="old", fork="new", settings=["n_hl_gen=2"])
    assert study.folder == tmp_path / "new"
    assert (study.spec.name, study.spec.seed, study.space.fixed["lr_gen"]) == ("new", 7, 0.003)
    assert set(study.space.kinds) == {"hidden_size", "dropout"}
    assert [row.params for row in study.spec.earlier] == [{"hidden_size": 16, "dropout": 0.4}]
    assert of_earlier(study) == ("--from old: 1 trial taken",)
    fill(study, [])
    again = small_study(tmp_path, name="old", fork="new", settings=["n_hl_gen=2"], trials=99)
    assert again.spec.earlier == study.spec.earlier
    assert small_study(tmp_path, name="old", fork="third", seed=8).spec.seed == 8


def test_a_fork_may_have_another_space(tmp_path, old):
    space = small_space(tmp_path, "dropout = { uniform = [0.0, 0.45] }\n", name="other")
    study = small_study(tmp_path, space=space, name="old", fork="new")
    assert study.space.where == space
    assert len(study.spec.earlier) == 3


def test_what_cannot_be_forked_is_refused(tmp_path, old):
    with pytest.raises(UsageError, match=r"--fork new: it begins from a study; say which one by --name"):
        small_study(tmp_path, fork="new")
    with pytest.raises(UsageError, match=r"--fork old: the new study wants a name of its own, but old is the old"):
        small_study(tmp_path, name="old", fork="old")
    with pytest.raises(UnknownName, match=r"nowhere/study.json: no study here"):
        small_study(tmp_path, name="nowhere", fork="new")


def test_a_trial_of_several_objectives_has_a_place_by_each(tmp_path, old):
    spec = small_study(tmp_path, DROPOUT, objectives=["val/score", "val/mse_recon_structure"]).spec
    one = EarlierTrial(study="", params={}, values=(0.1, 0.9), epochs=9, is_whole=True)
    two = replace(one, values=(0.2, 0.3))
    ranked = earlier._ranked([two, one], spec, is_alike=False)
    assert [row.shares for row in ranked] == [(0.25, 0.75), (0.75, 0.25)]
