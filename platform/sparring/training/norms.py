"""Batch norm among phases and among workers.

A phase records no statistics in the nets that it does not name (``outside``, ``stilled``). Where several workers train
a trial, each sees its share of a batch, and there are two ways:

* per worker (the default): a norm takes the statistics of the worker's own rows, and the running statistics are
  averaged at each epoch's end. N workers then train another function than one does, as under every framework's
  data-parallel default: on the AEGAN parameters differ by 3e-2 after 24 steps.
* synchronised: a norm takes the statistics of the whole batch, and N workers train what one would, to rounding. It
  costs a collective per norm and pass, forward and backward: 76 for a step of the published AEGAN (92 with its
  adversarial term), where the gradients need 2.

The default is per worker because it is cheap and batches are usually many rows; take the other when a worker's share
gets small (below about 16 rows), or where results must not depend on the number of workers.

torch's own ``SyncBatchNorm`` is not used: it takes no CPU tensors, and trials of several workers train on CPUs too. It
is also a class of its own, so every net that holds a ``BatchNorm1d`` would have to be rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from ..models.blocks.spectral import Spectral
from .averaging import Workers


def outside(model: nn.Module, nets: Sequence[str]) -> list[nn.Module]:
    """What records while it is used in training and lies in none of the model's ``nets``: batch norms, and layers whose
    singular value is estimated."""
    return [
        module
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm | Spectral) and name.partition(".")[0] not in nets
    ]


@contextmanager
def stilled(recording: Sequence[nn.Module]) -> Iterator[None]:
    """Inside, these record nothing; batch norms use batch statistics."""
    # Past nn.Module's own __setattr__, which looks through parameters, buffers and modules at every call.
    for module in recording:
        object.__setattr__(module, "track_running_stats", False)
    try:
        yield
    finally:
        for module in recording:
            object.__setattr__(module, "track_running_stats", True)


def running_statistics(model: nn.Module) -> dict[str, Tensor]:
    """Running means and variances by their names in the ``state_dict``; of a model in training mode, frozen norms' are
    left out."""
    return {
        f"{name}.{key}": statistic
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm) and module.training
        for key, statistic in (("running_mean", module.running_mean), ("running_var", module.running_var))
        if statistic is not None
    }


@torch.no_grad()
def average_statistics(own: Sequence[Tensor], workers: Workers, fraction: float) -> None:
    """Each becomes its mean over the workers, weighted by ``fraction``, in place and in one collective."""
    if own:
        for statistic, mean in zip(own, workers.sum_([fraction * statistic for statistic in own]), strict=True):
            statistic.copy_(mean)


def synchronise(model: nn.Module, workers: Workers) -> int:
    """Makes every batch norm take the whole batch's statistics while it trains. Returns how many batch norms there are.

    The state dict's keys do not change.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    for module in norms:
        # The bound method alone is replaced: a wrapping module would put its own name before each key of the state.
        module.forward = partial(_forward, module, workers)  # type: ignore[method-assign]
    return len(norms)


def _forward(module: _BatchNorm, workers: Workers, x: Tensor) -> Tensor:
    """The module's own forward, (B, C, …) → (B, C, …), with the rows of all workers as the batch."""
    if not module.training:
        return type(module).forward(module, x)  # frozen, or validating: nothing of the batch's is used
    module._check_input_dim(x)  # type: ignore[no-untyped-call]
    mean, variance, count = _statistics(x.detach(), workers)
    if module.track_running_stats and module.running_mean is not None and module.running_var is not None:
        with torch.no_grad():
            if module.num_batches_tracked is not None:
                module.num_batches_tracked.add_(1)
            momentum = module.momentum
            assert momentum is not None  # the cumulative average is against the rules of models/base.py
            module.running_mean.lerp_(mean.to(module.running_mean.dtype), momentum)
            unbiased = variance * (count / (count - 1))
            module.running_var.lerp_(unbiased.to(module.running_var.dtype), momentum)
    scale = torch.rsqrt(variance + module.eps)
    normalized: Tensor = _Normalize.apply(x, module.weight, module.bias, mean, scale, count, workers)  # type: ignore[no-untyped-call]
    return normalized


def _statistics(x: Tensor, workers: Workers) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (C,), population variance (C,) and count () over all workers; at least float32.

    Each worker writes its own three into its row of a block of zeros, so that one sum over the workers is a gather. The
    rows are combined after Chan, Golub and LeVeque 1979: mean squares minus squared means would be shorter, and lose
    all digits where the mean is large.
    """
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    channels = wide.shape[1]
    variance, mean = torch.var_mean(wide, _rest(wide), correction=0)
    block = wide.new_zeros(workers.size, 2 * channels + 1)
    block[workers.rank, :channels] = mean
    block[workers.rank, channels:-1] = variance
    block[workers.rank, -1] = wide.numel() // channels
    (block,) = workers.sum_([block])
    means, variances, counts = block[:, :channels], block[:, channels:-1], block[:, -1:]
    count = counts.sum()
    mean = (counts * means).sum(0) / count
    variance = (counts * (variances + (means - mean).square())).sum(0) / count
    return mean, variance, count


class _Normalize(Function):
    """(x − mean)·scale·weight + bias per channel, where mean and scale depend on the rows of all workers.

    Autograd cannot know that they do, so the backward is written out. The gradient with respect to x needs two means
    over the whole batch, which are summed over the workers here. The gradients of weight and bias are those of the own
    rows: they are summed with all other gradients of the phase.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        scale: Tensor,
        count: Tensor,
        workers: Workers,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, scale, count)
        ctx.workers = workers
        y = (x - _column(mean, x)) * _column(scale, x)
        if weight is not None:
            y = y * _column(weight, x)
        if bias is not None:
            y = y + _column(bias, x)
        return y.to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, scale, count = ctx.saved_tensors
        standard = (x - _column(mean, x)) * _column(scale, x)
        gradient = upstream.to(standard.dtype)
        of_bias, of_weight = gradient.sum(_rest(x)), (gradient * standard).sum(_rest(x))
        of_x: Tensor | None = None
        if ctx.needs_input_grad[0]:
            sums = ctx.workers.sum_([of_bias, of_weight])
            first, second = (_column(total / count, x) for total in sums)
            factor = scale if weight is None else scale * weight
            of_x = ((gradient - first - standard * second) * _column(factor, x)).to(x.dtype)
        needs = ctx.needs_input_grad
        return of_x, of_weight if needs[1] else None, of_bias if needs[2] else None, None, None, None, None


def _rest(x: Tensor) -> list[int]:
    """Every dimension but the channels'."""
    return [0, *range(2, x.dim())]


def _column(values: Tensor, x: Tensor) -> Tensor:
    """(C,) shaped to meet (B, C, …)."""
    return values.view(1, -1, *[1] * (x.dim() - 2))
