"""The members of a k-fold, a bootstrap or an ensemble: which rows train and validate each, and from which seed.

The members of a k-fold differ in their rows, those of an ensemble in their seed, those of a bootstrap in both. Only the
training and validation rows of a split are dealt out anew; no test row is touched. Numbers of members, sizes and seeds
are XANESNET's (github.com/NewcastleRSE/XANESNET). There a bootstrap's draw is then split into training and validation,
so that a row drawn twice may stand in both. Here a bootstrap validates on the rows that were not drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..errors import UsageError
from .splits import Split

SEEDS = (97, 39, 22)
"""Seeds of the first members of a bootstrap and of an ensemble."""
MOST = 1000
"""Most members of a plan: there are as many seeds."""
LEAST_ROWS = 2
"""Fewest rows to train on, and to validate on: batch norms and variances need two."""
Scheme = Literal["kfold", "bootstrap", "ensemble"]
CALLED = {"kfold": "k-fold", "bootstrap": "bootstrap", "ensemble": "ensemble"}


class Member(BaseModel):
    """One member, as it stands in its folder's ``model.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    scheme: Scheme
    number: Annotated[int, Field(ge=1)]
    """Counted from 1. In a repeated k-fold, repeat r has the numbers (r - 1)·folds + 1 to r·folds."""
    seed: int
    """Seed of its first weights, order and noise; in a bootstrap also of the rows it draws."""
    folds: Annotated[int, Field(ge=2)] | None = None
    """Number of parts into which a k-fold deals the rows."""
    size: Annotated[float, Field(gt=0)] | None = None
    """Rows that a bootstrap draws, as a share of the rows there are."""

    @property
    def name(self) -> str:
        """Name of its folder."""
        if self.scheme == "ensemble":
            return f"seed-{self.seed}"
        return f"{'fold' if self.scheme == 'kfold' else 'draw'}-{self.number}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many members of which scheme."""

    scheme: Scheme
    members: int
    """Number of members; in a repeated k-fold, folds · repeats."""
    folds: int | None = None
    size: float | None = None

    def draw(self, seed: int) -> tuple[Member, ...]:
        """The members, always the same; those of fewer begin those of more. seed: the configuration's, for a k-fold."""
        seeds = [seed] * self.members if self.scheme == "kfold" else _seeds(self.members)
        return tuple(
            Member(scheme=self.scheme, number=number, seed=member_seed, folds=self.folds, size=self.size)
            for number, member_seed in enumerate(seeds, start=1)
        )


def read_plan(
    kfold: int | None, repeats: int | None, bootstrap: int | None, size: float | None, ensemble: int | None
) -> Plan | None:
    """What the flags of ``train`` ask for; None without any. Raises UsageError if they contradict or are too few."""
    asked = {"--kfold": kfold, "--bootstrap": bootstrap, "--ensemble": ensemble}
    given = {flag: count for flag, count in asked.items() if count is not None}
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)}: at most one of {', '.join(asked)}; train one after the other")
    for flag, value, owner in (("--repeats", repeats, "--kfold"), ("--bootstrap-size", size, "--bootstrap")):
        if value is not None and owner not in given:
            raise UsageError(f"{flag}: belongs to {owner}, which is not given; add it")
    for flag, count in given.items():
        if not 2 <= count <= MOST:
            raise UsageError(f"{flag}: wants 2 to {MOST} members, so that they have a spread, but got {count}")
    if repeats is not None and not 1 <= repeats <= MOST // (kfold or 1):
        raise UsageError(f"--repeats: wants at least 1, and {MOST} members at most, but got {kfold} · {repeats}")
    if size is not None and not 0 < size <= 10:
        raise UsageError(f"--bootstrap-size: wants a share of the rows above 0, at most 10, but got {size:g}")
    if kfold is not None:
        return Plan(scheme="kfold", members=kfold * (repeats or 1), folds=kfold)
    if bootstrap is not None:
        return Plan(scheme="bootstrap", members=bootstrap, size=1.0 if size is None else size)
    return None if ensemble is None else Plan(scheme="ensemble", members=ensemble)


def member_rows(split: Split, member: Member, seed: int) -> Split:
    """The member's rows, shuffled; ``split`` is the study's, ``seed`` of the folds.

    kfold: as scikit-learn's ``RepeatedKFold(folds, random_state=seed)`` deals them; each row validates once a repeat.
    bootstrap: size · rows drawn with replacement train, those not drawn validate (a share of e^-size, 0.37 for 1).
    ensemble: the split as it is.
    Raises UsageError if fewer than two rows would train or validate, or if rows overlap and so cannot be dealt.
    """
    if member.scheme == "ensemble":
        return split
    if split.rows_overlap:
        raise UsageError(
            f"{CALLED[member.scheme]}: rows that are dealt anew must not overlap, but these are windows of one "
            "recording, and some would validate a member that was trained on their neighbours; ask for an --ensemble"
        )
    pool = np.sort(np.concatenate([split.train, split.valid]))
    if member.scheme == "kfold":
        train, valid = _fold(len(pool), member, seed)
    else:
        drawn = np.random.RandomState(member.seed).randint(0, len(pool), round(len(pool) * (member.size or 1.0)))
        train, valid = drawn, np.setdiff1d(np.arange(len(pool)), drawn)
    distinct = len(np.unique(train))
    if min(distinct, len(valid)) < LEAST_ROWS:
        way_out = "fewer folds" if member.scheme == "kfold" else "another --bootstrap-size"
        raise UsageError(
            f"{CALLED[member.scheme]}: every member trains on {LEAST_ROWS} rows at least and validates on as many, but "
            f"{member.name} has {distinct} and {len(valid)} of {len(pool)}; ask for {way_out}"
        )
    # Shuffled: what a model fits on its first rows, and what is shown of the first, must not be of one class.
    order = np.random.RandomState(seed)
    return Split(
        train=pool[order.permutation(train)], valid=pool[order.permutation(valid)], test=split.test
    )  # fmt: skip


def _fold(n: int, member: Member, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.model_selection import RepeatedKFold  # 0.7 s

    folds = member.folds or 2
    if n < folds:
        raise UsageError(f"k-fold: {folds} folds need as many rows, but there are {n}; ask for fewer folds")
    dealt = RepeatedKFold(n_splits=folds, n_repeats=-(-member.number // folds), random_state=seed).split(np.empty(n))
    train, valid = list(dealt)[member.number - 1]
    return train, valid


def _seeds(count: int) -> list[int]:
    """The three that were published, then the other numbers below 1000 in one shuffled order."""
    others = [int(seed) for seed in np.random.RandomState(SEEDS[0]).permutation(MOST) if seed not in SEEDS]
    return [*SEEDS, *others][:count]
