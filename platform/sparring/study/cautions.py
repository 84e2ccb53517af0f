"""What a user should hear of the rows before a search begins, though nothing is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .checks import smallest_batch

if TYPE_CHECKING:
    from .study import Study

FEW_ROWS = 30
"""Validation rows below which a figure says little: its own noise is then a fifth of it or so."""

FEW_PASSES = 5
"""Passes over the training rows below which a trial has hardly begun to learn them."""

HARDLY = 1e-3
"""Standard deviation between rows over a field's size, below which a score of shares of variance says little."""


def data_cautions(study: Study) -> tuple[str, ...]:
    """What the rows say against the figures that are to come, one sentence each."""
    notes, train, valid = [], len(study.split.train), len(study.split.valid)
    batch = smallest_batch(study.space)
    if batch >= train and study.space.default_config().steps_per_epoch is None:
        notes.append(
            f"an epoch is a single step: batches of {batch:,} or more hold all {train:,} training rows; a smaller "
            "batch_size makes more steps"
        )
    if valid < FEW_ROWS:
        notes.append(f"only {valid} rows validate, so figures scatter, and the best trial may be best by luck")
    config = study.space.default_config()
    if config.steps_per_epoch is not None:
        seen = config.epochs * config.steps_per_epoch * config.batch_size / train
        if seen < FEW_PASSES:
            notes.append(
                f"a trial of {config.epochs} epochs sees each of the {train:,} training rows {seen:.2g} times (batches "
                f"of {config.batch_size}); more epochs or steps_per_epoch would learn more from them"
            )
    elif config.epochs < FEW_PASSES:
        notes.append(
            f"a trial sees each of the {train:,} training rows {config.epochs} times; more epochs would learn more "
            "from them"
        )
    for name in study.config_class.fields:
        values = np.asarray(study.dataset.fields[name][study.split.valid])
        if values.dtype.kind != "f" or not values.size:
            continue
        size, deviation = np.sqrt(np.mean(np.square(values, dtype=np.float64))), values.std(axis=0, dtype=np.float64)
        if size > 0 and (share := np.sqrt(np.mean(np.square(deviation))) / size) < HARDLY:
            notes.append(
                f"the {name} hardly varies between rows, by {share:.1g} of its size, so figures in units of its "
                "variance magnify rounding"
            )
    return tuple(notes)
