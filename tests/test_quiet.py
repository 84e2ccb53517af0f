"""``search --quiet``: what the search would say is not said; what it refuses is."""

from __future__ import annotations

import pytest
from support.studies import small_space

from sparring.cluster import session


@pytest.mark.parametrize(("words", "is_said"), [([], True), (["-q"], False), (["--quiet"], False)])
def test_a_quiet_search_says_nothing_but_errors(tmp_path, monkeypatch, run_verb, capsys, words, is_said):
    def conduct(study, address, console, mirror, aside):
        console.print("the table")
        return 0

    monkeypatch.setattr(session, "conduct", conduct)
    asked = ["search", "aegan", "--space", small_space(tmp_path), "--results", tmp_path, "--set", "data.n=60", *words]
    assert run_verb(*asked) == 0
    said = capsys.readouterr()
    assert ("the table" in said.out) == is_said
    assert bool(said.out) == is_said, "notes are not said either"
    assert said.err == ""
    assert run_verb(*asked, "--set", "epochs=0") == 2
    assert "epochs" in capsys.readouterr().err
