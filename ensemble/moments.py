"""Sufficient statistics of each era, by which any weighting is scored without touching a row."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.pool import Pool
from scoring.blocks import MIN_OVERLAP, MIN_ROWS
from scoring.corr import numerai_corr, powered_target
from scoring.eras import EraSlices
from scoring.ranks import era_gaussian, era_ranks

Table = NDArray[np.float64]


@dataclass(frozen=True)
class EraMoments:
    """Products of the members' centred ranks, era by era; M members, E eras.

    A blend's ranks are the weighted mean of its members', so that its variance is w'Gw and its
    covariance with anything the weighted sum of theirs. Scores of weights that are computed so
    are linear: Pearson's correlation of the blend as it is, where Numerai's CORR ranks the blend
    again, gaussianises it and takes the power 1.5. They serve to find weights. What is shown is
    scored by `scoring.corr.numerai_corr` and `scoring.contribution.mmc`.

    Args:
        eras: (E,) labels.
        signal: (E, M) covariance with the target as CORR takes it (pow1.5 of its distance from
            the mean), over the standard deviation of that; NaN where unresolved.
        gram: (E, M, M) float32 covariances of the ranks over all rows of the era: no target is in
            them.
        scores: (E, M) exact CORR of each member; NaN where unresolved.
        contribution: (E, M) mean product of the target, as MMC takes it, with the ranks without
            their part along the meta model; NaN where the meta model is absent.
        meta: (E, M) covariance with the meta model's ranks over their standard deviation; NaN
            where it is absent.
    """

    eras: tuple[str, ...]
    signal: Table
    gram: NDArray[np.float32]
    scores: Table
    contribution: Table
    meta: Table

    @property
    def size(self) -> int:
        """M, the number of members."""
        return int(self.signal.shape[1])

    @property
    def resolved(self) -> NDArray[np.bool_]:
        """(E,) the eras in which every member has a signal."""
        return np.asarray(~np.isnan(self.signal).any(axis=1), dtype=np.bool_)

    def mean(self) -> tuple[Table, Table]:
        """Means over the resolved eras: of the signal (M,), and of the covariances (M, M).

        Without such an era both are 0.
        """
        known, size = self.resolved, self.size
        if not known.any():
            return np.zeros(size), np.zeros((size, size))
        return self.signal[known].mean(axis=0), self.gram[known].mean(axis=0, dtype=np.float64)

    def stretch(self, first: int, last: int) -> EraMoments:
        """The eras at places `first` to `last - 1`, as views."""
        parts = [getattr(self, f.name)[first:last] for f in fields(self)]
        return EraMoments(*parts)

    def deviation(self, weights: NDArray[Any]) -> Table:
        """(E,) standard deviation of the blend, for weights (M,) or (E, M)."""
        table = np.broadcast_to(np.asarray(weights, dtype=np.float64), self.signal.shape)
        along = np.matmul(self.gram, table[:, :, None].astype(np.float32))[:, :, 0]
        variance = np.einsum("em,em->e", table, along, dtype=np.float64)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))

    def corr(self, weights: NDArray[Any]) -> Table:
        """(E,) linear CORR of weights (M,) or (E, M)."""
        return self._scaled(self.signal, weights)

    def mmc(self, weights: NDArray[Any]) -> Table:
        """(E,) linear MMC of weights (M,) or (E, M)."""
        return self._scaled(self.contribution, weights)

    def meta_correlation(self, weights: NDArray[Any]) -> Table:
        """(E,) correlation of the blend with the meta model's ranks, weights (M,) or (E, M)."""
        return self._scaled(self.meta, weights)

    def _scaled(self, products: Table, weights: NDArray[Any]) -> Table:
        deviation = self.deviation(weights)
        sums = (products * weights).sum(axis=1)
        result = np.full(len(sums), np.nan)
        np.divide(sums, deviation, out=result, where=deviation > 0)
        return result


def era_moments(pool: Pool) -> EraMoments:
    """The moments of a pool, one era at a time.

    Memory: one era of ranks, and the result (4 M M bytes an era).
    """
    eras, members = len(pool.slices), pool.size
    signal, contribution, meta = np.full((3, eras, members), np.nan)
    gram = np.empty((eras, members, members), dtype=np.float32)
    goal = powered_target(pool.targets.astype(np.float64), pool.slices)
    reference = pool.reference(pool.meta_model)
    for era, (span, ranks) in enumerate(pool.blocks()):
        centred = ranks - np.float32(0.5)
        gram[era] = centred @ centred.T / np.float32(ranks.shape[1])
        signal[era] = _along(centred, goal[span], 0.0)
        if reference is not None:
            theirs = reference[span].astype(np.float64)
            meta[era] = _along(centred, _ranked(theirs), MIN_OVERLAP)
            contribution[era] = _beyond(centred, theirs, pool.targets[span])
    scores = numerai_corr(pool.ranks.T, pool.targets, pool.slices)
    return EraMoments(pool.eras, signal, gram, scores, contribution, meta)


def _along(centred: NDArray[np.float32], goal: NDArray[Any], least: float) -> Table | float:
    """Covariance of each member's ranks (M, r) with `goal` (r,), whose deviation counts as 1.

    NaN where less than a share `least` of the rows has a goal.
    """
    known = ~np.isnan(goal)
    if known.sum() < max(MIN_ROWS, least * len(goal)):
        return np.nan
    values = goal[known] - goal[known].mean()
    spread = values.std()
    if not spread > 0:
        return np.nan
    ours = centred if known.all() else centred[:, known]
    return np.asarray(ours @ values / (len(values) * spread), dtype=np.float64)


def _beyond(
    centred: NDArray[np.float32], theirs: NDArray[np.float64], target: NDArray[np.float32]
) -> Table | float:
    """What each member adds to the meta model, as `scoring.contribution.mmc` takes it."""
    resolved = ~np.isnan(target)
    known = resolved & ~np.isnan(theirs)
    if known.sum() < max(MIN_ROWS, MIN_OVERLAP * resolved.sum()):
        return np.nan
    if not np.ptp(theirs[known]) > 0:
        return np.nan
    goal = target[known].astype(np.float64)
    goal = goal * 4 if goal.min() >= 0 and goal.max() <= 1 else goal
    goal -= goal.mean()
    normal = era_gaussian(theirs[known], _one(int(known.sum())))
    # t . (p - m (m.p) / (m.m)) is (t - m (m.t) / (m.m)) . p: the target is neutralised once.
    rest = goal - normal * (normal @ goal) / (normal @ normal)
    ours = centred if known.all() else centred[:, known]
    return np.asarray(ours @ rest / len(goal), dtype=np.float64)


def _ranked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return era_ranks(values, _one(len(values)))


def _one(rows: int) -> EraSlices:
    return EraSlices(("",), np.array([0, rows]))
