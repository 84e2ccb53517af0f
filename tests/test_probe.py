"""The nearest-neighbour probe of codes against scikit-learn's, and the way of the classes to it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from sparring.data import load_dataset
from sparring.errors import DataError, UsageError
from sparring.models import find_model
from sparring.models.metrics.probe import Probe
from sparring.records import Objective, Trial
from sparring.study import prepare
from sparring.training.loop import TrialTraining

KNOWN = 100
LABELLED = {"mlp_aae": {"hidden_size": 32, "hidden_size_dis": 32}, "aae": {}, "advvae": {}}


def rows_of(data, rows: slice) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.array(values[rows])) for name, values in data.fields.items()}


@pytest.fixture(scope="module")
def digits():
    data = load_dataset("digits").with_label()
    return rows_of(data, slice(300)), rows_of(data, slice(300, 420))


def trained(name: str, digits, **fields) -> tuple[TrialTraining, dict[str, float]]:
    """After one epoch, with its figures."""
    model = find_model(name)
    config = model.Config(epochs=1, batch_size=50, **LABELLED[name], **fields)
    objective = Objective(metric="val/score", goal="minimize")
    run = TrialTraining(model, config, *digits, trial=Trial(number=0, params={}, seed=0), objective=objective)
    return run, dict(run.run_epoch().metrics)


def test_hits_are_those_of_another_program():
    generator = np.random.default_rng(0)
    codes, known = generator.normal(size=(1100, 3)) + 1e4, generator.normal(size=(60, 3)) + 1e4
    label, classes = generator.integers(0, 4, 1100), generator.integers(0, 4, 60)
    probe = Probe(60)
    probe.fit(torch.from_numpy(known), torch.from_numpy(classes))
    hits = probe.hits(torch.from_numpy(codes), probe.known, torch.from_numpy(label))
    other = KNeighborsClassifier(1, algorithm="brute").fit(known, classes)
    assert float(hits) / 1100 == other.score(codes, label)
    broken = torch.from_numpy(codes).clone()
    broken[3, 1] = torch.inf
    assert torch.isnan(probe.hits(broken, probe.known, torch.from_numpy(label)))


def test_known_rows_are_drawn_evenly_with_their_classes():
    probe = Probe(3)
    probe.fit(torch.arange(9.0)[:, None], torch.arange(9) * 10)
    assert probe.known.squeeze(1).tolist() == [0, 4, 8]
    assert probe.classes.tolist() == [0, 40, 80]
    with pytest.raises(DataError, match=r"probe_rows: the class of each training row is needed, but the data say none"):
        probe.fit(torch.zeros(9, 1), None)


@pytest.mark.parametrize(
    "name", ["mlp_aae", *(pytest.param(name, marks=pytest.mark.slow) for name in ("aae", "advvae"))]
)
def test_the_figure_is_the_accuracy_on_validation_rows_and_changes_no_other(name, digits):
    train, valid = digits
    run, figures = trained(name, digits, probe_rows=KNOWN)
    off, plain = trained(name, digits)
    codes = {part: run.model.codes(rows)["codes"].numpy() for part, rows in (("train", train), ("valid", valid))}
    index = np.linspace(0, len(codes["train"]) - 1, KNOWN).astype(int)
    other = KNeighborsClassifier(1, algorithm="brute").fit(codes["train"][index], train["label"][index])
    assert figures["val/probe"] == pytest.approx(
        other.score(codes["valid"], valid["label"]), abs=1.1 / len(valid["label"])
    )
    assert figures["val/probe"] > 0.3  # ten classes: chance is 0.1
    assert run.examine(valid)["test/probe"] == figures["val/probe"]
    assert {key: value for key, value in figures.items() if key != "val/probe"} == plain
    assert run.model.state_dict().keys() == off.model.state_dict().keys()


def test_classes_come_beside_the_fields_without_another_checksum():
    data = load_dataset("digits")
    with_label = data.with_label()
    assert "label" not in data.fields
    assert with_label.sha256 == data.sha256
    assert with_label.fields["label"].tolist() == [int(name) for name in data.labels]
    assert load_dataset("exafs").with_label().shapes == load_dataset("exafs").shapes


def test_a_study_hands_classes_to_systems_that_look_at_them():
    study = prepare("mlp_aae", dataset="digits", settings=["probe_rows=50"], objectives=["val/probe"])
    assert study.rows("valid")["label"].tolist() == [int(study.dataset.labels[row]) for row in study.split.valid]
    assert "label" not in prepare("auxgan").rows("train")


def test_a_set_without_classes_is_refused():
    with pytest.raises(UsageError, match=r"probe_rows needs the class of each row, but data set ring-downs says none"):
        prepare("aae_series", dataset="ring-downs", settings=["probe_rows=50"])
    with pytest.raises(UsageError, match=r"val/probe is measured only where probe_rows is set.*--set probe_rows"):
        prepare("mlp_aae", dataset="digits", objectives=["val/probe"])
