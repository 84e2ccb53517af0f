"""Learning-rate schedules as pure functions of the step, so that resuming needs no scheduler state.

Each returns the factor on the configured learning rate. They equal ``torch.optim.lr_scheduler``'s classes of the same
name (a test compares them step by step); ``one_cycle`` takes the configured rate as its peak.
"""

from __future__ import annotations

import math
from bisect import bisect_right

from ..models.config import Config

ONE_CYCLE_WARMUP = 0.3
ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = ONE_CYCLE_START / 1e4
"""Share of the steps spent rising, and first and last factor: torch's defaults, after arXiv:1708.07120."""


def factor(config: Config, step: int, steps_per_epoch: int) -> float:
    """The factor on the learning rate at ``step``, counted from 0 over the whole training."""
    epoch = step // steps_per_epoch
    gamma = config.schedule_gamma
    match config.lr_schedule:
        case "none":
            return 1.0
        case "step":
            return gamma ** (epoch // config.schedule_step_size)
        case "multistep":
            return gamma ** bisect_right(sorted(config.schedule_milestones), epoch)
        case "exponential":
            return gamma**epoch
        case "linear":
            risen = min(epoch / config.schedule_iters, 1.0)
            return config.schedule_factor + (1.0 - config.schedule_factor) * risen
        case "constant":
            return config.schedule_factor if epoch < config.schedule_iters else 1.0
        case "cosine":
            return _cosine(1.0, 0.0, step / (config.epochs * steps_per_epoch))
        case "one_cycle":
            return _one_cycle(step, config.epochs * steps_per_epoch)


def _one_cycle(step: int, total: int) -> float:
    top = max(ONE_CYCLE_WARMUP * total - 1, 0.0)
    if step <= top:
        return _cosine(ONE_CYCLE_START, 1.0, step / top if top else 1.0)
    return _cosine(1.0, ONE_CYCLE_END, (step - top) / max(total - 1 - top, 1e-9))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * share))
