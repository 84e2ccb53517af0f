"""Searches, seed after seed, each with its own faults, and what holds after every event of them.

    python tests/simulation/simulate.py --seconds 3600          # fresh seeds, for an hour
    python tests/simulation/simulate.py --seed 3                # one, again

A seed that fails goes into FAILED of ``test_simulation.py``, with what was wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1])]

from simulation.plan import Plan, draw
from simulation.simdisk import room
from simulation.world import World


class Broken(Exception):
    """An invariant does not hold; the message has the seed that shows it again."""


def run_seed(seed: int, plan: Plan | None = None) -> World:
    """The search of one seed, to its end. Raises Broken with the seed."""
    with tempfile.TemporaryDirectory(prefix="sparring-simulated-", dir=room()) as root:
        world = World(seed, plan or draw(seed), Path(root))
        try:
            world.run()
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise Broken(f"seed {seed}: event {world.events}, at {world.now:.1f} s: {what}") from error
        return world


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--seconds", type=float, default=60.0, help="of the processor")
    reader.add_argument("--first", type=int, default=0, help="the first seed")
    reader.add_argument("--seed", type=int, help="this one alone")
    options = reader.parse_args()
    if options.seed is not None:
        print(draw(options.seed))
        run_seed(options.seed)
        return 0
    began, seed, events, failed = time.process_time(), options.first, 0, 0
    while (took_s := time.process_time() - began) < options.seconds:
        try:
            events += run_seed(seed).events
        except Broken as error:
            failed += 1
            print(error, flush=True)
        seed += 1
    print(
        f"{seed - options.first} seeds, {failed} failed, {events} events, {events / took_s:.0f} a second of processor"
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
