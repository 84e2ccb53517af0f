"""How a training fares, each epoch, from what its steps computed anyway: nothing is run a second time.

Of the epoch's last batches it keeps what the discriminators said; at its last step it takes the norm of each phase's
gradient; at its end it compares the discriminators' weights with those of the epoch before. The rest comes from the
sums of validation (``Model.health``). It changes nothing in the training. What makes a trial sick is in
``ledger/health.py``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from ..models.base import Judged
from .phase_step import PhaseStep

HEARD = 8
"""Batches at an epoch's end whose judgements are looked at: of 64 rows each, they know a share to 0.02."""

ADVERSARY = "dis"
"""The phase that teaches the discriminators."""


class Checkup:
    """Of one trial. ``hear`` and ``weigh`` during an epoch, ``look`` at its end."""

    def __init__(self, phase_steps: Sequence[PhaseStep]) -> None:
        own = [parameter for each in phase_steps if each.phase.name == ADVERSARY for parameter in each.parameters]
        self._weights = own
        self._judged: deque[Judged] = deque(maxlen=HEARD)
        self._gradients: dict[str, Tensor] = {}
        self._before = [weight.detach().clone() for weight in own]

    def hear(self, judged: Judged) -> None:
        """What a step's discriminators said; without the graph that led there, or it would outlive its step."""
        if judged:
            self._judged.append(tuple((real.detach(), fake.detach()) for real, fake in judged))

    @torch.no_grad()
    def weigh(self, phase_step: PhaseStep) -> None:
        """Takes the norm of a phase's newest gradient; after its update, so that it is that of all workers."""
        gradients = [parameter.grad for parameter in phase_step.parameters if parameter.grad is not None]
        self._gradients[phase_step.phase.name] = get_total_norm(gradients)

    @torch.no_grad()
    def look(self, reported: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """``health/…`` of the epoch, 0-dim on the device, finite where the losses are. reported: metrics of each step.

        Of several workers each has those of its own rows; the mean over them is the trial's.
        """
        found = {"health/swing": _swing(reported)} if reported[0] else {}
        if self._judged:
            pairs = [map(_stack, zip(*batches, strict=True)) for batches in zip(*self._judged, strict=True)]
            told = [(_told_apart(real, fake), real.mean() - fake.mean()) for real, fake in pairs]
            for name, values in zip(("dis_auc", "logit_gap"), zip(*told, strict=True), strict=True):
                found[f"health/{name}"] = torch.stack(values).mean()
            self._judged.clear()
        if self._weights and ADVERSARY in self._gradients:
            total = torch.stack(list(self._gradients.values())).sum()
            found["health/grad_dis"] = self._gradients[ADVERSARY] / _positive(total)
            moved = torch._foreach_sub(self._before, [weight.detach() for weight in self._weights])
            found["health/moved_dis"] = get_total_norm(moved) / _positive(get_total_norm(self._before))
            self.remember()
        return found

    @torch.no_grad()
    def remember(self) -> None:
        """The discriminators' weights as they are, from which they will move; after a restore too."""
        if self._weights:
            torch._foreach_copy_(self._before, [weight.detach() for weight in self._weights])


def _stack(logits: Sequence[Tensor]) -> Tensor:
    """Of each batch (B, 1), to (batches, B)."""
    return torch.stack([each.flatten() for each in logits]).float()


def _told_apart(real: Tensor, fake: Tensor) -> Tensor:
    """Share of pairs of a real and a fake of the same batch, (batches, B), where the real one has the higher output."""
    ordered = fake.sort(1).values
    below = torch.searchsorted(ordered, real) + torch.searchsorted(ordered, real, right=True)
    return below.float().mean() / (2 * ordered.shape[1])


def _swing(reported: Sequence[Mapping[str, Tensor]]) -> Tensor:
    """Deviation over root mean square of the discriminators' loss, or the first there is, over the epoch's steps."""
    name = next((name for name in ("train/loss_dis", "train/loss_gen") if name in reported[0]), next(iter(reported[0])))
    losses = torch.stack([metrics[name].detach() for metrics in reported]).float()
    return losses.std(correction=0) / _positive(losses.square().mean().sqrt())


def _positive(value: Tensor) -> Tensor:
    return value.clamp_min(torch.finfo(value.dtype).tiny)
