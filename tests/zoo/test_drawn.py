from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contracts.planted import TARGET, planted_shards
from hypothesis import given
from hypothesis import strategies as st

from etl.shards import ShardSet
from zoo.drawn import draw, drawn_rows
from zoo.estimator import Fit

COUNTS = st.lists(st.integers(1, 40), min_size=1, max_size=12)


@given(COUNTS, st.integers(1, 300), st.integers(0, 99))
def test_rows_are_drawn_evenly_over_eras(counts: list[int], rows: int, seed: int) -> None:
    drawn = drawn_rows(counts, rows, seed)
    assert len(drawn) == min(rows, sum(counts))
    assert (np.diff(drawn) > 0).all()
    eras = np.repeat(np.arange(len(counts)), counts)[drawn]
    shares = np.bincount(eras, minlength=len(counts))
    cut = [share for share, count in zip(shares, counts, strict=True) if share < count]
    if cut:
        assert max(shares) - min(cut) <= 1


def test_another_seed_draws_other_rows() -> None:
    first, second = drawn_rows([50, 50], 20, 0), drawn_rows([50, 50], 20, 1)
    assert first.tolist() != second.tolist()
    assert first.tolist() == drawn_rows([50, 50], 20, 0).tolist()
    assert (first[:10]).tolist() != (first[10:] - 50).tolist()


@pytest.fixture(scope="module")
def weighted(tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    return planted_shards(tmp_path_factory.mktemp("drawn") / "shards", wrong=0.25)


def test_drawn_rows_keep_their_target_and_weight(weighted: ShardSet) -> None:
    features, labels = weighted.to_numpy()
    found = draw("model", weighted, Fit(weighted.eras(), TARGET), 90, lambda raw: raw)
    rows = {
        (*map(int, x), float(y), float(w))
        for x, y, w in zip(features, labels.targets[:, 1], labels.weights, strict=True)
    }
    assert found.features.shape == (90, 8)
    assert found.weights is not None
    for x, y, w in zip(found.features, found.target, found.weights, strict=True):
        assert (*map(int, x), float(y), float(w)) in rows


def test_batches_change_nothing(weighted: ShardSet, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = Fit(weighted.eras(), TARGET)
    whole = draw("model", weighted, fit, 90, lambda raw: raw)
    monkeypatch.setattr("etl.shards.rows.BATCH_BYTES", 4 * 8 * 7)
    parts = draw("model", weighted, fit, 90, lambda raw: raw)
    np.testing.assert_array_equal(parts.features, whole.features)


def test_rows_of_weight_zero_are_never_drawn(tmp_path: Path) -> None:
    data = planted_shards(tmp_path / "shards", wrong=0.0)
    found = draw("model", data, Fit(data.eras(), TARGET), 10_000, lambda raw: raw)
    assert len(found.target) == data.rows(None, TARGET, training=True)
    assert found.weights is None
