"""A trial trained by two workers against the same step written by hand: `python tests/benchmarks/averaging.py`.

Two gloo processes, one thread each, on the step of step.py (49/226 features, hidden 256, 2/2/2 layers, w_adv 0.01,
fused Adam) with a global batch of 64, so 32 rows a worker. Two runs alternate in the same two processes, in rounds of
12 steps, so that the machine's moods meet both:

ours   ``TrialTraining`` with ``Workers``, batch norm per worker
plain  torch.distributed by hand: the ideal eager loop of step.py with one flat all_reduce per phase

Start, imports and the first two rounds are not counted. The aim is ours / plain ≤ 1.025 (median of the pairs).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import step
import torch
import torch.distributed

from sparring.training.averaging import Workers

SIZE = 2


def average(parameters: list[torch.nn.Parameter]) -> None:
    """The hand-written mean of the workers' gradients: one flat tensor, one collective, views back."""
    flat = torch.cat([parameter.grad.reshape(-1) for parameter in parameters])
    torch.distributed.all_reduce(flat)
    flat.mul_(1 / SIZE)
    for parameter, piece in zip(parameters, flat.split([each.numel() for each in parameters]), strict=True):
        parameter.grad = piece.view_as(parameter)


def work(rank: int, store: str, rounds: int) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.FileStore(store, SIZE), rank=rank, world_size=SIZE
    )
    workers = Workers(rank, SIZE)
    torch.manual_seed(1)
    a, b = torch.rand(step.ROWS, step.A) * 5, torch.rand(step.ROWS, step.B)
    runs = {"ours": step.ours(a, b, workers), "plain": step.ideal(a, b, workers.share(step.BATCH), average)}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 2):
        for name in runs if number % 2 else reversed(runs):
            torch.distributed.barrier()
            began = time.perf_counter()
            for _ in range(step.STEPS):
                runs[name]()
            if number >= 2:
                times[name].append((time.perf_counter() - began) / step.STEPS * 1e3)
    if rank == 0:
        for name, seen in times.items():
            print(f"{name:6} median {statistics.median(seen):.2f} ms, min {min(seen):.2f}")
        ratios = sorted(mine / theirs for mine, theirs in zip(times["ours"], times["plain"], strict=True))
        low, high = ratios[len(ratios) // 10], ratios[-1 - len(ratios) // 10]
        print(f"ours / plain: median {statistics.median(ratios):.3f}, p10 {low:.3f}, p90 {high:.3f}")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--rank", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--store", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rank is not None:
        work(arguments.rank, arguments.store, arguments.rounds)
        return
    with tempfile.TemporaryDirectory() as folder:
        options = ["--rounds", str(arguments.rounds), "--store", str(Path(folder) / "store")]
        processes = [
            subprocess.Popen([sys.executable, __file__, "--rank", str(rank), *options]) for rank in range(SIZE)
        ]
        codes = [process.wait() for process in processes]
    sys.exit(max(map(abs, codes)))


if __name__ == "__main__":
    main()
