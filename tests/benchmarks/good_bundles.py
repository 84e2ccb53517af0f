"""Do good bundles pass? Fifty of them, of all systems and several seeds, go through the eleven checks.

    python tests/benchmarks/good_bundles.py --count 50

Each is of a study of its own, trained for two steps; beside it the planted bad ones are ``tests/handover``'s. The fresh
process is this one, and requests are timed twice instead of 200 times. Results go to docs/log.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from itertools import islice, product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.checked import evidence_of, outcomes
from support.promoted import candidate_of, searched, staged

from sparring.models import model_names
from sparring.production.handover import fresh
from sparring.production.handover.checks import CHECKS


def failures(place: Path, name: str, seed: int) -> list[str]:
    """What did not pass, in words."""
    candidate = candidate_of(searched(place, name, seed=seed))
    found = outcomes(evidence_of(candidate, staged(candidate, place / "handed" / "bundle")))
    said = [f"{each.number} {each.outcome} {each.name}: {each.words}" for each in found if each.outcome != "passed"]
    return said + [f"only {len(found)} checks were asked"] * (len(found) < len(CHECKS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=50)
    count: int = parser.parse_args().count
    fresh.CALLS = 2
    refused = 0
    for seed, name in islice(product(range(count), model_names()), count):
        began = time.process_time()
        with tempfile.TemporaryDirectory(prefix="sparring-good-") as place:
            said = failures(Path(place), name, seed)
        refused += bool(said)
        print(f"{name} {seed}: {'; '.join(said) or 'passed'} ({time.process_time() - began:.1f} s)", flush=True)
    print(f"{count - refused} of {count} passed all {len(CHECKS)} checks")


if __name__ == "__main__":
    main()
