"""Data are in memory once per node, in Ray's object store; or on disk, where they must stay as they are."""

from __future__ import annotations

import os
import sys

import numpy as np
import psutil
import pytest

from sparring.data.memory_map import select
from sparring.errors import DataError
from sparring.ledger import trial_rows
from sparring.records import Outcome
from sparring.study import Limits, open_folder, prepare

pytestmark = [pytest.mark.ray, pytest.mark.slow]

ROWS = 19_500
"""Images in each of five files of CIFAR: 300 MB in all, twice what a driver takes by itself."""


def own(process: psutil.Process) -> int:
    """MiB of memory that is this process's alone, not a file's and not the object store's."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) // 1024


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_neither_the_driver_nor_a_slot_keeps_a_copy_of_the_images(command, find_processes, tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    records = np.random.default_rng(0).integers(0, 256, (ROWS, 3073), dtype=np.uint8)
    for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"):
        records[: 10 if name == "test_batch" else ROWS].tofile(folder / f"{name}.bin")
    search = command("memory")
    tiny = ["image_size=8", "hidden_size=16", "hidden_size_dis=8", "latent_dim=2", "steps_per_epoch=5", "epochs=1000"]
    process = search.call(
        *[sys.executable, "-m", "sparring", "search", "mlp_aae", "--name", "memory", "--results", str(search.results)],
        *["--dataset", "cifar10", "--data-path", str(tmp_path), "--slots", "1", "--trials", "1"],
        *[word for setting in tiny for word in ("--set", setting)],
    )
    search.wait_for(search.epochs, process)
    (slot,) = find_processes("ray::Slot", process.pid)
    assert own(psutil.Process(process.pid)) < 300, "157 without a copy"
    assert own(slot) < 400, "250, the 57 of all images at 8 × 8, and up to 64 that it keeps of what it frees"


@pytest.mark.fault(52)
def test_a_search_whose_map_is_written_to_ends_with_a_sentence(ray_cluster, tmp_path):
    import ray

    from sparring.cluster.referee_actor import open_referee
    from sparring.cluster.trainer import Trainer, WorkerInputs

    file = tmp_path / "mine.npy"
    np.save(file, np.random.default_rng(0).integers(0, 256, (100, 8, 8), dtype=np.uint8))
    settings = ["hidden_size=16", "hidden_size_dis=8", "latent_dim=2", "steps_per_epoch=2", "epochs=1"]
    study = prepare(
        "mlp_aae",
        dataset="images",
        data_path=file,
        settings=settings,
        results=tmp_path,
        limits=Limits(trials=2, slots=1),
    )
    open_folder(study)
    space, metrics = study.space.without_model(), study.config_class.emitted()
    referee = open_referee(study.folder, study.spec, space, epochs=study.epochs, metrics=metrics)
    images = study.dataset.fields["image"]
    parts = ({"image": select(images, index, share=0.0)} for index in (study.split.train, study.split.valid))
    train, valid = (ray.put(part) for part in parts)
    trainer = Trainer(WorkerInputs(spec=study.spec, referee=referee, train=train, valid=valid, ood=ray.put({})))
    trainer.train(ray.get(referee.ask.remote()), "first")
    os.utime(file)
    with pytest.raises(DataError, match=r"mine\.npy: a search needs its data unchanged"):
        trainer.train(ray.get(referee.ask.remote()), "second")
    assert "a search needs its data unchanged" in ray.get(referee.follow.remote(0))[0].broken
    ray.get(referee.close.remote())
    assert [row.outcome for row in trial_rows(study.folder)] == [Outcome.COMPLETED]
    ray.kill(referee)
