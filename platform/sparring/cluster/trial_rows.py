"""The rows that a worker trains its trials on: the study's, or made anew for a trial with other options of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..data.memory_map import Mapped
from ..data.variants import Source, Variants
from ..errors import DataError, Infeasible
from ..training.batches.mapped_rows import as_rows
from ..training.batches.placement import check

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class TrialRows:
    """A trial's rows by field, as tensors over the arrays' own memory."""

    train: Mapping[str, Tensor]
    valid: Mapping[str, Tensor]
    about: Mapping[str, object] | None = None
    """Shapes, axes and checksum of the data, as JSON values, where they are not the study's."""


class RowsOfTrials:
    """train, valid: the study's rows. source: how others are made, where options of the data are searched."""

    def __init__(
        self,
        train: Mapping[str, np.ndarray | Mapped],
        valid: Mapping[str, np.ndarray | Mapped],
        source: Source | None = None,
    ) -> None:
        self._own = TrialRows(train=as_rows(train), valid=as_rows(valid))
        self._variants = None if source is None else Variants(source)

    def check(self) -> None:
        """Raises DataError if what every trial needs is gone: a map of the rows, or the files that they are made of."""
        check(self._own.train)
        check(self._own.valid)
        if self._variants is not None:
            self._variants.source.check_path()

    def take(self, options: Mapping[str, object]) -> TrialRows:
        """The rows under these options of the data. Raises Infeasible if the data cannot be made so."""
        if self._variants is None or options == self._variants.source.options:
            return self._own
        try:
            variant = self._variants.take(options)
        except DataError as error:
            raise Infeasible(str(error)) from error
        return TrialRows(train=as_rows(variant.train), valid=as_rows(variant.valid), about=variant.about)
