"""Programs of every system and kind, compared with the model on 1,000 inputs, in calls of 1, 2, 64 and 1,000."""

from __future__ import annotations

import pytest
from support.untrained import bundled, trained

from sparring.errors import UsageError
from sparring.models import model_names
from sparring.production.handover import exporting
from sparring.production.handover.bundle import open_bundle, read_files
from sparring.production.handover.exporting import KINDS, export

NORMAL_COLUMNS = {"aux_aae", "boost_vae"}
"""Systems whose muons' columns are made normal, for which ONNX has no operators."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", model_names())
def test_every_program_of_a_system_answers_as_the_system(name, kind, tmp_path):
    try:
        exporting.check_kind(kind)
    except UsageError as error:
        pytest.skip(str(error))
    files = read_files(bundled(tmp_path / name, *trained(name)))
    model = open_bundle(files, name)
    if kind == "onnx" and name in NORMAL_COLUMNS:
        with pytest.raises(UsageError, match="which ONNX has no operator for; export torch or aoti"):
            list(export(model, files, kind, tmp_path / "out"))
        return
    written = list(export(model, files, kind, tmp_path / "out"))
    assert (exporting.ROWS, *exporting.BATCHES) == (1000, 1, 2, 64)
    assert {each.verb for each in written} == set(model.schema.verbs) - set(exporting.UNWRITTEN)
    assert all(each.worst <= exporting.TOLERANCE for each in written)
