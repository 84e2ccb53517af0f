"""Eval mode for a while."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def eval_mode(*nets: nn.Module) -> Iterator[None]:
    """Inside, the nets are in eval mode: no dropout, batch norms use what they recorded and record nothing.

    Afterwards every module is in the mode it was in. Gradients are recorded as before: that is ``torch.no_grad``'s.
    """
    # Past Module.__setattr__ and train(): of the auxiliary GAN's step, 0.5 ms against 0.1 under the profiler.
    modes = [(module, module.training) for module in _modules(nets)]
    for module, _ in modes:
        module.__dict__["training"] = False
    try:
        yield
    finally:
        for module, mode in modes:
            module.__dict__["training"] = mode


def _modules(nets: Iterable[nn.Module]) -> list[nn.Module]:
    """All that they consist of; one that stands in two places comes twice. ``modules()`` takes three times as long."""
    found = list(nets)
    for module in found:  # grows meanwhile
        found += [part for part in module._modules.values() if part is not None]
    return found
