"""Feature exposure, and FNC with the features of one era at a time."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.oracle import Era, eras, frame, make_era, series
from hypothesis import given, settings
from hypothesis import strategies as st
from numerai_tools import scoring as library

from erazoo.errors import ConfigError, DataError
from scoring.eras import EraSlices
from scoring.features import FeatureScores, feature_exposure, max_feature_correlation
from scoring.neutral import fnc

RNG = np.random.default_rng(4)
ROWS, ERAS, FEATURES = 60, 3, 5
SLICES = EraSlices.from_labels(np.repeat([f"{k:04d}" for k in range(1, ERAS + 1)], ROWS))
X = RNG.integers(0, 5, (ERAS * ROWS, FEATURES)).astype(np.int8)
P = RNG.normal(size=(ERAS * ROWS, 3)) + X[:, :3] * [0.1, 0.5, 2]
TARGET = RNG.choice([0, 0.25, 0.5, 0.75, 1], size=ERAS * ROWS)


def correlations(p: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(E, F) plainly."""
    return np.array([[np.corrcoef(p[s], x[s, f])[0, 1] for f in range(x.shape[1])] for s in SLICES])


def test_exposures_are_correlations() -> None:
    exposure = feature_exposure(P, X, SLICES, {"first": np.array([0, 1]), "last": np.array([4])})
    for j in range(3):
        expected = correlations(P[:, j], X)
        sizes = np.abs(expected)
        np.testing.assert_allclose(exposure.by_feature[:, j], expected.mean(axis=0))
        assert exposure.mean[j] == pytest.approx(sizes.mean())
        assert exposure.max[j] == pytest.approx(sizes.max(axis=1).mean())
        assert exposure.feature[j] == sizes.mean(axis=0).argmax()
        mean, largest = exposure.groups["first"]
        assert mean[j] == pytest.approx(sizes[:, :2].mean())
        assert largest[j] == pytest.approx(sizes[:, :2].max(axis=1).mean())
        assert exposure.groups["last"][0][j] == pytest.approx(sizes[:, 4].mean())
    assert exposure.feature[2] == 2
    assert exposure.eras.tolist() == [ERAS] * 3


@settings(deadline=None, max_examples=40)
@given(eras(), st.sampled_from([None, 3, 6]))
def test_the_largest_correlation(era: Era, count: int | None) -> None:
    values, features = era.predictions[:, 0], era.rng.integers(0, 5, (len(era.target), 4))
    table = frame(features)
    name, size = library.max_feature_correlation(series(values), table, count)
    position, ours = max_feature_correlation(values, features, top_bottom=count)
    assert ours == pytest.approx(size, abs=1e-9)
    assert abs(_correlation(values, features[:, position], count)) == pytest.approx(size, abs=1e-9)
    assert name in table


def _correlation(values: np.ndarray, feature: np.ndarray, count: int | None) -> float:
    return library.pearson_correlation(series(feature), series(values), count)


def test_a_constant_feature_has_no_exposure_in_that_era() -> None:
    features = X.copy()
    features[:ROWS, 0] = 2
    features[:, 3] = 2
    exposure = feature_exposure(P, features, SLICES, {"none": np.array([3])})
    expected = np.abs(correlations(P[:, 0], X))
    assert np.isnan(exposure.by_feature[3]).all()
    assert exposure.by_feature[0, 0] == pytest.approx(correlations(P[:, 0], X)[1:, 0].mean())
    first = np.delete(expected[0], [0, 3]).mean()
    rest = np.delete(expected[1:], 3, axis=1).mean(axis=1)
    assert exposure.mean[0] == pytest.approx(np.mean([first, *rest]))
    assert np.isnan(exposure.groups["none"]).all()


def test_missing_and_constant_predictions() -> None:
    predictions = P.copy()
    predictions[5:12, 0] = np.nan  # still four fifths of the era
    predictions[ROWS : ROWS + 20, 0] = np.nan  # no longer
    predictions[:, 1] = 0.5
    predictions[:, 2] = np.nan
    exposure = feature_exposure(predictions, X, SLICES)
    kept = np.r_[0:5, 12:ROWS]
    first = [np.corrcoef(P[kept, 0], X[kept, f])[0, 1] for f in range(FEATURES)]
    last = correlations(P[:, 0], X)[2]
    np.testing.assert_allclose(exposure.by_feature[:, 0], (np.array(first) + last) / 2)
    assert exposure.eras.tolist() == [2, 0, 0]
    assert exposure.feature[1:].tolist() == [-1, -1]
    assert np.isnan(exposure.mean[1:]).all()
    assert np.isnan(exposure.max[1:]).all()


def test_float_features_with_gaps() -> None:
    features = RNG.normal(size=(ERAS * ROWS, 2)) * [1, 1e6] + [0, 1e8]
    features[:20, 0] = np.nan
    filled = features.copy()
    filled[:20, 0] = np.nanmean(features[:ROWS, 0])
    exposure = feature_exposure(P, features, SLICES)
    np.testing.assert_allclose(
        exposure.by_feature[:, 0], correlations(P[:, 0], filled).mean(axis=0), rtol=1e-9
    )


def test_era_by_era_is_all_at_once() -> None:
    predictions = P.copy()
    predictions[3:6, 1] = np.nan
    target = TARGET.copy()
    target[-ROWS:] = np.nan
    neutral = np.array([4, 0, 2])
    scores = FeatureScores(3, neutral=neutral)
    for span in SLICES:
        scores.add(X[span], predictions[span], target[span])
    expected = fnc(predictions, X[:, neutral], target, SLICES)
    np.testing.assert_allclose(scores.fnc(), expected, rtol=0, atol=1e-12)
    assert np.isnan(scores.fnc()[2]).all()
    assert not np.isnan(scores.fnc()[:2]).any()
    np.testing.assert_array_equal(
        scores.exposure().by_feature, feature_exposure(predictions, X, SLICES).by_feature
    )


def test_without_fnc_or_eras() -> None:
    scores = FeatureScores(3)
    assert scores.fnc().shape == (0, 3)
    with pytest.raises(DataError, match="exposure"):
        scores.exposure()
    with pytest.raises(DataError, match="do not fit"):
        scores.add(X, P[:, :2])
    with pytest.raises(DataError, match="do not fit"):
        scores.add(X, P[1:])


def test_no_largest_correlation() -> None:
    era = make_era(np.random.default_rng(0), 20, 1)
    values, features = era.predictions[:, 0], np.full((20, 2), 3)
    assert max_feature_correlation(values, features)[0] == -1
    assert max_feature_correlation(values, X[:20], top_bottom=11)[0] == -1
    with pytest.raises(ConfigError):
        max_feature_correlation(values, X[:20], top_bottom=0)
    for p, x in ((values[1:], X[:20]), (values, X[:20] * np.nan), (values[:, None], X[:20])):
        with pytest.raises(DataError):
            max_feature_correlation(p, x)
