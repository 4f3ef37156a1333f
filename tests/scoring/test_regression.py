from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from erazoo.errors import DataError
from scoring.eras import EraSlices
from scoring.regression import regression_errors

LABELS = np.repeat(np.array(["0001", "0002", "0003"], dtype=object), [40, 3, 25])
SLICES = EraSlices.from_labels(LABELS)
RNG = np.random.default_rng(1)
PREDICTIONS = RNG.random((68, 2)).astype(np.float32)
TARGET = RNG.choice([0, 0.25, 0.5, 0.75, 1], 68)


def test_errors_are_scikit_learn_s() -> None:
    found = regression_errors(PREDICTIONS, TARGET, SLICES)
    for j in range(2):
        column = PREDICTIONS[:, j].astype(np.float64)
        assert found.overall_rmse[j] == pytest.approx(root_mean_squared_error(TARGET, column))
        assert found.overall_mae[j] == pytest.approx(mean_absolute_error(TARGET, column))
        for era, span in enumerate(SLICES):
            pair = TARGET[span], column[span]
            assert found.rmse[era, j] == pytest.approx(root_mean_squared_error(*pair))
            assert found.mae[era, j] == pytest.approx(mean_absolute_error(*pair))
    assert found.rows.tolist() == [68, 68]


def test_rows_without_target_or_prediction_are_left_out() -> None:
    target, predictions = TARGET.copy(), PREDICTIONS.copy()
    target[40:50] = np.nan
    predictions[:7, 1] = np.nan
    found = regression_errors(predictions, target, SLICES)
    kept = np.r_[7:40, 50:68]
    pair = target[kept], predictions[kept, 1].astype(np.float64)
    assert found.overall_rmse[1] == pytest.approx(root_mean_squared_error(*pair))
    assert found.rows.tolist() == [58, 51]
    assert np.isnan(found.rmse[1]).all()
    assert np.isnan(found.mae[1]).all()


def test_one_column_may_be_a_vector() -> None:
    one = regression_errors(PREDICTIONS[:, 0], TARGET, SLICES)
    assert one.rmse.shape == (3, 1)


def test_nothing_resolved_is_nan() -> None:
    found = regression_errors(PREDICTIONS, np.full(68, np.nan), SLICES)
    assert np.isnan(found.overall_rmse).all()
    assert found.rows.tolist() == [0, 0]


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="do not fit"):
        regression_errors(PREDICTIONS[:5], TARGET, SLICES)
