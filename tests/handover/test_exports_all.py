"""Programs of every system, compared with the model in calls of 1, 2, 64 and all inputs.

AOTInductor compiles C++, 11 to 18 s of the processor for each program of the smallest nets, so it is asked of two
systems, a dense and a convolutional one. What another system's program answers is compared whenever it is exported.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.untrained import bundled, trained

from sparring.errors import UsageError
from sparring.models import model_names
from sparring.production.handover import exporting
from sparring.production.handover.bundle import open_bundle, read_files
from sparring.production.handover.exporting import export

COMPILED = {"mlp_aae": "score", "advvae": "sample"}
"""The verb whose program is compiled: encoder, decoder and critic; decoder alone."""
WRITTEN_ROWS = exporting.ROWS
ROWS = 130
"""Three calls of 64, the last of them short; the 1,000 of an export would take six times as long."""


@pytest.fixture(autouse=True)
def _fewer_inputs(monkeypatch):
    monkeypatch.setattr(exporting, "ROWS", ROWS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["torch", "onnx"])
@pytest.mark.parametrize("name", model_names())
def test_every_program_of_a_system_answers_as_the_system(name, kind, tmp_path):
    try:
        exporting.check_kind(kind)
    except UsageError as error:
        pytest.skip(str(error))
    files = read_files(bundled(tmp_path / name, *trained(name)))
    model = open_bundle(files, name)
    written = list(export(model, files, kind, tmp_path / "out"))
    assert {each.verb for each in written} == set(model.schema.verbs) - set(exporting.UNWRITTEN)
    assert all(each.worst <= exporting.TOLERANCE for each in written)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILED)
def test_a_compiled_program_answers_as_the_system(name, tmp_path):
    try:
        exporting.check_kind("aoti")
    except UsageError as error:
        pytest.skip(str(error))
    files = read_files(bundled(tmp_path / name, *trained(name)))
    model = open_bundle(files, name)
    verbs = {verb: asked for verb, asked in model.schema.verbs.items() if verb == COMPILED[name]}
    model = replace(model, schema=model.schema.model_copy(update={"verbs": verbs}))
    (written,) = export(model, files, "aoti", tmp_path / "out")
    assert (written.verb, written.path.name[-9:]) == (COMPILED[name], ".aoti.pt2")
    assert written.worst <= exporting.TOLERANCE


def test_an_export_compares_a_thousand_inputs_at_four_sizes():
    assert (WRITTEN_ROWS, *exporting.BATCHES) == (1000, 1, 2, 64)
