"""From shards to what `fit` takes: every head's target, exact steps, one part a replica."""

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
    data: ShardSet, eras: Sequence[str], task: FoldTask, params: NetworkParams, *, shuffle: bool
) -> tf.data.Dataset:
    """Batches (features (b, F), target by head); the length of an epoch is known exactly.

    The batch size is the recipe's own, else that of the settings, over all devices together.
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
    return (
        dataset.map(
            lambda features, target: (features, adapt(features, target)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        .apply(tf.data.experimental.assert_cardinality(steps))
        .prefetch(1)
    )


def distribute(dataset: tf.data.Dataset, strategy: tf.distribute.Strategy) -> Any:
    """The same batches, each cut into one part a replica.

    TensorFlow's own cutting infers the batch size from the pipeline and finds the number of
    blocks instead of rows. A part's rows weigh `replicas * part / batch`, so that the mean of the
    parts' mean losses is the mean over the batch, however uneven the parts are.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return dataset
    parts = dataset.flat_map(lambda *batch: _parts(batch, replicas))
    return strategy.distribute_datasets_from_function(lambda _: parts.prefetch(replicas))


def _parts(batch: tuple[Any, Any], replicas: int) -> tf.data.Dataset:
    rows = tf.shape(batch[0], out_type=tf.int64)[0]

    def part(replica: tf.Tensor) -> tuple[Any, Any, tf.Tensor]:
        first, last = rows * replica // replicas, rows * (replica + 1) // replicas
        share = tf.cast(replicas * (last - first) / rows, tf.float32)
        # A replica without a row of its own computes on one that weighs nothing.
        first, last = tf.minimum(first, rows - 1), tf.maximum(last, first + 1)
        features, labels = tf.nest.map_structure(lambda values: values[first:last], batch)
        return features, labels, tf.fill([last - first], share)

    return tf.data.Dataset.range(replicas).map(part)
