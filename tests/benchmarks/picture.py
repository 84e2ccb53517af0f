"""What the README's picture shows: `python tests/benchmarks/picture.py aegan --seed 4 --after 110`.

Runs `sparring search SYSTEM --seed N` in an empty folder and prints the live view's snapshot as it was after so many
seconds, once three trials had completed. It is written by hand into `tests/support/pictured.py`, from which
`SPARRING_SCREENS=write pytest tests/test_golden_screens.py` draws docs/search.svg. The search goes on to its end.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence

from sparring.cli import main as command
from sparring.display import live
from sparring.records import Outcome, Snapshot, TrialRow


def print_once(after_s: float) -> None:
    """From now on a live view prints its first snapshot that is late enough."""
    update, printed = live.LiveView.update, []

    def printing(view: live.LiveView, snapshot: Snapshot, finished: Sequence[TrialRow] = ()) -> None:
        update(view, snapshot, finished)
        completed = snapshot.outcomes.get(Outcome.COMPLETED, 0)
        if snapshot.elapsed_s >= after_s and completed >= 3 and len(snapshot.running) > 1 and not printed:
            printed.append(snapshot)
            view.note(repr(snapshot))

    setattr(live.LiveView, "update", printing)  # noqa: B010 -- a method is not assigned to elsewhere


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--after", type=float, default=110.0, help="seconds since the first trial began")
    given = parser.parse_args()
    print_once(given.after)
    place = tempfile.mkdtemp(prefix="picture-")
    print(place)
    os.chdir(place)
    sys.argv = ["sparring", "search", given.system, "--seed", str(given.seed)]
    command()


if __name__ == "__main__":
    main()
