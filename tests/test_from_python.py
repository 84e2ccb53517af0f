"""`sparring.search` and `sparring.open_study`: the command's own options, and what a study found as values."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from support.promoted import searched
from support.studies import ended, fill, small_space, small_study

import sparring
from sparring.errors import NothingToReport, NoTrialSucceeded, UnknownName, UsageError
from sparring.records import Outcome


@pytest.fixture
def conducted(monkeypatch):
    """Studies that a search was to conduct, and what the conductor says instead; Ray does not start."""
    seen = []

    def conduct(study, address, console, mirror=None, **_):
        seen.append((study, console.quiet))
        if isinstance(conduct.answer, Exception):
            raise conduct.answer
        return conduct.answer

    conduct.answer = 0
    monkeypatch.setattr("sparring.cluster.session.conduct", conduct)
    return seen, conduct


def test_a_call_is_the_command_with_the_same_flags(conducted, tmp_path, run_verb):
    seen, _ = conducted
    space = small_space(tmp_path)
    found = sparring.search(
        "aegan", space=space, results=tmp_path, trials=5, slots=1, quiet=True, workers_per_trial=1, time="2m", seed=7,
        set={"data.n": 60, "lr_gen": {"loguniform": [1e-4, 1e-2], "default": 1e-3}, "early_stop": None},
        objective=["val/score"], checkpoint_seconds=3.5, sync_batchnorm=False, mirror=None,
    )  # fmt: skip
    words = ["--trials", "5", "--slots", "1", "-q", "--workers-per-trial", "1", "--time", "2m", "--seed", "7"]
    words += ["--objective", "val/score"]
    sets = ["data.n=60", "lr_gen={loguniform=[1e-4, 1e-2], default=1e-3}", "early_stop=None"]
    run_verb("search", "aegan", "--space", space, "--results", tmp_path, *words, "--checkpoint-seconds", "3.5",
             *(word for each in sets for word in ("--set", each)))  # fmt: skip
    (called, is_quiet), (typed, _) = seen
    assert called.spec == typed.spec
    assert (called.spec.checkpoint_s, called.spec.time_s, called.spec.seed) == (3.5, 120.0, 7)
    assert is_quiet
    assert found.folder == called.folder == tmp_path.absolute() / "aegan-exafs"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"trails": 5}, r"search: no option 'trails'; did you mean 'trials'"),
        ({"trials": "many"}, r"search: Invalid value for '--trials'"),
        ({"trials": [1, 2]}, r"search: trials takes one value, but got \[1, 2\]"),
        ({"time": "soon"}, r"--time: wants a duration"),
        ({"set": {"lr_gem": 1}}, r"did you mean 'lr_gen'"),
    ],
)
def test_a_mistake_is_an_exception_with_the_sentence_of_the_command(conducted, tmp_path, options, words):
    with pytest.raises(UsageError, match=words):
        sparring.search("aegan", results=tmp_path, **options)
    assert conducted[0] == []


def test_what_ends_a_command_is_raised_in_a_program(conducted, tmp_path):
    _, conduct = conducted
    for answer, kind in ((NoTrialSucceeded("none"), NoTrialSucceeded), (130, KeyboardInterrupt)):
        conduct.answer = answer
        with pytest.raises(kind):
            sparring.search("aegan", results=tmp_path, space=small_space(tmp_path), trials=2, quiet=True)


def test_a_class_that_stands_in_no_module_is_refused():
    lost = type("MyModel", (), {"__module__": "__main__"})
    with pytest.raises(UsageError, match=r"MyModel stands in no module; write it to a file.*'my_module:MyModel'"):
        sparring.search(lost)


def test_a_study_is_a_table_of_its_trials_and_the_best_of_them(tmp_path):
    study = small_study(tmp_path, name="mine", trials=3)
    fill(study, [])
    found = sparring.open_study("mine", results=tmp_path)
    assert (found.best, found.conclusion) == (None, ())
    with pytest.raises(NothingToReport):
        _ = found.trials
    small, large = {"n_hl_gen": 1, "hidden_size": 8}, {"n_hl_gen": 2, "hidden_size": 16}
    rows = [ended(0, small, 0.5, Outcome.COMPLETED), ended(1, large, 0.3, Outcome.COMPLETED)]
    fill(study, [*rows, ended(2, small, 0.4, Outcome.PRUNED, 3)])
    assert isinstance(found.trials, pd.DataFrame)
    assert found.trials["trial"].tolist() == [1, 0, 2]
    assert found.trials["param.hidden_size"].tolist() == [16, 8, 8]
    assert (found.best.trial, found.best.value, found.best.params) == (1, 0.3, large)
    assert found.conclusion[0].startswith("Trial 1's val/score of 0.3 is the best of 2 single trainings")
    with pytest.raises(UnknownName, match=r"no study 'min'.*did you mean 'mine'"):
        sparring.open_study("min", results=tmp_path)


@pytest.mark.slow
def test_a_study_s_model_answers_as_one_in_production_does(tmp_path):
    found = sparring.open_study(searched(tmp_path, "mlp_aae"))
    model = found.load()
    assert (model.name, model.version, model.schema.model) == ("mlp_aae", 0, "mlp_aae")
    drawn = model.sample(4, seed=3)
    (field,) = drawn.values
    assert drawn[field].shape[0] == 4
    assert np.array_equal(drawn[field], found.load().sample(4, seed=3)[field])
    with pytest.raises(UsageError, match=r"weights of trial 0 are not kept"):
        found.load(0)


def test_to_import_sparring_costs_nothing_until_something_is_asked():
    heavy = "{'typer', 'torch', 'pandas', 'ray', 'pydantic'}"
    code = f"import sparring, sys; print({heavy} & set(sys.modules), sparring.search.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["set()", "search"]
