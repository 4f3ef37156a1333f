"""Terms of the meta-learner's loss: scores of blends, and what keeps weights and regimes sane."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

_TINY = 1e-12


def blend_scores(weights: Any, products: Any, gram: Any) -> Any:
    """Linear scores p'w / sqrt(w'Gw) of each era's blend.

    Args:
        weights: (..., E, M).
        products: (E, M) covariances with the target.
        gram: (E, M, M) covariances of the members.

    Returns:
        (..., E), differentiable in the weights.
    """
    along = tf.linalg.matvec(gram, weights)
    variance = tf.reduce_sum(along * weights, axis=-1)
    return tf.reduce_sum(weights * products, axis=-1) / tf.sqrt(tf.maximum(variance, _TINY))


def divergence(weights: Any, start: Any) -> Any:
    """Mean Kullback-Leibler divergence of weights (E, M) from those of the logits `start` (M,)."""
    static = tf.nn.log_softmax(start)
    terms = weights * (tf.math.log(weights + _TINY) - static)
    return tf.reduce_mean(tf.reduce_sum(terms, axis=-1))


def entropy(weights: Any) -> Any:
    """Mean entropy of weights (E, M)."""
    return -tf.reduce_mean(tf.reduce_sum(weights * tf.math.log(weights + _TINY), axis=-1))


def turnover(weights: Any, before: Any) -> Any:
    """Half the absolute change of weights (..., M), the share that is moved."""
    return tf.reduce_sum(tf.abs(weights - before), axis=-1) / 2


def imbalance(weights: Any) -> Any:
    """Squared coefficient of variation of the members' mean weights (E, M).

    Source: Shazeer et al., Outrageously large neural networks: the sparsely-gated
    mixture-of-experts layer, ICLR 2017, their loss of importance.
    """
    use = tf.reduce_mean(weights, axis=0)
    return tf.math.reduce_variance(use) / tf.square(tf.reduce_mean(use))


def regime_terms(embedding: Any, prototypes: Any, margin: float) -> Any:
    """What draws eras (E, D) to their nearest prototype (K, D), and keeps those apart and used.

    The sum of: the mean squared distance to the nearest prototype; the squared lack of distance
    between two prototypes to `margin`, over all pairs; and how much the mean soft assignment lacks
    of the entropy of an equal one, so that no prototype is left without eras.
    """
    distance = _squares(embedding, prototypes)
    pull = tf.reduce_mean(tf.reduce_min(distance, axis=1))
    count = tf.shape(prototypes)[0]
    between = _squares(prototypes, prototypes) + 1e9 * tf.eye(count)
    lacking = tf.square(tf.nn.relu(margin - tf.sqrt(between + _TINY)))
    pairs = tf.cast(tf.maximum(count * (count - 1), 1), tf.float32)
    apart = tf.reduce_sum(lacking) / pairs
    use = tf.reduce_mean(tf.nn.softmax(-distance / (margin / 4)), axis=0)
    unused = tf.math.log(tf.cast(count, tf.float32)) + tf.reduce_sum(use * tf.math.log(use + _TINY))
    return pull + apart + unused


def _squares(left: Any, right: Any) -> Any:
    """(A, B) squared distances of (A, D) and (B, D)."""
    return tf.reduce_sum(tf.square(left[:, None, :] - right[None, :, :]), axis=-1)
