"""The figures of a model on held-out rows with their intervals, and the comparison of two models on the same rows.

How figures are resampled over rows, and why pairs of resamples are compared, is said in ``study/row_intervals.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ...models import find_model
from ...records import Interval
from ...study import Study
from ...study.row_intervals import measure_model
from ...training.batches.mapped_rows import as_rows
from ..loading.loaded import Loaded


def score(loaded: Loaded, study: Study, part: str) -> dict[str, Interval]:
    """Every ``val/…`` figure of the model on the study's rows of ``part``.

    What figures are relative to and no bundle holds is fitted to the study's training rows; what a bundle holds is its
    own.
    """
    torch.set_num_threads(1)  # as training does: the same figures to the last digit, whatever the machine
    config = loaded.model.config
    model = find_model(loaded.about.model)(config, loaded.about.shapes)
    train = as_rows(study.rows("train"))
    model.prepare({name: train[name] for name in config.taken(train)})
    model.load_state_dict(loaded.model.state_dict())
    if study.ood is not None:
        model.set_ood_samples(as_rows(study.rows("ood")))
    return measure_model(model.eval(), getattr(study.split, part), partial(_take, study, config.taken(train)))


def _take(study: Study, names: tuple[str, ...], rows: np.ndarray) -> Mapping[str, Tensor]:
    fields = study.dataset.fields
    return {name: torch.from_numpy(np.ascontiguousarray(fields[name][rows])) for name in names}
