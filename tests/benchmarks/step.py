"""One AEGAN training step against a hand-written ideal eager loop: `python tests/benchmarks/step.py`.

Both at 49/226 features, hidden 256, 2/2/2 layers, batch 64, PReLU, w_adv 0.01, one thread, fused Adam, data resident.
The ideal is what one would write for this model alone: one generator forward, discriminators frozen while the generator
learns, backward() into .grad. Rounds of 12 steps alternate; the median of the pairwise ratios is what counts.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from sparring.models.aegan.config import Config
from sparring.models.aegan.model import AEGAN
from sparring.records import Objective, Trial
from sparring.training.averaging import Workers
from sparring.training.loop import TrialTraining

ROWS, A, B, H, BATCH, STEPS = 1600, 49, 226, 256, 64, 12
W_ADV = 0.01


def block(i: int, o: int) -> list[nn.Module]:
    return [nn.Linear(i, o), nn.BatchNorm1d(o), nn.PReLU()]


def code(*widths: int) -> nn.Sequential:
    layers = [layer for i, o in pairwise(widths[:-1]) for layer in block(i, o)]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]), nn.BatchNorm1d(widths[-1]))


def out(*widths: int) -> nn.Sequential:
    layers = [layer for i, o in pairwise(widths[:-1]) for layer in block(i, o)]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


def ideal(
    a: torch.Tensor,
    b: torch.Tensor,
    share: slice = slice(None),
    average: Callable[[list[nn.Parameter]], None] | None = None,
) -> Callable[[], None]:
    """The hand-written loop; returns a function that takes one step.

    share and average: this process's part of each batch, and how it averages gradients, if it is one of several.
    """
    torch.manual_seed(0)
    enc_a, enc_b = code(A, H, H, H), code(B, H, H, H)
    core = nn.Sequential(code(H, H, H, H), code(H, H, H, H))
    dec_a, dec_b = out(H, H, H, A), out(H, H, H, B)
    dis_a, dis_b = out(A, H, H, 1), out(B, H, H, 1)
    gen = [p for net in (enc_a, enc_b, core, dec_a, dec_b) for p in net.parameters()]
    dis = [p for net in (dis_a, dis_b) for p in net.parameters()]
    adam_gen = torch.optim.Adam(gen, lr=1e-3, weight_decay=1e-5, fused=True)
    adam_dis = torch.optim.Adam(dis, lr=1e-4, weight_decay=1e-5, fused=True)
    scale_a, scale_b = a.max(), b.max()
    shuffle = torch.Generator().manual_seed(2)
    order = torch.randperm(ROWS, generator=shuffle)
    at = 0

    def step() -> None:
        nonlocal order, at
        if at + BATCH > ROWS:
            order, at = torch.randperm(ROWS, generator=shuffle), 0
        rows = order[at : at + BATCH][share]
        at += BATCH
        x, y = a[rows], b[rows]
        code_x, code_y = core(enc_a(x)), core(enc_b(y))
        recon_x, pred_y, recon_y, pred_x = dec_a(code_x), dec_b(code_x), dec_b(code_y), dec_a(code_y)
        for p in dis:
            p.requires_grad_(False)
        loss = (functional.mse_loss(recon_x, x) + functional.mse_loss(pred_x, x)) / scale_a
        loss = loss + (functional.mse_loss(recon_y, y) + functional.mse_loss(pred_y, y)) / scale_b
        fooled = sum(
            functional.softplus(-d(fake)).mean()
            for d, fake in ((dis_a, recon_x), (dis_a, pred_x), (dis_b, recon_y), (dis_b, pred_y))
        )
        adam_gen.zero_grad(set_to_none=True)
        (loss + W_ADV * fooled).backward()
        if average is not None:
            average(gen)
        adam_gen.step()
        for p in dis:
            p.requires_grad_(True)
        real = functional.softplus(-dis_a(x)).mean() + functional.softplus(-dis_b(y)).mean()
        fakes = ((dis_a, recon_x), (dis_a, pred_x), (dis_b, recon_y), (dis_b, pred_y))
        fake = sum(functional.softplus(d(f.detach())).mean() for d, f in fakes)
        adam_dis.zero_grad(set_to_none=True)
        (0.5 * real + 0.25 * fake).backward()
        if average is not None:
            average(dis)
        adam_dis.step()

    return step


def ours(a: torch.Tensor, b: torch.Tensor, workers: Workers | None = None) -> Callable[[], None]:
    """The engine's own step, as ``run_epoch`` takes it."""
    rows = {"structure": a, "spectrum": b}
    config = Config(w_adv=W_ADV, lr_gen=1e-3, batch_size=BATCH)
    objective = Objective(metric="val/score")
    trial = Trial(number=0, params={}, seed=0)
    solo = TrialTraining(AEGAN, config, rows, rows, trial=trial, objective=objective, workers=workers)
    steps = itertools.chain.from_iterable(map(solo.order.of_epoch, itertools.count()))

    def step() -> None:
        solo.run_step(*next(steps))

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    a, b = torch.rand(ROWS, A) * 5, torch.rand(ROWS, B)
    runs = {"ours": ours(a, b), "ideal": ideal(a, b)}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(arguments.rounds + 2):
        for name in runs if number % 2 else reversed(runs):
            began = time.perf_counter()
            for _ in range(STEPS):
                runs[name]()
            if number >= 2:
                times[name].append((time.perf_counter() - began) / STEPS * 1e3)
    for name, seen in times.items():
        print(f"{name:6} median {statistics.median(seen):.2f} ms, min {min(seen):.2f}")
    ratios = sorted(mine / theirs for mine, theirs in zip(times["ours"], times["ideal"], strict=True))
    low, high = ratios[len(ratios) // 10], ratios[-1 - len(ratios) // 10]
    print(f"ours / ideal: median {statistics.median(ratios):.3f}, p10 {low:.3f}, p90 {high:.3f}")


if __name__ == "__main__":
    main()
