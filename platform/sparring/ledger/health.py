"""Which trials are sick, by the figures of their epochs alone: after which epoch one ends, and what only warns.

``training/health.py`` measures; the referee asks here after every epoch, and so does a training without one. A trial
ends only for what cannot be called training any more: a figure that is no number, a discriminator none of whose weights
moves although it has a gradient, a generator whose samples are all the same, a code that holds nothing while the
reconstruction is no better than the mean. Whatever a good training may pass through only warns: a discriminator that is
never wrong, or always guesses, or a loss that swings.

A study that was begun before these figures were measured ends trials for what is no number, as it did.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..records import EpochRow, Outcome

PATIENCE = 3
"""Epochs in a row that must be sick; what is no number ends a trial at once, for it never becomes one again."""

ALIKE = 1e-6
"""``health/diversity`` below which samples are all the same: a thousandth of the data's deviation."""

WIDE = 100.0
"""Variance of codes, in the prior's, above which draws of the prior lie in one spot of the code's space. They are then
decoded alike whatever the decoder does: an autoencoder that is not asked to meet its prior."""

VANISHED = 0.01
"""``val/kld`` in nats below which a code drawn from it says nothing of the row."""

EMPTY = 1e-6
"""``val/code_variance`` below which a code that is not drawn holds nothing: a thousandth of the prior's deviation."""

USELESS = 0.9
"""Share of the variance that a reconstruction loses; the mean of the training rows loses about 1."""

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Sickness:
    """How a trial ends, and why: a clause without the epoch, so that the same cause reads the same everywhere."""

    outcome: Outcome
    reason: str


def diagnose(latest: Sequence[EpochRow]) -> Sickness | None:
    """What ends a trial after the newest of its ``latest`` epochs, of which the last ``PATIENCE`` are looked at."""
    newest = latest[-1].metrics
    broken = [name for name, value in newest.items() if not math.isfinite(value)]
    if broken:
        kind = "NaN" if math.isnan(newest[broken[0]]) else "infinite"
        others = f", and {len(broken) - 1} other figures" if len(broken) > 1 else ""
        return Sickness(Outcome.DIVERGED, f"{broken[0]} became {kind}{others}")
    looked_at = [row.metrics for row in latest[-PATIENCE:]]
    if len(looked_at) == PATIENCE:
        for is_sick, words in _COLLAPSES:
            if all(is_sick(figures) for figures in looked_at):
                return Sickness(Outcome.COLLAPSED, f"{words}, {PATIENCE} epochs in a row")
    return None


def is_frozen(figures: Figures) -> bool:
    """Did no weight of the discriminator move in the epoch although it has a gradient?"""
    return figures.get("health/moved_dis", 1.0) == 0.0 and figures.get("health/grad_dis", 0.0) > 0.0


def is_alike(figures: Figures) -> bool:
    """Are all samples the same, and draws of the prior near the codes?"""
    return figures.get("health/diversity", 1.0) < ALIKE and figures.get("val/code_variance", 1.0) < WIDE


def is_empty(figures: Figures) -> bool:
    """Does the code hold nothing, and is the reconstruction no better than the mean?"""
    if figures.get("health/active_units", 1.0) > 0.0:
        return False
    if "val/kld" in figures:
        holds_nothing = figures["val/kld"] < VANISHED
    else:  # the muons' codes are about as wide as the prior from the first step on
        holds_nothing = figures.get("val/code_variance", 0.0) < EMPTY
    lost = figures.get("val/share_recon", figures.get("val/score", 0.0))
    return holds_nothing and lost >= USELESS


_COLLAPSES: tuple[tuple[Callable[[Figures], bool], str], ...] = (
    (is_frozen, "the discriminator did not learn: none of its weights moved"),
    (is_alike, "the generator made the same of whatever it was given"),
    (is_empty, "the code held nothing of the data, and the reconstruction was no better than the mean"),
)


def seat(reason: str | None) -> str:
    """What was sick, by a ``Sickness.reason``: discriminator, generator, code, or the figure that broke.

    Empty where the reason names none.
    """
    words = (reason or "").split()
    if words[:1] == ["the"]:
        return words[1] if words[1:2] and words[1] in ("discriminator", "generator", "code") else ""
    return words[0] if words[1:2] == ["became"] else ""


def warnings(figures: Figures) -> list[str]:
    """What is worth a look in the figures of an epoch, a clause each; none of it ended the trial."""
    told, share = figures.get("health/dis_auc", 0.75), figures.get("health/grad_dis", 0.5)
    diversity, active = figures.get("health/diversity", 1.0), figures.get("health/active_units", 1.0)
    found = {
        f"the discriminator is never wrong (it tells {told:.1%} of pairs apart), so it may teach little": told > 0.999,
        f"the discriminator is wrong more often than a coin (it tells {told:.1%} of pairs apart)": told < 0.4,
        f"the discriminator has {share:.2%} of the gradient": share < 1e-4,
        f"its samples are {diversity:.1%} as diverse as the data": diversity < 0.1,
        f"{active:.0%} of the code's numbers are in use": active < 0.1,
        "the loss swings as much as it is large": figures.get("health/swing", 0.0) > 0.9,
    }
    return [words for words, applies in found.items() if applies]
