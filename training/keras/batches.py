"""From shards to what `fit` takes: exact steps, training weights, even parts for replicas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

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
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Batches (features (b, F), target), in training shuffled, weighted and without an end.

    An epoch of training has `steps` of them, in an order that its number and the seed say; the
    first one is `first_epoch`.

    Features stay packed where shards are; see `is_packed`. The target is (b,), or (b, T) where
    heads have further targets, and is what `Learner` takes. The batch size is the recipe's own,
    else that of the settings, over all replicas together; a recipe with `batch_eras` gets whole
    eras, on one device. For several replicas a batch also carries weights, see `_padded`.
    """
    if params.batch_eras is not None:
        return _whole_eras(data, eras, task, params, training, first_epoch)
    size = params.batch_size or task.settings.batch_size
    dataset = data.to_tf(
        eras,
        target=_columns(task, params),
        batch_size=size,
        shuffle=training,
        seed=task.seed,
        shuffle_blocks=task.settings.shuffle_blocks,
        training=training,
        packed=is_packed(data),
        **_epochs(training, first_epoch),
    )
    if replicas == 1:
        return dataset
    cardinality = dataset.cardinality()
    even = math.ceil(size / replicas) * replicas
    mapped = dataset.map(lambda *batch: _padded(batch, even), num_parallel_calls=tf.data.AUTOTUNE)
    return mapped.apply(tf.data.experimental.assert_cardinality(cardinality)).prefetch(1)


def _columns(task: FoldTask, params: NetworkParams) -> str | list[str]:
    """The target, followed by those of further heads where there are some."""
    further = list(params.head.auxiliary)
    return [task.target, *further] if further else task.target


def steps(data: ShardSet, eras: Sequence[str], task: FoldTask, params: NetworkParams) -> int:
    """Batches an epoch of training, known without reading a row."""
    size = params.batch_size or task.settings.batch_size
    return data.steps(
        eras,
        target=_columns(task, params),
        batch_size=None if params.batch_eras else size,
        batch_eras=params.batch_eras,
        training=True,
    )


def _epochs(training: bool, first: int) -> dict[str, Any]:
    return {"repeat": None, "first_epoch": first} if training else {}


def _whole_eras(
    data: ShardSet,
    eras: Sequence[str],
    task: FoldTask,
    params: NetworkParams,
    training: bool,
    first_epoch: int,
) -> tf.data.Dataset:
    """Batches of whole eras: (features, (target, places)[, weights])."""
    dataset = data.to_tf(
        eras,
        target=_columns(task, params),
        batch_eras=params.batch_eras,
        shuffle=training,
        seed=task.seed,
        training=training,
        packed=is_packed(data),
        **_epochs(training, first_epoch),
    )
    return dataset.map(
        lambda features, target, *rest: (features, (target, rest[-1]), *rest[:-1]),
        num_parallel_calls=tf.data.AUTOTUNE,
    )


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
