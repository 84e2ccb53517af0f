"""From a study to production and back, by the commands, through a real fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.checked import ThisProcess, evidence_of, outcomes
from support.promoted import QUIET, candidate_of, searched, staged

from sparring.errors import DataError
from sparring.ledger.weights import WeightsFolder
from sparring.production import read_trained
from sparring.production.handover import fresh_process
from sparring.production.handover.bundle import read_files
from sparring.production.handover.candidate import open_candidate
from sparring.production.handover.card import page
from sparring.production.handover.evidence import Evidence, Limits
from sparring.production.handover.fresh import PROBE, examine, examine_freshly, write_probe
from sparring.production.handover.manifest import verify
from sparring.production.handover.promotion import first_card
from sparring.production.registry import Registry
from sparring.study.look import look


@pytest.fixture
def quick(monkeypatch):
    """The checks' fresh process is this one."""
    monkeypatch.setattr(fresh_process, "FreshProcess", ThisProcess)


def promoting(folder, tmp_path, *more):
    return ["promote", folder, "--to", str(tmp_path / "models"), "--rows", "6", "--max-latency", "1e6",
            "--max-memory", "1e6", "--no-yardsticks", *more]  # fmt: skip


def test_a_fresh_process_finds_what_this_one_finds(candidate, bundle, tmp_path):
    """It is alone: no variable, no current folder leads it anywhere."""
    folder, probe = bundle("aegan"), tmp_path / PROBE
    write_probe(probe, candidate("aegan").source, candidate("aegan").schema, candidate("aegan").probe(70))
    there, here = examine_freshly(folder, probe), examine(folder, probe)
    assert there.complaint == there.parity_complaint == ""
    assert [(each.verb, each.batch, each.rows) for each in there.parity] == [
        (verb, batch, 70) for verb in ("predict", "reconstruct") for batch in (1, 2, 64, 70)
    ]
    assert max(each.worst for each in there.parity) < 1e-5
    assert [(each.what, each.is_fine) for each in there.hostile] == [(each.what, each.is_fine) for each in here.hostile]
    assert len(there.hostile) > 60
    assert 50 < there.memory_mb < 4000
    (folder / "model.json").unlink()
    assert "lacks model.json" in examine(folder, probe).complaint


def test_a_fork_that_dies_is_no_answer():
    """Else the rows that it was to ask would count as equal."""
    assert fresh_process.begin_aside(lambda: "said")() == "said"
    with pytest.raises(RuntimeError, match="died"):
        fresh_process.begin_aside(lambda: os._exit(0))()


def test_a_fresh_process_that_nobody_asks_is_ended():
    with fresh_process.FreshProcess() as process:
        assert process._process.poll() is None
    assert process._process.poll() is not None


def test_a_fresh_process_is_begun_before_torch_is_imported():
    """So that both processes import at once."""
    code = "import sys, sparring.production.handover.fresh_process; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_neither_a_trial_nor_a_table_imports_pandas(candidate):
    """Half a second in each of both processes. pyarrow imports it where lists or times become values or arrays."""
    code = (
        "import sys, numpy as np, pyarrow as pa\n"
        "from pathlib import Path\n"
        "from sparring.production.handover import guard, hostile\n"
        "from sparring.study.pinning import pin_trial\n"
        f"assert pin_trial(Path({str(candidate('aegan').study.folder)!r})).row.trial == 1\n"
        "for values in (np.arange(3, dtype=np.float32), np.arange(3, dtype=np.uint8)):\n"
        "    table = pa.table({'x': hostile._column(values)})\n"
        "    found = guard._column(pa.concat_tables([table, table]), 'x')\n"
        "    assert found.dtype == values.dtype and found.tolist() == [0, 1, 2, 0, 1, 2]\n"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_while_the_process_examines_the_bundle_is_scored(candidate, bundle):
    def begin(folder, probe):
        return lambda: examine(folder, probe).model_copy(update={"complaint": ", ".join(sorted(vars(evidence)))})

    evidence = evidence_of(candidate("aegan"), bundle("aegan"), begin=begin)
    done = evidence.examination.complaint
    assert "drift" in done
    assert "interval" in done


@pytest.mark.slow
def test_a_fresh_process_that_dies_says_its_last_words(bundle, tmp_path):
    assert "code 1: " in examine_freshly(bundle("aegan"), tmp_path / "none.safetensors").complaint


def test_a_study_goes_into_production_and_back(candidate, tmp_path, run_verb, capsys, quick, monkeypatch):
    folder, models = candidate("aegan").study.folder, tmp_path / "models"
    assert run_verb(*promoting(folder, tmp_path)) == 0
    said = capsys.readouterr().out
    assert [line[:10].split() for line in said.splitlines() if line[:2].strip().isdigit()] == [
        [str(number), "passed"] for number in range(1, 12)
    ]
    assert f"aegan version 1 is in production: {models}/aegan/1" in said

    assert run_verb(*promoting(folder, tmp_path)) == 6
    refused = capsys.readouterr()
    assert "5 failed  better than in production: version 1 has exactly the same figure" in refused.out
    assert "aegan: not promoted, for 1 of 11 checks failed" in refused.err
    assert Registry(address=str(models)).current("aegan").version == 1

    assert run_verb(*promoting(folder, tmp_path, "--force", "another machine")) == 0
    assert "Overruled, for ever in its history: another machine" in capsys.readouterr().out
    entries = Registry(address=str(models)).history("aegan")
    assert [(each.version, each.trial, each.reason) for each in entries] == [(1, 1, ""), (2, 1, "another machine")]
    assert entries[1].checks[4].outcome == "forced"

    monkeypatch.setenv("COLUMNS", "200")
    assert run_verb("rollback", "aegan", "--at", models, "--reason", "it drifts") == 0
    assert "aegan is rolled back from version 2 to 1." in capsys.readouterr().out
    assert run_verb("production", "--at", models) == 0
    assert "aegan" in capsys.readouterr().out
    assert run_verb("production", "aegan", "--at", models) == 0
    listed = capsys.readouterr().out
    assert "3: it drifts" in listed
    assert f"current: version 1, {models}/aegan/1" in listed
    assert run_verb("production", "aegan", "--at", models, "--diff", "1", "2") == 0
    assert "versions 1 and 2 say the same of themselves" in capsys.readouterr().out


def test_a_promoted_version_is_whole_and_its_card_tells_the_story(candidate, tmp_path, run_verb, quick):
    assert run_verb(*promoting(candidate("aegan").study.folder, tmp_path)) == 0
    folder = tmp_path / "models" / "aegan" / "1"
    manifest = verify(read_files(folder), str(folder))
    assert (manifest.name, manifest.version) == ("aegan", 1)
    card = json.loads((folder / "card.json").read_text())
    assert card["version"] == 1
    assert [check["outcome"] for check in card["checks"]] == ["passed"] * 11
    assert card["data"]["licence"] == "Apache-2.0"
    assert card["figure"]["low"] < card["figure"]["value"] < card["figure"]["high"]
    assert "# aegan, version 1" in (folder / "card.md").read_text()
    pinned = tomllib.loads((folder / "pinned.toml").read_text())
    assert pinned["found"]["trial"] == 1
    assert "search" not in pinned
    schema = json.loads((folder / "schema.json").read_text())
    structure, spectrum = schema["fields"]
    assert (structure["shape"], structure["unit"], structure["columns"][:2]) == (
        [49],
        "1",
        ["structure_0", "structure_1"],
    )
    assert spectrum["axis"]["values"][0] == 2.0
    assert spectrum["axis"]["meaning"] == "wave number in 1/Å, 2 to 10"
    assert {transform["name"] for transform in schema["transforms"]} >= {
        "spectrum_input.shift",
        "spectrum_target.scale",
    }


def test_a_card_says_what_the_study_may_claim(candidate):
    claim = "Trial 1 is the best with a probability of 0.99."
    made = candidate("aegan")
    card = first_card(replace(made, pinned=replace(made.pinned, claim=claim)), "aegan", {})
    assert card.conclusion == claim
    assert claim in page(card).splitlines()
    assert first_card(made, "aegan", {}).conclusion == "", "it has made no claim"


def test_a_version_is_a_trained_folder_too(candidate, tmp_path, run_verb, quick):
    assert run_verb(*promoting(candidate("aegan").study.folder, tmp_path)) == 0
    loaded = read_trained(tmp_path / "models" / "aegan" / "1")
    source = candidate("aegan").source
    rows = candidate("aegan").probe(5)
    for name, values in source.able("predict").predict(rows).items():
        assert np.array_equal(loaded.able("predict").predict(rows)[name], values)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--trial", "7"], "--trial: no completed trial 7"),
        (["--trial", "0"], "the weights of trial 0 are not kept; there are weights of: 1"),
        (["--force", " "], "--force: wants a reason"),
        (["--name", "../up"], "--name: a name is"),
    ],
)
def test_what_cannot_be_promoted_is_refused_before_anything_is_made(more, words, candidate, tmp_path, run_verb, capsys):
    assert run_verb(*promoting(candidate("aegan").study.folder, tmp_path, *more)) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (tmp_path / "models").exists()


def test_data_that_are_not_those_of_the_search_are_refused(candidate, monkeypatch):
    from sparring.production.handover import candidate as module

    whole = module.reopen

    def other(*arguments):
        study = whole(*arguments)
        study.dataset.sha256 = "0" * 64
        return study

    monkeypatch.setattr(module, "reopen", other)
    with pytest.raises(DataError, match="not the data that was searched on"):
        open_candidate(candidate("aegan").study.folder, None, is_refit=False, console=None)


def test_a_trial_that_was_scored_on_the_test_rows_is_judged_there(tmp_path):
    """And no other trial of the study, so that nobody picks one by its test figure."""
    folder = searched(tmp_path, "aegan", rows=300, split="75/15/10")
    assert candidate_of(folder).held == "valid"
    seen = look(folder)
    made = candidate_of(folder)
    assert (seen.trial, made.held, made.recorded) == (1, "test", seen.winner["test/score"])
    evidence = evidence_of(made, staged(made, tmp_path / "looked" / "bundle"))
    found = {each.number: each for each in outcomes(evidence)}
    assert {number for number, each in found.items() if each.outcome != "passed"} == {6}, "the default has no weights"
    assert found[4].words.startswith("test/score ")
    assert found[6].words.startswith("test/score ")
    assert " on 30 test rows; the study recorded " in found[4].words
    WeightsFolder(folder / "weights").write(0, WeightsFolder(folder / "weights").read(1))
    assert open_candidate(folder, 0, is_refit=False, console=QUIET).held == "valid"


def test_a_refit_is_judged_by_test_rows(tmp_path):
    folder = searched(tmp_path, "aegan", rows=300, split="75/15/10")
    made = candidate_of(folder, is_refit=True)
    assert made.held == "test"
    evidence = Evidence(
        candidate=made, folder=staged(made, tmp_path / "refit" / "bundle"), name="aegan", rivals={},
        begin=ThisProcess.begin,
        registry=Registry(address=str(tmp_path / "models")), limits=Limits(rows=6, latency_ms=1e6, memory_mb=1e6),
    )  # fmt: skip
    found = {each.number: each for each in outcomes(evidence)}
    assert {number for number, each in found.items() if each.outcome == "failed"} <= {4, 6}, "figures of another run"
    assert found[4].words.startswith("test/score ")
    assert "test rows" in found[4].words
    plain = candidate_of(folder)
    name = "shared_encoder.0.linear.weight"
    states = [each.source.model.state_dict()[name] for each in (made, plain)]
    assert not np.allclose(*states), "it learned from other rows"


def test_a_refit_of_every_row_has_nothing_to_be_judged_by(candidate, tmp_path, run_verb, capsys, quick):
    folder = candidate("aegan").study.folder
    assert run_verb(*promoting(folder, tmp_path, "--refit")) == 6
    said = capsys.readouterr()
    assert "4 failed  figure holds: the refit was trained on every row" in said.out
    assert 'split = "75/15/10"' in said.out
    assert run_verb(*promoting(folder, tmp_path, "--refit", "--force", "no test rows")) == 0
    card = json.loads(Path(tmp_path, "models", "aegan", "1", "card.json").read_text())
    assert (card["is_refit"], card["figure"]["value"], card["data"]["trained_on"]) == (True, None, "train and valid")
