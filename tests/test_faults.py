"""The table of faults says what the tests' marks say."""

from __future__ import annotations

from support.fault_table import BY_DESIGN, FAULTS, marks, page

NUMBERS = [number for faults in FAULTS.values() for number in faults]


def test_the_page_is_as_the_marks_have_it(checkout):
    written = (checkout / "docs" / "faults.md").read_text(encoding="utf-8")
    assert written == page(), "python tests/support/fault_table.py > docs/faults.md"


def test_every_fault_has_one_number_and_every_mark_a_fault():
    assert list(range(1, 72)) == NUMBERS
    assert {mark.fault for mark in marks()} <= set(NUMBERS)
    assert not BY_DESIGN.keys() & {mark.fault for mark in marks()}


def test_a_test_that_stands_in_counts_as_no_injection(tmp_path):
    (tmp_path / "test_x.py").write_text(
        "import pytest\n@pytest.mark.fault(36, stand_in=True)\ndef test_a_clock(): ...\n"
        "@pytest.mark.fault(14)\ndef test_it_hangs(): ...\n"
    )
    lines = page(tmp_path).splitlines()
    assert "| 36 | the clock jumps | a stand-in | `tests/test_x.py`: a clock |" in lines
    assert "| 14 | a trial hangs | yes | `tests/test_x.py`: it hangs |" in lines
    assert "| 15 | a trial hangs and holds Python's lock | **no** |  |" in lines
