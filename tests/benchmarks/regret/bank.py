"""Makes a bank of real learning curves: configurations of the shipped spaces trained to their whole budget, unpruned.

    cd tests && python -m benchmarks.regret.bank aegan mlp_aae --configurations 140 --processes 2 --folder BANK

No Ray: a training here has the same bits as in a slot of a search. ``configurations.py`` says which configurations;
the first ``SEEDED`` of each system are trained with seeds 1 and 2 as well. Any kill, and any number of runs at once,
loses nothing but trainings under way and makes none twice: the same command goes on. Parts are merged at a run's end;
`--merge` only does that.

Systems take turns, so that every beginning of the bank covers all of them. A configuration is a row per epoch: the
leading objective as measured and the process's CPU seconds, which other processes hardly change.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from sparring.errors import Infeasible, SpaceError
from sparring.models import find_model
from sparring.records import Outcome, Trial
from sparring.study import Study, prepare

from .bank_files import Bank
from .configurations import Configuration, configurations

if TYPE_CHECKING:
    from torch import Tensor

CHEAPER: dict[str, tuple[str, ...]] = {
    "aegan": ("data.n=512",),
    "mlp_aae": ("steps_per_epoch=67",),
    "aae_series": ("steps_per_epoch=12",),
    "auxgan": ("data.n=10000", "steps_per_epoch=25"),
    "boost_vae": ("data.n=10000", "steps_per_epoch=25"),
}
"""Settings under which a training takes a sixth of the shipped space's seconds, in as many epochs: 1,000 in hours."""

SEEDED, SEEDS = 30, (0, 1, 2)
"""Configurations that are trained with every seed; the others with the first alone."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training to do."""

    system: str
    configuration: Configuration
    seed: int
    config: str
    """JSON of the Config's fields that are not at their defaults; of the searched ones if the Config refuses them."""
    setup: str
    """JSON of what must be equal for two curves to be compared."""
    space: str
    """Fingerprint of the space it was drawn from."""

    @property
    def training(self) -> str:
        """Its name: a space or set that has changed makes another one of the same number; a new field, off, none."""
        digest = hashlib.sha256((self.config + self.setup).encode()).hexdigest()[:10]
        return f"{self.configuration.number:05d}-s{self.seed}-{digest}"


@cache
def study_of(system: str, settings: tuple[str, ...]) -> Study:
    """The system's shipped space and rows, with the settings of ``CHEAPER`` and the given ones."""
    changed = (*CHEAPER.get(system, ()), *settings)
    return prepare(system, split="80/20", settings=changed, results=Path("nowhere"), address="nowhere")


def jobs_of(system: str, length: int, settings: tuple[str, ...]) -> list[Job]:
    """The trainings of the first ``length`` configurations; further seeds follow at half their pace."""
    study = study_of(system, settings)
    config, fingerprint = study.space.default_config(), study.space.fingerprint()[:10]
    setup = json.dumps(
        {
            "dataset": study.spec.dataset,
            "data": dict(study.spec.data_options),
            "split": study.spec.split,
            "objective": [study.spec.objective.metric, study.spec.objective.goal],
            "epochs": config.epochs,
            "steps_per_epoch": config.steps_per_epoch,
        },
        sort_keys=True,
    )

    def job(configuration: Configuration, seed: int) -> Job:
        try:
            values = study.space.config(configuration.params).model_dump(mode="json", exclude_defaults=True)
        except SpaceError:
            values = dict(configuration.params)
        text = json.dumps(values, sort_keys=True)
        return Job(system=system, configuration=configuration, seed=seed, config=text, setup=setup, space=fingerprint)

    drawn = configurations(study.space, length)
    again = [job(configuration, seed) for configuration in drawn[:SEEDED] for seed in SEEDS[1:]]
    first = [job(configuration, SEEDS[0]) for configuration in drawn]
    return [job for pair in zip_longest(first, again) for job in pair if job is not None]


def jobs(systems: Sequence[str], length: int, settings: tuple[str, ...]) -> Iterator[Job]:
    """The trainings of all systems, which take turns."""
    for turn in zip_longest(*(jobs_of(system, length, settings) for system in systems)):
        yield from (job for job in turn if job is not None)


@cache
def _rows(system: str, settings: tuple[str, ...], part: str) -> dict[str, Tensor]:
    from sparring.training.batches.mapped_rows import as_rows

    return as_rows(study_of(system, settings).rows(part))


def train(job: Job, settings: tuple[str, ...]) -> list[dict[str, object]]:
    """Trains to the end of the budget, or to the first epoch with a figure that is not finite: a row per epoch.

    A configuration that cannot be built, or whose training fails, ends with a NaN as a diverged one does.
    """
    from sparring.training.loop import TrialTraining

    study = study_of(job.system, settings)
    objective, params = study.spec.objective, job.configuration.params
    train, valid, ood = (_rows(job.system, settings, part) for part in ("train", "valid", "ood"))
    values: list[float] = []
    seconds: list[float] = []
    outcome, began = Outcome.COMPLETED, time.process_time()
    try:
        training = TrialTraining(
            find_model(job.system),
            study.space.config(params),
            train,
            valid,
            trial=Trial(number=job.configuration.number, params=params, seed=job.seed),
            objective=objective,
            ood=ood,
        )
        while not training.is_exhausted and outcome is Outcome.COMPLETED:
            row = training.run_epoch()
            outcome = Outcome.COMPLETED if row.is_finite else Outcome.DIVERGED
            values.append(row.metrics[objective.metric] if row.is_finite else math.nan)
            seconds.append(time.process_time() - began)
            began = time.process_time()
    except (Infeasible, SpaceError, RuntimeError, ValueError) as error:
        outcome = Outcome.INFEASIBLE if isinstance(error, Infeasible | SpaceError) else Outcome.CRASHED
        print(f"{job.system} {job.training}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        values.append(math.nan)
        seconds.append(time.process_time() - began)
    same = {
        "training": job.training,
        "number": job.configuration.number,
        "kind": job.configuration.kind,
        "seed": job.seed,
        "outcome": outcome.value,
        "params": json.dumps(params, sort_keys=True),
        "config": job.config,
        "setup": job.setup,
        "space": job.space,
    }
    return [
        {**same, "epoch": epoch, "value": value, "cpu_s": cpu_s}
        for epoch, (value, cpu_s) in enumerate(zip(values, seconds, strict=True), start=1)
    ]


def work(folder: Path, systems: Sequence[str], length: int, settings: tuple[str, ...]) -> None:
    """Trains, one after another, what neither the bank holds nor another process trains."""
    import torch

    torch.set_num_threads(1)
    bank, parent = Bank(folder), os.getppid()
    todo = list(jobs(systems, length, settings))
    for place, job in enumerate(todo, start=1):
        if os.getppid() != parent:
            sys.exit("the run that began this process has died")
        with bank.claim(job.system, job.training) as is_ours:
            if not is_ours:
                continue
            rows = train(job, settings)
            bank.add(job.system, job.training, rows)
        values, seconds = ([float(str(row[name])) for row in rows] for name in ("value", "cpu_s"))
        best = min((value for value in values if math.isfinite(value)), default=math.nan)
        ends = f"best {best:.4g}, last {values[-1]:.4g}, {sum(seconds):.1f} s"
        print(f"{place}/{len(todo)} {job.system} {job.training} {job.configuration.kind}: {ends}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("systems", nargs="+")
    parser.add_argument("--configurations", type=int, default=140, help="of each system (default: 140)")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="beside those of CHEAPER")
    parser.add_argument("--merge", action="store_true", help="train nothing")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # before the processes import torch
    if not given.merge:
        arguments = (given.folder, given.systems, given.configurations, tuple(given.set))
        context = multiprocessing.get_context("spawn")
        workers = [context.Process(target=work, args=arguments, daemon=True) for _ in range(given.processes)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if any(worker.exitcode for worker in workers):
            sys.exit("a process failed; the same command goes on")
    bank = Bank(given.folder)
    for system in given.systems:
        print(f"{system}: {bank.merge(system)} trainings in {bank.file(system)}", flush=True)


if __name__ == "__main__":
    main()
