"""Whether a cluster can hold what a search asks of it: counted before anything starts, so that nothing waits for ever.

Pure arithmetic on what each node has; it knows no Ray. A worker lies on one node and its GPU share on one GPU, because
Ray splits neither; the workers of a slot may lie on several nodes. The slot's own process and the referee ask for no
CPU. What other users of the cluster hold at the moment is not looked at: that is what ``--start-limit`` is for.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..errors import ClusterError, UsageError, names_hint
from ..records import PRECISIONS, StudySpec

Node = Mapping[str, float]
"""What a node has, by Ray's names: ``{"CPU": 4.0, "GPU": 1.0}`` and more; what is missing is 0."""

GPU_SHARES = 10_000
"""Parts of a GPU that Ray counts: a share of a third is 3,333 of them."""

SMALLEST_LIMIT_S = 1.0
"""torch takes the limit of a collective in whole seconds, and half a second would be none."""

SAMPLES_PER_WORKER = 2
"""Batch norm has no variance of one sample."""

MOST_SLOTS = 8
"""Slots by default on this machine, however many cores it has; each takes some 400 MB."""

AS_MANY_AS_FIT = -1
"""A spec's slots until the cluster is known."""


def check_workers(spec: StudySpec) -> None:
    """Checks the flags for workers, precision and limits as far as no cluster is needed. Raises UsageError."""
    workers, gpus = spec.workers_per_trial, spec.gpus_per_worker
    for flag, count in (("--workers-per-trial", workers), ("--cpus-per-worker", spec.cpus_per_worker)):
        if count < 1:
            raise UsageError(f"{flag}: wants a whole number of at least 1, but got {count}")
    if not 0 <= gpus < math.inf:
        raise UsageError(f"--gpus-per-worker: wants 0, a share below 1 or 1, but got {gpus:g}")
    if gpus > 1:
        raise UsageError(
            f"--gpus-per-worker: a worker uses one GPU, but got {gpus:g}; use --gpus-per-worker 1 and "
            f"--workers-per-trial {math.ceil(gpus) * workers}"
        )
    if 0 < gpus < 1 and workers > 1:
        raise UsageError(
            f"--gpus-per-worker: the workers of one trial need a GPU each, but got {gpus:g} for {workers} workers; "
            f"use --gpus-per-worker 1, or --workers-per-trial 1 and more --slots on the same GPU"
        )
    if 0 < gpus * GPU_SHARES < 1:
        raise UsageError(f"--gpus-per-worker: the smallest share of a GPU is {1 / GPU_SHARES}, but got {gpus:g}")
    if spec.sync_batchnorm and workers == 1:
        raise UsageError(
            "--sync-batchnorm: it joins the statistics of several workers, but a trial has 1; "
            "leave it out, or use --workers-per-trial 2 or more"
        )
    if spec.precision not in PRECISIONS:
        raise UsageError(f"--precision: no precision {spec.precision!r}; {names_hint(spec.precision, PRECISIONS)}")
    limits = (
        ("--start-limit", spec.start_limit_s),
        ("--collective-limit", spec.collective_limit_s),
        ("--silence-limit", spec.silence_limit_s),
    )
    for flag, seconds in limits:
        if not SMALLEST_LIMIT_S <= seconds < math.inf:
            raise UsageError(f"{flag}: wants at least {SMALLEST_LIMIT_S:g} second and an end, but got {seconds:g}")


def check_batch(smallest: int, spec: StudySpec) -> None:
    """Every worker needs two samples of each batch. smallest: samples in the smallest batch that can be drawn.

    Raises UsageError; a study that passes has no trial that ends as infeasible for its batch.
    """
    workers = spec.workers_per_trial
    if workers > 1 and smallest // workers < SAMPLES_PER_WORKER:
        most = smallest // SAMPLES_PER_WORKER
        raise UsageError(
            f"--workers-per-trial: each worker needs at least {SAMPLES_PER_WORKER} samples of every batch, but the "
            f"smallest batch has {smallest} for {workers} workers; use --workers-per-trial {max(most, 1)} or fewer, or "
            f"keep batch_size at {SAMPLES_PER_WORKER * workers} or above"
        )


def largest_slots(nodes: Iterable[Node], spec: StudySpec) -> int:
    """Slots of the spec's workers that the nodes can hold at a time; 0 if not one."""
    return _room(nodes, spec.cpus_per_worker, spec.gpus_per_worker) // spec.workers_per_trial


def check_cluster(nodes: Sequence[Node], spec: StudySpec, *, address: str | None) -> None:
    """Refuses what can never be placed, with the numbers and the largest setting that can.

    nodes: those alive. address: the cluster's, None for this machine; only the message differs.

    Raises ClusterError.
    """
    room = _room(nodes, spec.cpus_per_worker, spec.gpus_per_worker)
    slots, workers = spec.slots, spec.workers_per_trial
    if slots * workers <= room:
        return
    asked, worker = _count(slots, "slot"), _amount(spec.cpus_per_worker, spec.gpus_per_worker)
    if workers > 1:
        asked += f" of {workers} workers"
        worker += f" each ({slots * workers} workers)"
    holder = "this machine" if address is None else "the cluster"
    flags = _largest_setting(nodes, spec, room)
    largest = " ".join(flags) or "more or larger nodes"
    fewer = " or fewer" if flags and not largest.endswith(" 0") else ""
    elsewhere = ", or a cluster with --address" if address is None else ""
    raise ClusterError(
        f"{largest.split()[0] if flags else '--slots'}: asked for {asked} of {worker}, but {holder} has room for "
        f"{room or 'none'} ({_listed(nodes)}); use {largest}{fewer}{elsewhere}"
    )


def place_slots(spec: StudySpec, nodes: Sequence[Mapping[str, float]], address: str | None) -> StudySpec:
    """The spec with as many slots as fit on the nodes, if it left that open. Raises ClusterError if they do not fit.

    nodes: what each has, by Ray's names. address: the cluster's; on this machine no more than ``MOST_SLOTS`` are made.
    """
    if spec.slots == AS_MANY_AS_FIT:
        most = max(largest_slots(nodes, spec), 1)
        spec = replace(spec, slots=most if address is not None else min(most, MOST_SLOTS))
    check_cluster(nodes, spec, address=address)
    return spec


def _room(nodes: Iterable[Node], cpus: int, gpus: float) -> int:
    """Workers of so many CPUs and GPUs that fit on the nodes together."""
    return sum(_fit(node, cpus, gpus) for node in nodes)


def _fit(node: Node, cpus: int, gpus: float) -> int:
    by_cpu = int(node.get("CPU", 0) // cpus)
    whole = int(node.get("GPU", 0))
    if gpus == 0:
        return by_cpu
    if gpus >= 1:
        return min(by_cpu, whole // int(gpus))
    # Cut off as Ray does, not rounded: in floating point 0.3334 is 3,333 shares, and three of them fit.
    return min(by_cpu, whole * (GPU_SHARES // int(gpus * GPU_SHARES)))


def _largest_setting(nodes: Sequence[Node], spec: StudySpec, room: int) -> list[str]:
    """Flags of the largest setting that fits, the decisive one first; it changes as little as can be of what was asked.

    room: how many of the spec's workers fit, fewer than were asked for. Empty if no setting fits.
    """
    cpus, gpus, workers = spec.cpus_per_worker, spec.gpus_per_worker, spec.workers_per_trial
    if room >= workers:
        return [f"--slots {room // workers}"]
    if room:
        return [f"--workers-per-trial {room}", *(["--slots 1"] if spec.slots > 1 else [])]
    most_cpus = max((int(node.get("CPU", 0)) for node in nodes if node.get("GPU", 0) >= gpus), default=0)
    most_gpus = max((int(node.get("GPU", 0)) for node in nodes if node.get("CPU", 0) >= cpus), default=-1)
    if most_cpus:
        flag, smaller = f"--cpus-per-worker {most_cpus}", replace(spec, cpus_per_worker=most_cpus)
    elif most_gpus >= 0:
        flag, smaller = f"--gpus-per-worker {most_gpus}", replace(spec, gpus_per_worker=float(most_gpus))
    else:
        return []
    room = _room(nodes, smaller.cpus_per_worker, smaller.gpus_per_worker)
    return [flag, *(_largest_setting(nodes, smaller, room) if room < spec.slots * workers else [])]


def _listed(nodes: Sequence[Node]) -> str:
    """The nodes with what counts here: "2 nodes of 4 CPUs and 1 GPU, 1 node of 8 CPUs"."""
    sizes = Counter((int(node.get("CPU", 0)), int(node.get("GPU", 0))) for node in nodes)
    if not sizes:
        return "no node is alive"
    if len(nodes) == 1:
        return _amount(*next(iter(sizes)))
    return ", ".join(f"{_count(number, 'node')} of {_amount(*size)}" for size, number in sizes.most_common())


def _amount(cpus: int, gpus: float) -> str:
    counted = _count(cpus, "CPU")
    return f"{counted} and {_count(gpus, 'GPU')}" if gpus else counted


def _count(number: float, noun: str) -> str:
    return f"{number:g} {noun}{'' if 0 < number <= 1 else 's'}"
