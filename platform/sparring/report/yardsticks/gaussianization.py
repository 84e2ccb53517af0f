"""Gaussianization: a bijection to independent normals that is found without a search, by turning and ranking in turns.

Every turn rotates the rows onto their principal components and makes each column normal by its ranks; what depended on
each other depends less after each. Source: V. Laparra, G. Camps-Valls, J. Malo, IEEE Trans. Neural Netw. 22 (2011) 537.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .rival import library_call

TURNS = 20
"""10 leave dependence that 2,000 rows can show; 20 fit 8,000 rows of 6 columns in half a second."""

QUANTILES = 1000
"""Knots of a column's ranks; between them they are interpolated."""

Floats = NDArray[np.float64]


class _Transformer(Protocol):
    """What scikit-learn calls one."""

    def transform(self, X: Floats) -> Floats: ...
    def inverse_transform(self, X: Floats) -> Floats: ...


class _Unfitted(Protocol):
    def fit(self, X: Floats) -> _Transformer: ...


class Bijection:
    """A fitted transform of scikit-learn's and its inverse; both raise DataError for rows that it refuses."""

    def __init__(self, fitted: _Transformer) -> None:
        self._fitted = fitted

    def transform(self, rows: Floats) -> Floats:
        """(n, columns of the data) -> (n, columns kept)."""
        with library_call():
            return self._fitted.transform(rows)

    def inverse_transform(self, normal: Floats) -> Floats:
        """(n, columns kept) -> (n, columns of the data)."""
        with library_call():
            return self._fitted.inverse_transform(normal)


def gaussianize(rows: Floats, *, columns: int | None = None, turns: int = TURNS, seed: int = 0) -> Bijection:
    """A bijection of ``rows``, (n, d), to (n, columns) independent normals. Raises DataError if there is none.

    columns: how many the first rotation keeps, by default all. turns: 1 gives principal components made normal.
    """
    from sklearn.decomposition import PCA  # 0.7 s to import, as all of scikit-learn
    from sklearn.pipeline import make_pipeline

    steps = [step for turn in range(turns) for step in (PCA(None if turn else columns), _ranks(len(rows), seed))]
    with library_call():
        return Bijection(make_pipeline(*steps).fit(rows))


def rank(rows: Floats, seed: int = 0) -> Bijection:
    """Each column of ``rows``, (n, d), to N(0, 1) by its ranks. Raises DataError if that cannot be fitted."""
    with library_call():
        return Bijection(_ranks(len(rows), seed).fit(rows))


def _ranks(n: int, seed: int) -> _Unfitted:
    from sklearn.preprocessing import QuantileTransformer

    unfitted: _Unfitted = QuantileTransformer(
        output_distribution="normal", n_quantiles=min(QUANTILES, n), random_state=seed
    )
    return unfitted
