"""Weights from CORR to MMC and on to distance: ends, order and exact scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from contracts.demo_pool import DemoCase, demo_case, demo_panel

from ensemble.moments import EraMoments, era_moments
from ensemble.unique.frontier import frontier, frontier_points, mixtures
from ensemble.unique.make import make_unique
from erazoo.config.schema import UniqueSection
from erazoo.errors import DataError
from scoring.contribution import mmc
from scoring.corr import numerai_corr
from scoring.series import mean

GROUPS = ("intelligence", "charisma", "strength", "dexterity", "constitution")


@pytest.fixture(scope="module")
def case() -> DemoCase:
    return demo_case(demo_panel(eras=100), GROUPS, 40)


@pytest.fixture(scope="module")
def moments(case: DemoCase) -> EraMoments:
    return era_moments(case.pool)


def both_known(moments: EraMoments) -> np.ndarray:
    tables = (moments.signal, moments.contribution, moments.meta)
    return np.isfinite(tables).all(axis=(0, 2))


def test_the_frontier_trades_one_score_for_the_other(moments: EraMoments) -> None:
    rows = both_known(moments)
    weights = frontier(moments, rows)
    assert weights.shape == (len(mixtures()), len(GROUPS))
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    corr, beyond, like = (
        np.array([mean(score(w)[rows])[0] for w in weights])
        for score in (moments.corr, moments.mmc, moments.meta_correlation)
    )
    middle = len(mixtures()) // 2
    assert (np.diff(corr[: middle + 1]) <= 1e-6).all()
    assert (np.diff(beyond[: middle + 1]) >= -1e-6).all()
    assert (np.diff(like[middle:]) <= 1e-6).all()
    assert corr[0] > corr[middle]
    assert beyond[middle] > beyond[0]


def test_the_ends_beat_weights_that_are_drawn(moments: EraMoments) -> None:
    rows = both_known(moments)
    weights = frontier(moments, rows)
    drawn = np.random.default_rng(0).dirichlet(np.ones(len(GROUPS)), 500)
    drawn = np.vstack((drawn, np.eye(len(GROUPS))))
    middle = len(mixtures()) // 2
    goals = ((0, moments.corr, 1), (middle, moments.mmc, 1), (-1, moments.meta_correlation, -1))
    for place, score, sign in goals:
        best = max(sign * mean(score(w)[rows])[0] for w in drawn)
        assert sign * mean(score(weights[place])[rows])[0] >= best - 1e-4


def test_only_known_eras_are_looked_at(case: DemoCase, moments: EraMoments) -> None:
    known = np.arange(len(moments.eras)) < 40
    later = np.where(known[:, None], moments.signal, -moments.signal)
    other = replace(moments, signal=later, contribution=later, meta=later)
    other = replace(
        other,
        contribution=np.where(known[:, None], moments.contribution, later),
        meta=np.where(known[:, None], moments.meta, later),
    )
    np.testing.assert_array_equal(frontier(moments, known), frontier(other, known))
    with pytest.raises(DataError, match="resolved target and a meta model"):
        frontier(moments, np.zeros(len(moments.eras), bool))


def test_points_are_scored_exactly(case: DemoCase, moments: EraMoments) -> None:
    weights = frontier(moments, both_known(moments))
    points = frontier_points(case.pool, weights)
    pool = case.pool
    for point, row in zip(points, weights, strict=True):
        blend = pool.blend(row)
        assert point["corr"] == pytest.approx(
            mean(numerai_corr(blend, pool.targets, pool.slices))[0]
        )
        reference = pool.references[str(pool.meta_model)]
        assert point["mmc"] == pytest.approx(
            mean(mmc(blend, reference, pool.targets, pool.slices))[0]
        )


def test_the_report_holds_both_frontiers(case: DemoCase, moments: EraMoments) -> None:
    standard = case.pool.blend(np.full(len(GROUPS), 0.2))
    section = UniqueSection(to=("features",), correlation="0.8x")
    report = make_unique(section, case.pool, case.panel, standard, moments=moments).report
    same, later = report["frontier"]["same"], report["frontier"]["later"]
    assert [point["mixture"] for point in same] == [point["mixture"] for point in later]
    assert [point["corr"] for point in same] != [point["corr"] for point in later]
