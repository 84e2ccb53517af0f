"""Small nets of the three muon systems, and rows for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sparring.models import find_model
from sparring.models.base import Model, Step
from sparring.models.blocks.dense import StackedMlp, dense
from sparring.records import Objective, Trial
from sparring.training.loop import TrialTraining

SMALL: dict[str, dict[str, Any]] = {
    "auxgan": {"hidden_gen": (16, 16), "hidden_dis": (16, 16), "noise": 5, "aux_steps": 20},
    "aux_aae": {"hidden_gen": (16, 16), "hidden_dis": (16, 16)},
    "boost_vae": {"hidden": (16, 16), "batch_size": 64},
}


OBJECTIVE = {"auxgan": "val/distance", "aux_aae": "val/code_score", "boost_vae": "val/distance"}


def take(rows: dict[str, Tensor], name: str, piece: slice, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    return {field: rows[field][piece].to(dtype) for field in find_model(name).Config.fields}


def make(name: str, rows: dict[str, Tensor], seed: int = 0, dtype: torch.dtype = torch.float32, **fields: Any) -> Any:
    """A small one, initialised and prepared on all rows, in training mode."""
    model_class = find_model(name)
    torch.manual_seed(seed)
    shapes = {field: tuple(values.shape[1:]) for field, values in rows.items()}
    model = model_class(model_class.Config(**{**SMALL[name], **fields}), shapes)
    model.initialize()
    model.to(dtype).prepare({field: values.to(dtype) for field, values in rows.items()})
    return model.train()


def run(model: Model, phase: str, rows: dict[str, Tensor], seed: int = 0) -> Step:
    torch.manual_seed(seed)
    known = rows | model.transform_rows(**rows)
    return model(phase, {name: known[name] for name in model.wants(phase)})


def solo(name: str, rows: dict[str, Tensor], seed: int = 3, **fields: Any) -> TrialTraining:
    model_class = find_model(name)
    return TrialTraining(
        model_class,
        model_class.Config(**{**SMALL[name], **fields}),
        take(rows, name, slice(0, 800)),
        take(rows, name, slice(800, 1000)),
        trial=Trial(number=0, params={}, seed=seed),
        objective=Objective(metric=OBJECTIVE[name]),
    )


def each_of(bank: StackedMlp) -> list[tuple[int, nn.Module]]:
    """A bank's nets as plain ones, with their numbers."""
    nets = []
    for n in range(bank.nets):
        net = dense(bank.widths, end=nn.ReLU())
        layers = [layer for layer in net if isinstance(layer, nn.Linear)]
        for layer, weight, bias in zip(layers, bank.weights, bank.biases, strict=True):
            layer.weight.data, layer.bias.data = weight[n].T.contiguous(), bias[n, 0]
        nets.append((n, net))
    return nets


def probabilities(model: Any, x: Tensor) -> Tensor:
    return model.discriminator(x).sigmoid()
