"""What scores would have paid: the payout of each era, and the return that it compounds to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import DataError
from erazoo.terms import RoundTerms, ScoreTerms
from scoring.series import Figures, as_table, counts

METRICS = {
    "correlation": "corr",
    "corr": "corr",
    "v2_corr": "corr",
    "canon_corr": "corr",
    "meta_model_contribution": "mmc",
    "mmc": "mmc",
    "canon_mmc": "mmc",
    "bmc": "bmc",
    "canon_bmc": "bmc",
}
"""Our metric of each of the service's scores, by name or label without the horizon (`corr60`)."""
_HORIZON = re.compile(r"_?\d+$")


def multipliers(terms: RoundTerms) -> dict[str, float]:
    """Our metrics that a round pays, with their multipliers.

    Raises:
        DataError: nothing is paid, a paid score is none of ours, or two are the same of ours.
    """
    if not terms.paid:
        raise DataError(f"round {terms.number} pays no score")
    found: dict[str, float] = {}
    for score in terms.paid:
        metric = _metric(score, terms.number)
        if metric in found:
            raise DataError(
                f"round {terms.number} pays two scores that are {metric.upper()} here",
                received=", ".join(s.display_name for s in terms.paid),
                expected="one score a metric, because scores are taken on one target",
            )
        found[metric] = score.multiplier or 0.0
    return found


def payout(per_era: Mapping[str, NDArray[Any]], terms: RoundTerms) -> Figures:
    """The payout of each era as a share of the stake.

    clip(payout factor * sum over paid scores of multiplier * score, -clip, clip).
    Source: https://docs.numer.ai/numerai-tournament/staking. It is a proxy: history is scored
    once an era on final targets, with one round's terms for every era.

    Args:
        per_era: metric to (E,) or (E, M) scores; metrics that are not paid are not looked at.
        terms: the terms of a round, which must pay scores on the target that was scored
            (`RoundTerms.pays`).

    Returns:
        (E, M), NaN where a paid score is.

    Raises:
        DataError: a paid score that is not in `per_era` or none of ours; terms without a clip
            or factor; scores whose shapes differ.
    """
    paid = multipliers(terms)
    missing = [metric for metric in paid if metric not in per_era]
    if missing:
        raise DataError(
            f"round {terms.number} pays a score that was not taken",
            received=", ".join(per_era),
            expected=", ".join(paid),
            hint="MMC needs the meta model's predictions" if "mmc" in missing else None,
        )
    tables = {metric: as_table(per_era[metric]) for metric in paid}
    if len({table.shape for table in tables.values()}) > 1:
        raise DataError(
            "scores of different shapes cannot be paid together",
            received=", ".join(f"{metric} {table.shape}" for metric, table in tables.items()),
        )
    points = np.sum([weight * tables[metric] for metric, weight in paid.items()], axis=0)
    clipped = np.clip(terms.factor * points, -terms.clip, terms.clip)
    return np.asarray(clipped, dtype=np.float64)


def cumulative_return(payouts: NDArray[Any], concurrent: float = 1) -> Figures:
    """The compounded return up to each era: prod(1 + payout)^(1 / concurrent) - 1.

    Where every round has a stake of its own, locked until it resolves, the capital is spread over
    the `concurrent` rounds that are open at once, and a payout reaches only one part of it.

    Args:
        payouts: (E,) or (E, M) shares of the stake; NaN leaves the return as it was.
        concurrent: eras over which the capital is spread: the label's eras plus one where rounds
            are staked one by one, 1 where the whole stake rides on every round.

    Returns:
        (E, M), -1 from a total loss on.
    """
    return _growth(as_table(payouts)).cumprod(axis=0) ** (1 / concurrent) - 1


def annual_return(payouts: NDArray[Any], eras_a_year: float, concurrent: float = 1) -> Figures:
    """The yearly compounded return: prod(1 + payout)^(eras a year / (concurrent * eras)) - 1.

    Args:
        payouts: (E,) or (E, M) shares of the stake, NaN where an era has none.
        eras_a_year: eras, each standing for one round, in a year: 52 where an era is a week.
        concurrent: as of `cumulative_return`.

    Returns:
        (M,), -1 after a total loss, NaN without any payout.
    """
    table = as_table(payouts)
    eras = counts(table)
    years = concurrent * np.maximum(eras, 1) / eras_a_year
    return np.where(eras > 0, _growth(table).prod(axis=0) ** (1 / years) - 1, np.nan)


def _growth(table: Figures) -> Figures:
    # A round can burn no more than its stake.
    return np.maximum(1 + np.nan_to_num(table), 0.0)


def _metric(score: ScoreTerms, number: int) -> str:
    labels = {score.name, score.display_name}
    found = {METRICS[s] for label in labels if (s := _HORIZON.sub("", label.lower())) in METRICS}
    if len(found) != 1:
        raise DataError(
            f"round {number} pays a score that is none of ours, so its payout is not known",
            received=f"{score.name} ({score.display_name}), multiplier {score.multiplier}",
            expected=", ".join(sorted(METRICS)),
        )
    return found.pop()
