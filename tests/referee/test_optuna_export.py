"""A study in Optuna's own storage, as Optuna reads it back."""

from __future__ import annotations

import math

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from support.reports import study, trial

from sparring.errors import UsageError
from sparring.ledger import Ledger, Look, attempt_rows, lock_study, read_study
from sparring.records import Interval, Objective, Outcome
from sparring.referee.sampling.export import export_study

WCC = {"lr": 0.01, "decay": 1e-4, "loss": "wcc", "width": 9, "norm": False}
ROWS = [
    trial(0, Outcome.COMPLETED, 0.4),
    trial(1, Outcome.PRUNED, 0.05, epochs=1),
    trial(2, Outcome.COMPLETED, 0.1, params=WCC),
    trial(3, Outcome.DIVERGED, metrics={"val/score": math.nan}),
    trial(4, Outcome.CRASHED, error="RuntimeError: torn"),
]


@pytest.fixture
def address(tmp_path):
    return f"sqlite:///{tmp_path}/optuna.db"


def read_back(address: str, name: str = "demo") -> optuna.Study:
    return optuna.load_study(study_name=name, storage=address)


def test_every_trial_comes_back_with_its_state_its_values_and_its_curve(tmp_path, address):
    folder = study(tmp_path, ROWS, begun=6)
    assert export_study(folder, address) == 6
    back = read_back(address)
    assert [each.state for each in back.trials] == [
        TrialState.COMPLETE, TrialState.PRUNED, TrialState.COMPLETE, TrialState.FAIL, TrialState.FAIL, TrialState.FAIL,
    ]  # fmt: skip
    assert [each.number for each in back.trials] == [each.user_attrs["trial"] for each in back.trials] == list(range(6))
    assert [each.value for each in back.trials] == [0.4, 0.05, 0.1, None, None, None]
    assert back.trials[2].intermediate_values == pytest.approx({e: 0.1 + 1 / e for e in range(1, 10)})
    assert (back.best_trial.number, back.direction.name, back.metric_names) == (2, "MINIMIZE", ["val/score"])
    outcomes = [each.user_attrs["outcome"] for each in back.trials]
    assert outcomes == ["completed", "pruned", "completed", "diverged", "crashed", "not ended"]
    assert back.trials[0].user_attrs["name"] == "published default"
    assert back.trials[2].user_attrs["val/mse_predict_spectrum"] == pytest.approx(0.1 / 8)
    assert back.trials[3].user_attrs["val/score"] == "nan"
    assert back.trials[4].user_attrs["error"] == "RuntimeError: torn"
    assert back.user_attrs["data set"] == "exafs"
    begun = {row.trial: row for row in attempt_rows(folder)}
    assert begun.keys() == {each.number for each in back.trials}
    assert all(each.datetime_start <= each.datetime_complete for each in back.trials[:5])


def test_parameters_have_their_distributions_switches_and_conditions_too(tmp_path, address):
    export_study(study(tmp_path, ROWS), address)
    plain, wcc = read_back(address).trials[0], read_back(address).trials[2]
    assert plain.params == {"lr": 0.001, "decay.on": False, "loss": "mse", "norm": True}
    assert wcc.params == {**WCC, "decay.on": True}
    assert wcc.distributions == {
        "lr": FloatDistribution(1e-5, 1e-1, log=True), "decay": FloatDistribution(1e-6, 1e-2, log=True),
        "decay.on": CategoricalDistribution((False, True)), "loss": CategoricalDistribution(("mse", "wcc")),
        "width": IntDistribution(5, 15), "norm": CategoricalDistribution((True, False)),
    }  # fmt: skip


def test_several_objectives_keep_their_order_and_directions(tmp_path, address):
    both = (Objective(metric="val/mse_predict_spectrum"), Objective(metric="val/score", goal="maximize"))
    export_study(study(tmp_path, [ROWS[0], ROWS[1]], spec={"objectives": both}), address)
    back = read_back(address)
    assert [each.name for each in back.directions] == ["MINIMIZE", "MAXIMIZE"]
    assert back.trials[0].values == [0.4, 0.4]
    assert back.trials[1].values is None
    assert back.trials[1].state is TrialState.PRUNED


def test_a_trial_of_a_search_that_goes_on_is_running(tmp_path, address):
    folder = study(tmp_path, ROWS[:1], begun=2)
    with lock_study(folder):
        export_study(folder, address)
    assert read_back(address).trials[1].state is TrialState.RUNNING


def test_figures_on_the_test_rows_are_attributes_of_the_trials_that_have_them(tmp_path, address):
    folder = study(tmp_path, ROWS)
    document = read_study(folder)
    with Ledger(folder, kinds=document["kinds"], metrics=document["metrics"]) as ledger:
        ledger.append_look(Look(number=1, trial=2, trials=5, rows=40, winner={"test/score": Interval(0.12)}))
    export_study(folder, address)
    assert [each.user_attrs.get("test/score") for each in read_back(address).trials] == [None, None, 0.12, None, None]


def test_a_storage_that_has_a_study_of_that_name_is_refused_and_left_as_it_was(tmp_path, address):
    folder = study(tmp_path, ROWS)
    export_study(folder, address)
    with pytest.raises(UsageError, match=r"--optuna sqlite.*: it has a study 'demo' already; .*another --name"):
        export_study(folder, address)
    assert len(read_back(address).trials) == 5
    assert export_study(folder, address, "again") == 5
    assert sorted(optuna.get_all_study_names(address)) == ["again", "demo"]


def test_nothing_is_left_of_an_export_that_fails(tmp_path, address, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(optuna.Study, "add_trials", fail)
    with pytest.raises(KeyboardInterrupt):
        export_study(study(tmp_path, ROWS), address)
    assert optuna.get_all_study_names(address) == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("study.db", r"--optuna study\.db: wants the address of a database, such as sqlite:///study\.db, but: "),
        ("sqlite:////nowhere/at/all/study.db", "unable to open database file"),
        ("nosuch://me:secret@host/db", r"--optuna nosuch://me:\*\*\*@host/db: "),
    ],
)
def test_an_address_that_is_no_database_is_refused_in_one_sentence(tmp_path, wrong, words):
    with pytest.raises(UsageError, match=words) as refused:
        export_study(study(tmp_path, ROWS), wrong)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_command_says_how_to_look_at_it(tmp_path, address, run_verb, capsys):
    folder = study(tmp_path, ROWS)
    assert run_verb("export", folder, "--optuna", address) == 0
    assert capsys.readouterr().out == f"Exported 5 trials of demo; look at them with: optuna-dashboard {address}\n"
    assert run_verb("export", folder, "--optuna", address) == 2
