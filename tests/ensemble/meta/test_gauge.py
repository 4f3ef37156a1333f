"""Statistics of an era's features, by hand on small data."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.metas import MetaCase
from scipy import stats

from ensemble.meta import gauge as module
from ensemble.meta.gauge import EraGauge, chosen_features, telling_groups
from erazoo.errors import DataError
from erazoo.panel import OWN_CODE, FeatureSpec

A = np.array([0, 1, 2, 3, 4, 0, 1, 2, 3, 4], np.int8)
B = np.array([4, 3, 2, 1, 0, 4, 3, 2, 1, 0], np.int8)
C = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4], np.int8)
D = np.full(10, 2, np.int8)
ERA = np.stack([A, B, C, D], axis=1)


def told(gauge: EraGauge, features: np.ndarray) -> dict[str, float]:
    return dict(zip(gauge.names, gauge.measure(features), strict=True))


def quintiles(**groups: tuple[str, ...]) -> FeatureSpec:
    return FeatureSpec(("a", "b", "c", "d"), groups)


def test_correlations_spectrum_and_missing_share() -> None:
    gauge = EraGauge.fit(quintiles(one=("a", "b"), two=("c",), three=("d",)), [ERA], 2)
    found = told(gauge, ERA)
    likeness = np.corrcoef(ERA[:, :3].T)
    values = np.sort(np.linalg.eigvalsh(likeness))[::-1] / 4
    assert found["spectrum 1"] == pytest.approx(values[0], abs=1e-6)
    assert found["spectrum 2"] == pytest.approx(values[1], abs=1e-6)
    assert found["spectrum rest"] == pytest.approx(values[2], abs=1e-6)
    # a and b cancel, so that their group does not move; d never does.
    assert found["one with two"] == 0
    assert found["two with three"] == 0
    assert found["missing features"] == 0.25
    assert found["missing three"] == 1
    assert found["missing one"] == 0


def test_groups_that_move_together_and_apart() -> None:
    spec = quintiles(one=("a",), two=("c",), three=("b",))
    found = told(EraGauge.fit(spec, [ERA], 1), ERA)
    assert found["one with two"] == pytest.approx(np.corrcoef(A, C)[0, 1], abs=1e-6)
    assert found["one with three"] == pytest.approx(-1, abs=1e-6)


def test_loadings_are_the_correlations_along_the_basis() -> None:
    gauge = EraGauge.fit(quintiles(), [ERA], 3)
    likeness = np.zeros((4, 4))
    likeness[:3, :3] = np.corrcoef(ERA[:, :3].T)
    expected = gauge.basis.T @ likeness @ gauge.basis
    found = told(gauge, ERA)
    assert found["direction 1 with 1"] == pytest.approx(expected[0, 0], abs=1e-6)
    assert found["direction 2 with 3"] == pytest.approx(expected[1, 2], abs=1e-6)
    assert len(gauge.names) == len(set(gauge.names)) == len(gauge.measure(ERA))


def test_directions_see_a_co_movement_whose_sign_turns() -> None:
    """The mean correlation matrix is blind to it."""
    rng = np.random.default_rng(0)
    eras = []
    for sign in (1, -1):
        x = rng.normal(size=(400, 4)).astype(np.float32)
        x[:, 1] = sign * x[:, 0] + 0.1 * x[:, 1]
        eras.append(x)
    spec = FeatureSpec(("a", "b", "c", "d"), {}, np.dtype(np.float32), None)
    gauge = EraGauge.fit(spec, eras, 2)
    assert np.abs(gauge.basis[:2]).max(axis=1).min() > 0.6
    assert np.abs(gauge.basis[2:]).max() < 0.3
    seen = [told(gauge, era) for era in eras]
    difference = [abs(seen[0][name] - seen[1][name]) for name in gauge.names]
    assert max(difference) > 0.8


def test_an_own_code_is_missing_and_stands_at_the_mean() -> None:
    era = ERA.copy()
    era[0, 0] = OWN_CODE
    spec = FeatureSpec(("a", "b", "c", "d"), {"one": ("a",)}, missing=OWN_CODE)
    found = told(EraGauge.fit(spec, [era], 1), era)
    assert found["missing one"] == pytest.approx(0.1)
    assert found["missing features"] == pytest.approx((0.1 + 1) / 4)


def test_margins_of_float_features() -> None:
    rng = np.random.default_rng(1)
    x = rng.gamma(2, size=(200, 2)).astype(np.float32)
    x[3, 0] = np.nan
    spec = FeatureSpec(("a", "b"), {}, np.dtype(np.float32), None)
    found = told(EraGauge.fit(spec, [x], 1), x)
    held = x[~np.isnan(x[:, 0]), 0].astype(np.float64)
    assert found["mean a"] == pytest.approx(held.mean())
    assert found["std a"] == pytest.approx(held.std())
    assert found["q25 a"] == pytest.approx(np.quantile(held, 0.25))
    assert found["skew a"] == pytest.approx(stats.skew(held))
    assert found["missing features"] == pytest.approx(1 / 400)
    assert not any(name.startswith("skew") for name in EraGauge.fit(quintiles(), [ERA], 1).names)


def test_many_float_features_are_told_by_group() -> None:
    names = tuple(f"f{j}" for j in range(module.MOST_SINGLE + 4))
    rng = np.random.default_rng(2)
    x = rng.normal(size=(50, len(names))).astype(np.float32)
    spec = FeatureSpec(names, {"some": names[:3]}, np.dtype(np.float32), None)
    found = told(EraGauge.fit(spec, [x], 1), x)
    assert found["mean some"] == pytest.approx(x[:, :3].mean(), abs=1e-6)
    assert "mean f0" not in found


def test_an_absent_float_feature_has_no_margins() -> None:
    x = np.stack([np.arange(6.0), np.full(6, np.nan)], axis=1).astype(np.float32)
    spec = FeatureSpec(("a", "b"), {}, np.dtype(np.float32), None)
    found = told(EraGauge.fit(spec, [x], 1), x)
    assert np.isfinite(list(found.values())).all()
    assert found["mean b"] == 0


def test_features_are_taken_evenly_over_groups() -> None:
    names = tuple(f"f{j:03d}" for j in range(300))
    groups = {"whole": names, "wide": names[:140], "narrow": names[200:220]}
    spec = FeatureSpec(names, groups)
    assert telling_groups(spec) == ("wide", "narrow")
    taken = chosen_features(spec, 40)
    assert len(taken) == 40
    assert sum(name in groups["narrow"] for name in taken) == 20
    assert list(taken) == sorted(taken)
    assert chosen_features(spec) == names


def test_a_gauge_returns_from_json_bit_by_bit(moving: MetaCase) -> None:
    gauge = moving.meter().gauge
    again = EraGauge.from_json(gauge.to_json())
    era = next(iter(moving.case.panel.held.values())).features
    np.testing.assert_array_equal(again.measure(era), gauge.measure(era))


def test_no_era_is_refused() -> None:
    with pytest.raises(DataError, match="no era"):
        EraGauge.fit(quintiles(), [], 2)
