"""Churn: how much predictions change from era to era."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numerai_tools import signals

from erazoo.errors import DataError
from scoring.eras import EraSlices
from scoring.similarity import churn

ROWS = 40
SLICES = EraSlices.from_labels(np.repeat(["0001", "0002", "0003"], ROWS))
ASSETS = np.tile(np.arange(ROWS), 3)
VALUES = np.random.default_rng(0).normal(size=(3 * ROWS, 2))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 15]), st.integers(0, 9), st.integers(1, 9))
def test_churn(seed: int, decimals: int, gone: int, count: int) -> None:
    """In every era some ids leave and as many come, and a prediction or two lacks."""
    rng = np.random.default_rng(seed)
    ids = np.concatenate([np.arange(ROWS) + era * gone for era in range(3)])
    values = np.round(rng.normal(size=3 * ROWS), decimals)
    values[rng.choice(3 * ROWS, 2, replace=False)] = np.nan
    whole, ends = churn(values, ids, SLICES), churn(values, ids, SLICES, top_bottom=count)
    assert np.isnan(whole[0, 0])
    assert np.isnan(ends[0, 0])
    columns = [pd.Series(values[span], index=ids[span]) for span in SLICES]
    for era, (before, now) in enumerate(itertools.pairwise(columns), 1):
        common = before.dropna().index.intersection(now.dropna().index)
        if len(common) >= 0.8 * ROWS:
            assert whole[era, 0] == pytest.approx(signals.churn(now, before), abs=1e-9)
        else:
            assert np.isnan(whole[era, 0])
        expected = signals.churn(now.dropna(), before.dropna(), count)
        assert ends[era, 0] == pytest.approx(expected, abs=1e-9)


def test_the_order_of_rows_does_not_matter() -> None:
    order = np.concatenate(
        [span.start + np.random.default_rng(span.start).permutation(ROWS) for span in SLICES]
    )
    for count in (None, 5):
        np.testing.assert_array_equal(
            churn(VALUES[order], ASSETS[order], SLICES, top_bottom=count),
            churn(VALUES, ASSETS, SLICES, top_bottom=count),
        )


def test_the_same_ranking_has_no_churn_and_its_reverse_two() -> None:
    values = np.concatenate([VALUES[:ROWS, 0], np.exp(VALUES[:ROWS, 0]), -VALUES[:ROWS, 0]])
    np.testing.assert_allclose(churn(values, ASSETS, SLICES)[1:, 0], [0, 2], atol=1e-12)
    ends = churn(values, ASSETS, SLICES, top_bottom=5)
    assert ends[1:, 0].tolist() == [0, 1]


def test_ids_that_never_return_have_no_churn() -> None:
    ids = np.array([f"n{k}" for k in range(3 * ROWS)], dtype=object)
    assert np.isnan(churn(VALUES, ids, SLICES)).all()
    assert np.isnan(churn(VALUES, ids, SLICES, top_bottom=5)).all()


def test_gaps_and_constants_concern_their_own_column() -> None:
    values = VALUES.copy()
    values[ROWS : 2 * ROWS, 0] = 0.5
    values[:9, 1] = np.nan
    assert np.isnan(churn(values, ASSETS, SLICES)).tolist() == [
        [True, True],
        [True, True],
        [True, False],
    ]
    values[:, 1] = np.nan
    assert np.isnan(churn(values, ASSETS, SLICES, top_bottom=5)[:, 1]).all()


def test_what_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="era 0002"):
        churn(VALUES, np.where(np.arange(3 * ROWS) == ROWS, 1, ASSETS), SLICES)
    with pytest.raises(DataError, match="ids"):
        churn(VALUES, ASSETS[1:], SLICES)
