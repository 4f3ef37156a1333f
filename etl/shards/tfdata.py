"""Shards as a tf.data pipeline: whole blocks are decoded and mixed, never single rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from etl.shards.reader import ShardSet

READERS = 4


def dataset(
    data: ShardSet,
    eras: Sequence[str],
    target: str,
    batch_size: int,
    shuffle_blocks: int,
    seed: int,
) -> tf.data.Dataset:
    """The pipeline behind `ShardSet.to_tf`; `shuffle_blocks` 0 keeps the order of rows."""
    column = data.target_index(target)
    parse = _parser(data, column)
    paths = [str(path) for path in data.files(eras)]
    records = _records(paths, shuffle_blocks, seed)
    if _foreign(data, eras):
        records = records.filter(_of(eras))
    if not shuffle_blocks:
        rows = records.batch(1).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
    else:
        records = records.shuffle(4 * shuffle_blocks, seed=seed + 1)
        seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)
        rows = tf.data.Dataset.zip(records.batch(shuffle_blocks), seeds).map(
            lambda batch, pair: _permuted(parse(batch), pair), num_parallel_calls=tf.data.AUTOTUNE
        )
    options = tf.data.Options()
    options.deterministic = True
    steps = math.ceil(data.rows(eras, data.targets[column]) / batch_size)
    exact = rows.rebatch(batch_size).apply(tf.data.experimental.assert_cardinality(steps))
    return exact.prefetch(2).with_options(options)


def _records(paths: list[str], shuffle_blocks: int, seed: int) -> tf.data.Dataset:
    if not shuffle_blocks:
        return tf.data.TFRecordDataset(paths)
    files = tf.data.Dataset.from_tensor_slices(paths).shuffle(len(paths), seed=seed)
    return files.interleave(
        tf.data.TFRecordDataset, cycle_length=READERS, num_parallel_calls=tf.data.AUTOTUNE
    )


def _parser(data: ShardSet, column: int) -> Any:
    width, targets = len(data.spec.names), len(data.targets)
    kind = tf.int8 if data.spec.dtype == np.int8 else tf.float32
    keys = {name: tf.io.FixedLenFeature([], tf.string) for name in ("features", "targets")}

    def parse(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Joined bytes of several blocks are the joined rows, so one decode serves them all."""
        raw = tf.io.parse_example(batch, keys)
        features = tf.io.decode_raw(tf.strings.reduce_join(raw["features"]), kind)
        labels = tf.io.decode_raw(tf.strings.reduce_join(raw["targets"]), tf.float32)
        x = tf.reshape(features, [-1, width])
        y = tf.reshape(labels, [-1, targets])[:, column]
        known = tf.math.is_finite(y)
        return tf.boolean_mask(x, known), tf.boolean_mask(y, known)

    return parse


def _permuted(rows: tuple[tf.Tensor, tf.Tensor], pair: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    x, y = rows
    order = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(y)[0]), seed=pair)
    return tf.gather(x, order), tf.gather(y, order)


def _foreign(data: ShardSet, eras: Sequence[str]) -> bool:
    wanted = set(eras)
    files = {path.relative_to(data.folder).as_posix() for path in data.files(eras)}
    held = {era for entry in data.manifest.files if entry.path in files for era, _ in entry.eras}
    return bool(held - wanted)


def _of(eras: Sequence[str]) -> Any:
    wanted = tf.constant([era.encode() for era in eras])
    key = {"era": tf.io.FixedLenFeature([], tf.string)}
    return lambda record: tf.reduce_any(tf.io.parse_single_example(record, key)["era"] == wanted)
