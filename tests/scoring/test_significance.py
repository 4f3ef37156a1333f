"""Luck stays luck: p values hold their level, and the best of many noise models is no find."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from contracts.noise import autoregressive, overlapping
from scipy import stats

from erazoo.errors import ConfigError
from scoring import series
from scoring.significance import (
    deflated_sharpe,
    expected_best,
    long_run,
    p_value,
    paired_difference,
    probabilistic_sharpe,
)

NOISE = {
    "independent": (overlapping(200, 0, 1000, 1), 0),
    "overlap 4": (overlapping(200, 4, 1000, 2), 4),
    "overlap 12": (overlapping(200, 12, 1000, 3), 12),
    "overlap 12, 660 eras": (overlapping(660, 12, 1000, 4), 12),
    "autoregressive 0.6": (autoregressive(200, 0.6, 1000, 5), 0),
}


@pytest.mark.parametrize(("eras", "overlap"), [*product((50, 100, 300), (0, 4, 12))])
def test_p_values_of_noise_hold_their_level(eras: int, overlap: int) -> None:
    """At most 7 of 100 at 5 %, within four standard errors of the simulation (0.018)."""
    scores = overlapping(eras, overlap, 3000, 100 + eras + overlap)
    assert (p_value(scores, overlap) < 0.05).mean() < 0.07 + 0.018
    assert (p_value(scores, overlap) < 0.01).mean() < 0.025
    assert (p_value(-scores, overlap) < 0.5).mean() == pytest.approx(0.5, abs=0.04)


def test_eras_taken_as_independent_find_skill_in_a_third_of_noise() -> None:
    scores = overlapping(100, 12, 3000, 20)
    naive = stats.ttest_1samp(scores, 0, alternative="greater").pvalue
    assert (naive < 0.05).mean() > 0.3
    assert (p_value(scores, overlap=0) < 0.05).mean() > 0.08


def test_p_value_of_independent_scores_is_near_the_t_test_s() -> None:
    scores = overlapping(400, 0, 50, 21) + 0.08
    ours = p_value(scores)
    theirs = stats.ttest_1samp(scores, 0, alternative="greater").pvalue
    assert np.corrcoef(stats.norm.ppf(ours), stats.norm.ppf(theirs))[0, 1] > 0.95


@pytest.mark.parametrize(("eras", "overlap"), [(60, 0), (60, 4), (200, 4), (200, 12)])
def test_the_error_of_a_difference_is_the_true_one(eras: int, overlap: int) -> None:
    """Labels that overlap in full: weights that end at the overlap tell a fifth too little."""
    one, other = (overlapping(eras, overlap, 1500, seed) for seed in (31, 32))
    found = [paired_difference(one[:, j], other[:, j], overlap) for j in range(one.shape[1])]
    means, errors = np.array(found).T
    assert np.sqrt((errors**2).mean()) == pytest.approx(means.std(), rel=0.13)
    if overlap:
        short = series.standard_error(one - other, overlap)
        assert np.sqrt((short**2).mean()) < 0.84 * means.std()


def test_too_few_eras_leave_the_error_of_a_difference_unknown() -> None:
    one, other = np.random.default_rng(0).standard_normal((2, 14))
    mean, error = paired_difference(one, other, 4)
    assert mean == pytest.approx((one - other).mean())
    assert math.isnan(error)


def test_effective_eras_are_those_of_the_dependence() -> None:
    assert np.median(long_run(overlapping(2000, 12, 50, 22), 12).eras) == pytest.approx(
        2000 / 13, rel=0.3
    )
    many = long_run(overlapping(2000, 0, 50, 23)).eras
    assert many.max() <= 2000
    assert np.median(many) > 1700


def test_probabilistic_sharpe_is_its_formula() -> None:
    scores = np.random.default_rng(24).gamma(2, size=(150, 3)) - 1.5
    known = long_run(scores)
    ratio = scores.mean(axis=0) / scores.std(axis=0)
    skewness, kurtosis = stats.skew(scores), stats.kurtosis(scores, fisher=False)
    z = (ratio - 0.2) * np.sqrt(known.eras - 1)
    z /= np.sqrt(1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2)
    np.testing.assert_allclose(
        probabilistic_sharpe(scores, 0.2), stats.t.cdf(z, known.freedom), rtol=1e-9
    )


def test_probabilistic_sharpe_of_the_paper_s_example() -> None:
    """Bailey and Lopez de Prado (2012): with many eras, the normal formula with T = eras."""
    scores = overlapping(20_000, 0, 1, 25)
    scores = (scores - scores.mean()) / scores.std() + 0.02
    third, fourth = stats.skew(scores), stats.kurtosis(scores, fisher=False)
    spread = math.sqrt(1 - third[0] * 0.02 + (fourth[0] - 1) / 4 * 0.02**2)
    expected = stats.norm.cdf((0.02 - 0.01) * math.sqrt(19_999) / spread)
    assert probabilistic_sharpe(scores, 0.01)[0] == pytest.approx(expected, abs=0.02)


def test_expected_best_is_the_mean_of_simulated_bests() -> None:
    rng = np.random.default_rng(26)
    for trials in (10, 100, 1000):
        bests = rng.normal(size=(2000, trials)).max(axis=1)
        assert expected_best(trials) == pytest.approx(bests.mean(), abs=0.06)
    assert expected_best(1) == 0


@pytest.mark.parametrize("case", NOISE)
def test_the_best_of_a_thousand_noise_models_is_not_significant(case: str) -> None:
    scores, overlap = NOISE[case]
    best = series.sharpe(scores).argmax()
    deflated = deflated_sharpe(scores, 1000, overlap)
    assert deflated[best] < 0.95
    # Taken as the only try it would pass: the deflation is what holds it back.
    assert probabilistic_sharpe(scores[:, best], overlap=overlap)[0] > 0.95
    assert deflated_sharpe(scores[:, best], 1000, overlap)[0] < probabilistic_sharpe(
        scores[:, best], overlap=overlap
    )


def test_the_best_of_noise_is_significant_in_at_most_one_of_twenty_searches() -> None:
    found = 0
    for seed in range(40):
        scores = overlapping(100, 4, 1000, 1000 + seed)
        best = series.sharpe(scores).argmax()
        found += deflated_sharpe(scores, 1000, 4)[best] > 0.95
    assert found <= 2


@pytest.mark.parametrize(
    ("case", "sharpe"),
    [
        ("independent", 0.6),
        ("overlap 4", 1.5),
        ("overlap 12", 2.5),
        ("overlap 12, 660 eras", 1.2),
        ("autoregressive 0.6", 1.2),
    ],
)
def test_a_planted_model_among_noise_is_significant(case: str, sharpe: float) -> None:
    scores, overlap = NOISE[case]
    planted = scores.copy()
    planted[:, 0] += sharpe
    deflated = deflated_sharpe(planted, 1000, overlap)
    assert deflated[0] > 0.95
    assert deflated[0] == deflated.max()


def test_the_spread_of_all_trials_can_be_given() -> None:
    scores = overlapping(200, 0, 3, 27) + 0.5
    wide, narrow = (deflated_sharpe(scores, 1000, spread=s) for s in (0.2, 0.05))
    assert (wide < narrow).all()
    np.testing.assert_array_equal(
        deflated_sharpe(scores, 1000, spread=0.0), probabilistic_sharpe(scores)
    )


def test_one_trial_is_not_deflated() -> None:
    scores = overlapping(100, 0, 1, 28) + 0.2
    assert deflated_sharpe(scores, 1)[0] == probabilistic_sharpe(scores)[0]


def test_too_few_or_constant_scores_have_no_answer() -> None:
    few = overlapping(38, 12, 1, 29)
    steady = np.full((100, 1), 0.1)
    for scores, overlap in ((few, 12), (steady, 0), (np.full((100, 1), np.nan), 0)):
        assert np.isnan(p_value(scores, overlap)).all()
        assert np.isnan(probabilistic_sharpe(scores, overlap=overlap)).all()
        assert np.isnan(deflated_sharpe(scores, 10, overlap)).all()


def test_columns_with_missing_eras_are_judged_by_their_own() -> None:
    scores = overlapping(200, 4, 2, 30) + 0.3
    holed = np.vstack((np.full((20, 2), np.nan), scores))
    holed[:, 1] = np.nan
    assert p_value(holed, 4)[0] == pytest.approx(p_value(scores, 4)[0])
    found = deflated_sharpe(holed, 10, 4)
    assert found[0] == pytest.approx(deflated_sharpe(scores[:, 0], 10, 4)[0])
    assert np.isnan(found[1])


@pytest.mark.parametrize(("trials", "spread"), [(2, None), (0, None), (9, -1.0)])
def test_impossible_counts_are_refused(trials: int, spread: float | None) -> None:
    with pytest.raises(ConfigError, match="deflated Sharpe"):
        deflated_sharpe(np.zeros((10, 3)), trials, spread=spread)
