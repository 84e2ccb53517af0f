"""Building blocks of fully connected nets: blocks, stacks, their first weights, freezing.

Not a model: what a system is made of and how it is trained is in the system's own file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ...errors import CheckpointError
from ..config import Activation, Bias, Kernel
from .spectral import Spectral

_ACTIVATIONS: Mapping[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "prelu": nn.PReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "elu": nn.ELU,
    "leakyrelu": nn.LeakyReLU,
    "selu": nn.SELU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}


def _torch_default(weight: Tensor, generator: torch.Generator | None = None) -> Tensor:
    return nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)


_KERNELS: Mapping[str, Callable[..., Tensor]] = {
    "uniform": nn.init.uniform_,
    "normal": nn.init.normal_,
    "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_normal": nn.init.xavier_normal_,
    "kaiming_uniform": nn.init.kaiming_uniform_,
    "kaiming_normal": nn.init.kaiming_normal_,
    "default": _torch_default,
}

_WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)


def make_activation(name: Activation) -> nn.Module:
    """A new instance at every call: PReLU learns a slope, and two nets must never share one."""
    return _ACTIVATIONS[name]()


class Block(nn.Module):
    """Linear → BatchNorm1d → activation → dropout; (B, inputs) → (B, outputs).

    activation: None leaves it and the dropout out, which makes the last layer of an encoder.
    normalises: False leaves the batch norm out.
    dropout: probability of zeroing a unit in training; 0 builds no layer.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        activation: Activation | None,
        dropout: float = 0.0,
        *,
        normalises: bool = True,
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.norm = nn.BatchNorm1d(outputs) if normalises else nn.Identity()
        self.activation = None if activation is None else make_activation(activation)
        self.dropout = None if activation is None or dropout == 0 else nn.Dropout(dropout)
        self.is_frozen = False

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.linear(x))
        if self.activation is not None:
            x = self.activation(x)
        return x if self.dropout is None else self.dropout(x)

    def train(self, mode: bool = True) -> Self:
        """A frozen block stays in eval mode, so that its batch-norm statistics stay as loaded."""
        return super().train(mode and not self.is_frozen)


def stack(
    widths: Sequence[int],
    activation: Activation,
    dropout: float = 0.0,
    *,
    end: Literal["code", "linear"],
    normalises: bool = True,
) -> nn.Sequential:
    """``len(widths) - 1`` layers, one Linear each: blocks, and at the end

    ``code``: Linear → BatchNorm1d without activation (the end of an encoder), or
    ``linear``: a bare Linear (the end of a decoder, or a discriminator's logit).

    normalises: False leaves the batch norms of hidden layers out.
    """
    *hidden, last = pairwise(widths)
    layers: list[nn.Module] = [
        Block(inputs, outputs, activation, dropout, normalises=normalises) for inputs, outputs in hidden
    ]
    layers.append(Block(*last, None) if end == "code" else nn.Linear(*last))
    return nn.Sequential(*layers)


def initialize_weights(nets: Iterable[nn.Module], kernel: Kernel, bias: Bias, seed: int | None = None) -> None:
    """Draws the weights of linear and convolution layers, in order; batch norms and PReLU slopes are left alone.

    kernel: functions of ``torch.nn.init`` with their own defaults, so ``uniform`` is U(0, 1), ``normal`` is N(0, 1) and
    ``default`` is what torch gives a new layer.
    seed: None draws from torch's global generator; a number draws from a generator of its own and leaves the global one
    where it stood.
    """
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    draw, level = _KERNELS[kernel], {"zeros": 0.0, "ones": 1.0}[bias]
    for net in nets:
        for module in net.modules():
            if isinstance(module, _WEIGHTED):
                draw(module.weight, generator=generator)
                if module.bias is not None:
                    nn.init.constant_(module.bias, level)


def freeze_first(net: nn.Sequential, layers: int) -> None:
    """Freezes the first ``layers`` of a stack: no gradients (they stay None), no new statistics."""
    for layer in list(net)[:layers]:
        layer.requires_grad_(False)
        if isinstance(layer, Block | Spectral):
            layer.is_frozen = True
            layer.eval()


def load_pretrained(model: nn.Module, path: Path) -> None:
    """Replaces the model's state by a .safetensors file's; CheckpointError unless keys, shapes and types all match."""
    try:
        saved = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"pretrained: {path} must be a readable .safetensors file, but: {error}") from error
    wanted = model.state_dict()
    wrong = [f"it lacks {name}" for name in wanted if name not in saved]
    wrong += [f"{name} is unknown" for name in saved if name not in wanted]
    wrong += [
        f"{name} is {saved[name].dtype} {tuple(saved[name].shape)} instead of {mine.dtype} {tuple(mine.shape)}"
        for name, mine in wanted.items()
        if name in saved and (saved[name].shape, saved[name].dtype) != (mine.shape, mine.dtype)
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise CheckpointError(
            f"pretrained: {path} must hold the state of a model of this configuration and these data, but "
            f"{'; '.join(wrong[:3])}{more}; configure the sizes it was trained with"
        )
    model.load_state_dict(saved)
