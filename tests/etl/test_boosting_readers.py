"""What LightGBM and XGBoost make of the readers equals what they make of matrices in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from contracts.written import KINDS, TARGETS, Kind, write

from etl.shards import ShardSet
from etl.shards.rows import as_floats
from etl.shards.sequence import BIN_SAMPLE_ROWS

TARGET = TARGETS[0]
BINS = {"min_data_in_bin": 1, "feature_pre_filter": False, "num_threads": 1}
BY_KIND = pytest.mark.parametrize("kind", KINDS, ids=str)
Fitted = tuple[np.ndarray, np.ndarray, np.ndarray | None]


def in_memory(shards: ShardSet, eras: Any = None, *, training: bool = True) -> Fitted:
    """Numbers, labels and weights of the rows that are fitted."""
    x, labels = shards.to_numpy(eras, training=training)
    y = labels.targets[:, 0]
    known = np.isfinite(y)
    weights = labels.weights[known] if training and labels.weights is not None else None
    return as_floats(x[known], shards.spec), y[known], weights


def dump(dataset: lightgbm.Dataset, path: Path) -> str:
    """Everything that LightGBM holds of a dataset, bins included."""
    dataset._dump_text(str(path))
    return path.read_text()


@BY_KIND
def test_the_bins_are_those_of_the_matrix(kind: Kind, tmp_path: Path) -> None:
    shards = write(tmp_path / "shards", kind).shards
    x, y, weights = in_memory(shards)
    names = list(shards.spec.names)
    whole = lightgbm.Dataset(x, y, weight=weights, feature_name=names, params=BINS).construct()
    ours = shards.to_lightgbm(target=TARGET).dataset(BINS)
    assert dump(ours, tmp_path / "a") == dump(whole, tmp_path / "b")
    np.testing.assert_array_equal(ours.get_label(), y)
    held = ours.get_weight()
    assert (held is None) == (weights is None)
    if weights is not None:
        np.testing.assert_array_equal(held, weights)
    assert ours.get_feature_name() == names


@pytest.mark.filterwarnings("error")
def test_a_validation_dataset_takes_the_bins_of_training(tmp_path: Path) -> None:
    shards = write(tmp_path / "shards", KINDS[5]).shards
    fitted = shards.to_lightgbm("odd", target=TARGET).dataset(BINS)
    watched = shards.to_lightgbm("even", target=TARGET, training=False).dataset(reference=fitted)
    x, y, _ = in_memory(shards, "even", training=False)
    whole = lightgbm.Dataset(x, y, reference=fitted, params=fitted.get_params()).construct()
    whole.set_feature_name(list(shards.spec.names))
    assert dump(watched, tmp_path / "a") == dump(whole, tmp_path / "b")
    assert watched.get_weight() is None
    np.testing.assert_array_equal(watched.get_label(), y)
    assert watched.num_data() > shards.rows("even", TARGET, training=True)


def test_bins_come_from_a_bounded_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = write(tmp_path / "shards", KINDS[0]).shards
    sampled: list[int] = []
    whole = lightgbm.Dataset._create_sample_indices

    def spy(self: Any, *, total_nrow: int) -> np.ndarray:
        indices = whole(self, total_nrow=total_nrow)
        sampled.append(len(indices))
        return indices

    monkeypatch.setattr(lightgbm.Dataset, "_create_sample_indices", spy)
    made = shards.to_lightgbm(target=TARGET).dataset()
    assert made.get_params()["bin_construct_sample_cnt"] == BIN_SAMPLE_ROWS == 20_000
    shards.to_lightgbm(target=TARGET).dataset({"bin_construct_sample_cnt": 30})
    assert sampled == [made.num_data(), 30]


def test_a_batch_has_a_bounded_size(tmp_path: Path) -> None:
    shards = write(tmp_path / "shards", KINDS[0]).shards
    sequence = shards.to_lightgbm(target=TARGET)
    assert sequence.batch_size * 4 * 7 <= 1 << 24 < (sequence.batch_size + 1) * 4 * 7


@BY_KIND
@pytest.mark.parametrize("external", [False, True])
def test_xgboost_learns_what_it_learns_from_the_matrix(
    kind: Kind, external: bool, tmp_path: Path
) -> None:
    shards = write(tmp_path / "shards", kind).shards
    x, y, weights = in_memory(shards)
    whole = xgboost.QuantileDMatrix(x, y, weight=weights, feature_names=list(shards.spec.names))
    prefix = str(tmp_path / "pages") if external else None
    ours = shards.to_xgboost(target=TARGET, batch_rows=9, cache_prefix=prefix).matrix()
    assert isinstance(ours, xgboost.ExtMemQuantileDMatrix) == external
    assert (ours.num_row(), ours.num_col()) == x.shape
    assert ours.num_nonmissing() == np.isfinite(x).sum()
    np.testing.assert_array_equal(ours.get_label(), y)
    np.testing.assert_array_equal(ours.get_weight(), whole.get_weight())
    learned = [xgboost.train({"max_depth": 3, "nthread": 1}, m, 5) for m in (ours, whole)]
    one, other = (model.inplace_predict(x) for model in learned)
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert learned[0].feature_names == list(shards.spec.names)


def test_xgboost_takes_options(tmp_path: Path) -> None:
    shards = write(tmp_path / "shards", KINDS[0]).shards
    fitted = shards.to_xgboost("even", target=TARGET).matrix(max_bin=4)
    watched = shards.to_xgboost("odd", target=TARGET, training=False).matrix(ref=fitted, max_bin=4)
    assert fitted.max_bin == 4
    assert watched.num_row() == shards.rows("odd", TARGET)
