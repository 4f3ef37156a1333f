"""The features of one era, factorised once and used for many prediction columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import svd

from erazoo.errors import DataError
from scoring.normal import SMALLEST_SINGULAR_VALUE, NormalEquations

Fit = Callable[[NDArray[np.float64]], NDArray[np.float64]]
Kind = type[np.floating[Any]]

_EXACT: dict[Kind, int] = {np.float32: 1 << 24, np.float64: 1 << 53}
_GRAM_VALUES = 1 << 23
_PASS_VALUES = 1 << 19


class EraFactor:
    """Least squares on the features of one era and a constant, for any number of columns.

    The Gram matrix of the centred features is factorised by Cholesky when it is first needed.
    Whole numbers enter it exactly. Constant features are left out, linearly dependent ones by
    pivoting; where the factor cannot decide which directions `numerai_tools.scoring.neutralize`
    would cut (singular values below 1e-6 of the largest), a singular value decomposition does.

    Args:
        features: (n, F) whole numbers or floats, not copied. A missing value (NaN) counts as
            the feature's mean in the era.

    Raises:
        DataError: not two dimensions, no rows, or infinite values.
    """

    def __init__(self, features: NDArray[Any]) -> None:
        self._features = np.asarray(features)
        if self._features.ndim != 2 or len(self._features) == 0:
            raise DataError(
                "the features of an era cannot be factorised",
                received=f"shape {self._features.shape}",
                expected="(rows, features) with at least one row",
            )
        # Whole numbers whose products are exact are centred in the Gram matrix, others before.
        self._kind = _exact(self._features)
        self._shift = None if self._kind else _means(self._features)

    @property
    def rows(self) -> int:
        """Rows of the era."""
        return len(self._features)

    @property
    def columns(self) -> int:
        """The features, F."""
        return int(self._features.shape[1])

    def take(self, rows: NDArray[np.bool_]) -> EraFactor:
        """The factor of some rows of the era, by a mask."""
        return EraFactor(self._features[rows])

    def residual(self, values: NDArray[Any], proportion: float = 1.0) -> NDArray[np.float64]:
        """What is left of each column without its least-squares fit on the features and 1.

        Args:
            values: (n,) or (n, M), finite.
            proportion: the share of the fit that is subtracted.

        Returns:
            The shape of `values`.
        """
        columns = np.asarray(values, dtype=np.float64).reshape(self.rows, -1)
        result = columns - proportion * self._fit(columns)
        return result.reshape(np.shape(values))

    def exposures(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Pearson correlation of each feature with each column; needs no factorisation.

        Args:
            values: (n, M).

        Returns:
            (F, M), NaN where either side is constant and for a column that is not finite.
        """
        columns = np.array(values, dtype=np.float64)
        columns[:, ~np.isfinite(columns).all(axis=0)] = np.nan
        centred = columns - columns.mean(axis=0)
        squares = np.einsum("ij,ij->j", centred, centred)
        squares[np.ptp(columns, axis=0) == 0] = np.nan
        spread = np.where(self._constant, np.nan, self._squares)
        norms = np.sqrt(spread[:, None] * squares)
        return np.asarray(self._products(centred) / norms, dtype=np.float64)

    @cached_property
    def _constant(self) -> NDArray[np.bool_]:
        if self._shift is None:
            return np.asarray(np.ptp(self._features, axis=0) == 0)
        low, high = np.fmin.reduce(self._features), np.fmax.reduce(self._features)
        return np.asarray((low == high) | np.isnan(low))

    @cached_property
    def _sums(self) -> NDArray[np.float64]:
        """Column sums of the shifted features, (F,)."""
        return self._products(np.ones((self.rows, 1)))[:, 0]

    @cached_property
    def _squares(self) -> NDArray[np.float64]:
        """Sums of squares of the centred features, (F,)."""
        total = np.zeros(self.columns)
        for _, block in self._blocks(_PASS_VALUES):
            total += np.einsum("ij,ij->j", block, block)
        return total - self._sums**2 / self.rows

    @cached_property
    def _fit(self) -> Fit:
        """What gives the least-squares fit of (n, M) columns on the features and 1."""
        if self.rows > self.columns:
            means = self._sums / self.rows + (0 if self._shift is None else self._shift)
            equations = NormalEquations.of(
                self._gram(), means, self.rows, exact=self._kind is not None
            )
            if equations is not None:
                return lambda columns: self._solved(equations, columns)
        vectors, sizes, _ = svd(self._raw(), full_matrices=False, check_finite=False)
        basis = vectors[:, sizes > SMALLEST_SINGULAR_VALUE * sizes[0]]
        return lambda columns: np.asarray(basis @ (basis.T @ columns), dtype=np.float64)

    def _solved(
        self, equations: NormalEquations, columns: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        means = columns.mean(axis=0)
        weights = equations.solve(self._products(columns - means))
        fit = np.empty_like(columns)
        for rows, block in self._blocks(_PASS_VALUES):
            np.matmul(block, weights, out=fit[rows])
        return np.asarray(fit + (means - (self._sums / self.rows) @ weights), dtype=np.float64)

    def _raw(self) -> NDArray[np.float64]:
        """[features, 1] as they are, (n, F + 1)."""
        design = np.ones((self.rows, self.columns + 1))
        design[:, :-1] = self._features
        if self._shift is not None:
            np.copyto(design[:, :-1], self._shift, where=np.isnan(design[:, :-1]))
        return design

    def _products(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shifted features times columns, (F, M)."""
        total = np.zeros((self.columns, columns.shape[1]))
        for rows, block in self._blocks(_PASS_VALUES):
            total += block.T @ columns[rows]
        return total

    def _gram(self) -> NDArray[np.float64]:
        """Gram matrix of the centred features, (F, F)."""
        kind = self._kind or np.float64
        total = np.zeros((self.columns,) * 2, dtype=kind)
        for _, block in self._blocks(_GRAM_VALUES, kind):
            total += block.T @ block
        gram = total.astype(np.float64)
        gram -= np.outer(self._sums, self._sums / self.rows)
        gram[self._constant] = 0
        gram[:, self._constant] = 0
        return gram

    def _blocks(self, values: int, kind: Kind = np.float64) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Stretches of rows as shifted floats, in a buffer that the next one overwrites."""
        step = max(1, values // max(1, self.columns))
        buffer = np.empty((min(step, self.rows), self.columns), dtype=kind)
        for first in range(0, self.rows, step):
            rows = slice(first, min(first + step, self.rows))
            block = buffer[: rows.stop - first]
            np.copyto(block, self._features[rows])
            if self._shift is not None:
                block -= self._shift
                block[np.isnan(block)] = 0
            yield rows, block


def _exact(features: NDArray[Any]) -> Kind | None:
    """The smallest type that holds every sum of products, None where there is none."""
    if not np.issubdtype(features.dtype, np.integer):
        return None
    largest = max(int(features.max(initial=0)), -int(features.min(initial=0)))
    products = len(features) * largest**2
    return next((kind for kind, limit in _EXACT.items() if products <= limit), None)


def _means(features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The mean of each feature over the values that it has, 0 where it has none."""
    if np.isinf(features).any():
        raise DataError("the features hold infinite values", expected="finite numbers or NaN")
    present = (~np.isnan(features)).sum(axis=0)
    return np.asarray(np.nansum(features, axis=0, dtype=np.float64) / np.maximum(present, 1))
