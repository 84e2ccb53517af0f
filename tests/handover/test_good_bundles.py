"""A good bundle of every system passes every check."""

from __future__ import annotations

import pytest
from support.checked import evidence_of, outcomes

from sparring.models import model_names
from sparring.production.handover.checks import CHECKS

QUICK = ("aegan", "aux_aae")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in model_names()]
)
def test_a_good_bundle_passes_all_eleven(name, candidate, bundle):
    found = outcomes(evidence_of(candidate(name), bundle(name)))
    assert [each.number for each in found] == list(range(1, 12)) == [check.number for check in CHECKS]
    assert {each.name: each.words for each in found if each.outcome != "passed"} == {}
    assert all(each.words and not each.way_out for each in found)
