"""How often a planted fault's health check is named first: `cd tests && python -m benchmarks.planted 1000 1010`.

Each of the twelve faults of tests/support/faults.py is planted in a sound made-up study of each seed. What was missed
is printed with what stood first instead, and every warning of a sound study.
"""

from __future__ import annotations

import sys
import warnings

from support import faults

from sparring.report.checks import CHECKS, Check, Status, examine


def is_found(check: Check) -> bool:
    return check.status in (Status.FAILED, Status.WARNING)


def main() -> None:
    warnings.simplefilter("ignore")
    named = planted = 0
    for seed in range(*map(int, sys.argv[1:3])):
        faults.SEED = seed
        faults.forget()
        false = [check.question for check in examine(faults.evidence(faults.sound())) if is_found(check)]
        missed = []
        for question in CHECKS:
            first, *_ = examine(faults.FAULTS[question]())
            planted += 1
            if first.question == question and is_found(first):
                named += 1
            else:
                missed.append(f"{question} -> {first.question} {first.status}: {first.sentence}")
        print(f"seed {seed}: {named} of {planted}; missed {missed}; warned of in the sound study {false}", flush=True)


if __name__ == "__main__":
    main()
