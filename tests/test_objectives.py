"""Several objectives: the front, what the sampler is told, what the report and `sparring best` make of it."""

from __future__ import annotations

import io
import json
import random
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from rich.console import Console
from support.referee import Shelf
from support.reports import frozen
from typer.testing import CliRunner

from sparring.cli.app import app
from sparring.display import print_summary
from sparring.errors import UsageError
from sparring.ledger import Ledger, spec_to_json, trial_rows, write_study
from sparring.ledger.ranking import dominates, front, values_of
from sparring.models import find_config
from sparring.records import EpochRow, Objective, Outcome, StudySpec, TrialRow, Verdict
from sparring.referee.referee import Referee
from sparring.referee.sampling import samplers
from sparring.referee.sampling.optuna_study import OptunaStudy
from sparring.report import read_report, write_report
from sparring.report.dashboard.frozen import make_page
from sparring.space import Space, find_space, read_space
from sparring.study import Limits, open_folder, prepare

SCORE, LIKENESS, MSE = (
    Objective(metric="val/score"),
    Objective(metric="val/ms_ssim", goal="maximize"),
    Objective(metric="val/mse"),
)


def row(number: int, score: float | None, likeness: float = 0.0, mse: float = 0.0, **changes) -> TrialRow:
    metrics = {} if score is None else {"val/score": score, "val/ms_ssim": likeness, "val/mse": mse}
    known = {"outcome": Outcome.COMPLETED, "params": {}, "value": score, "metrics": metrics} | changes
    return TrialRow(trial=number, attempt=1, seed=0, **known)


# -- the front ---------------------------------------------------------------------------------------------------------


def test_the_front_is_what_no_other_beats_in_everything():
    rows = [row(0, 1.0, 0.5), row(1, 2.0, 0.9), row(2, 2.0, 0.4), row(3, 0.5, 0.1), row(4, 1.5, 0.5)]
    assert [each.trial for each in front(rows, (SCORE, LIKENESS))] == [3, 0, 1]
    assert [each.trial for each in front(rows, (SCORE,))] == [3]


def test_twins_are_both_on_the_front_and_what_did_not_complete_is_not():
    rows = [row(0, 1.0, 0.5), row(1, 1.0, 0.5), row(2, 0.1, 0.9, outcome=Outcome.PRUNED), row(3, None)]
    assert [each.trial for each in front(rows, (SCORE, LIKENESS))] == [0, 1]
    assert front([], (SCORE, LIKENESS)) == []


@pytest.mark.parametrize("count", [2, 3])
def test_the_front_equals_every_pair_compared(count):
    chance = np.random.default_rng(count)
    objectives = (SCORE, LIKENESS, MSE)[:count]
    rows = [row(n, *map(float, figures)) for n, figures in enumerate(chance.integers(0, 12, (300, 3)))]
    points = np.array(
        [[each.sign * value for each, value in zip(objectives, values_of(r, objectives), strict=True)] for r in rows]
    )
    beaten = [any(dominates(other, point) for other in points) for point in points]
    found = front(rows, objectives)
    assert {each.trial for each in found} == {n for n, is_beaten in enumerate(beaten) if not is_beaten}
    assert [each.value for each in found] == sorted(each.value for each in found)


# -- the referee -------------------------------------------------------------------------------------------------------

RAW = {
    "model": "toy",
    "dataset": "none",
    "objectives": [{"metric": "val/score"}, {"metric": "val/ms_ssim"}],
    "search": {"x": {"uniform": [0.0, 1.0]}, "y": {"uniform": [0.0, 1.0]}},
}


def toy_space() -> Space:
    from pydantic import BaseModel

    class Toy(BaseModel):
        epochs: int = 3
        x: float = 0.5
        y: float = 0.5

    return Space(RAW, Toy).without_model()


def make(folder: Path, *, trials: int = 30) -> Referee:
    spec = StudySpec(
        name="s", model="toy", dataset="none", trials=trials, space=RAW, objectives=(SCORE, LIKENESS), pruner="none"
    )
    if not (folder / "study.json").exists():
        folder.mkdir()
        metrics = ["val/score", "val/ms_ssim"]
        write_study(folder, {"spec": {"name": "s"}, "kinds": {"x": "float", "y": "float"}, "metrics": metrics})
    return Referee(folder, spec, toy_space(), Shelf(), epochs=3, metrics=["val/score", "val/ms_ssim"], wait_s=1.0)


def figures(params) -> tuple[float, float]:
    """Two goals that no x serves both; y should be 0 for either."""
    return params["x"] ** 2 + params["y"], 1.0 - (params["x"] - 1) ** 2 - params["y"]


def search(referee: Referee, until: int) -> None:
    while (number := referee.ask()) is not None:
        start = referee.start(number, f"slot-{number}")
        score, likeness = figures(start.trial.params)
        for n, extra in enumerate((0.2, 0.0, 0.1), start=1):  # best by the score at epoch 2; by likeness at epoch 3
            metrics = {"val/score": score + extra, "val/ms_ssim": likeness - 0.5 / n}
            epoch = EpochRow(trial=number, attempt=start.trial.attempt, epoch=n, metrics=metrics, wall_s=0.1)
            verdict = referee.report([epoch], last=n == 3).verdict
            assert verdict is (Verdict.STOP if n == 3 else Verdict.GO_ON)
        if number == until - 1:
            return


def test_the_first_objective_names_the_epoch_at_which_the_others_are_read(tmp_path):
    referee = make(tmp_path / "study", trials=1)
    search(referee, 1)
    referee.close()
    (first,) = trial_rows(tmp_path / "study")
    score, likeness = figures({"x": 0.5, "y": 0.5})
    assert (first.best_epoch, first.value) == (2, pytest.approx(score))
    assert first.metrics["val/ms_ssim"] == pytest.approx(likeness - 0.25)


def test_the_sampler_is_told_every_objective_also_after_a_resume(tmp_path):
    referee = make(tmp_path / "study")
    search(referee, 12)
    told = [(trial.number, trial.values) for trial in referee.trials.study.optuna.trials]
    referee.close()
    back = make(tmp_path / "study")
    assert [(trial.number, trial.values) for trial in back.trials.study.optuna.trials] == told
    names = [direction.name for direction in back.trials.study.optuna.directions]
    assert names == ["MINIMIZE", "MAXIMIZE"]
    assert told[0][1] == [pytest.approx(value) for value in (0.75, 1.0 - 0.75 - 0.25)]
    back.close()


def test_the_search_finds_both_ends_of_the_front(tmp_path):
    """TPE led by one goal alone would crowd at x = 0; both ends are worth as much."""
    referee = make(tmp_path / "study", trials=60)
    search(referee, 60)
    referee.close()
    found = front(trial_rows(tmp_path / "study"), (SCORE, LIKENESS))
    xs = [each.params["x"] for each in found]
    assert min(xs) < 0.25 < 0.75 < max(xs)
    assert np.median([each.params["y"] for each in found]) < 0.1


def test_of_many_trials_the_sampler_keeps_the_front_in_sight(monkeypatch):
    monkeypatch.setitem(samplers._KINDS, "tpe", replace(samplers.find_sampler("tpe"), shown=60, best=20))
    chance = random.Random(5)
    rows = {}
    for number in range(200):
        x, y = chance.random(), chance.random() if number % 40 else 0.0
        score, likeness = figures({"x": x, "y": y})
        outcome = Outcome.PRUNED if number % 3 == 1 else Outcome.COMPLETED
        rows[number] = row(number, score, likeness, params={"x": x, "y": y}, outcome=outcome)
    spec = StudySpec(name="s", model="toy", dataset="none", space=RAW, objectives=(SCORE, LIKENESS), sampler="tpe")
    study = OptunaStudy(spec, toy_space())
    study.rebuild(rows, {})
    shown = {trial.number for trial in study.optuna._storage.get_all_trials(0, deepcopy=False)}
    assert len(shown) == 60
    best = [each.trial for each in front(rows.values(), (SCORE, LIKENESS))]
    assert 5 <= len(best) <= 20
    assert set(best) <= shown
    assert isinstance(study.optuna.sampler, optuna.samplers.TPESampler)
    study.ask()


# -- a study's folder --------------------------------------------------------------------------------------------------

TRIALS = [
    row(0, 0.4, 0.30, params={"lr_gen": 0.01}, wall_s=1.0, best_epoch=3, epochs=3),
    row(1, 0.1, 0.20, params={"lr_gen": 0.02}, wall_s=1.0, best_epoch=3, epochs=3),
    row(2, 0.3, 0.10, params={"lr_gen": 0.03}, wall_s=1.0, best_epoch=3, epochs=3),
    row(3, 0.2, 0.25, params={"lr_gen": 0.04}, wall_s=1.0, best_epoch=3, epochs=3),
]


@pytest.fixture
def study(tmp_path, monkeypatch) -> Path:
    """An AEGAN's study of two goals, as its ledger would hold it; trials 0, 1 and 3 are its front."""
    monkeypatch.chdir(tmp_path)
    objectives = (Objective(metric="val/score"), Objective(metric="val/ms_ssim", goal="maximize"))
    raw = {
        "model": "aegan",
        "dataset": "exafs",
        "objectives": [{"metric": "val/score"}, {"metric": "val/mse_recon_spectrum"}],
        "search": {"lr_gen": {"loguniform": [1e-5, 0.1]}},
    }
    spec = StudySpec(name="two", model="aegan", dataset="exafs", space=raw, objectives=objectives)
    folder = tmp_path / "results" / "two"
    kinds, metrics = {"lr_gen": "float"}, ("val/score", "val/ms_ssim", "val/mse")
    document = {"spec": spec_to_json(spec), "kinds": kinds, "metrics": metrics, "identity": {"data_sha256": "abc"}}
    write_study(folder, document)
    with Ledger(folder, kinds=kinds, metrics=metrics) as ledger:
        for each in TRIALS:
            ledger.append_trial(each)
    return folder


def test_the_report_ranks_by_the_first_and_marks_the_front(study):
    report = read_report(study, yardsticks=False)
    assert [each.trial for each in report.front] == [1, 3, 0]
    assert report.table["is_on_front"].to_pylist() == [True, True, False, True]
    console = Console(file=io.StringIO(), width=160)
    write_report(study, console=console, yardsticks=False)
    text = console.file.getvalue()
    assert "Pareto front of val/score, val/ms_ssim: trials 1, 3, 0; no other trial is better in every objective" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["1", "1", "0.1", "0.2", "3", "0:01", "completed,", "front", "0.02"] in lines
    assert ["3", "2", "0.3", "0.1", "3", "0:01", "completed", "0.03"] in lines
    assert any(line[:3] == ["4", "0", "0.4"] and "baseline," in line and "front" in line for line in lines)


def test_programs_get_the_front_too(study, tmp_path):
    write_report(
        study, console=Console(file=io.StringIO()), yardsticks=False, format="json", output=tmp_path / "r.json"
    )
    document = json.loads((tmp_path / "r.json").read_text())
    assert document["front"] == [1, 3, 0]
    assert [each["metric"] for each in document["objectives"]] == ["val/score", "val/ms_ssim"]


def test_the_page_knows_the_front_and_every_objective(study):
    page = frozen(make_page(read_report(study, yardsticks=False)))
    assert page["head"]["front"] == [1, 3, 0]
    assert [each["metric"] for each in page["about"]["objectives"]] == ["val/score", "val/ms_ssim"]
    assert "metric.val/ms_ssim" in page["trials"]


def best(*arguments: str):
    return CliRunner().invoke(app, ["best", "two", *arguments], catch_exceptions=True)


def test_best_takes_the_first_objectives_and_names_the_others_of_the_front(study):
    result = best("-o", "best.toml")
    assert result.exit_code == 0, result.output
    assert tomllib.loads(Path("best.toml").read_text())["fixed"]["lr_gen"] == 0.02
    assert "as good in their way, for --trial: 3, 0" in result.stderr


def test_any_completed_trial_can_be_pinned_by_its_number(study):
    result = best("--trial", "3")
    assert result.exit_code == 0, result.output
    pinned = tomllib.loads(result.stdout)
    assert pinned["fixed"]["lr_gen"] == 0.04
    assert (pinned["found"]["trial"], pinned["found"]["value"]) == (3, 0.2)


def test_the_summary_shows_the_front_and_says_in_which_objective_the_default_leads():
    default, other = row(0, 0.1, 0.2), row(1, 0.3, 0.9)
    console = Console(file=io.StringIO(), width=100)
    print_summary(
        console,
        study="two",
        objectives=(SCORE, LIKENESS),
        best=default,
        baseline=default,
        outcomes={Outcome.COMPLETED: 2},
        folder=Path("results/two"),
        front=front([default, other], (SCORE, LIKENESS)),
    )
    text = console.file.getvalue()
    assert "No trial beat the published default in val/score;" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["0", "0.1", "0.2", "published", "default"] in lines
    assert ["1", "0.3", "0.9"] in lines
    assert "sparring best two --trial 1 -o best.toml" in text


# -- refusals ----------------------------------------------------------------------------------------------------------


def prepared(tmp_path, *metrics: str, **limits):
    return prepare("aegan", objectives=metrics, results=tmp_path / "results", limits=Limits(**limits))


def test_objectives_named_by_the_user_replace_the_spaces(tmp_path):
    study = prepared(tmp_path, "val/mse_recon_structure", "val/score")
    assert study.spec.objectives == (Objective(metric="val/mse_recon_structure"), SCORE)
    assert (study.spec.objective.metric, study.spec.pruner) == ("val/mse_recon_structure", "halving")
    one = prepared(tmp_path, "val/mse_recon_structure")
    assert one.spec.pruner == "halving"
    assert one.identity()["space"] != study.identity()["space"]
    shipped = Space(read_space(find_space("aegan")), find_config("aegan"))
    assert prepared(tmp_path).identity()["space"] == shipped.fingerprint()


def test_a_study_that_was_begun_keeps_its_pruner_unless_another_is_asked_for(tmp_path):
    """Several objectives were not pruned until November 2026, and the same command must resume such a study."""
    two = ("val/score", "val/mse_recon_structure")
    begun = prepared(tmp_path, *two, pruner="none")
    begun.folder.mkdir(parents=True)
    open_folder(begun)
    assert prepared(tmp_path, *two).spec.pruner == "none"
    with pytest.raises(UsageError, match="pruner was 'none' and is 'median'"):
        prepared(tmp_path, *two, pruner="median")


@pytest.mark.parametrize(
    ("metrics", "limits", "words"),
    [
        (("val/score", "val/mse_recon_structure"), {"pruner": "wilcoxon"}, r"--pruner: wilcoxon .*one objective"),
        (("val/score", "val/mse_recon_structure"), {"pruner": "patient"}, r"--pruner: patient .*take another"),
        (("val/fid",), {}, r"--objective val/fid: aegan does not measure val/fid; there are: val/score"),
        (("val/score", "val/score"), {}, "each metric stands once"),
        (("train/loss_gen",), {}, "no better direction"),
        (("val/mmd_sample",), {}, r"aegan does not measure val/mmd_sample; there are: .*val/score"),
    ],
)
def test_what_cannot_be_searched_by_is_refused(tmp_path, metrics, limits, words):
    with pytest.raises(UsageError, match=words):
        prepared(tmp_path, *metrics, **limits)
