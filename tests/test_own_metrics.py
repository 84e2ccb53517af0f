"""A figure that only a model of one's own has: defined in its Config, measured, and searched by."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from support.own import NAME, PAGE, blocks, write_tutorial

from sparring import metrics
from sparring.display.layout import make_layout
from sparring.errors import UnknownName, UsageError
from sparring.metrics import METRICS, find_metric
from sparring.models import find_model, own
from sparring.models.own import allow
from sparring.records import Objective, Trial
from sparring.study import Limits, prepare

FIGURE = "val/l1_recon"


def with_figure(text: str) -> str:
    """The tutorial's module with the lines that the page adds."""
    (diff,) = PAGE.read_text(encoding="utf-8").split("```diff\n")[1:]
    added = [line[1:] for line in diff.partition("```")[0].splitlines() if line.startswith("+")]
    define, name = "\n".join(added[1:4]), added[4].strip()
    methods = "\n".join(added[5:])
    text = text.replace("class MyModel(", f"{added[0]}\n\n\nclass MyModel(", 1)
    text = text.replace(
        "        metrics: ClassVar = (", f"{define}\n        metrics: ClassVar = (\n            {name}", 1
    )
    return text + "\n" + methods + "\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(own, "_ALLOWED", {})
    monkeypatch.setattr(own, "_CLASSES", {})
    monkeypatch.setattr(metrics, "_OWN", {})
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    write_tutorial(tmp_path)
    (tmp_path / "my_module.py").write_text(with_figure(blocks()["my_module.py"]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_search_may_have_it_as_objective_and_training_measures_it(place):
    import torch

    from sparring.training.loop import TrialTraining

    allow(NAME)
    study = prepare(
        NAME, results=place / "results", objectives=[FIGURE], settings=["epochs=2"], limits=Limits(trials=2)
    )
    assert study.spec.objectives == (Objective(metric=FIGURE, goal="minimize"),)
    assert FIGURE in study.config_class.emitted()
    torch.set_num_threads(1)
    train, valid = (
        {name: torch.from_numpy(np.asarray(each)) for name, each in study.rows(part).items()}
        for part in ("train", "valid")
    )
    training = TrialTraining(
        find_model(NAME), study.space.default_config(), train, valid,
        trial=Trial(number=0, params=study.space.baseline(), seed=0), objective=study.spec.objective,
    )  # fmt: skip
    first, second = training.run_epoch(), training.run_epoch()
    assert 0 < second.metrics[FIGURE] < first.metrics[FIGURE] < 1
    said = str(make_layout(study.config_class.emitted(), FIGURE))
    assert f"{FIGURE}, lower is better" in said


def test_the_model_s_page_explains_it(place, run_verb, capsys):
    assert run_verb("models", NAME) == 0
    assert f"| `{FIGURE}` | 1 | lower | mean absolute error of the reconstruction" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (f'name="{FIGURE}"', 'name="val/score"', r"val/score is defined already, as mean over"),
        (f'name="{FIGURE}"', 'name="L1"', r"is called val/… or train/….*'L1'"),
        ('goal="minimize"', 'goal="less"', r"goal is minimize, maximize or none, but got 'less'"),
        (
            f'name="{FIGURE}"',
            'name="val/other"',
            r"Config\.metrics names val/l1_recon, which sparring\.metrics does not",
        ),
        ("Metric(name", "dict(name", r"holds sparring\.metrics\.Metric, but got \{'name'"),
    ],
)
def test_what_says_nothing_or_something_else_is_refused(place, before, after, words):
    text = (place / "my_module.py").read_text(encoding="utf-8")
    assert before in text
    (place / "my_module.py").write_text(text.replace(before, after, 1), encoding="utf-8")
    allow(NAME)
    with pytest.raises(UsageError, match=words):
        find_model(NAME)


def test_systems_of_ours_have_no_share_in_it(place):
    with pytest.raises(UnknownName, match=r"no metric 'val/l1_recon'"):
        find_metric(FIGURE)
    allow(NAME)
    find_model(NAME)
    assert find_metric(FIGURE).unit == "1"
    assert FIGURE not in METRICS
