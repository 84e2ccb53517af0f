"""What a step has freed stays with the process; said by glibc's own page faults, each case in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ROUNDS = """
import ctypes, resource, sys
import torch
from sparring.training.hardware.malloc import keep_freed

ctypes.CDLL(None).mallopt(-1, 128 << 10)  # glibc's first threshold; by itself it moves with what was freed
print(keep_freed() if sys.argv[1] == "kept" else None)
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        gradients = [torch.zeros(1000, 1000) for _ in range(10)]
        del gradients
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
pytestmark = pytest.mark.skipif(
    sys.platform != "linux"
    or not hasattr(os, "confstr")
    or not (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc"),
    reason="mallopt is glibc's",
)


def rounds(how: str, **environment: str) -> tuple[str, int]:
    """What keep_freed said, and the page faults of five rounds of 40 MB."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", ROUNDS, how]
    done = subprocess.run(command, env=known | environment, capture_output=True, text=True, timeout=120, check=True)
    said, faults = done.stdout.split()
    return said, int(faults)


def test_what_is_freed_is_kept_for_the_next_step():
    said, kept = rounds("kept")
    assert said == "True"
    assert kept < 1000
    assert rounds("plain")[1] > 10_000, "of 50,000 pages"


def test_what_the_user_has_tuned_stays():
    assert rounds("kept", MALLOC_TRIM_THRESHOLD_="131072")[0] == "False"
