"""Muons as others read them, and auxiliary values that go together as in the training rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import kstest, spearmanr
from support.muons import make

from sparring.data import load_dataset
from sparring.data.physics.rareness import rareness
from sparring.production.inference.muon_export import published_columns, write_root


@pytest.fixture(scope="module")
def muons():
    return load_dataset("muons").fields["muons"]


def test_twelve_columns_are_read_back_as_the_muons_and_ranks_of_how_rare_they_are(muons, tmp_path):
    drawn, known = muons[:300], muons[300:2300]
    columns = published_columns(drawn, known)
    assert (columns.shape, columns.dtype) == ((300, 12), np.float32)
    np.save(tmp_path / "m.npy", columns)
    data = load_dataset("muon-files", tmp_path / "m.npy")
    order = [int(name.rpartition("-")[2]) - 1 for name in data.ids]
    np.testing.assert_allclose(data.fields["muons"], drawn[order], rtol=1e-3, atol=1e-2)
    assert kstest(columns[:, 11], "halfnorm").pvalue > 0.99
    assert spearmanr(columns[:, 9], rareness(drawn, known)[:, 2]).statistic == pytest.approx(1)


def test_a_root_file_is_read_back_as_the_muons(muons, tmp_path):
    pytest.importorskip("uproot", reason="writing .root needs uproot: pip install uproot")
    write_root(tmp_path / "m.root", muons[:300])
    data = load_dataset("muon-files", tmp_path / "m.root", {"reference": 100})
    order = [int(name.rpartition("-")[2]) - 1 for name in data.ids]
    np.testing.assert_allclose(data.fields["muons"], muons[:300][order], rtol=1e-6)


def test_correlated_auxiliary_values_go_together_as_in_the_training_rows_and_are_half_normal(muons):
    fields = load_dataset("muons").fields
    rows = {name: torch.from_numpy(np.array(fields[name][:2000])) for name in ("muons", "rareness")}
    model = make("auxgan", rows, aux_draws="correlated")
    torch.manual_seed(0)
    _, aux, _ = model.draw_inputs(torch.zeros(20_000, 7))
    expected = spearmanr(rows["rareness"][:, :4]).statistic
    np.testing.assert_allclose(spearmanr(aux).statistic, expected, atol=0.06)
    assert abs(expected[2, 3]) > 0.15  # pt and pz, which independent draws would miss
    for column in aux.T:
        assert kstest(column, "halfnorm").statistic < 0.02
