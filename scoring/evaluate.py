"""All scores of all candidates at once, as arrays and as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import DataError
from scoring.blocks import as_columns, as_vector, era_columns
from scoring.contribution import mmc
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from scoring.summary import Summary, json_number, summarise

CORR = "corr"
METRICS = (CORR, "mmc", "bmc", "fnc")
CHURN = "churn"
"""Taken era by era beside the metrics; it has no summary."""


@dataclass(frozen=True)
class CandidateScores:
    """Per-era scores of M candidates and their summaries.

    Args:
        names: (M,) candidate names.
        eras: (E,) era labels.
        per_era: metric name to (E, M) scores: `corr`, one metric a reference, and what else was
            given.
        summaries: metric name to M summaries.
        rows: (M,) rows that entered each candidate's CORR.
    """

    names: tuple[str, ...]
    eras: tuple[str, ...]
    per_era: Mapping[str, NDArray[np.float64]]
    summaries: Mapping[str, tuple[Summary, ...]]
    rows: NDArray[np.int64]

    def summary(self, name: str, metric: str = CORR) -> Summary:
        """The summary of one candidate; KeyError for a name or metric that was not scored."""
        return self.summaries[metric][self._position(name)]

    def to_json(self, name: str, metrics: Sequence[str] = METRICS) -> dict[str, Any]:
        """`rows`, `per_era` and `summary` of one candidate; NaN and unscored metrics are None."""
        j = self._position(name)
        return {
            "rows": int(self.rows[j]),
            "per_era": {
                metric: [json_number(float(v)) for v in self.per_era[metric][:, j]]
                if metric in self.per_era
                else None
                for metric in (*metrics, CHURN)
            },
            "summary": {
                metric: self.summaries[metric][j].to_json() if metric in self.summaries else None
                for metric in metrics
            },
        }

    def _position(self, name: str) -> int:
        if name not in self.names:
            raise KeyError(name)
        return self.names.index(name)


def score_candidates(
    predictions: NDArray[Any],
    names: Sequence[str],
    target: NDArray[Any],
    slices: EraSlices,
    references: Mapping[str, NDArray[Any]] | None = None,
    overlap: int = 0,
    *,
    beside: Mapping[str, NDArray[np.float64]] | None = None,
    bootstrap: int = 0,
) -> CandidateScores:
    """Score M candidates in E eras.

    Rows without a target are left out. CORR uses the rows that a candidate has; a contribution
    uses those where the reference stands as well. `numerai_corr` and `mmc` say when an era has no
    score.

    Args:
        predictions: (n, M), NaN where a candidate has no prediction; may be a memory map.
        names: (M,) unique candidate names.
        target: (n,), NaN where unresolved.
        slices: the eras of the rows.
        references: metric name to the (n,) reference it is taken against, for example
            `{"mmc": meta_model, "bmc": benchmark}`.
        overlap: eras that a label reaches past its own, for the standard errors.
        beside: metric name to (E, M) scores that were taken elsewhere, such as `fnc` and `churn`.
        bootstrap: resamples of the intervals of the means; see `summarise`.

    Raises:
        DataError: shapes that do not fit, names that are not unique, no target in any row.
    """
    columns = as_columns(predictions, slices)
    if len(names) != columns.shape[1] or len(set(names)) != len(names):
        raise DataError(
            "candidate names do not fit the predictions",
            received=f"{len(set(names))} different names for {columns.shape[1]} columns",
            expected="one name a column, each different",
        )
    goal = as_vector(target, slices, "target")
    if np.isnan(goal).all():
        raise DataError("no era is resolved", received="a target that is missing in every row")
    per_era = {CORR: numerai_corr(columns, goal, slices)}
    for metric, reference in (references or {}).items():
        per_era[metric] = mmc(columns, reference, goal, slices)
    per_era.update(beside or {})
    return CandidateScores(
        names=tuple(names),
        eras=slices.labels,
        per_era=per_era,
        summaries={
            metric: summarise(scores, overlap, bootstrap=bootstrap)
            for metric, scores in per_era.items()
            if metric != CHURN
        },
        rows=_rows(columns, ~np.isnan(goal), slices),
    )


def _rows(
    columns: NDArray[np.floating[Any]], resolved: NDArray[np.bool_], slices: EraSlices
) -> NDArray[np.int64]:
    rows = np.zeros(columns.shape[1], dtype=np.int64)
    for block in era_columns(columns, resolved, resolved, slices):
        rows[block.columns] += len(block.rows)
    return rows
