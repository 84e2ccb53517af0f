"""``sparring studies`` and ``sparring show``; ``-h``, ``--version``; ranges and values by ``--set``."""

from __future__ import annotations

import fcntl
import io
import os
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from support.reports import MIXED, study, trial
from support.studies import small_study

from sparring import __version__
from sparring.cli import listings
from sparring.display import print_listing
from sparring.errors import SpaceError, UnknownName
from sparring.ledger import is_locked, lock_study
from sparring.production.inference.answers import Answered
from sparring.records import Objective, Outcome
from sparring.report.overview import COLUMNS, ago, curve, list_studies, read_trial
from sparring.space import apply_settings, find_space, inherit, read_space, write_toml
from sparring.study import prepare

DOCS = Path(__file__).parents[1] / "docs"


def test_every_study_has_a_line_the_youngest_first_and_a_torn_one_the_way_to_its_reason(tmp_path):
    folder = study(tmp_path, MIXED)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "study.json").write_text("{")
    rows = {row[0]: row for row in list_studies(tmp_path, now=folder.stat().st_mtime + 7300)}
    assert rows["demo"][1:6] == ("aegan on exafs", "stopped", "3 of 6 completed", "val/score 0.1", "-")
    assert rows["demo"][6] in ("2 hours ago", "1 hour ago")
    assert rows["torn"][4] == "cannot be read; sparring show torn says why"
    assert {len(row) for row in rows.values()} == {len(COLUMNS)}
    assert list_studies(tmp_path / "nowhere") == []


def test_a_study_says_whether_it_runs_has_ended_or_was_stopped(tmp_path):
    drawn = [trial(n, Outcome.COMPLETED, 0.4 - n / 50, epochs=9) for n in range(12)]
    whole = study(tmp_path, drawn, name="whole", begun=12, spec={"trials": 12})
    part = study(tmp_path, MIXED, name="part", begun=7, spec={"trials": None, "train_s": 10.0})

    def told() -> dict[str, tuple[str, str]]:
        return {row[0]: (row[2], row[5]) for row in list_studies(tmp_path)}

    said = told()
    assert (said["whole"][0], said["part"]) == ("ended", ("stopped", "-"))
    assert re.fullmatch(r"0\.\d+ with 11 more", said["whole"][1])
    with lock_study(part):
        # Three trials of nine epochs and one of one had a tenth of a second each: 17.2 of 20 s are left for two slots.
        assert told()["part"] == ("running", "about 0:09 left")
    assert told()["part"][0] == "stopped"
    with lock_study(whole):
        assert told()["whole"] == ("running", "about 0:00 left")


def test_asking_whether_a_study_runs_does_not_hinder_the_search_that_begins(tmp_path):
    folder = study(tmp_path, [])
    with lock_study(folder):
        assert is_locked(folder)
    descriptor = os.open(folder / "LOCK", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    threading.Timer(0.05, os.close, [descriptor]).start()
    with lock_study(folder):
        assert is_locked(folder)
    assert not is_locked(folder)
    assert not is_locked(tmp_path / "nowhere")


def test_no_name_of_a_study_is_cut_in_the_listing(tmp_path):
    name = "a-study-whose-name-has-sixty-four-letters-which-is-the-most-it-m"
    study(tmp_path, MIXED, name=name, spec={"objectives": (Objective(metric="val/mse_predict_spectrum"),)})
    study(tmp_path, MIXED, name=name[:40])
    console = Console(file=io.StringIO(), width=80)
    print_listing(console, COLUMNS, list_studies(tmp_path))
    said = console.file.getvalue()
    assert "…" not in said
    assert max(map(len, said.splitlines())) <= 80
    lines = [line.split(" ")[0] for line in said.splitlines()]
    assert name in "".join(lines)


def test_a_trial_is_shown_with_its_curve_ended_or_not(tmp_path, run_verb, capsys):
    folder = study(tmp_path, MIXED, begun=8)
    assert run_verb("show", folder, "--trial", "5") == 0
    said = capsys.readouterr().out
    for words in ("trial 5", "completed", "9, best at epoch 7", "█", "published default", "0.4", "2 times lower"):
        assert words in said
    assert "sparring best" in said
    assert run_verb("show", folder, "--trial", "7") == 0
    assert "not ended" in capsys.readouterr().out
    assert read_trial(folder).row.trial == 2
    with pytest.raises(UnknownName, match="no trial 9 in study demo; there are: 0 to 7"):
        read_trial(folder, 9)
    assert run_verb("studies", "--results", tmp_path) == 0
    assert "demo" in capsys.readouterr().out


def test_a_curve_has_a_block_per_epoch_and_a_gap_where_nothing_was_finite():
    assert curve([0.0, 1.0, float("nan"), 0.5]) == "▁█ ▅"
    assert len(curve(list(range(600)))) == 60
    assert (curve([]), curve([2.0, 2.0])) == ("", "▁▁")


@pytest.mark.parametrize(
    ("seconds", "said"), [(5, "just now"), (61, "1 minute ago"), (7300, "2 hours ago"), (90_000, "1 day ago")]
)
def test_ages_are_told_in_their_largest_unit(seconds, said):
    assert ago(seconds) == said


@pytest.mark.parametrize(("words", "said"), [(["--version"], f"sparring {__version__}"), (["search", "-h"], "Usage")])
def test_what_people_type_first_is_answered(words, said, run_verb, capsys):
    assert run_verb(*words) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("sparring st", {"studies", "stop"}), ("sparring search aegan --dataset", {"--dataset"})],
)
def test_the_shell_completes_commands_and_flags(typed, offered, run_verb, capsys, monkeypatch):
    monkeypatch.setenv("_SPARRING_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    assert run_verb() == 0
    assert offered <= set(capsys.readouterr().out.split())


def test_data_sets_that_work_offline_come_first_with_the_systems_that_take_them(run_verb, capsys):
    assert run_verb("datasets") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    first = {line[0]: n for n, line in reversed(list(enumerate(lines))) if line}
    assert first["exafs"] < first["fe-xanes"] < first["mnist"]
    assert "embedded" in lines[first["digits"]]
    assert lines[0][-1] == "for"


def test_a_wide_terminal_shows_the_systems_that_take_a_data_set(run_verb, capsys, monkeypatch):
    monkeypatch.setattr(listings, "console", Console(width=160))
    assert run_verb("datasets") == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("muon-files")]
    assert line.split()[-4:] == ["yours", "aux_aae,", "auxgan,", "boost_vae"]


# -- --set ------------------------------------------------------------------------------------------------------------


def test_a_range_on_the_command_line_takes_the_place_of_the_space_s(tmp_path):
    searched = small_study(tmp_path, settings=["lr_gen={loguniform=[1e-3, 1e-1]}", "hidden_size={choice=[8, 32]}"])
    ranges = {dimension.name: str(dimension) for dimension in searched.space.dimensions}
    assert ranges["lr_gen"] == "[0.001, 0.1]"
    assert ranges["hidden_size"] == "one of [8, 32]"
    assert searched.space.baseline()["hidden_size"] == 8


def test_where_trial_0_starts_is_said_beside_a_range_without_the_default(tmp_path):
    setting = "lr_gen={loguniform=[1e-4, 1e-3]}"
    with pytest.raises(SpaceError) as refused:
        small_study(tmp_path, settings=[setting])
    assert str(refused.value).startswith(f"--set {setting}: the default 0.01 lies outside [0.0001, 0.001]; ")
    assert "default=…" in str(refused.value)
    started = small_study(tmp_path, settings=["lr_gen={loguniform=[1e-4, 1e-3], default=5e-4}"])
    assert started.space.baseline()["lr_gen"] == 5e-4


def test_a_fixed_field_can_be_searched_and_a_range_s_mistake_is_told_by_its_flag():
    raw = {"model": "toy", "fixed": {"lr": 0.1}, "data": {"n": 3}}
    changed = apply_settings(raw, ["lr={uniform=[0.0, 1.0]}", "data.n={int=[1, 9], default=4}"], ["lr"])
    assert changed == {
        "model": "toy", "fixed": {}, "data": {}, "search": {"lr": {"uniform": [0.0, 1.0]}, "data.n": {"int": [1, 9]}},
        "defaults": {"data.n": 4},
    }  # fmt: skip
    assert raw["fixed"] == {"lr": 0.1}


def test_train_takes_values_in_the_place_of_the_file_s(tmp_path):
    from sparring.production.retrain.retrain import read_changed

    raw = {"model": "aegan", "dataset": "exafs", "fixed": {"epochs": 27}, "found": {"trial": 3}}
    (tmp_path / "best.toml").write_text(write_toml(raw) + "# mine\n")
    same, text = read_changed(tmp_path / "best.toml", [])
    assert (same, text.endswith("# mine\n")) == (raw, True)
    changed, text = read_changed(tmp_path / "best.toml", ["epochs=100"])
    assert changed == {**raw, "fixed": {"epochs": 100}}
    (tmp_path / "again.toml").write_text(text)
    assert read_space(tmp_path / "again.toml") == changed
    with pytest.raises(SpaceError, match=r"--set epoch=3: no field 'epoch'; did you mean 'epochs'"):
        read_changed(tmp_path / "best.toml", ["epoch=3"])


def test_a_file_of_ranges_alone_takes_the_rest_from_the_shipped_space(tmp_path):
    block = re.search(r"```toml\n(\[search\]\nlr_gen.*?)```", (DOCS / "own-data.md").read_text(), re.DOTALL)[1]
    (tmp_path / "mine.toml").write_text(block)
    made = prepare("aegan", space=str(tmp_path / "mine.toml"), results=tmp_path)
    shipped = read_space(find_space("aegan"))
    assert {dimension.name for dimension in made.space.dimensions} >= {"lr_gen", "hidden_size", "w_adv", "wcc_width"}
    assert "n_hl_dis" not in made.space.kinds
    assert made.spec.dataset == shipped["dataset"]
    assert made.space.fixed["epochs"] == shipped["fixed"]["epochs"]
    assert made.spec.objective.metric == shipped["objectives"][0]["metric"]
    assert any("names no model" in note and "dataset" in note for note in made.notes)


def test_what_a_part_says_stays_and_what_it_searches_is_not_fixed():
    shipped = {
        "model": "toy",
        "dataset": "exafs",
        "fixed": {"epochs": 27, "lr": 0.1},
        "data": {"n": 3},
        "search": {"a": 1},
    }
    part = {"dataset": "mine", "fixed": {"epochs": 3}, "search": {"lr": 1, "data.n": 2}}
    assert inherit(part, shipped) == {**part, "model": "toy", "data": {}}


def test_a_space_that_lacks_a_line_says_which(tmp_path):
    (tmp_path / "mine.toml").write_text('model = "aegan"\n[search]\nlr_gen = { uniform = [0.001, 0.1] }\n')
    with pytest.raises(SpaceError, match=r"mine\.toml: dataset is missing; write it above the tables"):
        prepare("aegan", space=str(tmp_path / "mine.toml"), results=tmp_path)


# -- figures ----------------------------------------------------------------------------------------------------------


def test_errors_are_told_in_squares_in_absolutes_and_as_a_share_of_the_variance():
    draws = np.random.default_rng(0)
    truth = (draws.normal(size=(500, 3)) * [1, 2, 3] + [5, 0, -50]).astype(np.float32)
    means = np.broadcast_to(truth.mean(0), truth.shape)
    answered = Answered(truths={"a": truth, "b": truth}, answers={"a": truth + 0.5, "b": means})
    assert answered.absolute_errors()["a"] == pytest.approx(np.full(500, 0.5), rel=1e-4)
    assert answered.explained()["b"] == pytest.approx(0.0, abs=1e-6)
    assert answered.explained()["a"] == pytest.approx(1 - 0.25 / truth.var(0).mean(), rel=1e-4)
