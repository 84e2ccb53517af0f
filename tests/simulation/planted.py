"""In how many seconds the simulation finds each of the bugs of ``bugs/``, planted into the real code by one patch.

    python tests/simulation/planted.py [--seconds 60] [--only NAME]

A bug counts as found if a seed from 0 on breaks an invariant within so many seconds of the processor.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1])]

from simulation.bugs import BUGS
from simulation.simulate import Broken, run_seed


def seconds_to_find(name: str, limit_s: float) -> tuple[float, str]:
    """Processor seconds until a seed, from 0 on, breaks an invariant, and what it said; empty if none did in time."""
    began, seed = time.process_time(), 0
    with pytest.MonkeyPatch.context() as patch:
        BUGS[name](patch)
        while time.process_time() - began < limit_s:
            try:
                run_seed(seed)
            except Broken as error:
                return time.process_time() - began, str(error)
            seed += 1
    return limit_s, ""


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--seconds", type=float, default=60.0)
    reader.add_argument("--only", default="", help="bugs whose names hold this")
    options = reader.parse_args()
    names = [name for name in BUGS if options.only in name]
    found = 0
    for name in names:
        took_s, said = seconds_to_find(name, options.seconds)
        found += bool(said)
        print(f"{took_s:6.1f} s  {name:46} {said[:140] or 'NOT FOUND'}", flush=True)
    print(f"{found} of {len(names)} found within {options.seconds:g} s of the processor each")


if __name__ == "__main__":
    main()
