"""What a check compares with beside the bundle: the study, production, other methods, limits, the registry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.checked import evidence_of, outcomes
from support.promoted import candidate_of, searched, staged

from sparring.errors import DataError
from sparring.production.handover import evidence as module
from sparring.production.handover.candidate import Candidate
from sparring.production.handover.checks import CHECKS
from sparring.production.handover.drift import measure, pack
from sparring.production.handover.evidence import Evidence
from sparring.production.handover.fresh import Examination
from sparring.production.handover.hostile import Trial
from sparring.production.handover.manifest import seal
from sparring.production.registry import Registry
from sparring.records import Interval


def found(evidence: Evidence, number: int, reason: str | None = None):
    """The outcome of one check; the others are not asked for their sake."""
    return next(each for each in outcomes(evidence, reason) if each.number == number)


@pytest.fixture
def judge(candidate, bundle):
    """Evidence about the good bundle; what the fresh process found is taken from here unless said otherwise."""

    def make(**fields):
        fine = Examination(parity=(), hostile=(Trial(what="x", is_fine=True, words="no"),), latency_ms=5, memory_mb=300)
        made = evidence_of(candidate("aegan"), bundle("aegan"), **fields)
        made.__dict__["examination"] = fine
        return made

    return make


def only(evidence: Evidence, number: int):
    return next(check for check in CHECKS if check.number == number).find(evidence)


# -- 4: the figure -----------------------------------------------------------------------------------------------------


def test_a_figure_that_the_weights_do_not_have_is_refused(judge, candidate):
    """A study that recorded a luckier figure than its weights reach on its rows."""
    evidence = judge()
    pinned = candidate("aegan").pinned
    for factor, is_fine in ((1.0, True), (0.99, False), (0.2, False)):
        lucky = replace(pinned, row=replace(pinned.row, value=pinned.row.value * factor))
        object.__setattr__(evidence, "candidate", replace(candidate("aegan"), pinned=lucky))
        assert only(evidence, 4).is_fine == is_fine, factor
    assert "validation rows; the study recorded" in only(evidence, 4).words


# -- 5: what is in production ------------------------------------------------------------------------------------------


def put(registry: Registry, folder: Path) -> None:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    registry.promote("aegan", lambda version: seal("aegan", version, files), seen=registry.current("aegan"))


def test_the_same_bundle_again_is_not_better(judge):
    evidence = judge()
    put(evidence.registry, evidence.folder)
    outcome = only(evidence, 5)
    assert not outcome.is_fine
    assert "version 1 has exactly the same figure" in outcome.words


def test_a_better_model_passes_and_a_worse_one_does_not(tmp_path, candidate, original):
    """One of two steps and one of 24, each against the other in production."""
    longer = candidate_of(searched(tmp_path / "longer", "aegan", epochs=12))
    better = staged(longer, tmp_path / "better" / "bundle")
    registry = Registry(address=str(tmp_path / "production"))
    put(registry, original("aegan"))
    passed = only(evidence_of(longer, better, registry=registry), 5)
    assert passed.is_fine, passed.words
    assert passed.words.startswith("better than version 1 there: ")
    other = Registry(address=str(tmp_path / "other"))
    put(other, better)
    refused = only(evidence_of(candidate("aegan"), original("aegan"), registry=other), 5)
    assert not refused.is_fine
    assert refused.words.startswith("worse than version 1 there: ")


def test_what_cannot_be_compared_says_why(judge, original, tmp_path):
    registry = Registry(address=str(tmp_path / "other"))
    put(registry, original("aux_aae"))
    assert "it is another system, aux_aae" in only(judge(registry=registry), 5).words


def test_a_model_of_other_descriptors_of_the_same_length_is_not_fed_ours(judge):
    evidence = judge()
    put(evidence.registry, evidence.folder)
    model = evidence.model
    about = model.loaded.about.model_copy(update={"data": {**model.loaded.about.data, "r_max": 5.0}})
    evidence.__dict__["model"] = replace(model, loaded=replace(model.loaded, about=about))
    assert "it reads the data under another r_max" in only(evidence, 5).words


def test_a_damaged_incumbent_is_no_reason_to_pass(judge):
    evidence = judge()
    put(evidence.registry, evidence.folder)
    path = Path(evidence.registry.address, "aegan", "1", "config.json")
    path.write_bytes(path.read_bytes() + b" ")
    outcome = only(evidence, 5)
    assert not outcome.is_fine
    assert "cannot be compared: it cannot be read" in outcome.words


def test_a_gain_within_chance_is_none(judge):
    evidence = judge()
    put(evidence.registry, evidence.folder)
    for high, is_fine in ((0.2, False), (-0.1, True)):
        between = Interval(-0.3, -0.5, high)
        evidence.__dict__["comparison"] = module.Comparison(other=Interval(2.0), difference=between)
        assert only(evidence, 5).is_fine == is_fine


# -- 6: the default and other methods ----------------------------------------------------------------------------------


def test_a_default_that_is_better_refuses(judge, monkeypatch):
    evidence = judge()
    assert only(evidence, 6).is_fine
    for default, is_fine, is_warning in ((1e-3, False, False), (None, True, True), (1e3, True, False)):
        monkeypatch.setattr(Candidate, "default", default)
        outcome = only(evidence, 6)
        assert (outcome.is_fine, outcome.is_warning) == (is_fine, is_warning), outcome.words


def test_a_yardstick_that_is_better_is_named(judge):
    figure = only(judge(rivals={"ridge": 0.0, "mean": 1e9}), 6)
    assert (figure.is_fine, figure.is_warning) == (True, True)
    assert "it loses to ridge (0)" in figure.words
    assert "mean" not in figure.words


# -- 7 and 8: hostile inputs, limits -----------------------------------------------------------------------------------


def test_an_input_that_is_answered_though_it_must_not_be_refuses(judge):
    evidence = judge()
    bad = Trial(
        what="predict of structure: NaN in structure", is_fine=False, words="answered, as if nothing were wrong"
    )
    evidence.__dict__["examination"] = Examination(hostile=(bad,))
    outcome = only(evidence, 7)
    assert not outcome.is_fine
    assert outcome.words == f"{bad.what}: {bad.words}"


@pytest.mark.parametrize(("limits", "words"), [({"latency_ms": 4.9}, "4.9 ms"), ({"memory_mb": 299}, "299 MB")])
def test_a_model_beyond_a_limit_is_refused(limits, words, judge):
    outcome = only(judge(limits=limits), 8)
    assert not outcome.is_fine
    assert f"the limit is {words}" in outcome.words
    assert "--max-" in outcome.way_out


# -- 9: drift ----------------------------------------------------------------------------------------------------------


def test_drift_is_seen_where_a_column_moves_and_not_by_chance():
    rng = np.random.default_rng(0)
    train = {"x": rng.normal(size=(4000, 50)).astype(np.float32), "sign": rng.choice([-1.0, 1.0], (4000, 1))}
    packed = pack(train)
    same = {"x": rng.normal(size=(500, 50)).astype(np.float32), "sign": rng.choice([-1.0, 1.0], (500, 1))}
    assert measure(packed, same, "here").drifted == 0
    moved = {**same, "x": same["x"].copy()}
    moved["x"][:, 7] += 0.8
    found = measure(packed, moved, "here")
    assert (found.field, found.column, found.drifted, found.columns) == ("x", 7, 1, 51)
    turned = measure(packed, {**same, "sign": np.ones((500, 1))}, "here")
    assert (turned.field, turned.drifted) == ("sign", 1)
    with pytest.raises(DataError, match="must hold deciles of y"):
        measure(packed, {"y": same["x"]}, "here")


def test_drift_warns_and_does_not_refuse(judge, monkeypatch):
    evidence = judge()
    monkeypatch.setattr(
        module, "measure", lambda *_: module.Drift(field="x", column=1, distance=0.5, drifted=1, columns=9)
    )
    outcome = only(evidence, 9)
    assert (outcome.is_fine, outcome.is_warning) == (True, True)


# -- 11, and the rules of --force --------------------------------------------------------------------------------------


def test_a_broken_history_refuses(judge):
    evidence = judge()
    put(evidence.registry, evidence.folder)
    put(evidence.registry, evidence.folder)
    sorted(Path(evidence.registry.address, "aegan", "history").iterdir())[0].unlink()
    with pytest.raises(DataError, match="an entry of the history is gone"):
        only(evidence, 11)


def test_a_comparison_may_be_overruled(candidate, bundle):
    evidence = evidence_of(candidate("aegan"), bundle("aegan"))
    put(evidence.registry, evidence.folder)
    assert found(evidence, 5).outcome == "failed"
    assert 'or --force "reason"' in found(evidence, 5).way_out
    assert found(evidence, 5, "the old one is gone").outcome == "forced"


def test_nothing_else_may_be_overruled(candidate, bundle):
    folder = bundle("aegan")
    (folder / "config.json").write_text("{}")
    (checksums,) = outcomes(evidence_of(candidate("aegan"), folder), "I insist")
    assert (checksums.number, checksums.outcome) == (1, "failed")
    assert "--force" not in checksums.way_out
