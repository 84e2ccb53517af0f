"""The yardsticks beside the end of a search, in a process of the lowest priority that the search starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..errors import SparringError
from ..ledger import read_study, spec_from_json
from ..models.own import allow_json
from ..study.fresh_seeds import find_winner
from .reading import read_report
from .yardstick_cache import read_yardsticks

LOWEST = 19
"""The priority, as ``nice`` counts: what the search itself still does goes first."""


def main(folder: str) -> int:
    """Measures, waits for the end of standard input, and prints the winner's verdict; the exit code.

    Standard input begins with a line as ``start_child`` writes it.
    """
    os.nice(LOWEST)
    try:
        if own := sys.stdin.readline().strip():
            allow_json(own)
        document = read_study(folder)
        spec = spec_from_json(document["spec"])
        best = find_winner(Path(folder))
        if best is None:
            return 1
        # The winner is scored on the test rows meanwhile; if that fails, nobody reads these figures.
        read_yardsticks(Path(folder), document, spec, best, tests=document.get("rows", {}).get("test", 0) > 0)
        sys.stdin.read()
        print(read_report(Path(folder), yardsticks=False, cached=True, importance=False).verdict)
    except (SparringError, OSError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0
