"""Scores of a trial on the eras that it is chosen by, while it is trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from scoring.series import mean, sharpe
from search.rows import Rows


class Judge:
    """CORR on validation eras, and on no others.

    An era that several folds predict counts once, with the mean of their scores.

    Args:
        rows: the predicted rows.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._parts: dict[int, tuple[EraSlices, NDArray[np.float32]]] = {}
        for fold, span in enumerate(rows.fold_spans):
            if count := rows.validation_rows(fold):
                slices = rows.eras_of(fold)
                eras = int(np.searchsorted(slices.bounds, count))
                kept = EraSlices(slices.labels[:eras], slices.bounds[: eras + 1])
                self._parts[fold] = kept, rows.target[span][:count]

    def score(self, margins: Mapping[int, NDArray[np.float64]]) -> dict[str, float | None]:
        """`corr` and `sharpe`, None where undefined.

        Args:
            margins: predictions of each fold that has validation eras, by its place.
        """
        slices, _ = self._rows.segments
        scores = np.full((len(slices), 1), np.nan)
        for fold, (eras, target) in self._parts.items():
            first = np.searchsorted(slices.bounds, self._rows.fold_spans[fold].start)
            values = margins[fold][: eras.rows].astype(np.float32)
            scores[first : first + len(eras)] = numerai_corr(values, target, eras)
        by_era = self._rows.by_era(scores)
        found = {"corr": mean(by_era)[0], "sharpe": sharpe(by_era)[0]}
        return {name: float(v) if np.isfinite(v) else None for name, v in found.items()}
