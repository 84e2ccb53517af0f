"""Dense nets as Keras users write them, several small ones as one, and a plain fit of those.

A hidden layer is Linear → LeakyReLU(slope), with a batch norm before the activation or after it, or none, and dropout
at its end. ``mlp.stack`` has the AEGAN's nets: its layers are frozen one by one, norm and all, so each is a ``Block``,
and saved weights have the blocks' names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

KERAS_NORM = partial(nn.BatchNorm1d, eps=1e-3, momentum=0.2)
"""Keras's batch norm: eps 1e-3 and, as published for muons, its momentum 0.8, which torch counts the other way."""


@dataclass(frozen=True)
class Normalised:
    """Where a dense net has batch norms."""

    place: Literal["before", "after"]
    """On which side of the activation."""
    first: int = 0
    """The first hidden layer that has one, from 0; all later ones have one too."""
    make: Callable[[int], nn.Module] = KERAS_NORM


def dense(
    widths: Sequence[int],
    *,
    slope: float = 0.2,
    norm: Normalised | None = None,
    dropout: float = 0.0,
    end: nn.Module | None = None,
) -> nn.Sequential:
    """Hidden layers of all widths but the last, a bare Linear to the last, and ``end``; (B, first) → (B, last)."""
    *hidden, last = pairwise(widths)
    layers: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(hidden):
        layers.append(nn.Linear(inputs, outputs))
        parts: list[nn.Module] = [nn.LeakyReLU(slope)]
        if norm is not None and number >= norm.first:
            parts.insert(0 if norm.place == "before" else 1, norm.make(outputs))
        layers += parts
        if dropout > 0:
            layers.append(nn.Dropout(dropout))
    layers.append(nn.Linear(*last))
    if end is not None:
        layers.append(end)
    return nn.Sequential(*layers)


class StackedMlp(nn.Module):
    """Equal small dense nets side by side, (B, nets, first) → (B, nets, last), with a ReLU at their ends.

    Each layer is one product for all: four nets of three layers would take twelve.
    """

    def __init__(self, nets: int, widths: Sequence[int], *, slope: float = 0.2) -> None:
        super().__init__()
        self.nets, self.widths, self.slope = nets, tuple(widths), slope
        self.weights = nn.ParameterList(torch.empty(nets, inputs, outputs) for inputs, outputs in pairwise(widths))
        self.biases = nn.ParameterList(torch.empty(nets, 1, outputs) for outputs in widths[1:])

    def initialize(self, level: float) -> None:
        """Glorot's uniform weights, biases 0 but the last ones, which are ``level`` (see ``set_output_bias``)."""
        for weight in self.weights:
            for each in weight:
                nn.init.xavier_uniform_(each)
        for bias in self.biases:
            nn.init.constant_(bias, level if bias is self.biases[-1] else 0.0)

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(0, 1)
        for weight, bias in zip(self.weights, self.biases, strict=True):
            if weight is not self.weights[0]:
                x = functional.leaky_relu(x, self.slope)
            x = torch.baddbmm(bias, x, weight)
        return x.relu().transpose(0, 1)

    def extra_repr(self) -> str:
        between = f" → LeakyReLU({self.slope:g}) → "
        return between.join(f"Linear({inputs}, {outputs})" for inputs, outputs in pairwise(self.widths)) + " → ReLU"


def set_output_bias(net: nn.Module, level: float) -> None:
    """Sets the last layer's bias: below a final ReLU one of 0 leaves a unit dead from birth in half of all draws."""
    last = [module for module in net.modules() if isinstance(module, nn.Linear)][-1]
    nn.init.constant_(last.bias, level)


@torch.enable_grad()
def regress(
    net: nn.Module, inputs: Tensor, targets: Tensor, *, steps: int, rate: float = 3e-3, batch: int = 256
) -> None:
    """Fits small nets to (N, …, features) → (N, …, outputs) by mean squared error, in place: Adam, rate falling to 0.

    Adam by hand: ``torch.optim`` would bring in the compiler (training/optimizers.py), and this runs before training.
    Rows are drawn from a generator of its own, so the engine's stands where it stood.
    """
    generator = torch.Generator().manual_seed(0)
    parameters = [parameter.requires_grad_() for parameter in net.parameters()]
    moments = [(torch.zeros_like(each), torch.zeros_like(each)) for each in parameters]
    for step in range(1, steps + 1):
        rows = torch.randint(len(inputs), (batch,), generator=generator).to(inputs.device)
        loss = functional.mse_loss(net(inputs[rows]), targets[rows])
        for parameter, (first, second), gradient in zip(
            parameters, moments, torch.autograd.grad(loss, parameters), strict=True
        ):
            first.lerp_(gradient, 0.1)
            second.lerp_(gradient.square(), 0.001)
            ahead = first / (1 - 0.9**step) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
            with torch.no_grad():
                parameter.sub_(rate * (1 - (step - 1) / steps) * ahead)
