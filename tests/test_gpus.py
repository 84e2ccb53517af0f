"""Nodes that offer GPUs which torch cannot use: Ray believes what a node says it has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module")
def pretended() -> Iterator[str]:
    """A local cluster of 2 CPUs that says it has a GPU; its address."""
    import ray

    try:
        context = ray.init(address="local", num_cpus=2, num_gpus=2, include_dashboard=True, log_to_driver=False)
        yield context.address_info["address"]
    finally:
        ray.shutdown()


@pytest.mark.fault(61, stand_in=True)
@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine's torch can use a GPU")
@pytest.mark.parametrize(
    ("workers", "why"),
    [("1", "install a PyTorch built for CUDA"), ("2", "doesn't have NCCL built in; what was committed")],
)
def test_a_gpu_that_torch_cannot_use_ends_the_search_with_one_sentence(pretended, command, workers, why):
    search = command(f"pretended-{workers}")
    flags = ("--address", pretended, "--gpus-per-worker", "1", "--workers-per-trial", workers, "--slots", "1")
    assert search.run(*flags, "--trials", "2") == 1, search.said()[-3000:]
    assert why in " ".join(search.said().split())
    assert "Traceback" not in search.said()


def test_more_gpus_than_there_are_are_refused_with_the_numbers(pretended, command):
    search = command("too-many")
    assert search.run("--address", pretended, "--gpus-per-worker", "0.6", "--slots", "3", "--trials", "2") == 2
    assert "room for 2 (2 CPUs and 2 GPUs); use --slots 2 or fewer" in " ".join(search.said().split())
    assert not search.folder.joinpath("study.json").exists()
