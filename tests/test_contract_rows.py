"""Every system's figures row by row: what the look at the test rows does with any of them."""

from __future__ import annotations

import pytest
import torch
from support.systems import Setting, widened

from sparring.models import find_config, model_names
from sparring.study.intervals import blocks_of
from sparring.study.row_intervals import computed_once, measure_model

ROWS = 24
FIGURES = ("auc_rows", "sample_rows")
"""Fields that switch figures on."""
CASES = [
    *((name, {}) for name in model_names()),
    *(
        (name, dict.fromkeys(fields, 40))
        for name in model_names()
        if (fields := sorted(set(find_config(name).optional.values()).intersection(FIGURES)))
    ),
]


@pytest.mark.parametrize(("name", "fields"), CASES)
def test_figures_have_intervals_however_rows_are_cut(name, fields):
    setting = Setting(name, n=300, **fields)
    model = setting.model().eval()
    rows = {field: widened(values) for field, values in setting.part("valid", ROWS).items()}
    with torch.no_grad():
        whole = model.figures({sum_: value.double() for sum_, value in model.evaluate(**rows).items()})
    found = measure_model(
        model, torch.arange(ROWS).numpy(), lambda block: {field: values[block] for field, values in rows.items()}
    )
    assert set(found) == set(whole)
    for metric, figure in found.items():
        assert figure.value == pytest.approx(whole[metric], rel=1e-6, abs=1e-9)
        assert figure.low is None or figure.low <= figure.value <= figure.high
    assert any(figure.low is not None and figure.low < figure.high for figure in found.values())


@pytest.mark.parametrize(("name", "fields"), CASES)
def test_what_is_said_to_depend_on_no_row_does_not(name, fields):
    setting = Setting(name, n=300, **fields)
    model = setting.model().eval()
    rows = {field: widened(values) for field, values in setting.part("valid", 9).items()}
    pieces = [{field: values[block] for field, values in rows.items()} for block in blocks_of(torch.arange(9).numpy())]
    with torch.no_grad():
        anew = [model.evaluate(**piece) for piece in pieces]
        with computed_once(model, model.row_free):
            once = [model.evaluate(**piece) for piece in pieces]
    for before, after in zip(anew, once, strict=True):
        assert set(before) == set(after)
        assert all(torch.equal(before[sum_], after[sum_]) for sum_ in before)
