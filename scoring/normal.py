"""Normal equations of a least-squares fit, where they can be trusted."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, lapack, solve_triangular

SMALLEST_SINGULAR_VALUE = 1e-6
_ROUNDING = float(np.finfo(np.float64).eps)
_MARGIN = 10.0
_NEGLIGIBLE = 1e-14


class NormalEquations:
    """The Cholesky factor of a centred Gram matrix, without what is linearly dependent.

    Args:
        factor: (r, r) upper triangle.
        kept: (r,) positions of the columns that it was made from.
        columns: all columns, F.
    """

    def __init__(self, factor: NDArray[Any], kept: NDArray[np.int64], columns: int) -> None:
        self._factor = factor
        self._kept = kept
        self._columns = columns

    @classmethod
    def of(
        cls, gram: NDArray[np.float64], means: NDArray[np.float64], rows: int, exact: bool
    ) -> Self | None:
        """Factorise, or None where only a singular value decomposition can tell.

        Least squares on [columns, 1] counts singular values below 1e-6 of the largest as zero
        (`numerai_tools.scoring.neutralize`). The factor gives the same fit where all that it
        keeps lies clearly above that cut and all that it drops is rounding.

        Args:
            gram: (F, F) of the centred columns, exactly 0 for a constant one.
            means: (F,) of the columns as they are.
            rows: how many the matrix was taken over.
            exact: the columns are whole numbers, of which only dependent ones leave as little as
                rounding. Floats may differ by less, which matters beside a much smaller scale.
        """
        squares = np.diag(gram)
        varied = np.flatnonzero(squares > 0)
        if not len(varied):
            return cls(np.empty((0, 0)), varied, len(gram))
        part = gram if len(varied) == len(gram) else gram[np.ix_(varied, varied)]
        factor, order = _cholesky(part)
        kept = varied[order]
        inverse = 1 / rows + _square(factor, means[kept]) + _inverse_norm(factor)
        cut = SMALLEST_SINGULAR_VALUE**2 * (squares.sum() + rows * (means @ means + 1))
        rounding = exact or _left(part, factor, order) * inverse < _NEGLIGIBLE
        return cls(factor, kept, len(gram)) if rounding and _MARGIN * cut * inverse < 1 else None

    def solve(self, products: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights (F, M) from the columns' products (F, M) with centred targets."""
        weights = np.zeros((self._columns, products.shape[1]))
        if len(self._kept):
            weights[self._kept] = cho_solve(
                (self._factor, False), products[self._kept], check_finite=False
            )
        return weights


def _cholesky(gram: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The upper factor of the independent columns, and their positions."""
    rounding = len(gram) * _ROUNDING * np.diag(gram).max()
    factor, info = lapack.dpotrf(gram.T)
    if info == 0 and np.diag(factor).min() ** 2 > rounding:
        return factor, np.arange(len(gram))
    factor, pivots, rank, _ = lapack.dpstrf(gram.T, tol=rounding)
    return np.triu(factor[:rank, :rank]), np.asarray(pivots[:rank] - 1, dtype=np.int64)


def _left(
    gram: NDArray[np.float64], factor: NDArray[np.float64], order: NDArray[np.int64]
) -> float:
    """Squares of what the dropped columns may have beyond the kept ones, summed."""
    dropped = np.setdiff1d(np.arange(len(gram)), order)
    if not len(dropped):
        return 0.0
    shared = solve_triangular(factor, gram[np.ix_(order, dropped)], trans="T", check_finite=False)
    squares = np.diag(gram)[dropped]
    left = squares - np.einsum("ij,ij->j", shared, shared)
    return float(np.maximum(left, _ROUNDING * squares).sum())


def _square(factor: NDArray[np.float64], means: NDArray[np.float64]) -> float:
    """The squared length of the means in the coordinates of the factor."""
    solved = solve_triangular(factor, means, trans="T", check_finite=False)
    return float(solved @ solved)


def _inverse_norm(factor: NDArray[np.float64]) -> float:
    """An upper estimate of the inverse Gram matrix's largest eigenvalue."""
    reciprocal, _ = lapack.dpocon(factor, 1.0)
    return float(np.inf if reciprocal == 0 else 1 / reciprocal)
