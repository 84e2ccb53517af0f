"""Batches of training rows: seen once or batch by batch, the same; and only what a phase takes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sparring.models.base import Model
from sparring.training.batches import batches
from sparring.training.batches.batches import Batches

CPU = torch.device("cpu")


class Doubling(Model):
    """Sees twice its field; counts how often it is asked, and for how many rows."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.asked: list[int] = []

    def transform_rows(self, **batch: Tensor) -> dict[str, Tensor]:
        self.asked.append(len(batch["x"]))
        assert not torch.is_grad_enabled()
        return {"twice": 2 * batch["x"], "idle": batch["x"].new_zeros(len(batch["x"]), 10**6)}


def rows() -> dict[str, Tensor]:
    return {"x": torch.arange(10.0)[:, None], "y": torch.arange(10.0)}


@pytest.mark.parametrize("room", [0, 39, 40, 1 << 20])
def test_rows_are_seen_once_where_there_is_room(monkeypatch: Any, room: int) -> None:
    monkeypatch.setattr(batches, "ROOM", room)
    monkeypatch.setattr(batches, "TOGETHER", 4)
    model = Doubling()
    taken = Batches(model, rows(), {"x", "twice"}, CPU)
    for index in (torch.tensor([3, 1, 3]), torch.tensor([9])):
        batch = taken.take(index)
        assert batch["x"][:, 0].equal(index.float())
        assert batch["twice"].equal(2 * batch["x"])
    assert model.asked == ([1, 4, 4, 2] if room >= 40 else [1, 3, 1]), "ten floats are 40 bytes"


def test_what_no_phase_takes_is_neither_gathered_nor_kept() -> None:
    assert set(Batches(Doubling(), rows(), {"twice"}, CPU).take(torch.tensor([1]))) == {"twice"}
    assert set(Batches(Doubling(), rows(), {"y"}, CPU).take(torch.tensor([1]))) == {"y"}


def test_a_model_that_sees_nothing_gets_its_fields() -> None:
    model = Model.__new__(Model)
    nn.Module.__init__(model)
    batch = Batches(model, rows(), {"y"}, CPU).take(torch.tensor([4]))
    assert batch.keys() == {"y"}
    assert batch["y"].tolist() == [4]
