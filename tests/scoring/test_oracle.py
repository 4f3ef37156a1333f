"""Every shared score against numerai-tools, called era by era and one candidate at a time."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numerai_tools import scoring as library
from numpy.typing import NDArray

from scoring.contribution import mmc
from scoring.corr import numerai_corr, pearson
from scoring.eras import EraSlices
from scoring.neutral import neutralize
from scoring.ranks import era_gaussian, era_ranks

BINS = np.array([0, 0.25, 0.5, 0.75, 1])
SHARES = np.array([0.05, 0.2, 0.5, 0.2, 0.05])
EXACT = {"rtol": 0, "atol": 1e-9, "equal_nan": True}

Panel = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], EraSlices]


def by_era(
    score: Callable[..., pd.Series],
    predictions: NDArray[np.float64],
    columns: dict[str, NDArray[np.float64]],
    slices: EraSlices,
) -> NDArray[np.float64]:
    """(E, M) scores of a numerai-tools function; the columns go in as named Series."""
    result = np.full((len(slices), predictions.shape[1]), np.nan)
    for era, span in enumerate(slices):
        index = pd.Index([f"n{i:08d}" for i in range(span.stop - span.start)], name="id")
        series = {k: pd.Series(v[span], index=index, name=k) for k, v in columns.items()}
        for j in range(predictions.shape[1]):
            frame = pd.DataFrame({"p": predictions[span, j]}, index=index)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result[era, j] = score(frame, **series)["p"]
    return result


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """(predictions, reference, target, slices) with ties, several sizes and kinds of target."""
    seed = draw(st.integers(0, 2**32 - 1))
    sizes = draw(st.lists(st.integers(10, 60), min_size=1, max_size=4))
    models = draw(st.integers(1, 3))
    decimals = draw(st.sampled_from([1, 2, 15]))
    binned = draw(st.booleans())
    rng = np.random.default_rng(seed)
    rows = sum(sizes)
    normal = rng.normal(size=rows)
    target = rng.choice(BINS, p=SHARES, size=rows) if binned else normal
    latent = (target - target.mean())[:, None]
    predictions = latent * rng.normal(size=models) + rng.normal(size=(rows, models))
    reference = np.round(rng.normal(size=rows) + predictions[:, 0], decimals)
    labels = np.repeat([f"{k + 1:04d}" for k in range(len(sizes))], sizes)
    slices = EraSlices.from_labels(labels)
    return np.round(predictions, decimals), reference, target, slices


def constant_columns(predictions: NDArray[np.float64], slices: EraSlices) -> NDArray[np.bool_]:
    return np.array([np.ptp(predictions[span], axis=0) == 0 for span in slices])


@settings(deadline=None, max_examples=60)
@given(panels())
def test_corr(panel: Panel) -> None:
    predictions, _, target, slices = panel
    expected = by_era(
        lambda p, target: library.numerai_corr(p, target), predictions, {"target": target}, slices
    )
    np.testing.assert_allclose(numerai_corr(predictions, target, slices), expected, **EXACT)


@settings(deadline=None, max_examples=60)
@given(panels())
def test_contribution(panel: Panel) -> None:
    predictions, reference, target, slices = panel
    expected = by_era(
        lambda p, m, target: library.correlation_contribution(p, m, target),
        predictions,
        {"m": reference, "target": target},
        slices,
    )
    expected[constant_columns(predictions, slices)] = np.nan
    np.testing.assert_allclose(mmc(predictions, reference, target, slices), expected, **EXACT)


@settings(deadline=None, max_examples=30)
@given(panels(), st.sampled_from([0.0, 0.3, 1.0]), st.integers(1, 6))
def test_neutralize(panel: Panel, proportion: float, count: int) -> None:
    predictions, _, _, slices = panel
    features = np.random.default_rng(0).integers(0, 5, size=(len(predictions), count))
    features[:, -1] = 2  # a feature that is missing everywhere
    features = features.astype(np.int8)
    expected = np.concatenate(
        [
            library.neutralize(
                pd.DataFrame(predictions[s]), pd.DataFrame(features[s]), proportion
            ).to_numpy()
            for s in slices
        ]
    )
    result = neutralize(predictions, features, slices, proportion)
    np.testing.assert_allclose(result, expected, **EXACT)


@settings(deadline=None, max_examples=30)
@given(panels())
def test_ranks(panel: Panel) -> None:
    predictions, _, _, slices = panel
    frames = [pd.DataFrame(predictions[s]) for s in slices]
    kept = np.concatenate([library.tie_kept_rank(f).to_numpy() for f in frames])
    broken = np.concatenate([library.tie_broken_rank(f).to_numpy() for f in frames])
    normal = np.concatenate([library.gaussian(library.tie_kept_rank(f)) for f in frames])
    np.testing.assert_allclose(era_ranks(predictions, slices), kept, **EXACT)
    np.testing.assert_allclose(era_ranks(predictions, slices, ties="first"), broken, **EXACT)
    np.testing.assert_allclose(era_gaussian(predictions, slices), normal, **EXACT)


def test_neighbouring_floats_are_not_ties() -> None:
    values = np.nextafter(np.full(12, 0.5), 1)
    values[::2] = 0.5
    slices = EraSlices.from_labels(np.array(["0001"] * 12))
    expected = library.tie_kept_rank(pd.Series(values)).to_numpy()
    np.testing.assert_array_equal(era_ranks(values, slices), expected)


@pytest.mark.parametrize("lost", [0, 3, 8])
def test_rows_that_one_side_lacks(lost: int) -> None:
    """The library centres on all resolved rows for CORR and on the common rows for MMC."""
    rng = np.random.default_rng(lost)
    slices = EraSlices.from_labels(np.repeat(["0001", "0002"], 50))
    predictions = rng.normal(size=(100, 2))
    reference = rng.normal(size=100)
    target = rng.choice(BINS, p=SHARES, size=100)
    predictions[rng.choice(50, lost, replace=False), 0] = np.nan
    reference[60 : 60 + lost // 2] = np.nan
    corr = by_era(lambda p, t: library.numerai_corr(p, t), predictions, {"t": target}, slices)
    added = by_era(
        lambda p, m, t: library.correlation_contribution(p, m, t),
        predictions,
        {"m": reference, "t": target},
        slices,
    )
    np.testing.assert_allclose(numerai_corr(predictions, target, slices), corr, **EXACT)
    np.testing.assert_allclose(mmc(predictions, reference, target, slices), added, **EXACT)


def test_what_the_library_refuses_has_no_score() -> None:
    slices = EraSlices.from_labels(np.array(["0001"] * 50))
    predictions = np.arange(50.0)
    predictions[:11] = np.nan
    target = np.tile(BINS, 10)
    with pytest.raises(AssertionError):
        by_era(lambda p, t: library.numerai_corr(p, t), predictions[:, None], {"t": target}, slices)
    assert np.isnan(numerai_corr(predictions, target, slices)).all()


@pytest.fixture(scope="module")
def real_panel(real_data: Path) -> Panel:
    frame = pd.read_parquet(real_data / "numerai_v2_validation_preds/val_target_preds.parquet")
    frame["era"] = frame["era"].str.removeprefix("era").str.zfill(4)
    frame = frame.sort_values(["era", "id"])
    predictions = frame["example_prediction"].to_numpy()[:, None]
    slices = EraSlices.from_labels(frame["era"].to_numpy())
    shuffled = np.random.default_rng(0).normal(size=len(frame)) * 0.1 + predictions[:, 0]
    return predictions, shuffled, frame["target"].to_numpy(np.float64), slices


def test_the_published_figures_of_real_rows(real_panel: Panel) -> None:
    predictions, _, target, slices = real_panel
    assert (len(slices), slices.rows) == (28, 137_779)
    scores = pearson(era_ranks(predictions, slices, ties="first"), target, slices)[:, 0]
    assert round(scores.mean(), 5) == 0.02658
    assert round(scores.std(ddof=1), 5) == 0.02774
    assert round(scores.mean() / scores.std(ddof=1), 3) == 0.958


def test_real_rows_against_the_library(real_panel: Panel) -> None:
    predictions, reference, target, slices = real_panel
    corr = by_era(lambda p, t: library.numerai_corr(p, t), predictions, {"t": target}, slices)
    added = by_era(
        lambda p, m, t: library.correlation_contribution(p, m, t),
        predictions,
        {"m": reference, "t": target},
        slices,
    )
    np.testing.assert_allclose(numerai_corr(predictions, target, slices), corr, **EXACT)
    np.testing.assert_allclose(mmc(predictions, reference, target, slices), added, **EXACT)
