"""The trainings: exact gradients, a bandit, and what the terms of the loss do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from contracts.metas import MetaCase
from numpy.typing import NDArray

from ensemble.meta.losses import (
    blend_scores,
    divergence,
    entropy,
    imbalance,
    regime_terms,
    turnover,
)
from ensemble.meta.network import gate, start_of
from ensemble.meta.trainings import Lesson, Trainer
from erazoo.config.schema import MetaSection

STATIC = np.array([0.5, 0.3, 0.2])


def lesson(eras: int = 80, seed: int = 0) -> tuple[Lesson, NDArray[np.bool_]]:
    """Eras of two kinds, told apart by the first input; another member is right in each."""
    rng = np.random.default_rng(seed)
    kind = rng.random(eras) < 0.5
    inputs = np.stack([np.where(kind, 1.0, -1.0), rng.normal(size=eras)], axis=1)
    products = np.where(kind[:, None], [0.10, 0.0, 0.02], [0.0, 0.10, 0.02])
    products = products + 0.03 * rng.normal(size=(eras, 3))
    gram = np.tile(np.eye(3) / 12, (eras, 1, 1))
    return Lesson(inputs, products, gram, STATIC), kind


def settings(**changes: Any) -> MetaSection:
    return MetaSection(**{"steps": 150, "prototypes": 0, **changes})


def trained(section: MetaSection, penalty: float = 0.1) -> tuple[Any, Any, NDArray[np.bool_]]:
    taught, _ = lesson()
    trainer = Trainer(2, 3, section, seed=1)
    learned = trainer.fit(taught, penalty)
    later, kind = lesson(seed=9)
    return trainer, trainer.weigh(learned, later.inputs, STATIC), kind


def test_scores_are_those_of_the_moments_and_their_gradient_is_exact(moving: MetaCase) -> None:
    moments = moving.evidence.moments.stretch(0, 7)
    rng = np.random.default_rng(0)
    logits = rng.normal(size=moments.signal.shape)
    held = [tf.constant(x, tf.float64) for x in (moments.signal, moments.gram)]

    def mean(values: Any) -> Any:
        return tf.reduce_mean(blend_scores(tf.nn.softmax(values), *held))

    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        score = mean(variable)
    weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert float(score) == pytest.approx(moments.corr(weights).mean(), rel=1e-6)
    gradient = tape.gradient(score, variable).numpy()
    for place in np.ndindex(2, logits.shape[1]):
        step = np.zeros_like(logits)
        step[place] = 1e-5
        rise = float(mean(logits + step) - mean(logits - step)) / 2e-5
        assert gradient[place] == pytest.approx(rise, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("training", ["gradient", "reward"])
def test_weight_goes_to_who_is_right_in_the_era(training: str) -> None:
    _, weights, kind = trained(settings(training=training))
    assert weights[kind, 0].mean() > 0.7
    assert weights[~kind, 1].mean() > 0.7
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


def test_the_policy_gradient_finds_the_better_arm() -> None:
    """A bandit: eras are alike, rewards are noisy and one arm pays a little more."""
    rng = np.random.default_rng(2)
    products = np.array([0.0, 0.03, 0.0]) + 0.05 * rng.normal(size=(200, 3))
    gram = np.tile(np.ones((3, 3)) / 12, (200, 1, 1))
    task = Lesson(np.zeros((200, 2)), products, gram, np.full(3, 1 / 3))
    trainer = Trainer(2, 3, settings(training="reward"), seed=0)
    weights = trainer.weigh(trainer.fit(task, 0.0), np.zeros((1, 2)), task.static)[0]
    assert weights[1] > 0.8


def test_an_untrained_network_and_a_high_penalty_keep_the_static_weights() -> None:
    taught, _ = lesson()
    trainer = Trainer(2, 3, settings(), seed=1)
    start = np.exp(start_of(STATIC))
    first = trainer.weigh(trainer.fit(taught, 1e4), taught.inputs, STATIC)
    np.testing.assert_allclose(first, np.tile(start, (80, 1)), atol=0.02)
    fresh = Trainer(2, 3, settings(), seed=1)
    shift, _ = fresh.network(tf.zeros((1, 2)))
    np.testing.assert_array_equal(np.asarray(shift), 0)
    np.testing.assert_allclose(start, STATIC, atol=0.01)


def test_a_fit_is_the_same_again_and_forgets_the_one_before() -> None:
    taught, _ = lesson()
    other, _ = lesson(seed=5)
    trainer = Trainer(2, 3, settings(prototypes=2), seed=1)
    first = trainer.fit(taught, 0.1)
    trainer.fit(other, 1.0)
    again = trainer.fit(taught, 0.1)
    for one, two in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(first.prototypes, again.prototypes)


def test_entropy_spreads_weights() -> None:
    sharp = trained(settings(training="reward", entropy=0.0))[1]
    wide = trained(settings(training="reward", entropy=2.0))[1]
    assert float(entropy(wide)) > float(entropy(sharp)) + 0.2


@pytest.mark.parametrize("training", ["gradient", "reward"])
def test_turnover_costs(training: str) -> None:
    free = trained(settings(training=training))[1]
    dear = trained(settings(training=training, turnover=3.0))[1]
    moved = [float(tf.reduce_mean(turnover(w[1:], w[:-1]))) for w in (free, dear)]
    assert moved[1] < 0.7 * moved[0]


def test_load_balance_evens_out_the_members() -> None:
    free = trained(settings())[1].mean(axis=0)
    even = trained(settings(balance=3.0))[1].mean(axis=0)
    assert even.std() < 0.6 * free.std()


def test_top_k_leaves_the_highest_alone() -> None:
    weights = trained(settings(top_k=2))[1]
    assert ((weights > 1e-9).sum(axis=1) == 2).all()
    logits = np.array([[0.0, 1.0, 2.0]], np.float32)
    expected = np.exp([1, 2]) / np.exp([1, 2]).sum()
    np.testing.assert_allclose(np.asarray(gate(logits, 2))[0, 1:], expected, rtol=1e-6)


def test_terms_by_hand() -> None:
    weights = np.array([[0.5, 0.5], [1.0, 0.0]], np.float32)
    assert float(divergence(weights, np.log([0.5, 0.5]).astype(np.float32))) == pytest.approx(
        np.log(2) / 2, abs=1e-6
    )
    assert float(imbalance(weights)) == pytest.approx(0.25)
    assert turnover(weights[1:], weights[:-1]).numpy().tolist() == [0.5]


def test_prototypes_are_near_eras_apart_and_used() -> None:
    places = np.repeat([[-1.0, 0.0], [1.0, 0.0]], 10, axis=0).astype(np.float32)

    def loss(*prototypes: tuple[float, float]) -> float:
        return float(regime_terms(places, np.array(prototypes, np.float32), 1.0))

    good = ((-1.0, 0.0), (1.0, 0.0))
    assert loss(*good) == pytest.approx(0, abs=1e-3)
    assert loss((-1.0, 0.5), (1.0, 0.0)) == pytest.approx(0.125, abs=1e-3)
    # The third stands upon the second: two of six ordered pairs lack the whole margin, and half
    # of the eras are shared by two prototypes, which is an entropy of 1.5 bits.
    unequal = np.log(3) - 1.5 * np.log(2)
    assert loss(*good, (1.0, 0.0)) == pytest.approx(1 / 3 + unequal, abs=1e-3)
    # The third is far from every era: nothing but its idleness counts.
    assert loss(*good, (0.0, 9.0)) == pytest.approx(np.log(3) - np.log(2), abs=1e-3)


def test_prototypes_find_the_kinds_of_eras() -> None:
    taught, kind = lesson()
    trainer = Trainer(2, 3, settings(prototypes=2), seed=1)
    learned = trainer.fit(taught, 0.1)
    places = trainer.embed(learned, taught.inputs)
    near = ((places[:, None] - learned.prototypes) ** 2).sum(axis=2).argmin(axis=1)
    agree = (near == kind).mean()
    assert max(agree, 1 - agree) > 0.95
