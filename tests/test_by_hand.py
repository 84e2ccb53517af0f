"""``sparring enqueue`` and ``stop``: what is refused before anything is written, and what is left for a search."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest
from support.studies import ended, fill, small_study

from sparring.cluster.signals import handled
from sparring.ledger import Ledger, lock_study
from sparring.ledger.inbox import Inbox
from sparring.records import QUEUED, AttemptRow, Outcome
from sparring.report import read_report
from sparring.report.overview import read_trial
from sparring.study import is_complete

SMALL, LARGE = {"n_hl_gen": 1, "hidden_size": 8, "lr_gen": 1e-3}, {"n_hl_gen": 2, "hidden_size": 16, "lr_gen": 2e-3}


@pytest.fixture
def study(tmp_path):
    """Two trials of two have ended, one has not."""
    made = small_study(tmp_path, "lr_gen = { loguniform = [1e-4, 1e-2] }\n", name="mine", trials=2)
    fill(made, [ended(0, SMALL, 0.5, Outcome.COMPLETED), ended(1, LARGE, 0.3, Outcome.COMPLETED)])
    return made


def begin(study, number, params, source=""):
    with Ledger(study.folder, kinds=study.space.kinds, metrics=study.config_class.emitted()) as ledger:
        ledger.append_attempt(AttemptRow(trial=number, attempt=1, seed=0, params=params, source=source))


def test_a_trial_is_put_in_line_and_the_study_goes_on_with_it(study, run_verb, capsys):
    words = ["enqueue", study.folder, "--set", "lr_gen=4e-3", "--trial", "1"]
    assert run_verb(*words) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Queued: n_hl_gen = 2, hidden_size = 16, lr_gen = 0.004." in said
    assert "Nobody searches mine now: the same `sparring search` command runs it first." in said
    (request,) = Inbox(study.folder).waiting()
    assert request.params == {**LARGE, "lr_gen": 4e-3}
    assert not is_complete(study), "so the same search command has something to do"
    assert run_verb(*words) == 2
    assert "wait in line already" in capsys.readouterr().err
    assert run_verb("enqueue", study.folder, "--set", "n_hl_gen=2") == 0
    assert "Queued after 1 other: n_hl_gen = 2, hidden_size = 8" in " ".join(capsys.readouterr().out.split())
    assert run_verb("enqueue", study.folder) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert run_verb("enqueue", study.folder, "--clear") == 0
    assert "Taken back: 2." in capsys.readouterr().out
    assert is_complete(study)


def test_a_pinned_file_gives_the_values(study, tmp_path, run_verb, capsys):
    pinned = tmp_path / "best.toml"
    pinned.write_text('model = "aegan"\ndataset = "exafs"\n[fixed]\nn_hl_gen = 2\nhidden_size = 8\nlr_gen = 3e-3\n')
    assert run_verb("enqueue", study.folder, "--from", pinned, "--set", "hidden_size=16") == 0
    (request,) = Inbox(study.folder).waiting()
    assert request.params == {"n_hl_gen": 2, "hidden_size": 16, "lr_gen": 3e-3}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "lr_gen=5"], r"lr_gen: 5.0 lies outside"),
        (["--set", "lr_gem=1e-3"], r"did you mean 'lr_gen'"),
        (["--set", "epochs=3"], r"does not vary epochs.*it varies n_hl_gen, hidden_size, lr_gen"),
        (["--set", "lr_gen={loguniform=[1e-4, 1e-3]}"], r"one trial takes one value, but got a range"),
        (["--set", "lr_gen=1e-3"], r"trial 0 has these values already"),
        (["--trial", "7"], r"no trial 7 has begun"),
        (["--trial", "1", "--from", "best.toml"], r"got both"),
        (["--clear", "--set", "lr_gen=1e-3"], r"goes without values"),
    ],
)
def test_what_no_trial_could_take_is_refused_in_a_sentence(study, run_verb, capsys, words, sentence):
    assert run_verb("enqueue", study.folder, *words) == 2
    assert Inbox(study.folder).waiting() == []
    said = " ".join(capsys.readouterr().err.split())
    assert re.search(sentence, said), said
    assert said.count("sparring:") == 1


def test_a_trial_that_has_not_ended_can_be_stopped(study, run_verb, capsys):
    begin(study, 2, {**SMALL, "lr_gen": 5e-3})
    for number, sentence in ((1, "it has ended already: completed"), (9, "trials that have not ended: 2")):
        assert run_verb("stop", study.folder, "--trial", str(number)) == 2
        assert sentence in " ".join(capsys.readouterr().err.split())
    assert run_verb("stop", study.folder, "--trial", "2") == 0
    assert "Trial 2 is to stop. Nobody searches mine now" in " ".join(capsys.readouterr().out.split())
    assert [request.stop for request in Inbox(study.folder).waiting()] == [2]


def test_a_whole_search_is_stopped_as_ctrl_c_does(study, run_verb, capsys):
    assert run_verb("stop", study.folder) == 2
    assert "nobody searches it now" in capsys.readouterr().err
    heard: list[int] = []
    with lock_study(study.folder), handled(heard.append):
        assert run_verb("stop", study.folder) == 0
    assert heard == [signal.SIGINT]


def test_what_is_searched_elsewhere_or_is_a_mirror_hears_no_request(study, run_verb, capsys):
    with lock_study(study.folder):
        lock = study.folder / "LOCK"
        lock.write_text(json.dumps({"pid": os.getpid(), "host": "elsewhere", "boot_id": "other", "start": "now"}))
        for words in (["enqueue", study.folder, "--set", "lr_gen=4e-3"], ["stop", study.folder]):
            assert run_verb(*words) == 2
            assert "it is searched on elsewhere" in " ".join(capsys.readouterr().err.split())
    assert run_verb("stop", "s3://bucket/studies/mine", "--trial", "1") == 2
    assert "is a mirror, which no search reads" in " ".join(capsys.readouterr().err.split())
    (study.folder / "owner.json").write_text("{}")
    assert run_verb("enqueue", study.folder, "--set", "lr_gen=4e-3") == 2
    assert "is the mirror of a study" in " ".join(capsys.readouterr().err.split())
    assert Inbox(study.folder).waiting() == []


def test_everywhere_it_is_called_queued_by_hand(study, run_verb, capsys):
    begin(study, 2, mine := {**LARGE, "lr_gen": 5e-3}, QUEUED)
    assert not is_complete(study), "what was put in line and begun is finished"
    with Ledger(study.folder, kinds=study.space.kinds, metrics=study.config_class.emitted()) as ledger:
        ledger.append_trial(ended(2, mine, 0.1, Outcome.COMPLETED))
    assert is_complete(study)
    report = read_report(study.folder, yardsticks=False)
    assert (report.tries, report.known, [row.trial for row in report.drawn]) == ({2: "queued by hand"}, 1, [1, 0])
    assert report.table["try"].to_pylist() == ["queued by hand", None, None]
    assert read_trial(study.folder, 2).called == "trial 2, queued by hand"
    assert run_verb("report", study.folder, "--no-yardsticks", "--page", study.folder / "page.html") == 0
    assert "queued by hand" in capsys.readouterr().out
    assert "trial 2, queued by hand" in (study.folder / "page.html").read_text()
    assert run_verb("best", study.folder, "-o", study.folder / "best.toml") == 0
    assert "trial 2, queued by hand" in " ".join(capsys.readouterr().out.split())
