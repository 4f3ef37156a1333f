"""Payouts of three regimes, and what they compound to."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from contracts.terms import REGIMES, score

from erazoo.errors import DataError
from erazoo.terms import RoundTerms
from scoring.payout import annual_return, cumulative_return, multipliers, payout

CORR = np.array([0.02, -0.03, 0.31, np.nan, 0.01])
MMC = np.array([0.005, -0.01, 0.12, 0.01, np.nan])
PER_ERA = {"corr": CORR, "mmc": MMC, "bmc": np.zeros(5)}


def paying(*scores: dict[str, Any]) -> RoundTerms:
    """The terms of a round with these scores."""
    return RoundTerms.from_json({**REGIMES["2026"], "roundScoreConfigs": list(scores)})


@pytest.mark.parametrize(
    ("regime", "corr", "mmc", "factor", "clip"),
    [
        ("2024", 0.5, 2.0, 0.41, 0.05),
        ("2026", 0.75, 2.25, 0.09, 0.05),
        ("rounds staked one by one", 3.0, 15.0, 1.0, 1.0),
    ],
)
def test_a_payout_is_its_formula(
    regime: str, corr: float, mmc: float, factor: float, clip: float
) -> None:
    terms = RoundTerms.from_json(REGIMES[regime])
    assert multipliers(terms) == {"corr": corr, "mmc": mmc}
    expected = [
        max(-clip, min(clip, factor * (corr * c + mmc * m)))
        for c, m in zip(CORR[:3], MMC[:3], strict=True)
    ]
    found = payout(PER_ERA, terms)
    np.testing.assert_allclose(found[:3, 0], expected)
    assert np.isnan(found[3:]).all()
    assert found.shape == (5, 1)


def test_known_payouts_in_figures() -> None:
    """0.41 (0.5 0.02 + 2 0.005) = 0.0082, 0.09 (0.75 0.31 + 2.25 0.12) = 0.045 and so on."""
    first = payout(PER_ERA, RoundTerms.from_json(REGIMES["2024"]))[:, 0]
    assert first[:3] == pytest.approx([0.0082, -0.01435, 0.05])
    last = payout(PER_ERA, RoundTerms.from_json(REGIMES["rounds staked one by one"]))[:, 0]
    assert last[:3] == pytest.approx([0.135, -0.24, 1.0])


def test_columns_are_paid_alike() -> None:
    terms = RoundTerms.from_json(REGIMES["2026"])
    both = {metric: np.column_stack((v, v / 2)) for metric, v in PER_ERA.items()}
    halves = {metric: v / 2 for metric, v in PER_ERA.items()}
    np.testing.assert_allclose(
        payout(both, terms), np.hstack((payout(PER_ERA, terms), payout(halves, terms)))
    )


def test_a_paid_score_that_was_not_taken_is_an_error() -> None:
    terms = RoundTerms.from_json(REGIMES["2026"])
    with pytest.raises(DataError, match=r"not taken.*Expected: corr, mmc.*meta model"):
        payout({"corr": CORR}, terms)


@pytest.mark.parametrize("label", ["true_contribution", "fnc_v3", "neutral_corr", "correlation_x"])
def test_an_unknown_paid_score_is_an_error_never_0(label: str) -> None:
    terms = paying(
        score("correlation", "corr20", 0.5, 0.05, 20), score(label, label, 0.1, 0.05, 20)
    )
    with pytest.raises(DataError, match=f"none of ours.*{label}.*multiplier 0.1"):
        payout(PER_ERA, terms)


def test_a_score_whose_name_and_label_disagree_is_an_error() -> None:
    terms = paying(score("correlation", "mmc", 0.5, 0.05, 20))
    with pytest.raises(DataError, match="none of ours"):
        multipliers(terms)


def test_two_horizons_of_one_score_are_an_error() -> None:
    terms = paying(
        score("correlation", "v2_corr20", 0.5, 0.05, 20),
        score("correlation_60", "corr60", 0.5, 0.05, 60),
    )
    with pytest.raises(DataError, match="two scores that are CORR here.*v2_corr20, corr60"):
        multipliers(terms)


def test_a_round_that_pays_nothing_is_an_error() -> None:
    with pytest.raises(DataError, match="pays no score"):
        payout(PER_ERA, paying())


def test_scores_must_have_one_shape() -> None:
    terms = RoundTerms.from_json(REGIMES["2026"])
    with pytest.raises(DataError, match="different shapes"):
        payout({"corr": CORR, "mmc": MMC[:4]}, terms)


def test_an_unsettled_factor_is_an_error() -> None:
    terms = copy.deepcopy(REGIMES["2024"])
    terms["payoutFactor"] = None
    with pytest.raises(DataError, match="payout factor of round 612"):
        payout(PER_ERA, RoundTerms.from_json(terms))


def test_a_steady_payout_compounds() -> None:
    year = np.full((52, 2), [0.01, -0.01])
    assert annual_return(year, 52) == pytest.approx([1.01**52 - 1, 0.99**52 - 1])
    assert annual_return(year[:26], 52) == pytest.approx(annual_return(year, 52))
    assert cumulative_return(year)[-1] == pytest.approx(annual_return(year, 52))
    assert cumulative_return(year)[0] == pytest.approx([0.01, -0.01])


def test_capital_spread_over_open_rounds_grows_as_its_parts() -> None:
    """13 stakes, each back after 13 eras and staked anew: each compounds every 13th payout."""
    payouts = np.full(52, 0.1)
    parts = [np.prod(1 + payouts[first::13]) for first in range(13)]
    assert annual_return(payouts, 52, concurrent=13)[0] == pytest.approx(np.mean(parts) - 1)
    assert cumulative_return(payouts, concurrent=13)[-1, 0] == pytest.approx(1.1**4 - 1)


def test_eras_without_a_payout_take_no_time() -> None:
    holed = np.array([0.1, np.nan, -0.05, np.nan])
    assert annual_return(holed, 52) == pytest.approx(annual_return(np.array([0.1, -0.05]), 52))
    assert np.isnan(annual_return(np.full(3, np.nan), 52)).all()


def test_a_total_loss_is_final() -> None:
    payouts = np.array([0.5, -1.0, 0.5])
    assert annual_return(payouts, 52)[0] == -1
    assert cumulative_return(payouts)[:, 0].tolist() == [0.5, -1, -1]
