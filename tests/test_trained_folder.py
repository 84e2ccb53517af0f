"""What a training leaves is one model or none: checksums, kills at every call, and two trainings at once."""

from __future__ import annotations

import errno
import random
import shutil
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file
from support.frail import FrailDisk, Killed

from sparring.errors import ConfigError, DataError, FolderLocked, LedgerError, UsageError
from sparring.production import read_trained
from sparring.production.loading.trained_folder import CHECKSUMS, lock_folder, write_folder
from sparring.production.retrain import retrain as retrain_module
from sparring.production.retrain.retrain import TrainingRequest, retrain
from sparring.space import write_toml
from sparring.training import saves
from sparring.training.single import files_of

FIXED = {"epochs": 2, "hidden_size": 8, "n_hl_gen": 1, "n_hl_shared": 1, "n_hl_dis": 1, "batch_size": 16}
QUIET = Console(quiet=True)
CALLS = 100
"""More than writing a folder takes."""


def train(folder: Path, **fixed: object) -> Path:
    raw = {"model": "aegan", "dataset": "exafs", "seed": 5, "split": "80/20", "objectives": [{"metric": "val/score"}]}
    pinned = folder.with_suffix(".toml")
    pinned.write_text(write_toml(raw | {"fixed": FIXED | fixed, "data": {"n": 60}}), encoding="utf-8")
    retrain(pinned, TrainingRequest(output=folder), QUIET)
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> tuple[Path, Path]:
    """Trainings of two configurations whose weights have the same shapes."""
    place = tmp_path_factory.mktemp("two")
    return train(place / "first", activation="relu"), train(place / "second", activation="silu")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".lock" and path.is_file()}


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "model.json"])
def test_one_flipped_bit_is_refused_by_the_file_s_name(two, tmp_path, name):
    folder = shutil.copytree(two[0], tmp_path / "flipped")
    data = bytearray((folder / name).read_bytes())
    data[-20] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(DataError, match=f"{name}: must have the SHA-256 .* but was changed; train it anew"):
        read_trained(folder)


def test_weights_of_another_training_are_refused(two, tmp_path):
    folder = shutil.copytree(two[0], tmp_path / "mixed")
    shutil.copy(two[1] / "model.safetensors", folder)
    with pytest.raises(DataError, match="but was changed"):
        read_trained(folder)


def test_checksums_that_leave_a_file_out_are_refused(two, tmp_path):
    folder = shutil.copytree(two[0], tmp_path / "short")
    (folder / CHECKSUMS).write_text('{"files": {}}')
    with pytest.raises(ConfigError, match=r"must list model\.json, but does not"):
        read_trained(folder)


def test_a_folder_of_before_the_checksums_is_read_as_it_is(two, tmp_path):
    folder = shutil.copytree(two[0], tmp_path / "older")
    (folder / CHECKSUMS).unlink()
    assert read_trained(folder).about.model == "aegan"


@pytest.mark.parametrize("is_older", [False, True], ids=["checked", "of before the checksums"])
@pytest.mark.parametrize("cut", [False, True], ids=["killed", "power cut"])
def test_death_at_any_call_leaves_the_model_of_one_training_or_none(two, tmp_path, monkeypatch, cut, is_older):
    first, second = two
    about = read_trained(second).about
    entering = {name: data for name, data in files(second).items() if name not in {"model.json", CHECKSUMS, ".lock"}}
    disk = FrailDisk.under_the_ledger(monkeypatch)
    seen = set()
    for calls in range(CALLS):
        folder = shutil.copytree(first, tmp_path / str(calls))
        if is_older:
            (folder / CHECKSUMS).unlink()
        disk.kill_after(calls)
        try:
            write_folder(folder, entering, about)
            break
        except Killed:
            pass
        disk.revive()
        if cut:
            disk.cut_power(random.Random(calls))
        seen.add(whose(folder, first, second))
        write_folder(folder, entering, about)
        assert whose(folder, first, second) == second, "the same command again ends it"
    else:
        pytest.fail(f"still dying after {CALLS} calls")
    assert {None, second} <= seen <= {first, None, second}
    assert whose(folder, first, second) == second


@pytest.mark.fault(20, stand_in=True)
def test_a_training_whose_files_could_not_be_written_keeps_its_last_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(saves, "PAUSE_S", 0.0)
    disk = FrailDisk.under_the_ledger(monkeypatch)

    def filling(*given):
        disk.refuse_after(2, errno.ENOSPC)
        return files_of(*given)

    monkeypatch.setattr(retrain_module, "files_of", filling)
    with pytest.raises(LedgerError, match=r"No space left on device; .* the same command again goes on"):
        train(tmp_path / "aegan")
    assert [path.name[:6] for path in sorted((tmp_path / "aegan" / "checkpoints").iterdir())] == ["e00001", "e00002"]


def whose(folder: Path, *trainings: Path) -> Path | None:
    """Whose configuration and weights the folder holds; None where it is refused."""
    try:
        loaded = read_trained(folder)
    except UsageError:
        return None
    for training in trainings:
        written = load_file(training / "model.safetensors")
        if all(torch.equal(tensor, written[name]) for name, tensor in loaded.model.state_dict().items()):
            assert loaded.model.config == read_trained(training).model.config
            return training
    return pytest.fail("files of two trainings were taken for one model")


@pytest.mark.fault(68)
def test_a_second_training_into_the_folder_is_told_who_has_it(tmp_path):
    with lock_folder(tmp_path / "aegan"), pytest.raises(FolderLocked, match=r"but process .* has held this one since"):
        train(tmp_path / "aegan")
