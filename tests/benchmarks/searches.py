"""A whole search against three others, wall time of the whole command: `python tests/benchmarks/searches.py`.

    ours       sparring search, 2 slots
    optuna     two processes of study.optimize over one journal file, no Ray
    function   Ray Tune's function API with OptunaSearch
    nested     Ray Tune function that fits a TorchTrainer per trial, the documented pattern; few trials, time per trial

24 trials of about 1.5 s on 2 slots. Opponents take turns; the medians and ratios go to docs/log. Arguments: names of
opponents, and --rounds N.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
NESTED_TRIALS = 4


def ours(folder: Path) -> None:
    import tomli_w

    sys.path.insert(0, str(HERE))
    from workload import SLOTS, SPACE, TRIALS

    path = folder / "space.toml"
    path.write_text(tomli_w.dumps(SPACE))
    command = ["search", "aegan", "--space", str(path), "--trials", str(TRIALS), "--slots", str(SLOTS)]
    sys.argv = ["sparring", *command, "--pruner", "none", "--results", str(folder)]
    from sparring.cli import main

    main()


def optuna_worker(folder: Path) -> None:
    import optuna
    from workload import TRIALS, draw, train_trial

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(folder / "journal.log")))
    study = optuna.create_study(study_name="s", storage=storage, load_if_exists=True)
    study.optimize(
        lambda trial: train_trial(trial.number, draw(trial)),
        callbacks=[optuna.study.MaxTrialsCallback(TRIALS, states=None)],
    )


def optuna_processes(folder: Path) -> None:
    command = [sys.executable, __file__, "--inside", "optuna-worker", str(folder)]
    for worker in [subprocess.Popen(command) for _ in range(2)]:
        if worker.wait():
            sys.exit("an Optuna process failed")


def tune(folder: Path, trainable, trials: int) -> None:
    import ray
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch
    from workload import SLOTS, distributions

    ray.init(num_cpus=4 if trials == NESTED_TRIALS else SLOTS, include_dashboard=True, log_to_driver=False)
    tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            metric="score",
            mode="min",
            search_alg=OptunaSearch(space=distributions(), metric="score", mode="min"),
            num_samples=trials,
            max_concurrent_trials=SLOTS,
        ),
        run_config=tune.RunConfig(storage_path=str(folder), name="tune", verbose=0),
    ).fit()
    ray.shutdown()


def function(folder: Path) -> None:
    from workload import TRIALS

    def run(params):
        from ray import tune

        sys.path.insert(0, str(HERE))
        from workload import train_trial

        tune.report({"score": train_trial(0, params)})

    tune(folder, run, TRIALS)


def nested(folder: Path) -> None:
    def run(params):
        import ray.train
        from ray.train.torch import TorchTrainer
        from ray.tune.integration.ray_train import TuneReportCallback

        def loop(config):
            sys.path.insert(0, str(HERE))
            import ray.train
            from workload import train_trial

            ray.train.report({"score": train_trial(0, config)})

        TorchTrainer(
            loop,
            train_loop_config=params,
            scaling_config=ray.train.ScalingConfig(num_workers=1),
            run_config=ray.train.RunConfig(callbacks=[TuneReportCallback()], storage_path=str(folder / "train")),
        ).fit()

    tune(folder, run, NESTED_TRIALS)


INSIDE = {
    "ours": ours,
    "optuna": optuna_processes,
    "optuna-worker": optuna_worker,
    "function": function,
    "nested": nested,
}


def time_whole(name: str) -> float:
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "token", "PYTHONPATH": str(HERE)}
    try:
        began = time.perf_counter()
        command = [sys.executable, __file__, "--inside", name, str(folder)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        wall = time.perf_counter() - began
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return wall
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("opponents", nargs="*", default=["ours", "optuna", "function", "nested"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inside", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        name, folder = arguments.inside
        INSIDE[name](Path(folder))
        return
    walls: dict[str, list[float]] = {name: [] for name in arguments.opponents}
    for _ in range(arguments.rounds):
        for name, seen in walls.items():
            if name in ("function", "nested") and seen:
                continue  # minutes each, and far away: once is enough
            seen.append(time_whole(name))
            per_trial = f"  ({seen[-1] / NESTED_TRIALS:.1f} s per trial)" if name == "nested" else ""
            print(f"{name:10} {seen[-1]:7.1f} s{per_trial}", flush=True)
    if {"ours", "optuna"} <= walls.keys():
        pairs = [mine / theirs for mine, theirs in zip(walls["ours"], walls["optuna"], strict=True)]
        print(f"ours / optuna: median {statistics.median(pairs):.2f}, pairs {[f'{pair:.2f}' for pair in pairs]}")
    if {"ours", "function"} <= walls.keys():
        print(f"function / ours: {walls['function'][0] / statistics.median(walls['ours']):.2f}")


if __name__ == "__main__":
    main()
