"""Which of 71 known faults the tests inject, by their own marks, as the page docs/faults.md.

    python tests/support/fault_table.py > docs/faults.md

A test says which fault it injects by ``@pytest.mark.fault(8)``, or ``@pytest.mark.fault(8, stand_in=True)`` where
something stands in for the fault: a clock that is handed in, a disk that is simulated, a process that only claims to be
dead. Marks are read from the sources, so that no test has to be imported for it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parents[1]

FAULTS = {
    "Processes": {
        1: "a worker of a trial is killed",
        2: "a worker is killed at every attempt",
        3: "one of several workers dies inside a collective",
        4: "the process that leads a trial's workers is killed",
        5: "a slot is killed",
        6: "the driver is killed, and the search resumed",
        7: "the driver is killed and resumed at once, while what it started still lives",
        8: "Ray's raylet or GCS is killed",
        9: "Ray's dashboard is killed",
        10: "SIGINT, SIGTERM and SIGHUP, once and twice, to the driver and to its process group",
        11: "a signal in the middle of a commit",
        12: "memory runs out: the kernel or Ray kills the slot or the referee",
        13: "the machine restarts in the middle of a search",
        14: "a trial hangs",
        15: "a trial hangs and holds Python's lock",
        16: "a trial ignores that it is to stop",
        17: "the driver is slow or stands still",
        18: "the time limit comes",
    },
    "Storage": {
        19: "the disk is full when a row is committed",
        20: "the disk is full when a checkpoint or weights are written",
        21: "the disk is full for TensorBoard",
        22: "an fsync fails",
        23: "the folder is read-only, from the start or from the middle on",
        24: "the results are deleted while the search runs",
        25: "a Parquet part is torn",
        26: "a bit flips in a part",
        27: "a killed writer leaves temporary files",
        28: "the columns change",
        29: "death in the middle of a merge",
        30: "the report reads while the search writes",
        31: "10,000 files of a row each",
        32: "Optuna's journal is torn",
        33: "Ray Tune's state is torn",
        34: "Ray Train's snapshot is torn",
        35: "a checkpoint is damaged, or another model's",
        36: "the clock jumps",
        37: "odd characters in paths",
        38: "two searches of one study",
        39: "a lock that a dead process left",
        40: "a file system without locks",
    },
    "Numbers": {
        41: "a loss becomes NaN or infinite",
        42: "an objective becomes minus infinity",
        43: "NaN on one of several workers",
        44: "a discriminator saturates, samples become all alike",
        45: "a metric is missing, too many, or no number",
        46: "workers disagree about a trial",
        47: "all trials fail",
        48: "the only trial has no figure",
    },
    "Data": {
        49: "files missing, empty or with too few rows",
        50: "cells that are not finite, other types, shapes or widths",
        51: "torn tables, arrays and images",
        52: "data change while the search runs",
        53: "a hostile archive",
        54: "an array file that would unpickle",
    },
    "Configuration and command line": {
        55: "a search space that makes no sense",
        56: "recursion and size in text files",
        57: "flags that make no sense",
        58: "more workers than there is room for",
        59: "a node leaves while the search runs",
        60: "trials that wait for each other's place",
        61: "a GPU that is not there",
        62: "a study resumed with other values, code or versions",
        63: "the dashboard's port is taken",
        64: "a report before any trial has ended",
        65: "a home folder that cannot be written",
        66: "tiny /tmp or /dev/shm",
    },
    "Production": {
        67: "death between the weights and the name that leads to them",
        68: "two promotions, or two trainings into one folder, at once",
        69: "what was exported answers otherwise",
        70: "hostile requests to the server",
        71: "hostile texts and many trials in the report",
    },
}

BY_DESIGN = {
    16: "the loop is Sparring's own, and asks after every epoch",
    17: "no report passes the driver; tried by hand, see the log",
    31: "measured by hand, `tests/benchmarks/replay.py`: parts are merged at 400",
    32: "no journal: the sampler's study is rebuilt from the ledger",
    33: "Ray Tune's state is never read back",
    34: "Ray Train's state is never read back",
}
"""Why a fault needs no injection, or has another kind of proof."""


class Mark(NamedTuple):
    """One test's mark."""

    fault: int
    stands_in: bool
    file: str
    test: str


def marks(tests: Path = TESTS) -> Iterator[Mark]:
    """All marks below the folder, in the order of files and lines."""
    for path in sorted(tests.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for decorator in getattr(node, "decorator_list", ()):
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.fault":
                    (number,) = (ast.literal_eval(each) for each in decorator.args)
                    said = {each.arg: ast.literal_eval(each.value) for each in decorator.keywords}
                    yield Mark(number, bool(said.get("stand_in")), path.relative_to(tests).as_posix(), node.name)


def page(tests: Path = TESTS) -> str:
    """docs/faults.md."""
    of_fault: dict[int, list[Mark]] = {}
    for mark in marks(tests):
        of_fault.setdefault(mark.fault, []).append(mark)
    real = {number for number, found in of_fault.items() if not all(mark.stands_in for mark in found)}
    count = sum(map(len, FAULTS.values()))
    none = count - len(of_fault.keys() | BY_DESIGN.keys())
    lines = [
        "# Faults, and the tests that inject them",
        "",
        "Made by `python tests/support/fault_table.py > docs/faults.md` from the marks of the tests.",
        f"Of {count} faults, {len(real)} are injected as they happen: a process killed, a file cut, a disk filled. For",
        f"{len(of_fault) - len(real)} something stands in (a clock that is handed in, a simulated disk), "
        f"{len(BY_DESIGN.keys() - of_fault.keys())} need none, and {none} have no test.",
    ]
    for title, faults in FAULTS.items():
        lines += ["", f"## {title}", "", "| # | fault | injected | by |", "|---|---|---|---|"]
        for number, fault in faults.items():
            found = of_fault.get(number, [])
            how = (
                "yes" if number in real else "a stand-in" if found else "by design" if number in BY_DESIGN else "**no**"
            )
            by = [f"`tests/{mark.file}`: {mark.test.removeprefix('test_').replace('_', ' ')}" for mark in found]
            lines.append(f"| {number} | {fault} | {how} | {'; '.join(by) or BY_DESIGN.get(number, '')} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
