"""What a cluster can hold, against a placement done by hand: worker after worker onto the first node with room."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sparring.errors import ClusterError, UsageError
from sparring.records import StudySpec
from sparring.study.feasibility import check_batch, check_cluster, check_workers, largest_slots

SPEC = StudySpec(name="study", model="aegan", dataset="exafs", slots=1)
FLAGS = {"--slots": "slots", "--workers-per-trial": "workers_per_trial"}
FLAGS |= {"--cpus-per-worker": "cpus_per_worker", "--gpus-per-worker": "gpus_per_worker"}


def place(nodes, spec) -> bool:
    """First fit: whether every worker finds a node with CPUs free, and GPUs whole, or one GPU with its share free."""
    left = [[int(node.get("CPU", 0)), [1.0] * int(node.get("GPU", 0))] for node in nodes]
    for _ in range(spec.slots * spec.workers_per_trial):
        for node in left:
            shares = {True: max(1, int(spec.gpus_per_worker)), False: 0}[spec.gpus_per_worker > 0]
            least = min(1.0, spec.gpus_per_worker) - 1e-9
            devices = [n for n, free in enumerate(node[1]) if free >= least][:shares]
            if node[0] >= spec.cpus_per_worker and len(devices) == shares:
                node[0] -= spec.cpus_per_worker
                for device in devices:
                    node[1][device] -= min(1.0, spec.gpus_per_worker)
                break
        else:
            return False
    return True


def accepts(nodes, spec) -> bool:
    try:
        check_cluster(nodes, spec, address="cluster:6379")
    except ClusterError:
        return False
    return True


def refusal(nodes, address="cluster:6379", **asked) -> str:
    with pytest.raises(ClusterError) as refused:
        check_cluster(nodes, replace(SPEC, **asked), address=address)
    assert refused.value.exit_code == 2
    return str(refused.value)


nodes_of = st.lists(
    st.fixed_dictionaries({}, optional={"CPU": st.integers(0, 9).map(float), "GPU": st.integers(0, 4).map(float)}),
    max_size=5,
)


@st.composite
def specs(draw):
    """Anything the flags' own check lets through."""
    workers = draw(st.integers(1, 5))
    shares = [0.1, 0.25, 0.3, 0.5, 0.6, 0.75] if workers == 1 else []
    return replace(
        SPEC,
        slots=draw(st.integers(1, 9)),
        workers_per_trial=workers,
        cpus_per_worker=draw(st.integers(1, 4)),
        gpus_per_worker=float(draw(st.sampled_from([0, 0, 1, 1, *shares]))),
    )


@pytest.mark.fault(60, stand_in=True)
@given(nodes_of, specs())
def test_what_is_accepted_can_be_placed_and_nothing_else(nodes, spec):
    check_workers(spec)
    assert accepts(nodes, spec) == place(nodes, spec)


@given(nodes_of, specs())
def test_the_default_number_of_slots_is_the_largest_that_can_be_placed(nodes, spec):
    slots = largest_slots(nodes, spec)
    assert slots == 0 or place(nodes, replace(spec, slots=slots))
    assert not place(nodes, replace(spec, slots=slots + 1))


@given(nodes_of, specs())
def test_the_setting_that_a_refusal_names_fits_and_one_more_does_not(nodes, spec):
    assume(not accepts(nodes, spec))
    said = refusal(nodes, **{name: getattr(spec, name) for name in FLAGS.values()})
    use = said.partition("; use ")[2]
    named = {FLAGS[flag]: int(number) for flag, number in re.findall(r"(--[a-z-]+) (\d+)", use)}
    if not named:
        assert use == "more or larger nodes"
        smallest = replace(spec, slots=1, workers_per_trial=1)
        assert not place(nodes, replace(smallest, cpus_per_worker=1))
        assert spec.gpus_per_worker == 0 or not place(nodes, replace(smallest, gpus_per_worker=0.0))
        return
    assert place(nodes, replace(spec, **named))
    assert said.startswith(f"--{next(iter(named)).replace('_', '-')}: ")
    for name, number in named.items():
        more = replace(spec, **named | {name: number + 1})
        if name == "gpus_per_worker":  # beyond what it asked, or beyond any node
            assert number < spec.gpus_per_worker
        assert not place(nodes, more)


BOX = [{"CPU": 2.0, "memory": 1e10}]
RACK = [{"CPU": 4.0, "GPU": 1.0}, {"CPU": 4.0, "GPU": 1.0}, {"CPU": 8.0, "GPU": 3.0}]
REFUSED = {
    "more slots than CPUs": (
        (BOX, None, {"slots": 4096}),
        "--slots: asked for 4096 slots of 1 CPU, but this machine has room for 2 (2 CPUs); "
        "use --slots 2 or fewer, or a cluster with --address",
    ),
    "more workers than GPUs": (
        (RACK, "a:1", {"slots": 4, "workers_per_trial": 2, "gpus_per_worker": 1.0}),
        "--slots: asked for 4 slots of 2 workers of 1 CPU and 1 GPU each (8 workers), but the cluster has room for 5 "
        "(2 nodes of 4 CPUs and 1 GPU, 1 node of 8 CPUs and 3 GPUs); use --slots 2 or fewer",
    ),
    "one slot too large": (
        (RACK, "a:1", {"slots": 2, "workers_per_trial": 6, "gpus_per_worker": 1.0}),
        "--workers-per-trial: asked for 2 slots of 6 workers of 1 CPU and 1 GPU each (12 workers), but the cluster has "
        "room for 5 (2 nodes of 4 CPUs and 1 GPU, 1 node of 8 CPUs and 3 GPUs); "
        "use --workers-per-trial 5 --slots 1 or fewer",
    ),
    "room for one slot exactly": (
        (RACK, "a:1", {"slots": 2, "workers_per_trial": 5, "gpus_per_worker": 1.0}),
        "--slots: asked for 2 slots of 5 workers of 1 CPU and 1 GPU each (10 workers), but the cluster has room for 5 "
        "(2 nodes of 4 CPUs and 1 GPU, 1 node of 8 CPUs and 3 GPUs); use --slots 1 or fewer",
    ),
    "a share twice on one GPU": (
        ([{"CPU": 8.0, "GPU": 2.0}], "a:1", {"slots": 3, "gpus_per_worker": 0.6}),
        "--slots: asked for 3 slots of 1 CPU and 0.6 GPU, but the cluster has room for 2 (8 CPUs and 2 GPUs); "
        "use --slots 2 or fewer",
    ),
    "a worker larger than any node": (
        ([{"CPU": 4.0}] * 3, "a:1", {"slots": 2, "cpus_per_worker": 6}),
        "--cpus-per-worker: asked for 2 slots of 6 CPUs, but the cluster has room for none (3 nodes of 4 CPUs); "
        "use --cpus-per-worker 4 or fewer",
    ),
    "no GPU at all": (
        (BOX, None, {"gpus_per_worker": 1.0}),
        "--gpus-per-worker: asked for 1 slot of 1 CPU and 1 GPU, but this machine has room for none (2 CPUs); "
        "use --gpus-per-worker 0, or a cluster with --address",
    ),
    "CPUs and GPUs on different nodes": (
        ([{"CPU": 8.0}, {"CPU": 1.0, "GPU": 2.0}], "a:1", {"cpus_per_worker": 2, "gpus_per_worker": 1.0}),
        "--cpus-per-worker: asked for 1 slot of 2 CPUs and 1 GPU, but the cluster has room for none "
        "(1 node of 8 CPUs, 1 node of 1 CPU and 2 GPUs); use --cpus-per-worker 1 or fewer",
    ),
    "nothing there": (
        ([], "a:1", {}),
        "--slots: asked for 1 slot of 1 CPU, but the cluster has room for none (no node is alive); "
        "use more or larger nodes",
    ),
}


@pytest.mark.parametrize(("asked", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_has_the_numbers_and_the_largest_setting(asked, sentence):
    nodes, address, settings = asked
    assert refusal(nodes, address, **settings) == sentence


@pytest.mark.parametrize(("share", "slots"), [(0.3334, 9), (0.335, 6), (0.07, 42), (0.5, 6), (0.57, 3), (0.251, 9)])
def test_shares_of_a_gpu_are_counted_as_ray_counts_them(share, slots):
    """The numbers are what Ray 2.60 placed on three GPUs; 0.3334 fits thrice, for Ray cuts it to 3,333 of 10,000."""
    assert largest_slots([{"CPU": 100.0, "GPU": 3.0}], replace(SPEC, gpus_per_worker=share)) == slots


FLAWED = {
    "no worker": ({"workers_per_trial": 0}, r"--workers-per-trial: .*at least 1, but got 0"),
    "no CPU": ({"cpus_per_worker": 0}, r"--cpus-per-worker: .*at least 1, but got 0"),
    "less than no GPU": ({"gpus_per_worker": -1.0}, r"--gpus-per-worker: .*but got -1"),
    "no number of GPUs": ({"gpus_per_worker": float("nan")}, r"--gpus-per-worker: .*but got nan"),
    "endless GPUs": ({"gpus_per_worker": float("inf")}, r"--gpus-per-worker: .*but got inf"),
    "two GPUs": (
        {"gpus_per_worker": 2.0, "workers_per_trial": 3},
        r"--gpus-per-worker: a worker uses one GPU, but got 2; use --gpus-per-worker 1 and --workers-per-trial 6",
    ),
    "a share too small": ({"gpus_per_worker": 0.00005}, r"smallest share of a GPU is 0\.0001, but got 5e-05"),
    "half a GPU for two": (
        {"gpus_per_worker": 0.5, "workers_per_trial": 2},
        r"--gpus-per-worker: .*got 0\.5 for 2 workers; use --gpus-per-worker 1, or --workers-per-trial 1",
    ),
    "joined norms of one": ({"sync_batchnorm": True}, r"--sync-batchnorm: .*a trial has 1; leave it out"),
    "unknown precision": ({"precision": "fp8"}, r"--precision: no precision 'fp8'; there are: fp32, tf32, bf16"),
    "no time to start": ({"start_limit_s": 0.0}, r"--start-limit: .*at least 1 second.*but got 0"),
    "half a second": ({"collective_limit_s": 0.5}, r"--collective-limit: .*at least 1 second.*but got 0\.5"),
    "endless silence": ({"silence_limit_s": float("inf")}, r"--silence-limit: .*and an end, but got inf"),
}


@pytest.mark.parametrize(("flaw", "words"), FLAWED.values(), ids=FLAWED)
def test_a_flag_that_cannot_be_is_refused_in_one_sentence(flaw, words):
    with pytest.raises(UsageError, match=words) as refused:
        check_workers(replace(SPEC, **flaw))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"gpus_per_worker": 0.5},
        {"gpus_per_worker": 1.0, "workers_per_trial": 2},
        {"workers_per_trial": 2, "sync_batchnorm": True, "precision": "bf16"},
        {"start_limit_s": 1.0, "collective_limit_s": 1.0, "silence_limit_s": 1.0},
    ],
)
def test_what_can_be_passes(settings):
    check_workers(replace(SPEC, **settings))


@given(st.integers(1, 300), st.integers(1, 20))
def test_every_worker_gets_two_samples_of_the_smallest_batch(batch, workers):
    spec = replace(SPEC, workers_per_trial=workers)
    shares = [len(range(rank, batch, workers)) for rank in range(workers)]
    if workers == 1 or min(shares) >= 2:
        check_batch(batch, spec)
        return
    with pytest.raises(UsageError, match=f"at least 2 samples .* smallest batch has {batch} for") as refused:
        check_batch(batch, spec)
    most, least = map(int, re.findall(r"(?:trial|at) (\d+) or", str(refused.value)))
    check_batch(batch, replace(spec, workers_per_trial=most))
    assert most == 1 or batch // most >= 2
    check_batch(least, spec)
    with pytest.raises(UsageError):
        check_batch(least - 1, spec)
