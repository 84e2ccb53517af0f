"""``sparring train --track``: an MLflow server or wandb is told what TensorBoard is, and cannot end a training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.mlflow import asked, free_port, running
from support.systems import few_rows, small, space_of

from sparring.production.retrain import tracking
from sparring.records import EpochRow
from sparring.space import write_toml

EPOCHS = 3


@pytest.fixture
def pinned(tmp_path) -> Path:
    space, path = space_of("mlp_aae"), tmp_path / "best.toml"
    raw = {key: space.raw[key] for key in ("model", "dataset", "objectives")}
    raw["fixed"] = {**small("mlp_aae"), "epochs": EPOCHS, "steps_per_epoch": 2, "batch_size": 50}
    raw |= {"data": few_rows(space, n=150), "split": "75/15/10", "seed": 3}
    path.write_text(write_toml(raw), encoding="utf-8")
    return path


def figures_of(folder: Path) -> dict[str, float]:
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture
def recorder(monkeypatch):
    """A stand-in for wandb: what it was told, in order."""
    told = []
    run = SimpleNamespace(
        log=lambda figures, step: told.append((step, figures)), finish=lambda exit_code: told.append(exit_code)
    )
    module = SimpleNamespace(
        Settings=lambda **settings: settings, init=lambda **about: told.append(about) or run,
        __spec__=SimpleNamespace(origin="wandb/__init__.py"),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module, told


def test_a_tracker_hears_every_epoch_the_test_rows_and_the_end(recorder, pinned, tmp_path, run_verb):
    _, told = recorder
    assert run_verb("train", pinned, "-o", tmp_path / "out", "--track", "wandb") == 0
    about, *steps, end = told
    figures = figures_of(tmp_path / "out")
    assert about["config"]["batch_size"] == 50
    assert (about["config"]["sparring.model"], about["project"]) == ("mlp_aae", "sparring")
    assert [step for step, _ in steps] == [1, 2, 3, 3]
    best = next(each for step, each in steps if step == figures["epoch"])
    assert best["val/mse_recon"] == figures["val/mse_recon"]
    assert steps[-1][1] == {name: value for name, value in figures.items() if name.startswith("test/")}
    assert end == 0


def test_nobody_is_told_without_the_flag(recorder, pinned, tmp_path, run_verb):
    assert run_verb("train", pinned, "-o", tmp_path / "out") == 0
    assert recorder[1] == []


@pytest.mark.parametrize("call", ["init", "log", "finish"])
def test_a_tracker_that_fails_is_said_once_and_the_training_ends_well(
    call, recorder, pinned, tmp_path, monkeypatch, run_verb, capsys
):
    module, _ = recorder
    monkeypatch.setattr(tracking, "EVERY_S", 0.0)

    def fail(*words, **more):
        raise RuntimeError("no network\nat all")

    place = module if call == "init" else module.init()
    monkeypatch.setattr(place, call, fail)
    assert run_verb("train", pinned, "-o", tmp_path / "out", "--track", "wandb") == 0
    said = " ".join("".join(capsys.readouterr()).split())
    assert said.count("wandb is told nothing more, and the training goes on: no network at all") == 1
    assert figures_of(tmp_path / "out")["epoch"]


def test_a_training_that_is_stopped_is_told_as_stopped(recorder, pinned, tmp_path, monkeypatch, run_verb):
    def stop(self, row):
        raise KeyboardInterrupt

    monkeypatch.setattr(tracking.Tracking, "epoch", stop)
    assert run_verb("train", pinned, "-o", tmp_path / "out", "--track", "wandb") == 130
    assert recorder[1][-1] == 1


def test_a_server_that_is_not_there_is_said_once(pinned, tmp_path, run_verb, capsys):
    nobody = f"http://127.0.0.1:{free_port()}"
    assert run_verb("train", pinned, "-o", tmp_path / "out", "--track", nobody) == 0
    said = " ".join("".join(capsys.readouterr()).split())
    assert (
        said.count(f"{nobody} is told nothing more, and the training goes on: --track: no MLflow server answers") == 1
    )


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("wandb", "--track wandb: wandb is not installed; pip install -e '.[wandb]', or leave --track out"),
        (
            "mlflow",
            "--track: wants wandb or an MLflow server's address, such as http://127.0.0.1:5000, but got 'mlflow'",
        ),
        ("ftp://127.0.0.1", "--track: wants the address of a server"),
    ],
)
def test_what_cannot_be_told_is_refused_before_anything_is_read(where, words, monkeypatch, run_verb, capsys):
    monkeypatch.setattr(tracking, "find_spec", lambda name: SimpleNamespace(origin=None))  # a folder called wandb
    assert run_verb("train", "not-there.toml", "--track", where) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_calls_are_a_second_apart_and_the_last_brings_the_rest():
    now, calls = [0.0], []
    tracker = SimpleNamespace(log=lambda steps: calls.append([step for step, _ in steps]), end=calls.append)
    with tracking.Tracking([("one", tracker)], print, clock=lambda: now[0]) as told:
        for epoch in range(1, 8):
            now[0] += 0.4
            told.epoch(EpochRow(trial=0, attempt=1, epoch=epoch, metrics={"a": 1.0}, wall_s=0.4))
    assert calls == [[1, 2, 3], [4, 5, 6], [7], "KILLED"]


@pytest.mark.slow
def test_mlflow_s_own_server_has_the_run(pinned, tmp_path, monkeypatch, run_verb):
    monkeypatch.setattr(tracking, "LIMIT_S", 300.0)  # on a crowded machine its first calls took more than ten seconds
    (tmp_path / "mlflow").mkdir()
    with running(tmp_path / "mlflow") as uri:
        assert run_verb("train", pinned, "-o", tmp_path / "out", "--track", uri) == 0
        experiment = asked(uri, "experiments/get-by-name?experiment_name=sparring")["experiment"]["experiment_id"]
        body = json.dumps({"experiment_ids": [experiment]}).encode()
        (run,) = asked(uri, "runs/search", body)["runs"]
        key = "metric_key=val/mse_recon"
        curve = asked(uri, f"metrics/get-history?run_id={run['info']['run_id']}&{key}")["metrics"]
    assert run["info"]["status"] == "FINISHED"
    assert {"key": "batch_size", "value": "50"} in run["data"]["params"]
    assert {"key": "sparring.model", "value": "mlp_aae"} in run["data"]["tags"]
    figures = figures_of(tmp_path / "out")
    assert [each["step"] for each in curve] == [1, 2, 3]
    assert curve[figures["epoch"] - 1]["value"] == figures["val/mse_recon"]
    last = {each["key"]: each["value"] for each in run["data"]["metrics"]}
    assert last["test/mse_recon"] == figures["test/mse_recon"]


@pytest.mark.slow
def test_wandb_offline_writes_the_run_and_calls_nobody(pinned, tmp_path):
    pytest.importorskip("wandb", reason="wandb is not installed; pip install -e '.[wandb]'")
    environment = os.environ | {"WANDB_MODE": "offline", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "sparring", "train", str(pinned), "-o", "out", "--track", "wandb"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "told nothing more" not in done.stdout + done.stderr
    (kept,) = (tmp_path / "out" / "wandb").glob("offline-run-*/*.wandb")
    held = kept.read_bytes()
    assert b"val/mse_recon" in held
    assert b"sparring.model" in held
