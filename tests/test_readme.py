"""The README leads from a search into production in ten lines, and the output it shows has today's words.

That its commands run, in the order in which a reader types them, is ``test_pages.py``'s.
"""

from __future__ import annotations

import re
from pathlib import Path

from sparring.production.handover.checks import CHECKS

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
HEADING = "## From a search to production\n"


def lines() -> list[str]:
    """Of the first console block below the heading."""
    block = re.search(r"```console\n(.*?)```", README.partition(HEADING)[2], re.DOTALL)
    assert block is not None
    return block[1].splitlines()


def test_ten_lines_lead_from_a_search_into_production():
    assert re.search(r"^\$ .*(platform\.|sparring )search ", README.partition(HEADING)[0], re.MULTILINE)
    verbs = re.findall(r"sparring (\w+)", "\n".join(line for line in lines() if line.startswith("$ ")))
    assert len(lines()) <= 10
    assert [verb for verb in verbs if verb in ("report", "promote", "serve")] == ["report", "promote", "serve"]
    assert "predict" in verbs


def test_the_check_that_it_shows_is_one_of_the_eleven():
    shown = [match for line in lines() if (match := re.match(r" ?(\d+) passed  ([^:]+): ", line))]
    assert shown
    names = {check.number: check.name for check in CHECKS}
    assert {int(match[1]): match[2] for match in shown}.items() <= names.items()
