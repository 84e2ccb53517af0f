"""Small trials of two workers: a warm group against the documented nested pattern: `python tests/benchmarks/groups.py`.

    ours       one slot whose group of two workers serves every trial (`--workers-per-trial 2`)
    nested     a Ray Tune function that fits a TorchTrainer of two workers per trial, as Ray's documentation shows

Both train the workload's trial data-parallel with our own loop, so only what surrounds a trial differs. It is cut to
one epoch: what is compared is the surroundings, and longer trials hide them. Printed are the
stages of a group's start, each trial's time beyond its epochs, and trials per minute: of the whole command, and in the
steady state after the first trial. Argument: --trials N of ours; the opponent gets three.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).parent
NESTED_TRIALS = 3


def small() -> None:
    """Makes the workload's trials one epoch long, in this process."""
    import workload

    workload.SPACE["fixed"]["epochs"] = 1


class Stopwatch:
    """A follower of a search: when each trial began and ended, and its epochs' own time."""

    def __init__(self) -> None:
        self.began: dict[int, float] = {}
        self.ended: dict[int, float] = {}
        self.inside: dict[int, float] = {}

    def show(self, snapshot, events) -> None:
        from sparring.records import Trial, TrialRow

        for event in events:
            if isinstance(event, Trial):
                self.began.setdefault(event.number, time.perf_counter())
            elif isinstance(event, TrialRow):
                self.ended[event.trial] = time.perf_counter()
                self.inside[event.trial] = event.wall_s


def ours(folder: Path, trials: int) -> None:
    import tomli_w

    began = time.perf_counter()
    sys.path.insert(0, str(HERE))
    from workload import SPACE

    small()
    from sparring.cluster import connection, data_refs, search
    from sparring.study import Limits, open_folder, prepare

    path = folder / "space.toml"
    path.write_text(tomli_w.dumps(SPACE))
    study = prepare(
        "aegan",
        space=str(path),
        results=folder,
        limits=Limits(trials=trials, slots=1, workers_per_trial=2, pruner="none"),
    )
    search.FOLLOW_S = 0.02
    watch = Stopwatch()
    with connection.connect(None):
        ray_up = time.perf_counter()
        open_folder(study)
        data = data_refs.store(study.rows)
        metrics = study.config_class.emitted()
        search.run(study.folder, study.spec, study.space, data, epochs=study.epochs, metrics=metrics, follower=watch)
        done = time.perf_counter()
    over = time.perf_counter()
    print(f"  imports and Ray {ray_up - began:.1f} s, to the first trial's start {watch.began[0] - ray_up:.1f} s")
    ends = [watch.ended[number] for number in sorted(watch.ended)]
    gaps = [after - before - watch.inside[number] for number, (before, after) in enumerate(pairwise(ends), start=1)]
    steady = 60 * len(gaps) / (ends[-1] - ends[0])
    inside = statistics.median(watch.inside.values())
    print(f"  first trial {ends[0] - watch.began[0]:.1f} s, then epochs {inside:.2f} s per trial at the median")
    print(f"  beyond its epochs a trial takes {statistics.median(gaps):.3f} s at the median, {max(gaps):.3f} at most")
    print(f"  workers let go {done - ends[-1]:.1f} s, Ray's end {over - done:.1f} s")
    print(f"  {60 * trials / (over - began):.1f} trials per minute in all, {steady:.1f} after the first")


def nested(folder: Path, trials: int) -> None:
    began = time.perf_counter()
    sys.path.insert(0, str(HERE))
    import ray
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch
    from workload import distributions

    def run(params):
        import ray.train
        from ray.train.torch import TorchTrainer
        from ray.tune.integration.ray_train import TuneReportCallback

        def loop(config):
            sys.path.insert(0, str(HERE))
            import ray.train
            import workload
            from workload import train_trial

            workload.SPACE["fixed"]["epochs"] = 1
            from sparring.training.averaging import Workers

            context = ray.train.get_context()
            workers = Workers(context.get_world_rank(), context.get_world_size())
            ray.train.report({"score": train_trial(0, config, workers)})

        TorchTrainer(
            loop,
            train_loop_config=params,
            scaling_config=ray.train.ScalingConfig(num_workers=2),
            run_config=ray.train.RunConfig(callbacks=[TuneReportCallback()], storage_path=str(folder / "train")),
        ).fit()

    ray.init(num_cpus=3, include_dashboard=True, log_to_driver=False)  # the function's own CPU, and two workers'
    ready = time.perf_counter()
    tune.Tuner(
        run,
        tune_config=tune.TuneConfig(
            metric="score",
            mode="min",
            search_alg=OptunaSearch(space=distributions(), metric="score", mode="min"),
            num_samples=trials,
            max_concurrent_trials=1,
        ),
        run_config=tune.RunConfig(storage_path=str(folder), name="tune", verbose=0),
    ).fit()
    done = time.perf_counter()
    ray.shutdown()
    over = time.perf_counter()
    steady = 60 * trials / (done - ready)
    print(f"  {60 * trials / (over - began):.2f} trials per minute in all, {steady:.2f} without Ray's start")


INSIDE = {"ours": ours, "nested": nested}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("opponents", nargs="*", default=["ours", "nested"])
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--inside", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        name, folder = arguments.inside
        INSIDE[name](Path(folder), arguments.trials)
        return
    for name in arguments.opponents:
        trials = arguments.trials if name == "ours" else NESTED_TRIALS
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            environment = os.environ | {"OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "token", "PYTHONPATH": str(HERE)}
            command = [sys.executable, __file__, "--trials", str(trials), "--inside", name, folder]
            print(f"{name}, {trials} trials", flush=True)
            done = subprocess.run(command, env=environment, stdout=None, stderr=subprocess.PIPE, text=True)
            if done.returncode:
                sys.exit(f"{name} failed:\n{done.stderr[-4000:]}")


if __name__ == "__main__":
    main()
