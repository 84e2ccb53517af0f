"""Weights averaged over the steps of a training. It is judged by them, and goes on from its own.

Source: B. T. Polyak and A. B. Juditsky 1992, SIAM J. Control Optim. 30, 838; for generative adversarial nets Y. Yazıcı
et al., arXiv:1806.04498.

The average starts with a warm-up instead of Adam's correction of its bias: after t steps it remembers no more than
about the last tenth of them, (1 - 1/t)⁹ being what a step leaves of it at most. So a slow decay does no harm in a
training that is short for it, where the corrected mean still holds the first weights, which are far off.

The running statistics of batch norms are averaged alike. Those of the last steps belong to other weights: on the AEGAN
they made the averaged nets worse than the last step's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .norms import running_statistics

STRIDE = 4
"""Steps from one look at the weights to the next; the last step of an epoch is looked at besides. At every step it cost
4 % of a step of the dense nets."""

WARM_UP = 9
"""The average is at first the one whose weights grow with the 8th power of the step."""


class MovingAverage:
    """The average of one model's trainable parameters and of the running statistics that training moves.

    decay: what a step leaves of the average, between 0 and 1; 0.999 remembers about the last 1,000 steps.
    """

    def __init__(self, model: nn.Module, decay: float, steps_per_epoch: int) -> None:
        self._decay, self._steps_per_epoch = decay, steps_per_epoch
        self._statistics = list(running_statistics(model))
        trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        raw = {name: tensor.detach() for name, tensor in (trained | running_statistics(model)).items()}
        self._names, self._raw = list(raw), list(raw.values())
        self._means = [tensor.clone() for tensor in self._raw]

    def update(self, step: int) -> None:
        """Looks at the weights after ``step``, counted from 0 over the whole training, if it is one to look at."""
        within = step % self._steps_per_epoch + 1
        if within % STRIDE and within != self._steps_per_epoch:
            return
        new = within % STRIDE or STRIDE
        kept = min(self._decay**new, (1 - new / (step + 1)) ** WARM_UP)
        torch._foreach_lerp_(self._means, self._raw, 1 - kept)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the model holds the averages; afterwards its own again, to the bit."""
        own = [tensor.clone() for tensor in self._raw]
        torch._foreach_copy_(self._raw, self._means)
        try:
            yield
        finally:
            torch._foreach_copy_(self._raw, own)

    @property
    def statistics(self) -> list[Tensor]:
        """The averages of running statistics, in the order of ``running_statistics``; to be changed in place."""
        means = dict(zip(self._names, self._means, strict=True))
        return [means[name] for name in self._statistics]

    def state(self) -> dict[str, Tensor]:
        """The averages by the names that they have in the model's ``state_dict``."""
        return dict(zip(self._names, self._means, strict=True))

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of ``state``. Raises KeyError if one is missing."""
        torch._foreach_copy_(self._means, [tensors[name].to(mean) for name, mean in self.state().items()])
