"""Attacks run in processes of their own, with a limit on memory and on processor time."""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOM_BYTES = 3 << 30
"""Address space of an attack beyond what the imports take; Arrow reserves a gigabyte of it at once."""
CPU_S = 20


class Outcome(NamedTuple):
    kind: str
    """Name of the exception, ``None`` if there was none, or ``died``."""
    words: str
    seconds: float
    """On the processor's clock."""
    peak_mb: float
    """More memory than before."""


def run_attacks(file: str, folder: Path) -> dict[str, Outcome]:
    """What became of every function ``attack_…`` of a test file, each called with a folder of its own."""
    command = [sys.executable, __file__, file, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return {name: Outcome(*fields) for name, fields in json.loads(done.stdout).items()}


def _run(attack, folder: Path) -> Outcome:
    """Forks, so that the imports are paid once and no attack meets what another left in memory."""
    ear, mouth = os.pipe()
    child = os.fork()
    if child == 0:
        folder.mkdir(parents=True)
        os.chdir(folder)
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM_BYTES,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        before, start, kind, words = _peak_mb(), time.process_time(), "None", ""
        try:
            attack(folder)
        except BaseException as error:
            kind, words = type(error).__name__, str(error)[:2000]
        outcome = (kind, words, time.process_time() - start, _peak_mb() - before)
        os.write(mouth, json.dumps(outcome).encode())
        os._exit(0)
    os.close(mouth)
    with os.fdopen(ear, "rb") as answer:
        said = answer.read()
    _, status = os.waitpid(child, 0)
    return Outcome(*json.loads(said)) if said else Outcome("died", f"status {status}", 0.0, 0.0)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _main(file: str, folder: str) -> None:
    spec = importlib.util.spec_from_file_location("attacks", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    attacks = {name: value for name, value in vars(module).items() if name.startswith("attack_")}
    print(json.dumps({name: _run(attack, Path(folder, name)) for name, attack in attacks.items()}))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    _main(*sys.argv[1:])
