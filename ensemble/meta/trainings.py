"""The two trainings of the meta-learner: along the gradient of the score, and by reward.

Both learn from `EraMoments` alone, all training eras a step, so that a fit takes seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ensemble.meta.losses import (
    blend_scores,
    divergence,
    entropy,
    imbalance,
    regime_terms,
    turnover,
)
from ensemble.meta.network import build_network, gate, start_of
from ensemble.meta.statistics import scored_products
from ensemble.moments import EraMoments
from erazoo.config.schema import MetaSection

MARGIN = 1.0
"""Distance that prototypes keep, of embeddings between -1 and 1."""
DRAWS, JITTERS, NOISE = 16, 4, 0.5
"""Weights that are tried an era and step by reward and along the gradient, and the deviation of
their logits."""
Table = NDArray[np.float32]


@dataclass(frozen=True)
class Lesson:
    """Training eras as the losses read them.

    Args:
        inputs: (E, C) scaled statistics.
        products: (E, M) covariances of the members with what is scored.
        gram: (E, M, M) covariances of the members.
        static: (M,) weights that the network starts from.
    """

    inputs: NDArray[Any]
    products: NDArray[Any]
    gram: NDArray[Any]
    static: NDArray[Any]

    @classmethod
    def of(
        cls, inputs: NDArray[Any], moments: EraMoments, static: NDArray[Any], objective: str
    ) -> Lesson:
        """The eras of some moments that have a score; inputs are of the same eras."""
        products, known = scored_products(moments, objective)
        return cls(inputs[known], products[known], moments.gram[known], static)

    def start(self) -> tuple[Any, ...]:
        """What a step reads, as tensors, beside the logits of the static weights.

        Scores count in standard deviations of the static weights' per-era score.
        """
        weights = np.asarray(self.static, dtype=np.float64)
        variance = np.einsum("m,emn,n->e", weights, self.gram, weights)
        scores = self.products @ weights / np.sqrt(np.maximum(variance, 1e-12))
        scale = max(float(scores.std()), 1e-6)
        values = (self.inputs, self.products / scale, self.gram, start_of(self.static))
        return tuple(tf.constant(value, tf.float32) for value in values)


@dataclass(frozen=True)
class Learned:
    """What a fit has found.

    Args:
        weights: of the network, in Keras' order.
        prototypes: (K, D) places of the regimes among the embeddings.
    """

    weights: tuple[Table, ...]
    prototypes: Table


class Trainer:
    """Fits one network again and again; what TensorFlow compiles is compiled once.

    Args:
        inputs: C scaled statistics.
        members: M.
        settings: of the meta-learner.
        seed: of first weights, prototypes and what the training by reward tries.
    """

    def __init__(self, inputs: int, members: int, settings: MetaSection, seed: int) -> None:
        self._settings, self._seed = settings, seed
        self.network = build_network(inputs, members, settings, seed)
        self._prototypes = tf.Variable(tf.zeros((settings.prototypes, settings.embedding)))
        self._first = self.network.get_weights()
        schedule = keras.optimizers.schedules.CosineDecay(settings.rate, settings.steps)
        self._optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings.decay)
        self._optimizer.build(self._variables)
        self._fresh = [variable.numpy() for variable in self._optimizer.variables]
        eras: list[int | None] = [None, members]
        shapes: tuple[list[int | None], ...] = (
            [None, inputs],
            eras,
            [*eras, members],
            [members],
            [],
        )
        self._run = tf.function(
            self._steps, input_signature=[tf.TensorSpec(shape, tf.float32) for shape in shapes]
        )

    def fit(self, lesson: Lesson, penalty: float) -> Learned:
        """Train from the first weights on.

        Args:
            lesson: the training eras.
            penalty: on the divergence from the static weights, in standard deviations of their
                per-era score.
        """
        self.network.set_weights(self._first)
        for variable, value in zip(self._optimizer.variables, self._fresh, strict=True):
            variable.assign(value)
        self._prototypes.assign(self._first_prototypes(lesson.inputs))
        with tf.device("CPU"):
            self._run(*lesson.start(), tf.constant(penalty, tf.float32))
        return Learned(tuple(self.network.get_weights()), self._prototypes.numpy())

    def weigh(self, learned: Learned, inputs: NDArray[Any], static: NDArray[Any]) -> Table:
        """(E, M) weights for scaled statistics (E, C)."""
        self.network.set_weights(list(learned.weights))
        return weigh(self.network, inputs, static, self._settings.top_k)

    def embed(self, learned: Learned, inputs: NDArray[Any]) -> Table:
        """(E, D) embeddings of scaled statistics (E, C)."""
        self.network.set_weights(list(learned.weights))
        return embed(self.network, inputs)

    def copy(self, learned: Learned) -> Any:
        """A network of its own with what was learned."""
        network = keras.models.clone_model(self.network)
        network.set_weights(list(learned.weights))
        return network

    @cached_property
    def _variables(self) -> list[Any]:
        own = list(self.network.trainable_variables)
        return [*own, self._prototypes] if self._settings.prototypes else own

    def _first_prototypes(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Centres of the untrained network's embeddings, so that each begins with some eras."""
        count = self._settings.prototypes
        if not count:
            return np.empty(self._prototypes.shape, dtype=np.float32)
        from sklearn.cluster import KMeans

        places = embed(self.network, inputs)
        found = KMeans(min(count, len(places)), n_init=4, random_state=self._seed).fit(places)
        return np.resize(found.cluster_centers_, self._prototypes.shape)

    def _steps(self, inputs: Any, products: Any, gram: Any, start: Any, penalty: Any) -> None:
        for step in tf.range(self._settings.steps):
            with tf.GradientTape() as tape:
                loss = self._loss(inputs, products, gram, start, penalty, step)
            gradients = tape.gradient(loss, self._variables)
            self._optimizer.apply(gradients, self._variables)

    def _loss(
        self, inputs: Any, products: Any, gram: Any, start: Any, penalty: Any, step: Any
    ) -> Any:
        settings = self._settings
        shift, embedding = self.network(inputs, training=True)
        logits = start + shift
        weights = gate(logits, settings.top_k)
        seed = tf.stack([tf.constant(self._seed), step])
        if settings.training == "reward":
            loss = reward_loss(logits, products, gram, start, settings, seed)
        else:
            loss = gradient_loss(logits, products, gram, settings, seed)
        loss += penalty * divergence(weights, start) + settings.balance * imbalance(weights)
        if settings.prototypes:
            loss += settings.pull * regime_terms(embedding, self._prototypes, MARGIN)
        return loss


def gradient_loss(logits: Any, products: Any, gram: Any, settings: MetaSection, seed: Any) -> Any:
    """Minus the mean score of the blends, what they move from era to era taken off.

    Logits are jittered, so that what is learned is flat around the weights of an era: few eras
    are too few for exact ones.

    Args:
        logits: (E, M) the network's.
        products: (E, M) covariances with the target.
        gram: (E, M, M) covariances of the members.
        settings: turnover and gating.
        seed: (2,) of the jitter.
    """
    weights = gate(_around(logits, JITTERS, seed), settings.top_k)
    loss = -tf.reduce_mean(blend_scores(weights, products, gram))
    if settings.turnover:
        usual = gate(logits, settings.top_k)
        loss += settings.turnover * tf.reduce_mean(turnover(usual[1:], usual[:-1]))
    return loss


def reward_loss(
    logits: Any, products: Any, gram: Any, start: Any, settings: MetaSection, seed: Any
) -> Any:
    """The loss whose gradient is that of the expected reward of a Gaussian policy over logits.

    An era's action is a draw of logits around the network's; its reward the score of the blend
    less the cost of what it moves away from the era before. What the static weights score in the
    same era is the baseline: it takes off what an era gives to everyone, and no bias with it.
    The reward is never differentiated.
    Source: Williams, Simple statistical gradient-following algorithms, Machine Learning 8, 1992.

    Args:
        logits: (E, M) the network's.
        products: (E, M) covariances with the target.
        gram: (E, M, M) covariances of the members.
        start: (M,) logits of the static weights.
        settings: entropy, turnover and gating.
        seed: (2,) of the draws.
    """
    drawn = tf.stop_gradient(_around(logits, DRAWS, seed))
    tried, usual = gate(drawn, settings.top_k), tf.stop_gradient(gate(logits, settings.top_k))
    before = tf.concat([usual[:1], usual[:-1]], axis=0)
    reward = blend_scores(tried, products, gram) - settings.turnover * turnover(tried, before)
    baseline = blend_scores(tf.nn.softmax(start)[None, :], products, gram)
    advantage = tf.stop_gradient(reward - baseline)
    density = -tf.reduce_sum(tf.square((drawn - logits) / NOISE), axis=-1) / 2
    spread = entropy(gate(logits, settings.top_k))
    return -tf.reduce_mean(advantage * density) - settings.entropy * spread


def _around(logits: Any, draws: int, seed: Any) -> Any:
    """(draws, E, M) logits with noise."""
    shape = tf.concat([[draws], tf.shape(logits)], axis=0)
    return logits + NOISE * tf.random.stateless_normal(shape, seed)


def weigh(network: Any, inputs: NDArray[Any], static: NDArray[Any], top_k: int) -> Table:
    """(E, M) weights that a network gives for scaled statistics (E, C)."""
    with tf.device("CPU"):
        shift, _ = network(tf.constant(inputs, tf.float32), training=False)
        return np.asarray(gate(start_of(static) + shift, top_k))


def embed(network: Any, inputs: NDArray[Any]) -> Table:
    """(E, D) embeddings that a network gives for scaled statistics (E, C)."""
    with tf.device("CPU"):
        return np.asarray(network(tf.constant(inputs, tf.float32), training=False)[1])
