from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.keras.heads import Bins, Reconstruction, Regression

FIVE = np.array([0, 0.25, 0.5, 0.75, 1], dtype=np.float32)


def test_a_regression_compares_with_the_target_itself() -> None:
    np.testing.assert_array_equal(Regression("prediction").target(None, FIVE), FIVE[:, None])


def test_softmax_labels_are_one_hot() -> None:
    np.testing.assert_array_equal(Bins("h").target(None, FIVE), np.eye(5))


def test_multilabel_labels_say_which_boundaries_lie_below() -> None:
    labels = np.asarray(Bins("h", kind="multilabel").target(None, FIVE))
    np.testing.assert_array_equal(labels, np.tri(5, 4, -1))


@settings(max_examples=30, deadline=None)
@given(
    classes=st.integers(2, 9),
    kind=st.sampled_from(["softmax", "multilabel"]),
    data=st.data(),
)
def test_the_values_turn_certain_labels_back_into_the_target(
    classes: int, kind: str, data: st.DataObject
) -> None:
    steps = data.draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=8))
    target = (np.array(steps) / (classes - 1)).astype(np.float32)
    head = Bins("h", kind=kind, classes=classes)
    labels = np.asarray(head.target(None, target))
    np.testing.assert_allclose(labels @ head.values, target, atol=1e-6)


def test_seven_valued_targets_have_seven_classes() -> None:
    target = np.array([0, 1 / 6, 5 / 6, 1], dtype=np.float32)
    labels = np.asarray(Bins("h", classes=7).target(None, target))
    assert labels.argmax(axis=1).tolist() == [0, 1, 5, 6]


def test_label_smoothing_reaches_the_loss() -> None:
    assert Bins("h", label_smoothing=0.2).loss().label_smoothing == pytest.approx(0.2)
    assert Bins("h", kind="multilabel", label_smoothing=0.2).loss().label_smoothing == 0.2


def test_reconstruction_targets_have_unit_variance() -> None:
    quintiles = np.tile(np.arange(5, dtype=np.int8), 20)[:, None]
    target = np.asarray(Reconstruction("r").target(quintiles, None))
    assert target.mean() == pytest.approx(0, abs=1e-6)
    assert target.var() == pytest.approx(1, abs=1e-6)


def test_reconstruction_targets_of_floats_are_themselves() -> None:
    features = np.array([[0.5, 5.0]], dtype=np.float32)
    np.testing.assert_array_equal(Reconstruction("r").target(features, None), [[0.5, 5]])
