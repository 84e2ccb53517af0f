"""The README's picture of a search: `python tests/benchmarks/picture.py aegan --seed 4 --after 110 -o docs/search.svg`.

Runs `sparring search SYSTEM --seed N` in an empty folder and draws its live view as it was after so many seconds, once
three trials had completed. The search goes on to its end; its folder is printed.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from sparring.cli import main as command
from sparring.display import live
from sparring.records import Outcome, Snapshot, TrialRow

WIDTH = 100
"""Columns of the drawn terminal."""


def draw_once(picture: Path, typed: str, after_s: float) -> None:
    """From now on a live view leaves its first panel that is late enough in ``picture``."""
    update = live.LiveView.update

    def drawing(view: live.LiveView, snapshot: Snapshot, finished: Sequence[TrialRow] = ()) -> None:
        update(view, snapshot, finished)
        completed = snapshot.outcomes.get(Outcome.COMPLETED, 0)
        if snapshot.elapsed_s >= after_s and completed >= 3 and len(snapshot.running) > 1 and not picture.exists():
            console = Console(width=WIDTH, record=True, file=io.StringIO())
            console.print(view._panel(snapshot))
            console.save_svg(str(picture), title=typed)

    setattr(live.LiveView, "update", drawing)  # noqa: B010 -- a method is not assigned to elsewhere


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--after", type=float, default=110.0, help="seconds since the first trial began")
    parser.add_argument("-o", dest="picture", type=Path, required=True)
    given = parser.parse_args()
    given.picture.unlink(missing_ok=True)
    draw_once(given.picture.absolute(), f"python -m platform.search {given.system}", given.after)
    place = tempfile.mkdtemp(prefix="picture-")
    print(place)
    os.chdir(place)
    sys.argv = ["sparring", "search", given.system, "--seed", str(given.seed)]
    command()


if __name__ == "__main__":
    main()
