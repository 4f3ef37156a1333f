"""Cleaning rules against scikit-learn, SciPy and numpy, and what holds for all of them."""

from __future__ import annotations

import pickle
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.config import load
from erazoo.config.schema import CleanSection
from erazoo.errors import ConfigError, DataError
from erazoo.panel import FeatureSpec
from etl.cleaning import Cleaning, fit_cleaning, learns
from etl.grids import MISSING
from etl.sample import Sample

Matrix = np.ndarray[tuple[int, ...], np.dtype[Any]]


def section(**rules: Any) -> CleanSection:
    return CleanSection.model_validate(rules)


def spec_of(sample: Matrix, /, **groups: list[int]) -> FeatureSpec:
    names = tuple(f"f{j}" for j in range(sample.shape[1]))
    members = {group: tuple(names[j] for j in columns) for group, columns in groups.items()}
    missing = 2 if sample.dtype == np.int8 else None
    return FeatureSpec(names, members, sample.dtype, missing)


def fitted(sample: Matrix, named: dict[str, list[int]] | None = None, /, **rules: Any) -> Cleaning:
    spec = spec_of(sample, **(named or {}))
    return fit_cleaning(section(**rules), spec, lambda: Sample(("0001",), sample.copy()), 3)


def quintiles(rows: int = 200, width: int = 6, gaps: float = 0.1, seed: int = 0) -> Matrix:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(5), width)
    codes = np.stack([rng.choice(5, rows, p=p) for p in shares], axis=1).astype(np.int8)
    codes[rng.random(codes.shape) < gaps] = MISSING
    return codes


def floats(rows: int = 200, width: int = 6, gaps: float = 0.1, seed: int = 0) -> Matrix:
    rng = np.random.default_rng(seed)
    values = (rng.standard_t(3, (rows, width)) * rng.uniform(0.1, 50, width)).astype(np.float32)
    values[rng.random(values.shape) < gaps] = np.nan
    return values


def numbers(values: Matrix) -> Matrix:
    """float64 with NaN where missing: what the reference libraries take."""
    wide = values.astype(np.float64)
    if values.dtype == np.int8:
        wide[values == MISSING] = np.nan
    return wide


def stored(wide: Matrix, dtype: Any) -> Matrix:
    return (np.rint(wide) if dtype == np.int8 else wide).astype(dtype)


MAKERS = pytest.mark.parametrize("make", [quintiles, floats])


# Missing values


def test_by_default_missing_quintiles_are_the_centre_in_place() -> None:
    raw = quintiles()
    expected = np.where(raw == MISSING, 2, raw)
    cleaning = fitted(raw)
    assert cleaning.spec == cleaning.raw
    assert cleaning.features(raw) is raw
    np.testing.assert_array_equal(raw, expected)


def test_by_default_missing_floats_stay() -> None:
    raw = floats()
    cleaning = fitted(raw)
    assert cleaning.features(raw) is raw
    np.testing.assert_array_equal(raw, floats())
    assert cleaning.spec == cleaning.raw


@pytest.mark.parametrize(
    ("rules", "value", "code"),
    [
        ({"missing": "centre"}, 2, 2),
        ({"missing": "own"}, 5, 5),
        ({"missing": "constant"}, 0, 2),
        ({"missing": "constant", "constant": 4}, 4, 2),
    ],
)
def test_named_codes(rules: dict[str, Any], value: int, code: int) -> None:
    raw = quintiles()
    cleaning = fitted(raw, **rules)
    assert cleaning.spec.missing == code
    expected = np.where(raw == MISSING, value, raw)
    np.testing.assert_array_equal(cleaning.features(raw.copy()), expected)


def test_a_constant_of_floats() -> None:
    raw = floats()
    clean = fitted(raw, missing="constant", constant=-1.5).features(raw.copy())
    np.testing.assert_array_equal(clean, np.where(np.isnan(raw), np.float32(-1.5), raw))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["mean", "median", "mode"]),
    st.booleans(),
    st.integers(2, 60),
    st.sampled_from([1, 3, 130]),
    st.integers(0, 2**31),
)
def test_learned_values_are_those_of_simple_imputer(
    missing: str, whole: bool, rows: int, width: int, seed: int
) -> None:
    from sklearn.impute import SimpleImputer

    make = quintiles if whole else floats
    sample, new = make(rows, width, 0.3, seed), make(30, width, 0.3, seed + 1)
    sample[0] = np.abs(np.nan_to_num(sample[0]))  # each column has a value
    strategy = {"mode": "most_frequent"}.get(missing, missing)
    imputer = SimpleImputer(strategy=strategy).fit(numbers(sample))
    clean = fitted(sample, missing=missing).features(new.copy())
    expected = stored(imputer.transform(numbers(new)), new.dtype)
    np.testing.assert_allclose(clean, expected, rtol=1e-6)


@MAKERS
@pytest.mark.parametrize("neighbours", [1, 3, 500])
def test_neighbours_are_those_of_knn_imputer(make: Any, neighbours: int) -> None:
    from sklearn.impute import KNNImputer

    sample, new = make(seed=1), make(rows=50, gaps=0.2, seed=2)
    new[7] = MISSING if new.dtype == np.int8 else np.nan  # nothing to compare by
    imputer = KNNImputer(n_neighbors=neighbours).fit(numbers(sample))
    expected = stored(imputer.transform(numbers(new)), new.dtype)
    clean = fitted(sample, missing="knn", neighbours=neighbours).features(new.copy())
    np.testing.assert_allclose(clean, expected, rtol=1e-5, atol=1e-5)


def test_neighbours_find_a_planted_copy() -> None:
    sample = quintiles(rows=100, width=30, gaps=0, seed=1)
    new = sample[10:40].copy()
    holes = np.random.default_rng(0).random(new.shape) < 0.2
    new[holes] = MISSING
    clean = fitted(sample, missing="knn", neighbours=1).features(new)
    np.testing.assert_array_equal(clean, sample[10:40])


@MAKERS
def test_indicators_are_those_of_scikit_learn(make: Any) -> None:
    from sklearn.impute import MissingIndicator

    sample, new = make(), make(seed=1)
    sample[:, [1, 4]] = make(gaps=0)[:, [1, 4]]
    indicator = MissingIndicator(features="missing-only", error_on_new=False).fit(numbers(sample))
    cleaning = fitted(sample, missing="mode", indicators=True)
    clean = cleaning.features(new.copy())
    assert clean.dtype == new.dtype
    assert cleaning.spec.names[6:] == ("f0_missing", "f2_missing", "f3_missing", "f5_missing")
    assert cleaning.spec.groups["missing_indicators"] == cleaning.spec.names[6:]
    np.testing.assert_array_equal(clean[:, 6:], indicator.transform(numbers(new)))
    plain = fitted(sample, missing="mode").features(new.copy())
    np.testing.assert_array_equal(clean[:, :6], plain)


def test_indicators_without_a_gap_in_the_sample_add_nothing() -> None:
    sample = quintiles(gaps=0)
    cleaning = fitted(sample, indicators=True)
    assert cleaning.spec.names == cleaning.raw.names


# Outliers


@pytest.mark.parametrize("threshold", [0.5, 1.5, 3.0])
def test_z_scores_are_those_of_scipy(threshold: float) -> None:
    from scipy.stats import zscore

    sample = floats(rows=400)
    wide = numbers(sample)
    scores = zscore(wide, axis=0, nan_policy="omit")
    outlying = np.abs(scores) > threshold
    assert outlying.any()
    clean = fitted(sample, outliers="zscore", threshold=threshold).features(sample.copy())
    mean, std = np.nanmean(wide, 0), np.nanstd(wide, 0)
    bounds = np.where(scores > 0, mean + threshold * std, mean - threshold * std)
    np.testing.assert_allclose(clean, np.where(outlying, bounds, wide), rtol=1e-5)
    np.testing.assert_array_equal(clean[~outlying], sample[~outlying])


@MAKERS
@pytest.mark.parametrize("threshold", [0.25, 1.5])
def test_interquartile_ranges_are_those_of_scipy(make: Any, threshold: float) -> None:
    from scipy.stats import iqr

    sample = make(rows=400, width=9)
    wide = numbers(sample)
    first, third = np.nanquantile(wide, (0.25, 0.75), axis=0)
    reach = threshold * iqr(wide, axis=0, nan_policy="omit")
    low = np.where(reach > 0, first - reach, -np.inf)
    high = np.where(reach > 0, third + reach, np.inf)
    expected = np.clip(wide, low, high)
    changed = (expected != wide) & ~np.isnan(wide)
    assert changed.any()
    cleaning = fitted(sample, outliers="iqr", threshold=threshold, missing="constant")
    clean = cleaning.features(sample.copy())
    expected = stored(np.where(np.isnan(wide), 0, expected), sample.dtype)
    np.testing.assert_allclose(clean, expected, rtol=1e-5)


def test_a_column_without_spread_has_no_outliers() -> None:
    sample = floats(gaps=0.1)
    sample[:, 0] = 7
    sample[: len(sample) * 9 // 10, 1] = 0.1  # the quartiles are equal
    new = floats(seed=1, gaps=0)
    for outliers in ("zscore", "iqr"):
        clean = fitted(sample, outliers=outliers, threshold=0.1).features(new.copy())
        np.testing.assert_array_equal(clean[:, 0], new[:, 0])
        assert (clean[:, 1] == new[:, 1]).all() == (outliers == "iqr")


@pytest.mark.parametrize("threshold", [0.1, 1.0, 2.0])
def test_winsorised_values_lie_at_the_quantiles(threshold: float) -> None:
    from scipy.stats import zscore
    from scipy.stats.mstats import winsorize

    sample = floats(rows=501, gaps=0)
    rules = {"outliers": "zscore", "threshold": threshold, "action": "winsorise"}
    clean = fitted(sample, **rules).features(sample.copy())
    found = np.abs(zscore(sample.astype(float), axis=0)) > threshold
    limits = np.quantile(sample.astype(float), (0.01, 0.99), axis=0)
    expected = np.where(found, np.clip(sample, *limits), sample)
    np.testing.assert_allclose(clean, expected, rtol=1e-6)
    if threshold == 0.1:  # all of the tails are found
        whole = np.stack([winsorize(column, limits=0.01) for column in sample.T], axis=1)
        np.testing.assert_allclose(clean, whole, rtol=1e-6)


def test_winsorised_quintiles_are_codes() -> None:
    rng = np.random.default_rng(0)
    sample = rng.choice(5, (2000, 1), p=[0.005, 0.1, 0.79, 0.1, 0.005]).astype(np.int8)
    sample[::7] = MISSING
    rules = {"outliers": "zscore", "threshold": 1.0, "action": "winsorise", "missing": "own"}
    new = np.array([[-1], [0], [1], [2], [3], [4]], dtype=np.int8)
    assert fitted(sample, **rules).features(new)[:, 0].tolist() == [5, 1, 1, 2, 3, 3]


@MAKERS
def test_the_forest_scores_as_scikit_learn(make: Any) -> None:
    from sklearn.ensemble import IsolationForest

    from etl.cleaning.forest import fit_forest

    sample, new = make(rows=600, width=12), make(rows=90, width=12, seed=4)
    medians = np.nanmedian(numbers(sample), axis=0)
    filled = [np.where(np.isnan(numbers(x)), medians, numbers(x)) for x in (sample, new)]
    reference = IsolationForest(n_estimators=100, random_state=3).fit(filled[0].astype("f4"))
    forest = fit_forest(sample, 2.0, seed=3)
    for ours, theirs in zip((sample, new), filled, strict=True):
        expected = -reference.score_samples(theirs.astype("f4"))
        np.testing.assert_allclose(forest.scores(ours), expected, rtol=1e-12)
    scores = forest.scores(sample)
    expected_rows = scores > scores.mean() + 2 * scores.std()
    assert expected_rows.any()
    np.testing.assert_array_equal(forest.rows(sample), expected_rows)


def test_the_forest_finds_planted_rows() -> None:
    rng = np.random.default_rng(0)
    sample = rng.normal(size=(500, 8)).astype(np.float32)
    planted = np.arange(0, 500, 100)
    sample[planted] += 9 * rng.choice([-1, 1], (5, 8)).astype(np.float32)
    rules = {"outliers": "isolation_forest", "action": "remove"}
    removed = fitted(sample, **rules).outlying(sample)
    assert removed is not None
    assert np.flatnonzero(removed).tolist() == planted.tolist()
    assert fitted(sample, **rules).features(sample.copy()).tolist() == sample.tolist()


def test_rows_of_the_forest_are_winsorised_whole() -> None:
    sample = floats(rows=600)
    rules = {"outliers": "isolation_forest", "action": "winsorise", "threshold": 2.0}
    cleaning = fitted(sample, **rules)
    rows = cleaning.groups[0].detector.rows(sample, 0.0)  # type: ignore[union-attr]
    assert 0 < rows.sum() < 100
    limits = np.nanquantile(numbers(sample), (0.01, 0.99), axis=0)
    expected = np.where(rows[:, None], np.clip(numbers(sample), *limits), numbers(sample))
    np.testing.assert_allclose(cleaning.features(sample.copy()), expected, rtol=1e-6)


@pytest.mark.parametrize(("share", "fewest"), [(0.0, 1), (0.3, 2), (0.5, 4)])
def test_rows_are_removed_by_their_share_of_outlying_values(share: float, fewest: int) -> None:
    sample = np.random.default_rng(0).uniform(-1, 1, (300, 6)).astype(np.float32)
    new = np.zeros((7, 6), dtype=np.float32)
    for row in range(7):
        new[row, :row] = 100
    new[:, 5] = np.nan
    rules = {"outliers": "zscore", "action": "remove", "outlying_share": share}
    cleaning = fitted(sample, **rules)
    outlying = cleaning.outlying(new)
    assert cleaning.removes
    assert outlying is not None
    counts = np.minimum(np.arange(7), 5)
    assert outlying.tolist() == [count >= fewest for count in counts]
    np.testing.assert_array_equal(cleaning.features(new.copy()), new)


def test_outliers_come_before_missing_values() -> None:
    sample = floats(rows=300, width=2)
    sample[0] = 1e6
    clipped = fitted(sample, outliers="iqr").features(sample.copy())
    new = np.full((1, 2), np.nan, dtype=np.float32)
    means = fitted(sample, outliers="iqr", missing="mean").features(new.copy())
    np.testing.assert_allclose(means[0], np.nanmean(clipped.astype(float), axis=0), rtol=1e-6)
    removed = {"outliers": "iqr", "action": "remove", "threshold": 50.0, "missing": "mean"}
    means = fitted(sample, **removed).features(new.copy())
    np.testing.assert_allclose(means[0], np.nanmean(sample[1:].astype(float), axis=0), rtol=1e-6)


# Groups


def test_groups_have_rules_of_their_own_and_the_first_wins() -> None:
    raw = quintiles(width=8)
    groups = {"a": [0, 3, 6], "b": [1, 3, 4, 0], "all": list(range(8))}
    rules: dict[str, Any] = {"missing": "constant", "constant": 1}
    own = {"b": {"missing": "own"}, "a": {"missing": "constant", "constant": 3}}
    cleaning = fitted(raw, groups, **rules, groups=own)
    expected = np.array([5, 5, 1, 5, 5, 1, 3, 1])
    clean = np.where(raw == MISSING, expected, raw)
    np.testing.assert_array_equal(cleaning.features(raw.copy()), clean)
    assert cleaning.spec.missing == 5
    turned = fitted(raw, groups, **rules, groups=dict(reversed(own.items())))
    expected = np.array([3, 5, 1, 3, 5, 1, 3, 1])
    clean = np.where(raw == MISSING, expected, raw)
    np.testing.assert_array_equal(turned.features(raw.copy()), clean)
    assert turned.spec.fingerprint != cleaning.spec.fingerprint


def test_a_group_starts_from_the_defaults() -> None:
    raw = quintiles()
    own = {"g": {"outliers": "iqr"}}
    cleaning = fitted(raw, {"g": [1, 2]}, missing="own", groups=own)
    clean = cleaning.features(raw.copy())
    assert (clean[:, [0, 3, 4, 5]][raw[:, [0, 3, 4, 5]] == MISSING] == 5).all()
    assert (clean[:, 1:3][raw[:, 1:3] == MISSING] == 2).all()


def test_groups_learn_apart() -> None:
    sample = floats(width=5)
    groups = {"g": [0, 2, 4]}
    own = {"g": {"missing": "knn", "outliers": "zscore"}}
    mixed = fitted(sample, groups, missing="median", indicators=True, groups=own)
    alone = fitted(sample[:, [0, 2, 4]], missing="knn", outliers="zscore")
    new = floats(seed=3, width=5)
    clean = mixed.features(new.copy())
    np.testing.assert_array_equal(clean[:, [0, 2, 4]], alone.features(new[:, [0, 2, 4]].copy()))
    assert mixed.spec.names[5:] == ("f1_missing", "f3_missing")


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"charism": {}}, r"no group of the features\. Received: charism\. Expected: charisma"),
        ({"charisma": {}, "small": {}}, "clean.groups.small is left without features"),
        ({"small": {"missing": "constant", "constant": 9}}, "small.constant is no quintile"),
    ],
)
def test_groups_that_cannot_be(groups: dict[str, Any], message: str) -> None:
    named = {"charisma": [0, 1], "small": [1]}
    with pytest.raises(ConfigError, match=message):
        fitted(quintiles(), named, groups=groups)


# Rules that make no sense


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"missing": "centre"}, r"clean.missing = 'centre' is for quintiles.*float32"),
        ({"missing": "own"}, r"clean.missing = 'own' is for quintiles.*float32"),
        ({"missing": "constant", "constant": 1e300}, "too large for float32"),
    ],
)
def test_rules_that_floats_cannot_follow(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fitted(floats(), **rules)


@pytest.mark.parametrize("constant", [2.5, 5, -1])
def test_a_constant_off_the_grid(constant: float) -> None:
    with pytest.raises(ConfigError, match=r"no quintile.*0 to 4.*'own'"):
        fitted(quintiles(), missing="constant", constant=constant)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["clean.missing=own", "clean.indicators=true"], "without indicators"),
        (["clean.outliers=isolation_forest"], "'winsorise' or 'remove'"),
        (["clean.outlying_share=0.2"], "belongs to zscore or iqr"),
        (["clean.outliers=iqr", "clean.outlying_share=0.2"], "belongs to zscore or iqr"),
        (
            ["clean.outliers=isolation_forest", "clean.action=remove", "clean.outlying_share=0.2"],
            "belongs to zscore or iqr",
        ),
        (["clean.constant=nan"], "finite"),
        (["clean.threshold=0"], "greater than 0"),
        (["clean.groups.small.mising=own"], r"'clean.groups.small.mising'.*Expected: missing"),
        (["clean.groups.small.missing=middle"], "'auto', 'centre'"),
    ],
)
def test_rules_that_contradict_themselves(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(overrides=overrides, variables={})


@pytest.mark.parametrize(
    "rules", [{"missing": "mean"}, {"missing": "knn"}, {"outliers": "iqr"}, {"indicators": True}]
)
@MAKERS
def test_nothing_is_learned_of_nothing(rules: dict[str, Any], make: Any) -> None:
    sample = make()
    sample[:, [2, 4]] = MISSING if sample.dtype == np.int8 else np.nan
    with pytest.raises(DataError, match=r"without a value.*f2 and 1 more.*data.features"):
        fitted(sample, **rules)
    fitted(sample, {"g": [2, 4]}, **rules, groups={"g": {"missing": "constant"}})


def test_a_cleaning_that_removes_every_row_is_refused() -> None:
    sample = floats(gaps=0)
    with pytest.raises(DataError, match=r"no training row.*clean.threshold"):
        fitted(sample, outliers="zscore", threshold=0.001, action="remove", missing="mean")


def test_names_of_indicators_are_free() -> None:
    sample = quintiles(width=2)
    rules = section(indicators=True)
    spec = FeatureSpec(("f", "f_missing"))
    with pytest.raises(ConfigError, match=r"name of an indicator.*f_missing"):
        fit_cleaning(rules, spec, lambda: Sample(("1",), sample))
    spec = FeatureSpec(("f", "g"), {"missing_indicators": ("f",)})
    with pytest.raises(ConfigError, match="name of all indicators"):
        fit_cleaning(rules, spec, lambda: Sample(("1",), sample))


# What holds for all rules

RULES: list[dict[str, Any]] = [
    {},
    {"missing": "constant"},
    {"missing": "mean", "indicators": True},
    {"missing": "knn", "neighbours": 3},
    {"missing": "mode", "outliers": "zscore", "threshold": 1.5},
    {"missing": "median", "outliers": "iqr", "threshold": 0.4, "action": "winsorise"},
    {"missing": "mean", "outliers": "iqr", "threshold": 0.4, "action": "remove"},
    {"missing": "mode", "outliers": "isolation_forest", "action": "winsorise", "threshold": 1.0},
    {"missing": "knn", "outliers": "isolation_forest", "action": "remove", "threshold": 2.0},
    {"missing": "median", "groups": {"g": {"missing": "knn", "indicators": True}}},
    {"groups": {"g": {"missing": "constant", "constant": 1, "outliers": "zscore"}}},
]


@MAKERS
@pytest.mark.parametrize("rules", RULES)
def test_rows_are_cleaned_one_by_one_and_stay_on_the_grid(rules: dict[str, Any], make: Any) -> None:
    groups = {"g": [1, 2, 5]}
    cleaning = fitted(make(), groups, **rules)
    new = make(rows=2300, seed=9, gaps=0.02)
    whole = cleaning.features(new.copy())
    for cut in (1, 1024, 2000):
        parts = [cleaning.features(part.copy()) for part in (new[:cut], new[cut:])]
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-6)
    order = np.random.default_rng(0).permutation(len(new))
    np.testing.assert_allclose(cleaning.features(new[order].copy()), whole[order], rtol=1e-6)
    assert whole.shape == (2300, len(cleaning.spec.names))
    assert whole.dtype == cleaning.spec.dtype
    if new.dtype == np.int8:
        assert whole.min() >= 0
        assert whole.max() <= 4
    elif rules.get("missing") and not rules.get("groups"):
        assert np.isfinite(whole).all()
    assert cleaning.features(new[:0].copy()).shape == (0, len(cleaning.spec.names))
    if cleaning.removes:
        found = cleaning.outlying(new)
        assert found is not None
        np.testing.assert_array_equal(found[order], cleaning.outlying(new[order]))


@MAKERS
@pytest.mark.parametrize("rules", RULES)
def test_equal_samples_give_equal_cleaning_and_others_another(
    rules: dict[str, Any], make: Any
) -> None:
    groups = {"g": [1, 2, 5]}
    one, again, other = (fitted(make(seed=s), groups, **rules) for s in (0, 0, 8))
    assert one.describe() == again.describe()
    assert one.checksums == again.checksums
    assert one.spec == again.spec
    learned = learns(section(**rules))
    assert (one.spec.fingerprint != other.spec.fingerprint) == learned
    assert (one.digest != other.digest) == learned
    moved: Cleaning = pickle.loads(pickle.dumps(one))
    new = make(seed=5)
    np.testing.assert_array_equal(moved.features(new.copy()), one.features(new.copy()))


def test_the_digest_is_empty_where_the_code_says_it_all() -> None:
    raw = quintiles()
    plain, centre, constant = (fitted(raw, missing=m) for m in ("auto", "centre", "constant"))
    assert plain.spec.fingerprint == centre.spec.fingerprint == plain.raw.fingerprint
    assert plain.spec.cleaning == ""
    assert constant.spec.fingerprint != plain.spec.fingerprint


def test_rows_are_drawn_only_where_rules_learn() -> None:
    def never() -> Sample:
        raise AssertionError("nothing is to be learned")

    spec = spec_of(quintiles())
    for rules in ({}, {"missing": "own"}, {"missing": "constant", "constant": 3}):
        assert not learns(section(**rules))
        assert fit_cleaning(section(**rules), spec, never).learned_from == {}
    assert learns(section(groups={"g": {"missing": "mean"}}))


def test_quintiles_are_cleaned_without_a_copy_of_the_matrix() -> None:
    raw = quintiles(rows=20_000, width=300, gaps=0.01)
    for rules in ({}, {"missing": "own"}, {"missing": "constant"}):
        cleaning = fitted(raw[:1000], **rules)
        matrix = raw.copy()
        tracemalloc.start()
        cleaning.features(matrix)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 0.2 * matrix.nbytes


def test_what_is_learned_takes_a_few_columns_at_a_time() -> None:
    sample = quintiles(rows=4000, width=1200, gaps=0.01)
    spec = spec_of(sample)
    for rules in ({"missing": "mean"}, {"outliers": "iqr", "action": "winsorise"}):
        fitted(sample[:50, :3], **rules)  # libraries are imported outside the measure
        rows = Sample(("0001",), sample.copy())
        tracemalloc.start()
        fit_cleaning(section(**rules), spec, lambda rows=rows: rows)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * sample.nbytes  # the whole as float64 would take 8
