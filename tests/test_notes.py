"""Notes: a plain file beside a study that people and commands add to."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from support.reports import EVIL, MIXED, frozen, study

from sparring.errors import LedgerError, UsageError
from sparring.ledger.notes import LONGEST, Note, add_note, notes_of, read_notes
from sparring.report import read_report
from sparring.report.dashboard.frozen import make_page

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_notes_are_added_at_the_end_and_read_back_whatever_they_say(tmp_path):
    texts = ['"""\n[[note]]\ntext = 1', "ends in \\", "umläut ✎ \x1b[31m", "a\r\nb"]
    for number, text in enumerate(texts):
        add_note(tmp_path, text, number or None, NOON)
    assert read_notes(tmp_path) == tuple(
        Note(text=text, trial=number or None, written=NOON) for number, text in enumerate(texts)
    )
    assert [note.text for note in notes_of(read_notes(tmp_path), None)] == texts[:1]


def test_a_note_written_by_hand_needs_no_more_than_its_text(tmp_path):
    (tmp_path / "notes.toml").write_text('[[note]]\ntext = "mine"\n')
    add_note(tmp_path, "and ours", 3, NOON)
    assert read_notes(tmp_path) == (Note(text="mine"), Note(text="and ours", trial=3, written=NOON))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[[note]]\ntext = 3\n", 'every \\[\\[note\\]\\] has a text = "…"'),
        ('[[note]]\ntext = "x"\ntrial = true\n', "a note's trial is a number from 0 on, but got True"),
        ('[[note]]\ntext = "x"\nwritten = "noon"\n', "a note's written is a time"),
        ('note = "x"\n', "every"),
        ("[[note]]\ntext = ", "mend it by hand, or move it away"),
        ("note = 1\n", "notes.toml is not as it must be"),
    ],
)
def test_a_file_that_is_not_understood_is_said_and_nothing_is_added_to_it(tmp_path, content, complaint):
    (tmp_path / "notes.toml").write_text(content)
    with pytest.raises(LedgerError, match=complaint):
        read_notes(tmp_path)
    with pytest.raises(LedgerError, match=complaint):
        add_note(tmp_path, "more")
    assert (tmp_path / "notes.toml").read_text() == content


@pytest.mark.parametrize("text", ["", "  \n", "x" * (LONGEST + 1)])
def test_a_note_has_a_length(tmp_path, text):
    with pytest.raises(UsageError, match="a note has 1 to 2,000 characters"):
        add_note(tmp_path, text)


def test_a_command_writes_them_and_show_and_the_page_have_them(tmp_path, run_verb, capsys):
    folder = study(tmp_path, MIXED)
    assert run_verb("note", folder) == 0
    assert "No notes; write one with: sparring note" in capsys.readouterr().out
    assert run_verb("note", folder, EVIL) == 0
    assert run_verb("note", folder, "the fastest", "--trial", 2) == 0
    assert run_verb("note", folder, "nobody's", "--trial", 99) == 2
    assert "--trial: no trial 99 in study demo" in capsys.readouterr().err
    assert run_verb("note", folder) == 0
    listed = capsys.readouterr().out
    assert EVIL in listed
    assert "trial 2" in listed
    assert run_verb("show", folder, "--trial", 2) == 0
    assert "the fastest" in capsys.readouterr().out
    page = make_page(read_report(folder, yardsticks=False))
    assert [(each["trial"], each["text"]) for each in frozen(page)["notes"]] == [(None, EVIL), (2, "the fastest")]
    assert EVIL not in page
    json.dumps(frozen(page))
