"""Spearman, Pearson, CWMM and the two ends of a ranking."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.oracle import EXACT, Era, eras, frame, make_era, series
from hypothesis import given, settings
from hypothesis import strategies as st
from numerai_tools import scoring as library

from erazoo.errors import ConfigError
from scoring.contribution import mmc
from scoring.corr import cwmm, numerai_corr, pearson, spearman
from scoring.eras import EraSlices
from scoring.features import feature_exposure
from scoring.neutral import fnc
from scoring.similarity import churn


@settings(deadline=None, max_examples=50)
@given(eras())
def test_spearman_and_pearson(era: Era) -> None:
    table, against = frame(era.predictions), series(era.target)
    for ours, theirs in (
        (spearman, library.spearman_correlation),
        (pearson, library.pearson_correlation),
    ):
        expected = [theirs(against, table[name]) for name in table]
        np.testing.assert_allclose(
            ours(era.predictions, era.target, era.slices)[0], expected, **EXACT
        )


@settings(deadline=None, max_examples=50)
@given(eras())
def test_cwmm(era: Era) -> None:
    powered = library.tie_kept_rank__gaussianize__pow_1_5(frame(era.predictions))
    meta = series(era.reference)
    expected = [library.pearson_correlation(meta, powered[name]) for name in powered]
    np.testing.assert_allclose(
        cwmm(era.predictions, era.reference, era.slices)[0], expected, **EXACT
    )


def test_cwmm_needs_no_target_and_begins_with_the_meta_model() -> None:
    era = make_era(np.random.default_rng(0), 60, 2)
    slices = EraSlices.from_labels(np.repeat(["0001", "0002"], 30))
    meta = era.reference.copy()
    meta[:27] = np.nan
    scores = cwmm(era.predictions, meta, slices)
    assert np.isnan(scores[0]).all()
    assert not np.isnan(scores[1]).any()


@settings(deadline=None, max_examples=60)
@given(eras(), st.integers(1, 6))
def test_the_ends_of_a_ranking(era: Era, count: int) -> None:
    table, against, meta = frame(era.predictions), series(era.target), series(era.reference, "meta")
    slices = era.slices
    np.testing.assert_allclose(
        numerai_corr(era.predictions, era.target, slices, top_bottom=count)[0],
        library.numerai_corr(table, against, top_bottom=count),
        **EXACT,
    )
    np.testing.assert_allclose(
        pearson(era.predictions, era.target, slices, top_bottom=count)[0],
        [library.pearson_correlation(against, table[name], count) for name in table],
        **EXACT,
    )
    np.testing.assert_allclose(
        mmc(era.predictions, era.reference, era.target, slices, top_bottom=count)[0],
        library.correlation_contribution(table, meta, against, top_bottom=count),
        **EXACT,
    )


@pytest.mark.parametrize("lost", [1, 5])
def test_the_ends_of_what_a_column_has(lost: int) -> None:
    era = make_era(np.random.default_rng(lost), 50, 2)
    era.predictions[7 : 7 + lost, 1] = np.nan
    expected = library.numerai_corr(
        frame(era.predictions)[["p1"]], series(era.target), top_bottom=10
    )
    scores = numerai_corr(era.predictions, era.target, era.slices, top_bottom=10)
    assert scores[0, 1] == pytest.approx(expected["p1"], abs=1e-9)


def test_ends_that_meet_are_the_whole_and_longer_ones_have_no_score() -> None:
    era = make_era(np.random.default_rng(1), 40, 2)
    p, m, t, slices = era.predictions, era.reference, era.target, era.slices
    features = era.rng.integers(0, 5, (40, 3)).astype(np.int8)
    for score in (
        lambda count: numerai_corr(p, t, slices, top_bottom=count),
        lambda count: pearson(p, t, slices, top_bottom=count),
        lambda count: mmc(p, m, t, slices, top_bottom=count),
        lambda count: fnc(p, features, t, slices, top_bottom=count),
    ):
        np.testing.assert_allclose(score(20), score(None), rtol=0, atol=1e-12)
        assert np.isnan(score(21)).all()
        with pytest.raises(ConfigError, match="top and bottom"):
            score(0)
    with pytest.raises(ConfigError):
        churn(p, np.arange(40), slices, top_bottom=-1)


@pytest.mark.parametrize("rows", [10, 129, 4097])
def test_values_that_differ_in_their_last_bits_alone(rows: int) -> None:
    """The sort gives the lowest bits of a value to its position and must see where that fails."""
    rng = np.random.default_rng(rows)
    steps = rng.permutation(rows)
    for start in (0.7, -0.7):
        values = start + steps * np.spacing(0.7)
        target = rng.normal(size=rows)
        slices = EraSlices.from_labels(np.array(["0001"] * rows))
        expected = spearman(steps.astype(np.float64), target, slices)
        np.testing.assert_array_equal(spearman(values, target, slices), expected)


def test_both_zeros_are_one_value() -> None:
    values = np.where(np.arange(40) % 2 == 0, 0.0, -0.0)
    values[20:] = np.arange(20)
    slices = EraSlices.from_labels(np.array(["0001"] * 40))
    target = np.random.default_rng(0).normal(size=40)
    np.testing.assert_array_equal(
        numerai_corr(values, target, slices), numerai_corr(values + 0.0, target, slices)
    )


def test_infinite_predictions_have_a_rank() -> None:
    values = np.arange(40.0)
    far = values.copy()
    far[0], far[-1] = -np.inf, np.inf
    slices = EraSlices.from_labels(np.array(["0001"] * 40))
    target = np.random.default_rng(0).normal(size=40)
    np.testing.assert_array_equal(
        numerai_corr(far, target, slices), numerai_corr(values, target, slices)
    )
    both = pearson(np.column_stack((far, values)), target, slices)
    assert np.isnan(both).tolist() == [[True, False]]
    features = np.random.default_rng(1).integers(0, 5, (40, 3))
    exposure = feature_exposure(np.column_stack((far, values)), features, slices)
    assert np.isnan(exposure.mean).tolist() == [True, False]
