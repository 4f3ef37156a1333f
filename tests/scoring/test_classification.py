"""Scores of class probabilities against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss
from sklearn.metrics import log_loss as reference_log_loss

from erazoo.errors import DataError
from scoring.classification import (
    average_precision,
    brier,
    calibration,
    class_positions,
    log_loss,
    macro_average_precision,
)

FIVE = (0.0, 0.25, 0.5, 0.75, 1.0)


def forecast(
    rows: int, classes: int, seed: int, steps: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities, in multiples of 1 / steps where many are to tie, and labels half foretold."""
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.ones(classes), size=rows)
    if steps:
        chances = rng.multinomial(steps, chances) / steps
    drawn = [rng.choice(classes, p=row) for row in chances]
    return chances, np.where(rng.random(rows) < 0.5, drawn, rng.integers(0, classes, rows))


def one_hot(labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    return (labels[:, None] == np.arange(classes)).astype(np.int64)


@pytest.mark.parametrize("classes", [2, 3, 5, 7])
@pytest.mark.parametrize("steps", [0, 10])
@pytest.mark.parametrize("seed", range(4))
def test_every_score_is_scikit_learn_s(classes: int, steps: int, seed: int) -> None:
    chances, labels = forecast(400, classes, seed, steps)
    truth = one_hot(labels, classes)
    ours = average_precision(chances, labels)
    theirs = average_precision_score(truth, chances, average=None)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    macro = average_precision_score(truth, chances, average="macro")
    assert macro_average_precision(chances, labels) == pytest.approx(macro)
    numbers = list(range(classes))
    assert log_loss(chances, labels) == pytest.approx(
        reference_log_loss(labels, chances, labels=numbers)
    )
    assert brier(chances, labels) == pytest.approx(
        brier_score_loss(labels, chances, labels=numbers, scale_by_half=False)
    )
    observed, predicted = calibration_curve(truth.ravel(), chances.ravel(), n_bins=10)
    bins = calibration(chances, labels)
    np.testing.assert_allclose([b.observed for b in bins], observed)
    np.testing.assert_allclose([b.predicted for b in bins], predicted)
    assert sum(b.rows for b in bins) == chances.size


def test_single_precision_is_clipped_at_its_own_rounding_unit() -> None:
    chances = np.array([[1, 0], [0, 1]], dtype=np.float32)
    labels = np.array([1, 1])
    expected = reference_log_loss(labels, chances, labels=[0, 1])
    assert log_loss(chances, labels) == pytest.approx(expected)


def test_honest_odds_lie_on_the_diagonal() -> None:
    rng = np.random.default_rng(5)
    first = rng.random(40_000)
    labels = (rng.random(40_000) > first).astype(int)
    honest = calibration(np.column_stack((first, 1 - first)), labels)
    assert all(abs(b.predicted - b.observed) < 0.02 for b in honest)
    sharp = np.where(first > 0.5, 0.99, 0.01)
    boastful = calibration(np.column_stack((sharp, 1 - sharp)), labels)
    assert all(abs(b.predicted - b.observed) > 0.2 for b in boastful)


def test_rows_without_label_or_probability_are_left_out() -> None:
    chances, labels = forecast(200, 3, 6)
    holed, unresolved = chances.copy(), labels.copy()
    holed[:20, 1] = np.nan
    unresolved[20:50] = -1
    for score in (macro_average_precision, log_loss, brier, calibration):
        assert score(holed, unresolved) == score(chances[50:], labels[50:])


def test_a_class_that_no_row_has_is_left_out_of_the_mean() -> None:
    chances, labels = forecast(300, 3, 7)
    kept = labels != 1
    precision = average_precision(chances[kept], labels[kept])
    assert np.isnan(precision[1])
    assert macro_average_precision(chances[kept], labels[kept]) == precision[[0, 2]].mean()


def test_class_positions() -> None:
    target = np.array([0.25, 1, np.nan, 0, 0.75], dtype=np.float32)
    assert class_positions(target, FIVE).tolist() == [1, 4, -1, 0, 3]
    sevenths = np.float32([1 / 6, 5 / 6])
    assert class_positions(sevenths, [k / 6 for k in range(7)]).tolist() == [1, 5]


@pytest.mark.parametrize(
    ("target", "classes", "words"),
    [
        ([0.3], FIVE, "none of the classes"),
        ([0.5], (1, 0.5), "ascending"),
        ([0.5], (), "ascending"),
    ],
)
def test_targets_outside_the_classes_are_refused(
    target: list[float], classes: tuple[float, ...], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        class_positions(np.array(target), classes)


@pytest.mark.parametrize(
    ("chances", "labels", "words"),
    [
        ([[0.5, 0.5]], [0, 1], "do not fit"),
        ([0.5, 0.5], [0, 1], "do not fit"),
        ([[1.0], [1.0]], [0, 0], "do not fit"),
        ([[0.5, 0.5]], [2], "label 2"),
        ([[0.5, 0.5]], [-1], "no row"),
        ([[0.5, 0.9]], [0], "0.5, 0.9"),
        ([[-0.5, 1.5]], [0], "no negative"),
    ],
)
@pytest.mark.parametrize("score", [average_precision, log_loss, brier, calibration])
def test_what_is_no_forecast_is_refused(
    score: Any, chances: list[Any], labels: list[int], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        score(np.array(chances), np.array(labels))
