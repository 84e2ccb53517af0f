"""A search on Ray hears what is asked of it by hand: a trial that stops, one that runs next, its own end."""

from __future__ import annotations

import pytest
from support.studies import small_space

from sparring.ledger import attempt_rows, trial_rows
from sparring.ledger.inbox import Inbox
from sparring.records import QUEUED, Outcome


@pytest.mark.ray
def test_a_running_search_hears_what_is_asked_by_hand(command, run_verb, tmp_path, capsys):
    space = small_space(tmp_path, "lr_gen = { loguniform = [1e-4, 1e-2] }\n")
    asked = command("asked")
    words = ["--space", space, "--set", "epochs=2000", "--trials", "3", "--slots", "1", "--race", "off"]
    process = asked.start(*words)
    asked.wait_for(asked.epochs, process)
    assert run_verb("enqueue", asked.folder, "--set", "lr_gen=3e-3") == 0
    assert "It runs as soon as a slot is free" in " ".join(capsys.readouterr().out.split())
    assert run_verb("stop", asked.folder, "--trial", "0") == 0
    asked.wait_for(lambda: [row for row in asked.epochs() if row.trial == 1], process)
    assert run_verb("stop", asked.folder) == 0
    assert process.wait(60) == 130, asked.said()
    (stopped,) = trial_rows(asked.folder)
    assert (stopped.trial, stopped.outcome, stopped.value) == (0, Outcome.STOPPED, None)
    begun = {row.trial: row for row in attempt_rows(asked.folder)}
    assert (begun[1].source, begun[1].params) == (QUEUED, {"lr_gen": 3e-3})
    assert Inbox(asked.folder).waiting() == []
    assert "trial 0 stopped" in asked.said()
