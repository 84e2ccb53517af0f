"""How long a search waits for its slots, and what it says when that was too long."""

from __future__ import annotations

from pathlib import Path

from ..records import Snapshot, StudySpec

LEAVE_S = 10.0
"""Seconds that slots get to put their trials down once the search cannot go on."""

START_S = 120.0
"""Seconds that processes may take to start once they have their place, on a busy machine; 28 were seen on two cores."""


def is_stalled(snapshot: Snapshot, spec: StudySpec) -> bool:
    """Whether no worker was heard of for longer than a start may take, and an epoch if trials are in training."""
    patience = spec.start_limit_s + START_S + (spec.silence_limit_s if snapshot.running else 0.0)
    return snapshot.silent_s > patience


def why_stalled(snapshot: Snapshot, spec: StudySpec) -> str:
    """The message for a stalled search, with what the connected cluster has free."""
    import ray

    total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    free: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    worker = f"{spec.cpus_per_worker} CPUs" + (f" and {spec.gpus_per_worker:g} GPUs" if spec.gpus_per_worker else "")
    has = ", ".join(f"{free.get(name, 0):g} of {total.get(name, 0):g} {name}s free" for name in ("CPU", "GPU"))
    return (
        f"cluster: a slot must find its place within --start-limit {spec.start_limit_s:g} s and start in {START_S:g} s "
        f"more, but no worker was heard of for {snapshot.silent_s:.0f} s; {spec.slots} × {spec.workers_per_trial} "
        f"workers of {worker} were asked for and there are {has}; free some or ask for less, and the same command "
        "continues"
    )


FULL = 0.9
"""Share of the memory in use from which it is worth a word: above 0.95 Ray ends processes, the referee among them."""


def memory_note(report: Path = Path("/proc/meminfo")) -> str:
    """A clause on this machine's memory if it is almost full; empty if not, or where nobody says it."""
    if not report.exists():
        return ""
    lines = [line.partition(":") for line in report.read_text().splitlines()]
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in lines}
    used = 1 - kilobytes["MemAvailable"] / kilobytes["MemTotal"]
    return f"; {used:.0%} of the memory is in use, and above 95 % Ray ends processes" if used >= FULL else ""
