"""``--try FILE``: the user's own points, pinned or as [[try]] tables, after those of the space."""

from __future__ import annotations

import datetime
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.toy_space import SPACE, Config

from sparring.cluster.session import conduct
from sparring.errors import SpaceError, UsageError
from sparring.ledger import Ledger
from sparring.records import Outcome, TrialRow
from sparring.space import Space, apply_settings, checked_space, pin, settle_tries, write_toml
from sparring.study import Limits, open_folder, prepare
from sparring.study.added_tries import add_tries

OWN = {"name": "good practice", "source": "a playbook", "values": {"lr": 2e-3}}
RAW = {**SPACE, "try": [OWN]}


def write(path: Path, document: dict[str, Any]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(write_toml(document), encoding="utf-8")
    return path


def pinned(path: Path, raw: Any = SPACE, **values: Any) -> Path:
    """A pinned configuration as ``sparring best`` writes it, of a study of the space ``raw``."""
    space = Space(raw, Config)
    return write(path, pin(space, space.complete(values), seed=0, found={"study": "a", "trial": 7}))


def added(*files: Path, settings: tuple[str, ...] = (), raw: Any = RAW) -> tuple[Space, list[str]]:
    changed = settle_tries(apply_settings(raw, settings, Config.model_fields), Config)
    changed, notes = add_tries(changed, files, settings, Config, "toy.toml")
    return checked_space(changed, Config), notes


def test_a_pinned_configuration_is_one_more_try_named_after_its_file(tmp_path: Path) -> None:
    path = pinned(tmp_path / "best.toml", lr=3e-3, loss="wcc", wcc_width=7)
    space, notes = added(path)
    assert [(each.name, each.source) for each in space.tries] == [("good practice", "a playbook"), ("best", str(path))]
    assert space.tries[1].params == space.complete({"lr": 3e-3, "loss": "wcc", "wcc_width": 7})
    assert notes == []
    assert RAW["try"] == [OWN]


def test_a_file_of_tables_adds_each_of_them_in_the_order_of_the_flags(tmp_path: Path) -> None:
    tables = [{"name": "deep", "source": "mine", "values": {"depth": 4}}, {**OWN, "name": "b", "values": {"depth": 3}}]
    files = write(tmp_path / "mine.toml", {"try": tables}), pinned(tmp_path / "best.toml", lr=3e-3)
    assert [each.name for each in added(*files)[0].tries] == ["good practice", "deep", "b", "best"]
    assert [each.name for each in added(*files[::-1])[0].tries] == ["good practice", "best", "deep", "b"]


def test_pinned_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    files = [pinned(tmp_path / study / "best.toml", lr=lr) for study, lr in (("a", 1e-3), ("b", 3e-3), ("c", 4e-3))]
    assert [each.name for each in added(*files)[0].tries] == ["good practice", "best", "best 2", "best 3"]
    long = [pinned(tmp_path / study / f"{'x' * 90}.toml", lr=lr) for study, lr in (("a", 1e-3), ("b", 3e-3))]
    assert [each.name for each in added(*long)[0].tries[1:]] == ["x" * 37, f"{'x' * 37} 2"]


def test_a_default_that_had_no_effect_is_pinned_and_does_no_harm(tmp_path: Path) -> None:
    path = pinned(tmp_path / "best.toml", {**SPACE, "defaults": {"wcc_width": 12}}, lr=3e-3)
    assert "wcc_width = 12" in path.read_text(encoding="utf-8")
    assert "wcc_width" not in added(path)[0].tries[1].params


def test_what_a_pinned_file_has_of_fields_that_are_not_searched_is_said_where_it_differs(tmp_path: Path) -> None:
    path = pinned(tmp_path / "best.toml", {**SPACE, "fixed": {"epochs": 60, "milestones": [30, 60]}}, lr=3e-3, depth=3)
    space, notes = added(path)
    assert notes == [f"--try {path}: not taken, for this search does not vary them: epochs = 60 (27 here)"]
    space, notes = added(path, settings=("epochs=60", "depth=2", "early_stop=5"))
    assert notes == [f"--try {path}: not taken, for this search does not vary them: depth = 3 (2 here)"]
    assert space.tries[1].params == space.complete({"lr": 3e-3})


def test_a_setting_takes_its_field_out_of_the_user_s_tables_too(tmp_path: Path) -> None:
    tables = [{"name": "deep", "source": "mine", "values": {"depth": 4, "bias": False}}]
    space, notes = added(write(tmp_path / "mine.toml", {"try": tables}), settings=("depth=3",))
    assert (space.tries[1].params, notes) == (space.complete({"bias": False}), [])


def test_a_point_that_is_there_already_is_left_out_and_said(tmp_path: Path) -> None:
    files = pinned(tmp_path / "default.toml"), pinned(tmp_path / "again.toml", lr=2e-3)
    space, notes = added(*files)
    assert space.first == 2
    assert notes == [
        f"--try {files[0]}: 'default' is left out, for trial 0, the default, is the same point",
        f"--try {files[1]}: 'again' is left out, for 'good practice' is the same point",
    ]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"model": "other", "fixed": {"lr": 1e-3}}, "model: it is for 'other', but 'toy' is searched"),
    ({"model": "toy"}, "wants a pinned configuration, as `sparring best STUDY -o FILE.toml` writes it, or [[try]]"),
    (SPACE, "wants a pinned configuration"),
    ({"fixed": {"rl": 1.0}}, "fixed: no field of toy's Config 'rl'"),
    ({"fixed": {"lr": 0.5}}, "try 'file': lr: 0.5 lies outside [1e-05, 0.03]; give another value, or widen search.lr"),
    ({"fixed": {"lr": datetime.date(2026, 1, 1)}}, "fixed: wants a number"),
    ({"fixed": {"width": 512, "depth": 5}}, "try 'file': values: Config refuses this combination"),
    ({"try": [{**OWN, "values": {"depth": 3}}]}, "try 'good practice': another one has this name; rename it"),
    ({"try": [{"name": "a", "source": "b", "values": {"wcc_width": 7}}]}, "try 'a': wcc_width: it does not apply"),
    ({"try": 3}, "try: wants [[try]] with name, source and values, but got 3"),
]


@pytest.mark.parametrize(("document", "words"), REFUSED)
def test_a_file_that_is_no_point_of_the_space_is_refused_by_its_path(
    document: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "file.toml", document)
    with pytest.raises(SpaceError) as caught:
        added(path)
    assert str(caught.value).startswith(f"--try {path}: {words}")


def small(tmp_path: Path) -> dict[str, Any]:
    """A space of two fields on the smallest data; what ``prepare`` takes."""
    raw = {
        "model": "aegan", "dataset": "exafs", "data": {"n": 80}, "objectives": [{"metric": "val/score"}],
        "search": {"lr_gen": {"choice": [1e-4, 1e-3, 1e-2]}, "hidden_size": {"choice": [256, 512]}},
        "try": [{"name": "slow", "source": "mine", "values": {"lr_gen": 1e-4}}],
    }  # fmt: skip
    return {"space": str(write(tmp_path / "small.toml", raw)), "results": tmp_path}


def test_a_study_holds_the_user_s_points_after_the_space_s_own(tmp_path: Path) -> None:
    path = write(tmp_path / "best.toml", {"model": "aegan", "fixed": {"hidden_size": 512, "epochs": 5}})
    study = prepare("aegan", **small(tmp_path), tries=[path], limits=Limits(trials=2, slots=1))
    assert [table["name"] for table in study.spec.space["try"]] == ["slow", "best"]
    assert study.space.tries[1].params == {"lr_gen": 1e-2, "hidden_size": 512}
    assert study.notes[:2] == (
        f"--try {path}: not taken, for this search does not vary them: epochs = 5 (100 here)",
        "--trials 2: too few for every point to try first; not run: 'best'",
    )


def test_a_grid_takes_no_points(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--try: a grid tries every point .* leave out --try or --sampler grid"):
        prepare("aegan", **small(tmp_path), tries=[tmp_path / "best.toml"], limits=Limits(sampler="grid", slots=1))


def test_the_command_hands_its_files_on_and_says_what_becomes_of_them(
    tmp_path: Path, run_verb: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = []
    monkeypatch.setattr("sparring.cluster.session.conduct", lambda study, *_, **__: begun.append(study) or 0)
    files = [write(tmp_path / f"{lr}.toml", {"fixed": {"lr_gen": lr, "epochs": 5}}) for lr in (1e-3, 1e-4)]
    flags = [word for path in files for word in ("--try", path)]
    assert run_verb("search", "aegan", "--space", small(tmp_path)["space"], "--results", tmp_path, *flags) == 0
    assert [each.name for each in begun[0].space.tries] == ["slow", "0.001"]
    said = capsys.readouterr().err
    assert "epochs = 5 (100 here)" in said
    assert "'0.0001' is left out, for 'slow' is the same point" in said


def test_the_end_of_a_search_names_the_point_that_is_best(tmp_path: Path) -> None:
    study = prepare("aegan", **small(tmp_path), limits=Limits(trials=2, slots=1))
    open_folder(study)
    with Ledger(study.folder, kinds=study.space.kinds, metrics=["val/score"]) as ledger:
        for number, params in enumerate([study.space.baseline(), study.space.tries[0].params]):
            ledger.append_trial(
                TrialRow(
                    trial=number, attempt=1, seed=0, outcome=Outcome.COMPLETED, params=params, value=1 - number / 2
                )
            )
    console = Console(file=io.StringIO(), width=100)
    assert conduct(study, None, console) == 0  # complete, so nothing starts
    assert "best: trial 1, 'slow'" in console.file.getvalue()
