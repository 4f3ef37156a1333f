"""From shards to what `fit` takes: every head's target, exact steps, even parts for replicas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from etl.shards import ShardSet
from training.task import FoldTask
from zoo.keras.learning import targets
from zoo.keras.params import NetworkParams


def batches(
    data: ShardSet,
    eras: Sequence[str],
    task: FoldTask,
    params: NetworkParams,
    *,
    shuffle: bool,
    replicas: int = 1,
) -> tf.data.Dataset:
    """Batches (features (b, F), target by head); the length of an epoch is known exactly.

    The batch size is the recipe's own, else that of the settings, over all replicas together.
    For several replicas a batch also carries row weights, see `_padded`.
    """
    size = params.batch_size or task.settings.batch_size
    dataset = data.to_tf(
        eras,
        target=task.target,
        batch_size=size,
        shuffle=shuffle,
        seed=task.seed,
        shuffle_blocks=task.settings.shuffle_blocks,
    )
    adapt = targets(params)
    steps = math.ceil(data.rows(eras, task.target) / size)

    def complete(features: tf.Tensor, target: tf.Tensor) -> tuple[Any, ...]:
        batch = features, adapt(features, target)
        return batch if replicas == 1 else _padded(batch, math.ceil(size / replicas) * replicas)

    mapped = dataset.map(complete, num_parallel_calls=tf.data.AUTOTUNE)
    return mapped.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(1)


def _padded(batch: tuple[Any, Any], size: int) -> tuple[Any, Any, tf.Tensor]:
    """The batch with its rows repeated up to `size` and the weights (size,) of the rows.

    A mirrored strategy cuts a batch by its static size (without one it takes another number of
    the pipeline for it) and averages the replicas' mean losses. Weights of 0 for repeated rows
    and `size / rows` for the others make that the mean loss of the true rows.
    """
    rows = tf.shape(batch[0])[0]
    places = tf.range(size)
    features, labels = tf.nest.map_structure(lambda values: tf.gather(values, places % rows), batch)
    weights = tf.where(places < rows, tf.cast(size / rows, tf.float32), 0.0)
    return features, labels, weights
