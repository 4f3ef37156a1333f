"""Shards as a tf.data pipeline: blocks are decoded whole and mixed in slices, never row by row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from erazoo.errors import ConfigError
from erazoo.panel import FeatureSpec
from etl.shards.allocator import keep_freed_memory
from etl.shards.epoch import Epoch, target_names
from etl.shards.format import ShardFormat
from etl.shards.packed import TRIPLE, base_of, bytes_of, decode_pairs, packed_width

if TYPE_CHECKING:
    from etl.shards.reader import ShardSet

READERS = 4
SLICE_ROWS = 32
"""Fewest rows of a block that go into a batch together."""
NEAR_BYTES, FAR_BYTES = 1 << 18, 1 << 21
"""Bytes a request, of files here and of shards that stay in a store, where it is a round trip."""
ENDLESS = 1 << 62
"""Epochs of a dataset without an end."""
GRAPH_SEED = 1
PACKING = {"none": "", "gzip": "GZIP", "zlib": "ZLIB"}
Parts = tuple[tf.Tensor, ...]
Parser = Callable[[tf.Tensor], tuple[Parts, tf.Tensor]]


@dataclass(frozen=True)
class Reading:
    """What is read, and what a batch holds.

    Args:
        data: the shard set.
        epoch: its rows and batches.
        target: a column for targets (b,), or several for (b, T).
        training: rows of weight 0 are left out, and other weights than 1 are yielded.
        packed: features stay packed.
        columns: of the targets.

    Raises:
        ConfigError: shards that are not packed.
        SchemaError: the shards do not carry a target.
    """

    data: ShardSet
    epoch: Epoch
    target: str | Sequence[str]
    training: bool = False
    packed: bool = False
    columns: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        if self.packed and self.form.codec != "packed":
            raise ConfigError(
                "batches stay packed only where the shards are",
                received=f"codec {self.form.codec!r}",
                hint="Set shards.codec = 'packed'",
            )
        object.__setattr__(self, "columns", self._columns())

    @property
    def form(self) -> ShardFormat:
        """How records hold the rows."""
        return self.data.manifest.form

    @property
    def held(self) -> NDArray[np.int64] | None:
        """The bytes, or values, of a row that hold the wanted features; None where all do."""
        columns = self.data.columns
        if columns is None or self.form.codec != "packed":
            return columns
        return bytes_of(columns)[0]

    @property
    def whole_bytes(self) -> bool:
        """Whether a batch holds packed features as records do."""
        return self.packed and self.data.columns is None

    def _columns(self) -> tuple[int, ...]:
        return tuple(self.data.target_index(name) for name in target_names(self.target))

    def open(self, path: tf.Tensor) -> tf.data.Dataset:
        """The records of a file."""
        request = FAR_BYTES if "://" in str(self.data.folder) else NEAR_BYTES
        return tf.data.TFRecordDataset(path, PACKING[self.form.compression], request)


def dataset(
    reading: Reading,
    *,
    shuffle_blocks: int,
    seed: int,
    repeat: int | None,
    first_epoch: int | None = None,
) -> tf.data.Dataset:
    """The pipeline behind `ShardSet.to_tf`; with `shuffle_blocks` 0 rows keep their order."""
    keep_freed_memory()
    if first_epoch is None:
        numbers = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
        numbers = numbers.repeat(repeat)
    else:
        last = ENDLESS if repeat is None else first_epoch + repeat
        numbers = tf.data.Dataset.range(first_epoch, last)
    steps = tf.data.INFINITE_CARDINALITY if repeat is None else reading.epoch.steps * repeat
    batches = numbers.flat_map(_epoch(reading, shuffle_blocks, seed))
    batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.prefetch(2).with_options(options)


def _epoch(
    reading: Reading, shuffle_blocks: int, seed: int
) -> Callable[[tf.Tensor], tf.data.Dataset]:
    """From an epoch's number to its batches, whose order depends on it and on `seed` alone."""
    size = reading.epoch.batch_size

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        # Seeds this function's graph, so that the global seed has no say in the order.
        tf.compat.v1.set_random_seed(GRAPH_SEED)
        draw = tf.stack([tf.constant(seed, tf.int64), number])
        if size is None:
            batches = _whole_eras(reading, draw if shuffle_blocks else None)
        elif shuffle_blocks:
            batches = _mixed(reading, size, shuffle_blocks, draw)
        else:
            batches = _in_order(reading).rebatch(size)
        if reading.form.codec == "packed" and not reading.whole_bytes:
            batches = batches.map(_decoder(reading), num_parallel_calls=tf.data.AUTOTUNE)
        return batches.apply(tf.data.experimental.assert_cardinality(reading.epoch.steps))

    plain: Callable[[tf.Tensor], tf.data.Dataset] = tf.autograph.experimental.do_not_convert(epoch)
    return plain


def _in_order(reading: Reading) -> tf.data.Dataset:
    """One element a block, files and records in their order."""
    parse = _parser(reading)
    records = tf.data.Dataset.from_tensor_slices(_paths(reading)).flat_map(_opener(reading))
    return records.map(lambda record: _counted(*parse(record)), num_parallel_calls=tf.data.AUTOTUNE)


def _mixed(reading: Reading, batch_size: int, window: int, draw: tf.Tensor) -> tf.data.Dataset:
    """Batches of slices from `window` blocks that lie open at a time, the rows of each permuted.

    Files come in a random order, `window` of them in turn, so that blocks that lie open together
    are of different eras. A window held as one matrix mixes no better, and takes more memory and
    time, since buffers of that size are never used twice.
    """
    parse, paths = _parser(reading), _paths(reading)
    number = tf.random.stateless_uniform([], draw, None, None, tf.int64)
    files = tf.data.Dataset.from_tensor_slices(
        tf.random.experimental.stateless_shuffle(paths, draw)
    )
    records = files.batch(math.ceil(len(paths) / READERS)).interleave(
        lambda part: tf.data.Dataset.from_tensor_slices(part).interleave(
            _opener(reading), cycle_length=math.ceil(window / READERS)
        ),
        cycle_length=READERS,
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    together = max(SLICE_ROWS, math.ceil(batch_size / window))
    records = records.shuffle(math.ceil(window / READERS), number, reshuffle_each_iteration=False)
    blocks = records.enumerate().map(
        lambda place, record: _sliced(*parse(record), tf.stack([number, place]), together),
        tf.data.AUTOTUNE,
    )
    return blocks.interleave(_slices, cycle_length=window).rebatch(batch_size)


def _whole_eras(reading: Reading, draw: tf.Tensor | None) -> tf.data.Dataset:
    """All rows of some eras a batch, and as its last part the place of each row's era in it."""
    parse, stretches, read = _parser(reading), _stretches(reading), _stretch_reader(reading)
    rows = list(reading.epoch.rows.values())
    together = reading.epoch.batch_eras or 1

    def block(record: tf.Tensor, place: tf.Tensor) -> Parts:
        parts = _counted(*parse(record))
        return *parts, tf.fill([tf.shape(parts[0])[0]], place)

    order = tf.range(len(rows))
    if draw is not None:
        order = tf.random.experimental.stateless_shuffle(order, draw)
    sizes = tf.math.segment_sum(
        tf.gather(tf.constant(rows, tf.int64), order), tf.range(len(rows)) // together
    )
    found = tf.gather(stretches, order)
    places = tf.cast(found.value_rowids(), tf.int32) % together
    records = tf.data.Dataset.from_tensor_slices((found.values, places)).flat_map(read)
    return records.map(block, num_parallel_calls=READERS).rebatch(sizes)


def _paths(reading: Reading) -> list[str]:
    return [str(path) for path in reading.data.files(tuple(reading.epoch.rows))]


def _opener(reading: Reading) -> Callable[[tf.Tensor], tf.data.Dataset]:
    """From a path to its records, those of other eras left out."""
    wanted = reading.epoch.rows
    held = [{era for era, _ in entry.eras} for entry in reading.data.manifest.files]
    mixed = any(eras & wanted.keys() and eras - wanted.keys() for eras in held)
    labels = tf.constant([era.encode() for era in wanted])
    key = {"era": tf.io.FixedLenFeature([], tf.string)}

    def of_wanted(record: tf.Tensor) -> tf.Tensor:
        return tf.reduce_any(tf.io.parse_single_example(record, key)["era"] == labels)

    def records(path: tf.Tensor) -> tf.data.Dataset:
        every = reading.open(path)
        return every.filter(of_wanted) if mixed else every

    return records


def _stretches(reading: Reading) -> tf.RaggedTensor:
    """Era by era, (path, first record, records) of each place where its records lie, as text."""
    found: dict[str, list[list[str]]] = {era: [] for era in reading.epoch.rows}
    for entry in reading.data.manifest.files:
        first = 0
        for era, rows in entry.eras:
            count = math.ceil(rows / reading.form.block_rows)
            if era in found:
                path = str(reading.data.folder / entry.path)
                found[era].append([path, str(first), str(count)])
            first += count
    return tf.ragged.constant(list(found.values()), inner_shape=(3,))


def _stretch_reader(reading: Reading) -> Callable[..., tf.data.Dataset]:
    """From a stretch and the place of its era to its records, each with that place."""

    def records(stretch: tf.Tensor, place: tf.Tensor) -> tf.data.Dataset:
        first = tf.strings.to_number(stretch[1], tf.int64)
        count = tf.strings.to_number(stretch[2], tf.int64)
        places = tf.data.Dataset.from_tensors(place).repeat()
        return tf.data.Dataset.zip(reading.open(stretch[0]).skip(first).take(count), places)

    return records


def _parser(reading: Reading) -> Parser:
    """From a record to features, targets and weights where wanted, and which rows count."""
    form, columns, single = reading.form, reading.columns, isinstance(reading.target, str)
    weighs = reading.training and form.weighted
    keys = {
        name: tf.io.FixedLenFeature([], tf.string)
        for name in ("features", "targets", *(["weights"] if weighs else []))
    }
    kind = tf.uint8 if form.codec == "packed" else tf.as_dtype(form.spec.dtype)
    held = reading.held

    def parse(record: tf.Tensor) -> tuple[Parts, tf.Tensor]:
        raw = tf.io.parse_single_example(record, keys)
        features = tf.reshape(tf.io.decode_raw(raw["features"], kind), [-1, form.width])
        features = features if held is None else tf.gather(features, held, axis=1)
        targets = tf.io.decode_raw(raw["targets"], tf.float32)
        targets = tf.reshape(targets, [-1, len(form.targets)])
        targets = tf.gather(targets, columns, axis=1)
        counted = tf.math.is_finite(targets[:, 0])
        parts: Parts = (features, targets[:, 0] if single else targets)
        if not weighs:
            return parts, counted
        weights = tf.io.decode_raw(raw["weights"], tf.float32)
        if reading.data.manifest.weighs:
            parts = (*parts, weights)
        return parts, counted & (weights > 0)

    return parse


def _counted(parts: Parts, counted: tf.Tensor) -> Parts:
    """The rows that count."""
    rows = tf.where(counted)[:, 0]
    return tuple(tf.gather(part, rows) for part in parts)


def _sliced(
    parts: Parts, counted: tf.Tensor, draw: tf.Tensor, together: int
) -> tuple[Parts, Parts]:
    """The rows that count in an order drawn from `draw` (2,): (k, together, ...) and the rest."""
    rows = tf.where(counted)[:, 0]
    order = tf.random.experimental.stateless_shuffle(rows, draw)
    whole = tf.size(order) // together * together
    slices = tf.reshape(order[:whole], [-1, together])
    return (
        tuple(tf.gather(part, slices) for part in parts),
        tuple(tf.gather(part, order[whole:]) for part in parts),
    )


def _slices(slices: Parts, rest: Parts) -> tf.data.Dataset:
    """One element a slice: copies, since TensorFlow logs an error where it joins views."""
    whole = tf.data.Dataset.from_tensors(slices).unbatch()
    return whole.concatenate(tf.data.Dataset.from_tensors(rest))


def _decoder(reading: Reading) -> Callable[..., Parts]:
    """Packed features of a batch to int8, six codes for two bytes by a table.

    Those of a narrowed view are packed again where they are wanted so: a byte of the records holds
    features of others too.
    """
    spec, columns = reading.data.spec, reading.data.columns
    sixes = tf.constant(decode_pairs(base_of(spec)))
    features = len(spec.names)
    held, places = (None, None) if columns is None else bytes_of(columns)
    width = reading.form.width if held is None else len(held)

    def decode(packed: tf.Tensor, *others: tf.Tensor) -> Parts:
        even = tf.pad(tf.reshape(packed, [-1]), [[0, tf.size(packed) % 2]])
        pairs = tf.bitcast(tf.reshape(even, [-1, 2]), tf.uint16)
        codes = tf.reshape(tf.gather(sixes, tf.cast(pairs, tf.int32)), [-1])
        codes = tf.reshape(codes[: tf.size(packed) * TRIPLE], [-1, width * TRIPLE])
        codes = codes[:, :features] if places is None else tf.gather(codes, places, axis=1)
        return _packed(codes, spec) if reading.packed else codes, *others

    return decode


def _packed(codes: tf.Tensor, spec: FeatureSpec) -> tf.Tensor:
    """Codes (b, F) as `etl.shards.packed.pack` packs them."""
    features, base = len(spec.names), base_of(spec)
    width = packed_width(features)
    wide = tf.pad(tf.cast(codes, tf.uint8), [[0, 0], [0, width * TRIPLE - features]])
    places = tf.constant([base**place for place in range(TRIPLE)], tf.uint8)
    return tf.reduce_sum(tf.reshape(wide, [-1, width, TRIPLE]) * places, axis=2)
