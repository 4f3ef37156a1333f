from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.corr import numerai_corr, pearson
from scoring.eras import EraSlices
from zoo.keras.losses import MEASURES, EraLoss, RowLoss

SCORES = {False: pearson, True: numerai_corr}


def score(predictions: np.ndarray, target: np.ndarray, ranked: bool) -> float:
    one = EraSlices.from_labels(np.full(len(target), "0001", dtype=object))
    return float(SCORES[ranked](predictions, target, one)[0, 0])


def batch(sizes: tuple[int, ...], seed: int, step: float = 0.0) -> tuple[np.ndarray, ...]:
    """Predictions with ties where `step` rounds them, targets in five values, and places."""
    rng = np.random.default_rng(seed)
    places = np.repeat(np.arange(len(sizes)), sizes)
    target = (rng.integers(0, 5, len(places)) / 4).astype(np.float32)
    values = 0.5 + 0.02 * rng.normal(size=len(places)) + 0.005 * target
    if step:
        values = np.round(values / step) * step
    return values.astype(np.float32)[:, None], target, places


def labels(target: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.stack([target, places.astype(np.float32)], axis=1)


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(13, 80), min_size=1, max_size=4),
    step=st.sampled_from([0.0, 0.005, 0.02]),
    ranked=st.booleans(),
    unknown=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_loss_of_eras_is_one_minus_their_mean_score(
    sizes: list[int], step: float, ranked: bool, unknown: bool, seed: int
) -> None:
    values, target, places = batch(tuple(sizes), seed, step)
    if unknown:
        target[::5] = np.nan  # ten rows of an era stay, which a score needs
    known = ~np.isnan(target)
    scores = [
        score(values[(places == era) & known, 0], target[(places == era) & known], ranked)
        for era in range(len(sizes))
    ]
    found = float(EraLoss(len(sizes) + 2, ranked)(labels(target, places), values))
    expected = 1 - np.mean(np.where(np.isnan(scores), 0.0, scores))
    assert found == pytest.approx(expected, abs=2e-5)


def test_members_are_scored_each_and_averaged() -> None:
    values, target, places = batch((40, 30), 1)
    other = batch((40, 30), 2)[0]
    both = np.stack([values, other], axis=1)
    loss = EraLoss(2, ranked=True)
    alone = [float(loss(labels(target, places), one)) for one in (values, other)]
    assert float(loss(labels(target, places), both)) == pytest.approx(np.mean(alone), abs=1e-5)


def test_weights_count_and_rows_of_weight_zero_do_not() -> None:
    values, target, places = batch((60,), 3)
    weights = np.where(np.arange(60) % 3 == 0, 0.0, 1.0).astype(np.float32)
    kept = weights > 0
    for ranked in (False, True):
        loss = EraLoss(1, ranked)
        found = float(loss(labels(target, places), values, weights))
        assert found == pytest.approx(1 - score(values[kept, 0], target[kept], ranked), abs=1e-5)
        scaled = float(loss(labels(target, places), values, 7 * weights))
        assert scaled == pytest.approx(found, abs=1e-5)
    w = np.random.default_rng(1).uniform(0.5, 2, 60).astype(np.float32)
    found = float(EraLoss(1)(labels(target, places), values, w))
    matrix = np.cov(values[:, 0].astype(float), target.astype(float), aweights=w)
    expected = 1 - matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1])
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("ranked", [False, True])
def test_steps_against_the_gradient_raise_the_true_score(ranked: bool) -> None:
    values, target, places = batch((300, 200), 4)
    variable, loss = tf.Variable(values), EraLoss(2, ranked)
    seen = []
    for _ in range(8):
        with tf.GradientTape() as tape:
            value = loss(labels(target, places), variable)
        slope = tape.gradient(value, variable)
        now = variable.numpy()[:, 0]
        seen.append(np.mean([score(now[places == e], target[places == e], ranked) for e in (0, 1)]))
        variable.assign_sub(slope / tf.norm(slope) * 0.02)
    assert np.diff(seen).min() > 0.005


@pytest.mark.parametrize("ranked", [False, True])
def test_no_gradient_explodes_on_constant_predictions_targets_and_lonely_rows(ranked: bool) -> None:
    values, target, places = batch((20, 20, 1), 5)
    target[places == 0] = 0.5
    values[places == 1] = 0.5
    variable = tf.Variable(values)
    with tf.GradientTape() as tape:
        value = EraLoss(3, ranked)(labels(target, places), variable)
    slope = tape.gradient(value, variable).numpy()
    assert float(value) == pytest.approx(1.0)
    assert np.isfinite(slope).all()
    nothing = np.full(41, np.nan, dtype=np.float32)
    with tf.GradientTape() as tape:
        value = EraLoss(3, ranked)(labels(nothing, places), variable)
    assert float(value) == 1.0
    assert not tape.gradient(value, variable).numpy().any()


OPTIONS = {"huber": {"delta": 0.1}, "cross_entropy": {"label_smoothing": 0.2}}
FORMULAS = {
    "mse": lambda e: e**2,
    "mae": np.abs,
    "huber": lambda e: np.where(np.abs(e) <= 0.1, e**2 / 2, 0.1 * (np.abs(e) - 0.05)),
    "log_cosh": lambda e: np.log(np.cosh(e)),
}


@pytest.mark.parametrize("measure", FORMULAS)
def test_losses_of_rows_are_their_formulas_and_unknown_rows_add_nothing(measure: str) -> None:
    rng = np.random.default_rng(6)
    target, values = rng.random((50, 1)).astype("f4"), rng.random((50, 1)).astype("f4")
    target[::4] = np.nan
    loss = RowLoss(measure, **OPTIONS.get(measure, {}))
    parts = np.where(np.isnan(target), 0, FORMULAS[measure](np.nan_to_num(target) - values))
    assert float(loss(target, values)) == pytest.approx(parts.mean(), rel=1e-4)
    weights = rng.random(50).astype("f4")
    expected = (parts[:, 0] * weights).mean()
    assert float(loss(target, values, weights)) == pytest.approx(expected, rel=1e-4)


def test_cross_entropy_with_smoothing() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], dtype="f4")
    one_hot = np.eye(3, dtype="f4")[[0, 1]]
    smooth = one_hot * 0.8 + 0.2 / 3
    expected = -(smooth * np.log(probabilities)).sum(axis=1).mean()
    loss = RowLoss("cross_entropy", label_smoothing=0.2)
    assert float(loss(one_hot, probabilities)) == pytest.approx(expected, rel=1e-5)


def test_conditional_boundaries_learn_from_the_rows_that_reach_them() -> None:
    """As the likelihood of the class: the chances of passing each boundary, then of staying."""
    steps = np.array([0, 2, 4])
    above = (steps[:, None] > np.arange(4)).astype("f4")
    chances = np.full((3, 4), 0.6, dtype="f4")
    likelihood = [np.log(0.4), 2 * np.log(0.6) + np.log(0.4), 4 * np.log(0.6)]
    found = np.asarray(MEASURES["conditional"](above, chances))
    np.testing.assert_allclose(found, -np.array(likelihood) / 4, rtol=1e-5)


@pytest.mark.parametrize("measure", ["mse", "huber", "binary", "cross_entropy", "conditional"])
def test_members_have_a_loss_each(measure: str) -> None:
    rng = np.random.default_rng(7)
    target = (rng.random((20, 4)) > 0.5).astype("f4")
    members = rng.uniform(0.1, 0.9, (20, 3, 4)).astype("f4")
    loss = RowLoss(measure)
    alone = [float(loss(target, members[:, k])) for k in range(3)]
    assert float(loss(target, members)) == pytest.approx(np.mean(alone), rel=1e-5)


@pytest.mark.parametrize("loss", [RowLoss("huber", delta=0.3), EraLoss(4, ranked=True)])
def test_losses_are_saved_with_what_made_them(loss: keras.losses.Loss) -> None:
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
