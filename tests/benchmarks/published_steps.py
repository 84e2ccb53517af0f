"""Each system's training step against the published code's: `python tests/benchmarks/published_steps.py`, 5 minutes.

Both sides have the published sizes, batch and settings, float32, one thread as slots have and then two. Theirs is
``opponents.py`` or ``dense_opponents.py``: the published step, plainly rewritten, on batches that are there already.
Ours is ``TrialTraining``'s step as a slot takes it, its batch's gathering and conversion included. Each side has a
process of its own, so that what ours sets for its process helps it alone. Blocks of steps alternate, ours and theirs,
never both at once; what counts is the median of the pairs' ratios, with the 10th and 90th percentile. Where others
share the machine, trust the CPU time (of the process), which waiting does not enter.

GFLOP in matrix products and convolutions, theirs and ours products their share of our step's CPU time: those of one
step, recorded and played back alone ideal theirs / the time of our products: what a step of nothing else would reach,
not even with an optimizer loop theirs with its data loader, as its loop has it, against ours: CPU, one thread
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import dense_opponents
import numpy as np
import opponents
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from sparring.data import load_dataset
from sparring.models.aae.model import AAE
from sparring.models.advvae.model import AdvVAE
from sparring.models.aegan.model import AEGAN
from sparring.models.aux_aae.model import AuxAAE
from sparring.models.auxgan.model import AuxGAN
from sparring.models.base import Model
from sparring.models.boost_vae.model import BoostVAE
from sparring.models.mlp_aae.model import MLPAAE
from sparring.records import Objective, Trial
from sparring.training.loop import TrialTraining

aten = torch.ops.aten
PRODUCTS = {aten.mm.default, aten.addmm.default, aten.convolution.default, aten.convolution_backward.default}
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
    return {name: torch.from_numpy(data.fields[name][:5000].copy()) for name in ("muons", "rareness")}


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


def ours(case: Case) -> tuple[TrialTraining, Callable[[], None]]:
    """The engine's own step, as ``run_epoch`` takes it."""
    rows = case.rows()
    few = {name: tensor[:64] for name, tensor in rows.items()}
    objective = Objective(metric=next(name for name in case.model.Config.metrics if name.startswith("val/")))
    config = case.model.Config(**case.settings)
    solo = TrialTraining(case.model, config, rows, few, trial=Trial(number=0, params={}, seed=0), objective=objective)
    steps = itertools.chain.from_iterable(map(solo.order.of_epoch, itertools.count()))

    def step() -> None:
        solo.run_step(*next(steps))

    return solo, step


Runner = Callable[[int], tuple[float, float]]
"""So many steps; wall and CPU seconds per step."""


def serve(pipe: Connection, number: int, seen: list[np.ndarray]) -> None:
    """The opponent's process: answers (method, arguments) with what the method returns, until the pipe is closed."""
    torch.manual_seed(0)
    rival = Rival(cases()[number], tuple(torch.from_numpy(each) for each in seen))
    while True:
        try:
            method, *arguments = pipe.recv()
        except EOFError:
            return
        pipe.send(getattr(rival, method)(*arguments))


class Rival:
    """One opponent, on batches that are there or from its loader."""

    def __init__(self, case: Case, seen: tuple[Tensor, ...]) -> None:
        self._step, self._there = case.theirs(), slices(seen, case.batch)
        self._loaded = None if case.loader is None else case.loader(case.rows(), seen, case.batch)

    def run(self, threads: int, times: int) -> tuple[float, float]:
        torch.set_num_threads(threads)
        return run(lambda: self._step(*next(self._there)), times)

    def run_loaded(self, threads: int, times: int) -> tuple[float, float]:
        torch.set_num_threads(threads)
        return run(lambda: self._step(*next(self._loaded)), times)

    def gflop(self) -> float:
        return gflop(lambda: self._step(*next(self._there)))


class Elsewhere:
    """A rival in a process of its own."""

    def __init__(self, number: int, seen: tuple[Tensor, ...]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, far = context.Pipe()
        self._process = context.Process(target=serve, args=(far, number, [each.numpy() for each in seen]), daemon=True)
        self._process.start()
        far.close()

    def ask(self, *request: Any) -> Any:
        self._pipe.send(request)
        return self._pipe.recv()

    def close(self) -> None:
        self._pipe.close()
        self._process.join()


def run(step: Callable[[], None], times: int) -> tuple[float, float]:
    """Wall and CPU seconds per step."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        step()
    return (time.perf_counter() - wall) / times, (time.process_time() - cpu) / times


def alternate(first: Runner, second: Runner, budget_s: float) -> list[tuple[float, ...]]:
    """Pairs of blocks for so long, at least three: wall of both, CPU of both, in seconds per step."""
    first(2), second(2)
    times = [max(1, round(BLOCK_S / runner(1)[0])) for runner in (first, second)]
    pairs: list[tuple[float, ...]] = []
    ends = time.perf_counter() + budget_s
    while len(pairs) < 3 or time.perf_counter() < ends:
        if len(pairs) % 2:
            b, a = second(times[1]), first(times[0])
        else:
            a, b = first(times[0]), second(times[1])
        pairs.append((a[0], b[0], a[1], b[1]))
    return pairs


def ratios(pairs: list[tuple[float, ...]], column: int) -> tuple[float, float, float]:
    """Median, 10th and 90th percentile of the first's time over the second's."""
    found = sorted(pair[column] / pair[column + 1] for pair in pairs)
    return statistics.median(found), found[len(found) // 10], found[-1 - len(found) // 10]


class Products(TorchDispatchMode):
    """Records the matrix products and convolutions of what runs inside, backward passes included."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Callable[[], Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in PRODUCTS:
            still = [each.detach() if isinstance(each, Tensor) else each for each in args]
            self.calls.append(partial(func, *still, **(kwargs or {})))
        return func(*args, **(kwargs or {}))

    @torch.no_grad()
    def play(self) -> None:
        for call in self.calls:
            call()


def products_share(solo: TrialTraining, step: Callable[[], None]) -> float:
    """Share of a step's CPU time inside its products, by the library that the step takes; blocks of both alternate."""
    with Products() as products:
        step()

    def play() -> None:
        with solo.matmul:
            products.play()

    return ratios(alternate(partial(run, play), partial(run, step), 1.0), 2)[0]


def gflop(step: Callable[[], None]) -> float:
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() / 1e9


def cases() -> list[Case]:
    def rows_of(*names: str) -> Callable[[Any, dict[str, Tensor]], tuple[Tensor, ...]]:
        return lambda _, rows: tuple(rows[name] for name in names)

    def images(flat: bool = False) -> Callable[[Any, dict[str, Tensor]], tuple[Tensor, ...]]:
        return lambda model, rows: (model.view(rows["image"]).flatten(1) if flat else model.view(rows["image"]),)

    def boxed(model: Any, rows: dict[str, Tensor]) -> tuple[Tensor, ...]:
        return (torch.cat([rows["muons"][:, :1], model.frame.box(rows["muons"])], 1),)

    def codes(model: Any, rows: dict[str, Tensor]) -> tuple[Tensor, ...]:
        return (model.aux(rows["rareness"]),)

    def inward(model: Any, rows: dict[str, Tensor]) -> tuple[Tensor, ...]:
        return (model._inward(rows["muons"]),)

    pair, small = rows_of("structure", "spectrum"), {"batch_size": 16, "hidden_size": 64}
    load = partial(load_pictures, side=32, mean=0.5, deviation=0.5, flat=False)
    load_mnist = partial(load_pictures, side=28, mean=0.1307, deviation=0.3081, flat=False)
    narrow = {"aux_steps": 1, "hidden_gen": (128, 128, 32, 6), "hidden_dis": (128, 128, 32, 6)}
    twin = {"norm": "batch", "loss_recon": "l1", "image_size": 32, "batch_size": 64}
    plain = {"batch_size": 64}
    o, d = opponents, dense_opponents
    told = partial(o.aegan, told=True)
    flat, load_flat = images(flat=True), partial(load, flat=True)
    return [
        Case("aegan", 2, o.aegan, AEGAN, {}, spectra, pair, load_tensors, 64),
        Case("aegan, w_adv 1", 2, told, AEGAN, {"w_adv": 1.0}, spectra, pair, load_tensors, 64),
        Case("aegan", None, o.aegan, AEGAN, {"batch_size": 16}, spectra, pair, load_tensors, 16),
        Case("aegan, hidden 64", None, partial(o.aegan, 64), AEGAN, small, spectra, pair, load_tensors, 16),
        Case("advvae", 1, o.advvae, AdvVAE, {}, pictures, images(), load, 128),
        Case("aae", 1, o.aae, AAE, plain, pictures, images(), load_mnist, 64),
        Case(
            "aae, adversarial",
            1,
            o.aae_sparring,
            AAE,
            plain | {"adversarial": True},
            pictures,
            images(),
            load_mnist,
            64,
        ),
        Case("auxgan", 2, d.auxgan, AuxGAN, {"aux_steps": 1}, muons, boxed, None, 50),
        Case("auxgan, width 128", None, partial(d.auxgan, 128), AuxGAN, narrow, muons, boxed, None, 50),
        Case("aux_aae", 2, d.aux_aae, AuxAAE, {}, muons, codes, None, 100),
        Case("boost_vae", 2, d.boost_vae, BoostVAE, {}, muons, inward, None, 512),
        Case("boost_vae", 2, d.boost_vae, BoostVAE, {"batch_size": 50}, muons, inward, None, 50),
        Case("mlp_aae", 2, d.mlp_aae, MLPAAE, {}, pictures, flat, None, 32),
        Case("mlp_aae", None, d.mlp_aae, MLPAAE, {"batch_size": 128}, pictures, flat, None, 128),
        Case("mlp_aae, twin", 2, d.mlp_aae_twin, MLPAAE, twin, pictures, flat, load_flat, 64),
    ]


def measure(number: int, case: Case, seconds: float, threads: list[int]) -> list[str]:
    """A row of the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    solo, mine = ours(case)
    with torch.no_grad():
        seen = case.seen(solo.model, case.rows())
    rival = Elsewhere(number, seen)
    cells = [case.name, str(case.batch), "" if case.aim is None else f"{case.aim:g}"]

    for count in threads:
        torch.set_num_threads(count)
        theirs = partial(rival.ask, "run", count)
        pairs = alternate(theirs, partial(run, mine), seconds if count == 1 else seconds / 2)
        (wall, low, high), (cpu, _, _) = ratios(pairs, 0), ratios(pairs, 2)
        if count == threads[0]:
            their_s, our_s = (statistics.median(pair[column] for pair in pairs) for column in (2, 3))
            cells += [f"{their_s * 1e3:.2f}", f"{our_s * 1e3:.2f}"]
        cells += [f"{wall:.2f}", f"{low:.2f}-{high:.2f}", f"{cpu:.2f}"]
        if count == threads[0]:
            torch.set_num_threads(1)
            share, loop = products_share(solo, mine), "-"
            if case.loader is not None:
                loaded = alternate(partial(rival.ask, "run_loaded", 1), partial(run, mine), seconds / 4)
                loop = f"{ratios(loaded, 2)[0]:.2f}"
            work = f"{rival.ask('gflop'):.2f}, {gflop(mine):.2f}"
            cells += [work, f"{share:.0%}", f"{their_s / our_s / share:.2f}", loop]
    rival.close()
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="cases whose name begins so; default: all")
    parser.add_argument("--seconds", type=float, default=4.0, help="per case with one thread; half of it with two")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    began, load = time.perf_counter(), os.getloadavg()
    table = Table(title="theirs / ours: how many times as fast our step is", title_justify="left")
    headings = ["step", "batch", "aim", "theirs ms", "ours ms", "wall", "p10-p90", "CPU"]
    headings += ["GFLOP", "products", "ideal", "loop"]
    for number in arguments.threads[1:]:
        headings += [f"{number} threads", "p10-p90", "CPU"]
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "step" else "right", no_wrap=True)
    console = Console(width=None if os.isatty(1) else 160)
    for number, case in enumerate(cases()):
        if not arguments.names or any(case.name.startswith(name) for name in arguments.names):
            cells = measure(number, case, arguments.seconds, arguments.threads)
            print("  ".join(cells), flush=True)
            table.add_row(*cells)
    console.print(table)
    console.print(
        f"ms: CPU, one thread. {time.perf_counter() - began:.0f} s; load before {load[0]:.1f}, after "
        f"{os.getloadavg()[0]:.1f}; torch {torch.__version__}"
    )


if __name__ == "__main__":
    main()
