"""What is known at each era of a walk: the evidence of a pool that fills as eras pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ensemble.evidence import Evidence
from ensemble.moments import EraMoments, Table, era_moments
from ensemble.pool import Pool
from scoring.eras import EraSlices
from scoring.ranks import era_ranks

FILLED = ("signal", "scores", "contribution", "meta")
"""Tables of the moments that targets and references fill."""


class Known:
    """A pool of walked models, blank but for what is known.

    Ranks come with their era; targets, references and all moments that read them when the era is
    resolved.

    Memory: a float32 column a model, the labels of the rows, and 4 M M bytes an era.

    Args:
        truth: rows, targets and references of the walked eras; its members do not matter.
        names: (M,) of the models.
        families: (M,) of the models.
        seed: of everything random.
    """

    def __init__(
        self, truth: Pool, names: Sequence[str], families: Sequence[str], seed: int
    ) -> None:
        size, eras, rows = len(names), len(truth.eras), truth.slices.rows
        self._truth, self._seed = truth, seed
        self.pool = replace(
            truth,
            names=tuple(names),
            families=tuple(families),
            ranks=np.full((size, rows), np.nan, dtype=np.float32),
            targets=np.full(rows, np.nan, dtype=np.float32),
            references={name: np.full(rows, np.nan, dtype=np.float32) for name in truth.references},
            key="",
        )
        tables = [np.full((eras, size), np.nan) for _ in FILLED]
        gram = np.zeros((eras, size, size), dtype=np.float32)
        signal, scores, contribution, meta = tables
        self.moments = EraMoments(truth.eras, signal, gram, scores, contribution, meta)
        self.resolved = 0

    def evidence(self, last: int) -> Evidence:
        """The eras before a place, as they are known now."""
        return Evidence(self.pool, self.moments, self._seed).stretch(0, last)

    def arrive(
        self, place: int, predictions: NDArray[np.float32], gram: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """An era's predictions (M, r) have come.

        Returns:
            The covariances (M, M) of their ranks, or `gram`, where they are known already.
        """
        span = self._span(place, place + 1)
        one = EraSlices(("",), np.array([0, span.stop - span.start]))
        self.pool.ranks[:, span] = era_ranks(predictions.T, one).T
        if gram is None:
            gram = era_moments(self.pool.stretch(place, place + 1)).gram[0]
        self.moments.gram[place] = gram
        return gram

    def resolve(self, last: int, tables: Table | None = None) -> Table:
        """The eras before a place are resolved: their targets and references are published.

        Returns:
            The tables (4, R, M) of the eras that are new, or `tables`, where they are known.
        """
        first, self.resolved = self.resolved, last
        span = self._span(first, last)
        self.pool.targets[span] = self._truth.targets[span]
        for name, values in self.pool.references.items():
            np.asarray(values)[span] = self._truth.references[name][span]
        if tables is None:
            tables = self._measured(first, last)
        for name, table in zip(FILLED, tables, strict=True):
            getattr(self.moments, name)[first:last] = table
        return tables

    def _measured(self, first: int, last: int) -> Table:
        tables = np.empty((len(FILLED), last - first, self.pool.size))
        for row, place in enumerate(range(first, last)):
            found = era_moments(self.pool.stretch(place, place + 1))
            for number, name in enumerate(FILLED):
                tables[number, row] = getattr(found, name)[0]
        return tables

    def _span(self, first: int, last: int) -> slice:
        low, high = self.pool.slices.bounds[[first, last]]
        return slice(int(low), int(high))
