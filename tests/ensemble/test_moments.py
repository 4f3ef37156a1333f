"""Moments of eras: equal to what they summarise, and near to Numerai's own scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from contracts.pools import make_pool
from hypothesis import given
from hypothesis import strategies as st
from numerai_tools import scoring as library

from ensemble.moments import era_moments
from ensemble.pool import Pool
from scoring.contribution import mmc
from scoring.corr import numerai_corr, powered_target
from scoring.neutral import neutralize
from scoring.ranks import era_gaussian, era_ranks


def weights_of(size: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(size))


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_linear_corr_is_pearson_of_the_blend(seed: int, members: int) -> None:
    pool = make_pool(np.linspace(0, 0.3, members), eras=3, rows=50, seed=seed)
    moments, weights = era_moments(pool), weights_of(members, seed)
    goal = powered_target(pool.targets.astype(np.float64), pool.slices)
    blend = weights @ pool.ranks.astype(np.float64)
    for era, span in enumerate(pool.slices):
        expected = np.corrcoef(blend[span], goal[span])[0, 1]
        assert moments.corr(weights)[era] == pytest.approx(expected, abs=1e-5)
        deviation = blend[span].std()
        assert moments.deviation(weights)[era] == pytest.approx(deviation, rel=1e-4)


@given(st.integers(0, 2**32 - 1))
def test_linear_mmc_is_the_product_with_what_the_meta_model_lacks(seed: int) -> None:
    pool = make_pool([0.1, 0.2, 0.0], eras=2, rows=60, seed=seed)
    moments, weights = era_moments(pool), weights_of(3, seed)
    blend = weights @ pool.ranks.astype(np.float64)
    theirs = era_gaussian(pool.references["meta"], pool.slices)
    for era, span in enumerate(pool.slices):
        ours, meta = blend[span] - blend[span].mean(), theirs[span]
        beyond = ours - meta * (meta @ ours) / (meta @ meta)
        goal = 4 * pool.targets[span] - (4 * pool.targets[span]).mean()
        expected = beyond @ goal / len(goal) / ours.std()
        assert moments.mmc(weights)[era] == pytest.approx(expected, abs=1e-4)
        ranks = era_ranks(pool.references["meta"], pool.slices)[span]
        alike = np.corrcoef(blend[span], ranks)[0, 1]
        assert moments.meta_correlation(weights)[era] == pytest.approx(alike, abs=1e-4)


def test_they_are_near_to_the_exact_scores() -> None:
    """On data of the size and noise of a tournament the error is a tenth of the score at most."""
    pool = make_pool([0.05, 0.03, 0.02, 0.0, 0.06] * 3, eras=20, rows=1500, common=0.5)
    moments = era_moments(pool)
    for seed in range(5):
        weights = weights_of(15, seed)
        blend = pool.blend(weights)
        corr = numerai_corr(blend, pool.targets, pool.slices).mean()
        assert moments.corr(weights).mean() == pytest.approx(corr, rel=0.1)
        beyond = mmc(blend, pool.references["meta"], pool.targets, pool.slices).mean()
        assert moments.mmc(weights).mean() == pytest.approx(beyond, rel=0.1, abs=2e-3)


def test_member_scores_are_those_of_numerai_tools() -> None:
    import pandas as pd

    pool = make_pool([0.2, 0.1], eras=4, rows=80)
    scores = era_moments(pool).scores
    for era, span in enumerate(pool.slices):
        frame = pd.DataFrame(pool.ranks[:, span].T)
        target = pd.Series(pool.targets[span], name="target")
        np.testing.assert_allclose(scores[era], library.numerai_corr(frame, target), atol=1e-12)


def test_weights_may_differ_by_era() -> None:
    pool = make_pool([0.2, 0.1, 0.0], eras=3, rows=50)
    moments = era_moments(pool)
    table = np.stack([weights_of(3, seed) for seed in range(3)])
    each = [moments.corr(row)[era] for era, row in enumerate(table)]
    np.testing.assert_allclose(moments.corr(table), each)
    np.testing.assert_allclose(moments.stretch(1, 3).corr(table[1:]), each[1:])


def test_no_target_enters_the_covariances() -> None:
    pool = make_pool([0.2, 0.1], eras=3, rows=50)
    rng = np.random.default_rng(0)
    other = replace(pool, targets=rng.permutation(pool.targets))
    np.testing.assert_array_equal(era_moments(pool).gram, era_moments(other).gram)
    np.testing.assert_array_equal(era_moments(pool).meta, era_moments(other).meta)


def test_unresolved_eras_have_no_signal_but_covariances() -> None:
    pool = make_pool([0.2, 0.1], eras=3, rows=50)
    targets = pool.targets.copy()
    targets[50:100] = np.nan
    targets[100:120] = np.nan
    moments = era_moments(replace(pool, targets=targets))
    assert np.isnan(moments.signal[1]).all()
    assert np.isnan(moments.scores[1]).all()
    assert np.isnan(moments.contribution[1]).all()
    assert np.isfinite(moments.gram).all()
    assert np.isfinite(moments.signal[[0, 2]]).all()


def test_without_a_meta_model_there_is_no_contribution() -> None:
    moments = era_moments(make_pool(meta_model=False))
    assert np.isnan(moments.contribution).all()
    assert np.isnan(moments.meta).all()


def test_a_constant_blend_has_no_score() -> None:
    pool = make_pool([0.2, 0.1], eras=2, rows=50)
    ranks = pool.ranks.copy()
    ranks[0, :50] = 0.5
    moments = era_moments(replace(pool, ranks=ranks))
    assert np.isnan(moments.corr(np.array([1.0, 0.0]))[0])
    assert np.isfinite(moments.corr(np.array([1.0, 0.0]))[1])


def test_neutral_ranks_give_the_same_contribution() -> None:
    """The target is neutralised once instead of every member; the product is the same."""
    pool: Pool = make_pool([0.2, 0.1], eras=1, rows=70)
    theirs = era_gaussian(pool.references["meta"], pool.slices)
    beyond = neutralize(pool.ranks.T - 0.5, theirs, pool.slices)
    goal = 4 * pool.targets - (4 * pool.targets).mean()
    expected = beyond.T @ goal / len(goal)
    np.testing.assert_allclose(era_moments(pool).contribution[0], expected, atol=1e-5)
