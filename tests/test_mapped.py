"""A set that is larger than memory trains from its map: the same bits, and memory of a batch only."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import psutil
import pytest
import torch

from sparring.data.memory_map import Mapped, memory_of, select
from sparring.errors import DataError
from sparring.models import find_config, find_model
from sparring.records import Objective, Trial
from sparring.training.batches.mapped_rows import MappedRows, as_rows
from sparring.training.batches.placement import check, part
from sparring.training.loop import TrialTraining
from sparring.training.single import train_single

IMAGES = np.random.default_rng(0).integers(0, 256, (120, 1, 8, 8), dtype=np.uint8)
TRAIN, VALID = np.random.default_rng(1).permutation(120)[:90], np.arange(90, 120)


@pytest.fixture
def on_disk(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


def train(rows, valid, epochs=2):
    config = find_config("mlp_aae")(hidden_size=16, hidden_size_dis=8, latent_dim=2, parzen_samples=20)
    run = TrialTraining(
        find_model("mlp_aae"), config, rows, valid,
        trial=Trial(number=0, params={}, seed=0), objective=Objective(metric="val/score"),
    )  # fmt: skip
    return [run.run_epoch().metrics for _ in range(epochs)]


def test_a_small_map_is_copied_into_memory_and_a_large_one_is_not(on_disk):
    copied = select(on_disk, TRAIN)
    assert type(copied) is np.ndarray or not isinstance(copied, np.memmap)
    np.testing.assert_array_equal(copied, IMAGES[TRAIN])
    assert isinstance(select(on_disk, TRAIN, share=0.0), Mapped)
    assert not isinstance(select(IMAGES, TRAIN, share=0.0), Mapped)


def test_a_map_gives_its_rows_in_the_order_asked_for(on_disk):
    mapped = select(on_disk, TRAIN, share=0.0)
    assert mapped.shape == (90, 1, 8, 8)
    assert mapped.nbytes == 90 * 64
    np.testing.assert_array_equal(mapped.read(np.array([5, 2, 5])), IMAGES[TRAIN][[5, 2, 5]])
    np.testing.assert_array_equal(mapped.read(slice(10, 20)), IMAGES[TRAIN][10:20])
    view = select(on_disk[40:], np.arange(30), share=0.0)  # a view begins further on in the file
    np.testing.assert_array_equal(view.read(slice(None)), IMAGES[40:70])


def test_a_run_of_mapped_rows_is_not_read_until_it_is_asked_for(on_disk, monkeypatch):
    rows = as_rows({"image": select(on_disk, TRAIN, share=0.0)})["image"]
    monkeypatch.setattr(Mapped, "read", lambda *_: pytest.fail("read"))
    few = part(rows, slice(10, 20))
    monkeypatch.undo()
    assert few.shape == (10, 1, 8, 8)
    np.testing.assert_array_equal(few[:].numpy(), IMAGES[TRAIN][10:20])


def test_a_map_is_sent_by_path_and_index_alone(on_disk):
    mapped = select(on_disk, TRAIN, share=0.0)
    mapped.read(slice(1))
    sent = pickle.dumps(mapped)
    assert len(sent) < 90 * 8 + 500
    np.testing.assert_array_equal(pickle.loads(sent).read(slice(None)), IMAGES[TRAIN])


def test_a_map_that_is_gone_or_cut_is_named(on_disk, tmp_path):
    mapped = select(on_disk, TRAIN, share=0.0)
    (tmp_path / "images.npy").write_bytes(b"short")
    with pytest.raises(DataError, match=r"images\.npy: the map of images that the search began with is gone"):
        mapped.read(slice(1))


@pytest.mark.parametrize("change", ["values", "length", "gone"])
def test_a_map_that_has_changed_since_the_search_began_is_refused(on_disk, tmp_path, change):
    rows = as_rows({"image": select(on_disk, TRAIN, share=0.0), "other": IMAGES})
    check(rows)
    check({"image": rows["image"].part(slice(10, 20))})
    file = tmp_path / "images.npy"
    if change == "gone":
        file.unlink()
    else:
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content if change == "values" else content + b"more")
    said = "the search began with is gone" if change == "gone" else "a search needs its data unchanged"
    with pytest.raises(DataError, match=rf"images\.npy: .*{said}"):
        check(rows)
    with pytest.raises(DataError):
        check({"image": rows["image"].part(slice(10, 20))})


V2, V1 = "memory.max", "memory.limit_in_bytes"


@pytest.mark.parametrize(
    ("line", "limits", "expected"),
    [
        ("0::/job/step", {f"job/step/{V2}": "max", f"job/{V2}": "4096000000"}, 4_096_000_000),
        ("0::/", {V2: "2048000000"}, 2_048_000_000),  # a container's own
        ("4:memory:/job", {f"memory/job/{V1}": "1024000000"}, 1_024_000_000),
        ("4:cpu,cpuacct:/job", {f"memory/job/{V1}": "1024000000"}, None),
        ("4:memory:/elsewhere", {f"memory/job/{V1}": "1024000000"}, None),
        ("0::/job", {f"job/{V2}": str(2**63)}, None),  # no limit, in another word
    ],
)
def test_the_memory_there_is_is_the_machines_or_the_control_groups(tmp_path, line, limits, expected):
    for path, text in limits.items():
        (tmp_path / "root" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / path).write_text(f"{text}\n")
    (tmp_path / "groups").write_text(f"1:name=systemd:/somewhere\n{line}\n")
    found = memory_of(tmp_path / "groups", tmp_path / "root")
    assert found == (psutil.virtual_memory().total if expected is None else expected)


def test_training_from_a_map_gives_the_bits_of_training_from_memory(on_disk):
    memory = {"image": torch.from_numpy(IMAGES[TRAIN])}, {"image": torch.from_numpy(IMAGES[VALID])}
    disk = tuple(as_rows({"image": select(on_disk, index, share=0.0)}) for index in (TRAIN, VALID))
    assert isinstance(disk[0]["image"], MappedRows)
    assert train(*disk) == train(*memory)


PROGRAM = """
import sys, numpy as np, torch
from sparring.data.memory_map import select
from sparring.models import find_config, find_model
from sparring.records import Objective, Trial
from sparring.training.loop import TrialTraining
from sparring.training.batches.mapped_rows import as_rows

def own():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) // 1024

images = np.load(sys.argv[1], mmap_mode="r")
index = np.random.default_rng(0).permutation(len(images))
rows = as_rows({"image": select(images, index, share=0.0)})
config = find_config("mlp_aae")(hidden_size=16, hidden_size_dis=8, latent_dim=2, steps_per_epoch=20)
before = own()
valid = {"image": rows["image"].part(slice(1000))}
run = TrialTraining(find_model("mlp_aae"), config, rows, valid, trial=Trial(number=0, params={}, seed=0),
           objective=Objective(metric="val/score"))
run.run_epoch()
print(images.nbytes // 2**20, own() - before)
"""


@pytest.mark.slow
def test_a_map_takes_little_of_a_trainers_own_memory(tmp_path):
    images = np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.uint8, (400_000, 1, 16, 16))
    for start in range(0, len(images), 50_000):
        images[start : start + 50_000] = np.random.default_rng(start).integers(
            0, 256, (50_000, 1, 16, 16), dtype=np.uint8
        )
    images.flush()
    program = [sys.executable, "-c", PROGRAM, str(tmp_path / "images.npy")]
    done = subprocess.run(program, capture_output=True, text=True, timeout=240, check=True)
    size, grown = map(int, done.stdout.split())
    assert size == 97
    assert grown < size / 2


def test_one_configuration_is_trained_from_a_map(on_disk):
    config = find_config("mlp_aae")(epochs=2, hidden_size=16, hidden_size_dis=8, latent_dim=2)
    found = []
    for share in (0.0, 1.0):
        rows = [{"image": select(on_disk, index, share=share)} for index in (TRAIN, VALID)]
        objective = Objective(metric="val/score")
        model = find_model("mlp_aae")
        found.append(train_single(model, config, *rows, seed=1, objective=objective, watch=lambda row: None).best)
    assert found[0].metrics == found[1].metrics
