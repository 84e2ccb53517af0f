"""Each system's training step against the published code's: `python tests/benchmarks/published_steps.py`, 5 minutes.

Both sides have the published sizes, batch and settings, float32, one thread as slots have and then two. Theirs is
``opponents.py``: the published step, plainly rewritten, on batches that are there already. Ours is ``Solo``'s step as a
slot takes it, its batch's gathering and conversion included. Blocks of steps alternate, ours and theirs; what counts is
the median of the pairs' ratios, with the 10th and 90th percentile. Where others share the machine, trust the CPU time
(of the process), which waiting does not enter.

products  share of our step inside matrix products and convolutions, by torch's profiler
ideal     theirs / the time of our products: the ratio a step of nothing else would reach, eager and with these products
loop      theirs with its data loader, as its loop has it, against ours; step by step, one thread
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import opponents
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from sparring.data import load_dataset
from sparring.models.aae import AAE
from sparring.models.advvae import AdvVAE
from sparring.models.aegan import AEGAN
from sparring.models.aux_aae import AuxAAE
from sparring.models.auxgan import AuxGAN
from sparring.models.base import Model
from sparring.models.boost_vae import BoostVAE
from sparring.models.mlp_aae import MLPAAE
from sparring.records import Objective, Trial
from sparring.training.gang import Solo
from sparring.training.noise import order

PRODUCTS = (
    "aten::mm", "aten::addmm", "aten::mkldnn_convolution", "aten::convolution_backward", "aten::mkldnn_linear",
    "aten::_slow_conv2d_forward", "aten::slow_conv_transpose2d", "aten::thnn_conv2d", "aten::bmm",
)  # fmt: skip
BLOCK_S = 0.12
"""About how long one block of steps takes: long beside a switch of tasks, short beside the machine's moods."""

Batches = Iterator[tuple[Tensor, ...]]


class Case(NamedTuple):
    """One line of the table. aim: how many times as fast as theirs ours shall be; None where the issue names none."""

    name: str
    aim: float | None
    theirs: Callable[[], opponents.Step]
    model: type[Model]
    settings: dict[str, Any]
    rows: Callable[[], dict[str, Tensor]]
    seen: Callable[[Any, dict[str, Tensor]], tuple[Tensor, ...]]
    """All rows as the opponent's nets read them."""
    loader: Callable[[dict[str, Tensor], tuple[Tensor, ...], int], Batches] | None
    batch: int
    """Rows of the opponent's step."""


# -- data -------------------------------------------------------------------------------------------------------------


@cache
def spectra() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    structure, spectrum = torch.rand(1600, 49, generator=generator) * 5, torch.rand(1600, 226, generator=generator)
    return {"structure": structure, "spectrum": spectrum}


@cache
def pictures() -> dict[str, Tensor]:
    """Of MNIST's size, with strokes for noise: what is black stays black, as there."""
    generator = torch.Generator().manual_seed(1)
    image = torch.randint(256, (2048, 1, 28, 28), generator=generator)
    return {"image": (image * (torch.rand(2048, 1, 28, 28, generator=generator) < 0.2)).to(torch.uint8)}


@cache
def muons() -> dict[str, Tensor]:
    data = load_dataset("muons", options={"n": 6000, "reference": 2000})
    return {name: torch.from_numpy(data.fields[name][:5000]) for name in ("muons", "rareness")}


class Pictures(Dataset):
    """torchvision's MNIST with Resize, ToTensor and Normalize: an image at a time, through Pillow."""

    def __init__(self, images: Tensor, side: int, mean: float, deviation: float) -> None:
        self.images, self.side, self.mean, self.deviation = images, side, mean, deviation

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.images[index, 0].numpy())
        if picture.width != self.side:
            picture = picture.resize((self.side, self.side), Image.Resampling.BILINEAR)
        x = torch.from_numpy(np.array(picture))[None].to(torch.float32).div(255)
        return x.clone().sub_(self.mean).div_(self.deviation), 0


def endless(loader: DataLoader) -> Batches:
    return (tuple(batch) for _ in itertools.count() for batch in loader)


def load_tensors(_: dict[str, Tensor], seen: tuple[Tensor, ...], batch: int) -> Batches:
    return endless(DataLoader(TensorDataset(*seen), batch_size=batch, shuffle=True, drop_last=True))


def load_pictures(
    rows: dict[str, Tensor], _: tuple[Tensor, ...], batch: int, *, side: int, mean: float, deviation: float, flat: bool
) -> Batches:
    pictures = Pictures(rows["image"], side, mean, deviation)
    batches = endless(DataLoader(pictures, batch_size=batch, shuffle=True, drop_last=True))
    return ((images.flatten(1) if flat else images,) for images, _ in batches)


def slices(seen: tuple[Tensor, ...], batch: int) -> Batches:
    """Batches that are there already."""
    n = len(seen[0]) // batch
    return (tuple(x[k % n * batch : (k % n + 1) * batch] for x in seen) for k in itertools.count())


# -- both sides -------------------------------------------------------------------------------------------------------


def ours(case: Case) -> tuple[Solo, Callable[[], None]]:
    """The engine's own step, as ``run_epoch`` takes it."""
    rows = case.rows()
    few = {name: tensor[:64] for name, tensor in rows.items()}
    objective = Objective(metric=next(name for name in case.model.Config.metrics if name.startswith("val/")))
    config = case.model.Config(**case.settings)
    solo = Solo(case.model, config, rows, few, trial=Trial(number=0, params={}, seed=0), objective=objective)
    at, shuffled = 0, torch.empty(0)

    def step() -> None:
        nonlocal at, shuffled
        passes, n = divmod(at, solo.steps_per_pass)
        if n == 0:
            shuffled = order(0, passes, solo.rows)
        solo._run_step(at, shuffled[n * solo.batch : (n + 1) * solo.batch])
        at += 1

    return solo, step


def run(step: Callable[[], None], times: int) -> tuple[float, float]:
    """Wall and CPU seconds per step."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        step()
    return (time.perf_counter() - wall) / times, (time.process_time() - cpu) / times


def alternate(first: Callable[[], None], second: Callable[[], None], budget_s: float) -> list[tuple[float, ...]]:
    """Pairs of blocks for so long, at least five: wall of both, CPU of both, in seconds per step."""
    run(first, 2), run(second, 2)
    times = [max(1, round(BLOCK_S / run(step, 2)[0])) for step in (first, second)]
    pairs: list[tuple[float, ...]] = []
    ends = time.perf_counter() + budget_s
    while len(pairs) < 5 or time.perf_counter() < ends:
        if len(pairs) % 2:
            b, a = run(second, times[1]), run(first, times[0])
        else:
            a, b = run(first, times[0]), run(second, times[1])
        pairs.append((a[0], b[0], a[1], b[1]))
    return pairs


def ratios(pairs: list[tuple[float, ...]], column: int) -> tuple[float, float, float]:
    """Median, 10th and 90th percentile of theirs / ours."""
    found = sorted(pair[column] / pair[column + 1] for pair in pairs)
    return statistics.median(found), found[len(found) // 10], found[-1 - len(found) // 10]


def products_s(step: Callable[[], None], steps: int = 5) -> float:
    """Seconds per step inside matrix products and convolutions, one thread."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for _ in range(steps):
            step()
    spent = {event.key: event.self_cpu_time_total for event in profile.key_averages()}
    return sum(spent.get(name, 0.0) for name in PRODUCTS) / steps / 1e6


def cases() -> list[Case]:
    def rows_of(*names: str) -> Callable[[Any, dict[str, Tensor]], tuple[Tensor, ...]]:
        return lambda _, rows: tuple(rows[name] for name in names)

    def images(flat: bool = False) -> Callable[[Any, dict[str, Tensor]], tuple[Tensor, ...]]:
        return lambda model, rows: (model.view(rows["image"]).flatten(1) if flat else model.view(rows["image"]),)

    def boxed(model: Any, rows: dict[str, Tensor]) -> tuple[Tensor, ...]:
        return (torch.cat([rows["muons"][:, :1], model.frame.box(rows["muons"])], 1),)

    pair = rows_of("structure", "spectrum")
    square = partial(load_pictures, side=32, mean=0.5, deviation=0.5, flat=False)
    standard = partial(load_pictures, side=28, mean=0.1307, deviation=0.3081, flat=False)
    twin = {"norm": "batch", "loss_recon": "l1", "image_size": 32}
    o = opponents
    return [
        Case("aegan", 2, o.aegan, AEGAN, {}, spectra, pair, load_tensors, 64),
        Case("aegan, w_adv 1", 2, partial(o.aegan, told=True), AEGAN, {"w_adv": 1.0}, spectra, pair, load_tensors, 64),
        Case("aegan, batch 16", None, o.aegan, AEGAN, {"batch_size": 16}, spectra, pair, load_tensors, 16),
        Case(
            "aegan, batch 16, hidden 64",
            None,
            partial(o.aegan, 64),
            AEGAN,
            {"batch_size": 16, "hidden_size": 64},
            spectra,
            pair,
            load_tensors,
            16,
        ),
        Case("advvae", 1, o.advvae, AdvVAE, {}, pictures, images(), square, 128),
        Case("aae", 1, o.aae, AAE, {"batch_size": 64}, pictures, images(), standard, 64),
        Case(
            "aae, adversarial",
            1,
            o.aae_sparring,
            AAE,
            {"batch_size": 64, "adversarial": True},
            pictures,
            images(),
            standard,
            64,
        ),
        Case("auxgan", 2, o.auxgan, AuxGAN, {"aux_steps": 1}, muons, boxed, None, 50),
        Case(
            "auxgan, width 128",
            None,
            partial(o.auxgan, 128),
            AuxGAN,
            {"aux_steps": 1, "hidden_gen": (128, 128, 32, 6), "hidden_dis": (128, 128, 32, 6)},
            muons,
            boxed,
            None,
            50,
        ),
        Case("aux_aae", 2, o.aux_aae, AuxAAE, {}, muons, lambda model, rows: (model.aux(rows["rareness"]),), None, 100),
        Case("boost_vae", 2, o.boost_vae, BoostVAE, {}, muons, lambda m, rows: (m._inward(rows["muons"]),), None, 512),
        Case(
            "boost_vae, batch 50",
            2,
            o.boost_vae,
            BoostVAE,
            {"batch_size": 50},
            muons,
            lambda m, rows: (m._inward(rows["muons"]),),
            None,
            50,
        ),
        Case("mlp_aae", 2, o.mlp_aae, MLPAAE, {}, pictures, images(flat=True), None, 32),
        Case("mlp_aae, batch 128", None, o.mlp_aae, MLPAAE, {"batch_size": 128}, pictures, images(True), None, 128),
        Case(
            "mlp_aae, twin",
            2,
            o.mlp_aae_twin,
            MLPAAE,
            {"batch_size": 64} | twin,
            pictures,
            images(flat=True),
            partial(load_pictures, side=32, mean=0.5, deviation=0.5, flat=True),
            64,
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="cases whose name begins so; default: all")
    parser.add_argument("--seconds", type=float, default=8.0, help="per case with one thread; half of it with two")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    began, load = time.perf_counter(), os.getloadavg()
    table = Table(title="theirs / ours: how many times as fast our step is", title_justify="left")
    for heading in ("step", "batch", "aim", "theirs ms", "ours ms", "ratio, wall", "p10-p90", "ratio, CPU", "products"):
        table.add_column(heading, justify="left" if heading == "step" else "right", no_wrap=True)
    for heading in ("ideal", "loop", "2 threads", "p10-p90", "CPU"):
        table.add_column(heading, justify="right", no_wrap=True)
    console = Console(width=None if os.isatty(1) else 170)
    for case in cases():
        if arguments.names and not any(case.name.startswith(name) for name in arguments.names):
            continue
        torch.set_num_threads(1)
        torch.manual_seed(0)
        solo, mine = ours(case)
        with torch.no_grad():
            seen = case.seen(solo.model, case.rows())
        given, theirs = slices(seen, case.batch), case.theirs()
        cells: list[str] = []
        for threads in arguments.threads:
            torch.set_num_threads(threads)
            pairs = alternate(
                lambda: theirs(*next(given)), mine, arguments.seconds if threads == 1 else arguments.seconds / 2
            )
            (median, low, high), (cpu, _, _) = ratios(pairs, 0), ratios(pairs, 2)
            figures = [f"{median:.2f}", f"{low:.2f}-{high:.2f}", f"{cpu:.2f}"]
            if threads == arguments.threads[0]:
                their_s, our_s = (statistics.median(pair[k] for pair in pairs) for k in (2, 3))
                torch.set_num_threads(1)
                inside = products_s(mine)
                figures = [f"{their_s * 1e3:.2f}", f"{our_s * 1e3:.2f}", *figures]
                figures += [f"{inside / our_s:.0%}", f"{their_s / inside:.2f}", "-"]
                if case.loader is not None:
                    batches = case.loader(case.rows(), seen, case.batch)
                    looped = alternate(lambda: theirs(*next(batches)), mine, arguments.seconds / 4)  # noqa: B023
                    figures[-1] = f"{ratios(looped, 2)[0]:.2f}"
            cells += figures
        aim = "" if case.aim is None else f"{case.aim:g}"
        table.add_row(case.name, str(case.batch), aim, *cells)
        console.print(f"{case.name}: {'  '.join(cells)}")
    console.print(table)
    console.print(
        f"ms: CPU, one thread. {time.perf_counter() - began:.0f} s; load before {load[0]:.1f}, after "
        f"{os.getloadavg()[0]:.1f}; torch {torch.__version__}"
    )


if __name__ == "__main__":
    main()
