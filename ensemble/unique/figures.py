"""Both versions in figures, over the same eras: what uniqueness paid and what it gained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.pool import Pool
from ensemble.unique.past import PastViews
from ensemble.unique.view import FEATURES
from scoring.corr import cwmm
from scoring.eras import EraSlices
from scoring.evaluate import score_candidates
from scoring.features import Exposure, FeatureScores
from scoring.ranks import era_ranks
from scoring.regression import regression_errors
from scoring.series import mean
from scoring.significance import paired_difference
from scoring.similarity import churn, rank_correlation
from scoring.summary import Summary, json_number
from training.standards import overlap_of
from training.truth import assets_of

STANDARD, UNIQUE = "standard", "unique"
VERSIONS = (STANDARD, UNIQUE)
_SUMMED = ("mean", "std", "sharpe", "standard_error", "drawdown", "eras")


def version_figures(
    pool: Pool, views: PastViews, matrix: NDArray[Any], exposed: str
) -> dict[str, Any]:
    """CORR, MMC, BMC, RMSE, correlations, exposure and turnover of both versions.

    RMSE and exposures are those of ranks within the era, so that both versions are on one scale.

    Args:
        pool: of the rows that both versions predict.
        views: of the same rows.
        matrix: (n, 2) predictions, the standard version first.
        exposed: the group of features whose exposure is taken.

    Returns:
        `versions` by name; `between`, the mean rank correlation of the two; `difference`, the
        unique version's scores less the standard one's with the error of that mean.
    """
    pairs = (("mmc", pool.meta_model), ("bmc", pool.benchmark))
    held = {m: pool.references[n] for m, n in pairs if n is not None and n in pool.references}
    overlap = overlap_of(pool.axis, pool.eras, pool.label_eras)
    scores = score_candidates(matrix, VERSIONS, pool.targets, pool.slices, held, overlap)
    ranks = era_ranks(matrix, pool.slices)
    errors = regression_errors(ranks, pool.targets, pool.slices).overall_rmse
    alike = {n: cwmm(matrix, values, pool.slices) for n, values in pool.references.items()}
    exposure, turnover = _exposure(views, ranks, pool.slices, exposed), _turnover(pool, matrix)
    names = views.panel.spec.names if exposed == FEATURES else views.panel.spec.groups[exposed]
    versions = {
        version: {
            **{m: _summed(scores.summaries[m][j]) for m in scores.summaries},
            "rmse": json_number(float(errors[j])),
            "correlation": {n: json_number(float(mean(c)[j])) for n, c in alike.items()},
            "exposure": _exposed(exposure, j, names),
            "turnover": turnover[j],
        }
        for j, version in enumerate(VERSIONS)
    }
    between = rank_correlation(matrix, pool.slices)[0, 1]
    return {
        "versions": versions,
        "between": json_number(float(between)),
        "difference": {m: _difference(v, overlap) for m, v in scores.per_era.items()},
    }


def _summed(summary: Summary) -> dict[str, Any]:
    plain = summary.to_json()
    return {figure: plain[figure] for figure in _SUMMED}


def _difference(scores: NDArray[np.float64], overlap: int) -> dict[str, Any]:
    """Of the means of two columns of per-era scores, era by era paired."""
    found, error = paired_difference(scores[:, 1], scores[:, 0], overlap)
    return {"mean": json_number(found), "standard_error": json_number(error)}


def _exposure(views: PastViews, ranks: NDArray[Any], slices: EraSlices, exposed: str) -> Exposure:
    scores = FeatureScores(ranks.shape[1])
    for view, span in zip(views.of(slices.labels), slices, strict=True):
        scores.add(view.group(exposed), ranks[span])
    return scores.exposure()


def _exposed(exposure: Exposure, column: int, names: Sequence[str]) -> Mapping[str, Any]:
    place = int(exposure.feature[column])
    return {
        "mean": json_number(float(exposure.mean[column])),
        "max": json_number(float(exposure.max[column])),
        "feature": names[place] if place >= 0 else None,
    }


def _turnover(pool: Pool, matrix: NDArray[Any]) -> list[float | None]:
    """Mean churn of each column; None where ids never return."""
    parts = [assets_of(pool.ids[s], e) for e, s in zip(pool.eras, pool.slices, strict=True)]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return [None] * matrix.shape[1]
    rates = mean(churn(matrix, np.concatenate(known), pool.slices))
    return [json_number(float(rate)) for rate in rates]
