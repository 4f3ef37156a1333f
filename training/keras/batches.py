"""From shards to what `fit` takes: exact steps, training weights, even parts for replicas."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from etl.shards import ShardSet
from training.task import FoldTask
from zoo.keras.params import NetworkParams


def batches(
    data: ShardSet,
    eras: Sequence[str],
    task: FoldTask,
    params: NetworkParams,
    *,
    training: bool,
    replicas: int = 1,
) -> tf.data.Dataset:
    """Batches (features (b, F), target (b,)), in training shuffled and with its weights.

    Features stay packed where shards are; see `is_packed`. The batch size is the recipe's own,
    else that of the settings, over all replicas together. For several replicas a batch also
    carries weights, see `_padded`.
    """
    size = params.batch_size or task.settings.batch_size
    dataset = data.to_tf(
        eras,
        target=task.target,
        batch_size=size,
        shuffle=training,
        seed=task.seed,
        shuffle_blocks=task.settings.shuffle_blocks,
        training=training,
        packed=is_packed(data),
    )
    if replicas == 1:
        return dataset
    steps = dataset.cardinality()
    even = math.ceil(size / replicas) * replicas
    mapped = dataset.map(lambda *batch: _padded(batch, even), num_parallel_calls=tf.data.AUTOTUNE)
    return mapped.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(1)


def is_packed(data: ShardSet) -> bool:
    """Whether batches hold packed features, (b, ceil(F / 3)) uint8."""
    return data.manifest.form.codec == "packed"


def _padded(batch: tuple[tf.Tensor, ...], size: int) -> tuple[tf.Tensor, ...]:
    """The batch with its rows repeated up to `size`, and the weights (size,) of the rows.

    A mirrored strategy cuts a batch by its static size and averages the replicas' mean losses.
    Weights of 0 for repeated rows, and of the others by `size / rows`, make that the mean loss
    of the true rows.
    """
    rows = tf.shape(batch[0])[0]
    places = tf.range(size)
    features, labels, *given = [tf.gather(part, places % rows) for part in batch]
    weights = tf.where(places < rows, tf.cast(size / rows, tf.float32), 0.0)
    return features, labels, weights * given[0] if given else weights
