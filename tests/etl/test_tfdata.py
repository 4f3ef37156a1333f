"""`ShardSet.to_tf` against `ShardSet.blocks`: the same rows in every kind of batch."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.errors import ConfigError, SchemaError, ShardError
from erazoo.panel import EraBlock, FeatureSpec
from etl.shards import ShardFormat, ShardSet, ShardWriter
from etl.shards.packed import unpack

ROOT = Path(__file__).resolve().parents[2]
A, B, C = "target_a_20", "target_b_20", "target_c_60"
FEATURES = 7
Make = Callable[..., ShardSet]


def write(
    folder: Path,
    *,
    sizes: Sequence[int] = (23, 8, 31, 16, 3, 40, 17),
    kind: str = "int8",
    weights: str = "",
    facts: dict[str, Any] | None = None,
    block_rows: int = 8,
    codec: str = "raw",
    compression: str = "none",
    own_code: bool = False,
    **writing: Any,
) -> ShardSet:
    """Eras of `sizes` rows with holes in their targets; the last era has no target A.

    `weights`: `left out` (0 and 1) or `graded` (0, 1 and 2.5).
    """
    eras = {f"{number:04d}": rows for number, rows in enumerate(sizes, 1)}
    missing = None if kind == "float32" else 5 if own_code else 2
    names = tuple(f"feature_{j}" for j in range(FEATURES))
    spec = FeatureSpec(names, dtype=np.dtype(kind), missing=missing)

    def blocks() -> Iterator[EraBlock]:
        for number, (era, rows) in enumerate(eras.items()):
            rng = np.random.default_rng(number)
            x = rng.integers(0, 6 if own_code else 5, (rows, FEATURES)).astype(kind)
            y = rng.random((rows, 3)).astype(np.float32)
            y[rng.random((rows, 3)) < 0.2] = np.nan
            y[:, 0] = np.nan if number == len(sizes) - 1 else y[:, 0]
            values = {"left out": [0, 1], "graded": [0, 1, 2.5]}.get(weights, [1])
            w = rng.choice(values, rows).astype(np.float32) if weights else None
            ids = np.array([f"{era}-{row}" for row in range(rows)], dtype=object)
            yield EraBlock(era, ids, x, y, np.empty((rows, 0), np.float32), w)

    form = ShardFormat(spec, (A, B, C), (), block_rows, codec, compression, weighted=bool(weights))
    writer = ShardWriter(
        folder,
        form,
        split_of=dict.fromkeys(eras, "train"),
        rows_of=eras,
        key="test",
        facts=facts,
        **writing,
    )
    with writer:
        writer.write(blocks())
    return ShardSet.open(folder)


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    return lambda **options: write(tmp_path_factory.mktemp("shards"), **options)


@pytest.fixture(scope="module")
def data(make: Make) -> ShardSet:
    return make()


def expected(
    data: ShardSet, eras: Any = None, columns: Sequence[int] = (0,), training: bool = False
) -> np.ndarray:
    """Features and targets side by side, (n, F + T), in the order of the set."""
    parts = []
    for block in data.blocks(eras, training=training):
        known = np.isfinite(block.targets[:, columns[0]])
        parts.append(np.c_[block.features, block.targets[:, columns]][known])
    return np.concatenate(parts)


def read(dataset: tf.data.Dataset) -> np.ndarray:
    """All parts of all batches side by side, (n, F + T and more)."""
    return np.concatenate([np.column_stack(batch) for batch in dataset.as_numpy_iterator()])


def as_rows(table: np.ndarray) -> list[tuple[Any, ...]]:
    """In an order of their own, NaN as a number."""
    return sorted(map(tuple, np.nan_to_num(table, nan=-1).tolist()))


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"layout": "flat", "shard_rows": 30, "compression": "gzip"},
        {"codec": "packed", "compression": "zlib", "shard_rows": 16},
        {"codec": "packed", "layout": "flat", "own_code": True},
        {"kind": "float32", "layout": "flat", "shard_rows": 50},
    ],
    ids=lambda stored: "-".join(map(str, stored.values())) or "raw",
)
def test_every_row_is_read_once_however_it_is_stored(
    make: Make, stored: dict[str, Any], shuffle: bool
) -> None:
    data = make(**stored)
    batches = data.to_tf(target=A, batch_size=10, shuffle=shuffle, shuffle_blocks=3)
    features, target = batches.element_spec
    assert (features.dtype.name, features.shape[1]) == (data.spec.dtype.name, FEATURES)
    assert (target.dtype, target.shape.rank) == (tf.float32, 1)
    found = read(batches)
    if shuffle:
        assert not np.array_equal(found, expected(data))
        assert as_rows(found) == as_rows(expected(data))
    else:
        np.testing.assert_array_equal(found, expected(data))


@settings(max_examples=12, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=2, max_size=6),
    block_rows=st.integers(1, 12),
    shard_rows=st.integers(1, 40),
    layout=st.sampled_from(["era", "flat"]),
    codec=st.sampled_from(["raw", "packed"]),
    batch=st.integers(1, 50),
    window=st.integers(1, 9),
    whole=st.booleans(),
)
def test_no_row_is_lost_or_doubled_and_steps_are_exact(
    sizes: list[int],
    block_rows: int,
    shard_rows: int,
    layout: str,
    codec: str,
    batch: int,
    window: int,
    whole: bool,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        data = write(
            Path(name),
            sizes=sizes,
            block_rows=block_rows,
            codec=codec,
            layout=layout,
            shard_rows=shard_rows,
        )
        size = {"batch_eras": 1 + batch % 3} if whole else {"batch_size": batch}
        batches = data.to_tf(target=B, shuffle=True, seed=batch, shuffle_blocks=window, **size)
        parts = [np.column_stack(part) for part in batches.as_numpy_iterator()]
        wanted = expected(data, columns=(1,))
    assert as_rows(np.concatenate(parts)[:, : FEATURES + 1]) == as_rows(wanted)
    assert len(parts) == data.steps(target=B, **size) == int(batches.cardinality())
    if not whole:
        assert {len(part) for part in parts[:-1]} <= {batch}


def test_equal_seeds_give_equal_epochs_and_each_epoch_its_own_order(data: ShardSet) -> None:
    def epochs(seed: int) -> list[np.ndarray]:
        batches = data.to_tf(target=A, batch_size=9, shuffle=True, seed=seed, shuffle_blocks=4)
        return [read(batches), read(batches)]

    first, second = epochs(5)
    again, then = epochs(5)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(second, then)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, epochs(6)[0])


def test_more_readers_and_cores_do_not_change_the_order(data: ShardSet) -> None:
    def batches() -> tf.data.Dataset:
        return data.to_tf(target=A, batch_size=9, shuffle=True, seed=5, shuffle_blocks=4)

    one = tf.data.Options()
    one.threading.private_threadpool_size = 1
    one.autotune.enabled = False
    np.testing.assert_array_equal(read(batches()), read(batches().with_options(one)))


@pytest.mark.parametrize("size", [{"batch_size": 9}, {"batch_eras": 2}], ids=["rows", "eras"])
@pytest.mark.parametrize("seed", [0, 7])
def test_a_numbered_epoch_has_the_same_order_wherever_reading_begins(
    data: ShardSet, size: dict[str, int], seed: int
) -> None:
    def epochs(first: int, count: int, seed: int = seed) -> list[np.ndarray]:
        ways = {"shuffle": True, "shuffle_blocks": 4, "repeat": None, "first_epoch": first}
        tf.random.set_seed(first)
        batches = data.to_tf(target=A, seed=seed, **size, **ways)
        steps = data.steps(target=A, **size)
        rows = [np.column_stack(batch) for batch in batches.take(count * steps)]
        return [np.concatenate(rows[k * steps : (k + 1) * steps]) for k in range(count)]

    all_of_them = epochs(0, 4)
    for first in (1, 3):
        for found, wanted in zip(epochs(first, 4 - first), all_of_them[first:], strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert not np.array_equal(all_of_them[0], all_of_them[1])
    assert not np.array_equal(all_of_them[0], epochs(0, 1, seed + 1)[0])


def test_repeated_epochs_are_whole_and_differ(data: ShardSet) -> None:
    twice = data.to_tf(target=A, batch_size=10, shuffle=True, shuffle_blocks=4, repeat=2)
    steps = data.steps(target=A, batch_size=10)
    parts = [np.column_stack(part) for part in twice.as_numpy_iterator()]
    assert len(parts) == int(twice.cardinality()) == 2 * steps
    first, second = np.concatenate(parts[:steps]), np.concatenate(parts[steps:])
    assert as_rows(first) == as_rows(second) == as_rows(expected(data))
    assert not np.array_equal(first, second)


def test_without_an_end_epochs_follow_each_other(data: ShardSet) -> None:
    endless = data.to_tf(target=A, batch_size=10, repeat=None)
    assert int(endless.cardinality()) == tf.data.INFINITE_CARDINALITY
    steps = data.steps(target=A, batch_size=10)
    found = read(endless.take(3 * steps))
    np.testing.assert_array_equal(found, np.tile(expected(data), (3, 1)))


def test_a_set_that_holds_other_rows_than_it_says_is_an_error(make: Make) -> None:
    data = make(sizes=(20, 20))
    entry = data.manifest.eras["0001"]
    entry.resolved[A] += 10  # type: ignore[index]
    batches = data.to_tf(["0001"], target=A, batch_size=10)
    with pytest.raises(tf.errors.FailedPreconditionError, match="contain 3 elements but .* 2"):
        read(batches)


@pytest.mark.parametrize("eras", ["even", "2..5&odd,6", ["0006", "0002"]])
@pytest.mark.parametrize("layout", ["era", "flat"])
def test_eras_are_chosen_by_expression_or_list(make: Make, layout: str, eras: Any) -> None:
    data = make(layout=layout)
    found = read(data.to_tf(eras, target=A, batch_size=10))
    np.testing.assert_array_equal(found, expected(data, eras))
    assert len(found) == data.rows(eras, A) < data.rows(None, A)
    shuffled = data.to_tf(eras, target=A, batch_size=10, shuffle=True)
    assert as_rows(read(shuffled)) == as_rows(found)


def test_several_targets_come_side_by_side_and_the_first_says_which_rows(data: ShardSet) -> None:
    batches = data.to_tf(target=[C, A], batch_size=10)
    assert batches.element_spec[1].shape.as_list() == [None, 2]
    found = read(batches)
    np.testing.assert_array_equal(found, expected(data, columns=(2, 0)))
    assert np.isfinite(found[:, FEATURES]).all()
    assert np.isnan(found[:, FEATURES + 1]).any()
    assert read(data.to_tf(target=[A], batch_size=10)).shape == expected(data).shape


BALANCED = {"balance": {"mode": "weights"}}
LEFT_OUT = {"balance": {"mode": "rows"}}


@pytest.mark.parametrize("shuffle", [False, True])
def test_training_leaves_out_rows_of_weight_0_and_yields_the_other_weights(
    make: Make, shuffle: bool
) -> None:
    data = make(weights="graded", facts=BALANCED)
    weights = [
        block.weights[np.isfinite(block.targets[:, 0])]
        for block in data.blocks(training=True)
        if block.weights is not None
    ]
    wanted = np.c_[expected(data, training=True), np.concatenate(weights)]
    batches = data.to_tf(target=A, batch_size=10, shuffle=shuffle, training=True)
    assert as_rows(read(batches)) == as_rows(wanted)
    assert data.steps(target=A, batch_size=10, training=True) == -(-len(wanted) // 10)
    assert len(wanted) < len(expected(data))
    np.testing.assert_array_equal(read(data.to_tf(target=A, batch_size=10)), expected(data))


@pytest.mark.parametrize("facts", [LEFT_OUT, {"balance": None}], ids=["rows", "removed"])
def test_weights_of_0_and_1_are_not_yielded(make: Make, facts: dict[str, Any]) -> None:
    data = make(weights="left out", facts=facts)
    found = read(data.to_tf(target=A, batch_size=10, training=True))
    np.testing.assert_array_equal(found, expected(data, training=True))


def test_weights_are_yielded_where_nothing_is_known_of_them(make: Make) -> None:
    batches = make(weights="left out").to_tf(target=A, batch_size=10, training=True)
    assert set(read(batches)[:, -1]) == {1.0}


@pytest.mark.parametrize(
    ("stored", "together"),
    [
        ({}, 1),
        ({"shard_rows": 10}, 3),
        ({"layout": "flat", "shard_rows": 30, "compression": "zlib"}, 2),
        ({"codec": "packed", "layout": "flat"}, 4),
    ],
    ids=["one", "three", "flat", "packed"],
)
def test_whole_eras_are_batches_with_the_place_of_each_rows_era(
    make: Make, stored: dict[str, Any], together: int
) -> None:
    data = make(**stored)
    eras = [era for era in data.eras() if data.rows([era], A)]
    tables = [as_rows(expected(data, [era])) for era in eras]
    for shuffle in (False, True):
        batches = data.to_tf(target=A, batch_eras=together, shuffle=shuffle, seed=3)
        seen = []
        for *parts, era in batches.as_numpy_iterator():
            assert era.dtype == np.int32
            assert (np.diff(era) >= 0).all()
            assert set(era) == set(range(min(together, len(eras) - len(seen))))
            seen += [as_rows(np.column_stack(parts)[era == k]) for k in np.unique(era)]
        assert (seen == tables) is not shuffle
        assert sorted(seen) == sorted(tables)
        assert int(batches.cardinality()) == -(-len(eras) // together)


def test_whole_eras_change_place_each_epoch_and_carry_weights(make: Make) -> None:
    data = make(weights="graded", facts=BALANCED)
    batches = data.to_tf(target=A, batch_eras=2, shuffle=True, training=True, repeat=2)
    parts = [np.column_stack(part) for part in batches.as_numpy_iterator()]
    steps = data.steps(target=A, batch_eras=2, training=True)
    first, second = np.concatenate(parts[:steps]), np.concatenate(parts[steps:])
    assert not np.array_equal(first, second)
    assert as_rows(first[:, :-2]) == as_rows(second[:, :-2])
    assert as_rows(first[:, :-2]) == as_rows(expected(data, training=True))
    assert set(first[:, -2]) == {1.0, 2.5}


def test_packed_batches_stay_packed_until_they_are_decoded(make: Make) -> None:
    data = make(codec="packed", own_code=True)
    batches = data.to_tf(target=A, batch_size=10, packed=True)
    assert batches.element_spec[0].dtype == tf.uint8
    assert batches.element_spec[0].shape.as_list() == [None, 3]
    x, y = (np.concatenate(part) for part in zip(*batches.as_numpy_iterator(), strict=True))
    np.testing.assert_array_equal(np.c_[unpack(x, FEATURES, 6), y], expected(data))


@pytest.mark.parametrize("count", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [{"batch_size": 10}, {"batch_eras": 2}])
def test_readers_share_the_rows_without_loss_or_doubles(
    data: ShardSet, count: int, size: dict[str, int]
) -> None:
    parts = []
    for index in range(count):
        shard = {"shard": (count, index), **size}
        batches = data.to_tf(target=A, shuffle=True, **shard)
        assert int(batches.cardinality()) == data.steps(target=A, **shard)
        parts.append(read(batches)[:, : FEATURES + 1])
    assert as_rows(np.concatenate(parts)) == as_rows(expected(data))
    if count == 2:
        assert abs(len(parts[0]) - len(parts[1])) <= 8


def test_a_strategys_own_sharding_loses_nothing_either(data: ShardSet) -> None:
    from tensorflow.python.data.experimental.ops import distribute

    parts = []
    for index in range(2):
        batches = data.to_tf(target=A, batch_size=10, shuffle=True)
        parts.append(read(distribute._AutoShardDataset(batches, 2, index)))
    assert as_rows(np.concatenate(parts)) == as_rows(expected(data))


@pytest.mark.parametrize("codec", ["raw", "packed"])
def test_tensorflow_has_nothing_to_complain_about(
    make: Make, codec: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It logs an error a time where rows are joined that lie on an aligned place of another."""
    data = make(sizes=(300, 300, 400), block_rows=128, codec=codec)
    for size in ({"batch_size": 100}, {"batch_size": 30}, {"batch_eras": 2}):
        for shuffle in (False, True):
            read(data.to_tf(target=B, shuffle=shuffle, shuffle_blocks=2, **size))
    assert "tensor.h" not in capfd.readouterr().err


MIRRORED = """
import sys
import numpy as np
import tensorflow as tf
from pathlib import Path
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from etl.shards import ShardSet
data = ShardSet.open(Path(sys.argv[1]))
two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
def read(batches):
    rows, sizes = [], []
    for batch in batches:
        parts = [two.experimental_local_results(part) for part in batch[:2]]
        rows += [np.c_[x, y] for x, y in zip(*parts)]
        sizes.append([len(y) for y in parts[1]])
    return np.concatenate(rows), sizes
ways = {"target": "target_a_20", "shuffle": True, "seed": 1}
whole = two.experimental_distribute_dataset(data.to_tf(batch_size=10, **ways))
own = two.distribute_datasets_from_function(
    lambda context: data.to_tf(batch_size=10, context=context, **ways)
)
eras = two.distribute_datasets_from_function(
    lambda context: data.to_tf(batch_eras=2, context=context, **ways)
)
for name, batches in (("whole", whole), ("own", own), ("eras", eras)):
    rows, sizes = read(batches)
    np.savez(Path(sys.argv[2]) / name, rows=rows, sizes=sizes)
"""


def test_two_mirrored_replicas_see_every_row_once_an_epoch(data: ShardSet, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MIRRORED, str(data.folder), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "tensor.h" not in done.stderr
    found = {path.stem: np.load(path) for path in tmp_path.glob("*.npz")}
    for seen in found.values():
        assert as_rows(seen["rows"]) == as_rows(expected(data))
    assert found["whole"]["sizes"][:-1].tolist() == [[5, 5]] * (len(found["whole"]["sizes"]) - 1)
    assert len(found["whole"]["sizes"]) == data.steps(target=A, batch_size=10)
    assert set(found["own"]["sizes"][:-1].ravel()) == {5}
    of_eras = [data.rows([era], A) for era in data.eras() if data.rows([era], A)]
    assert sorted(filter(None, found["eras"]["sizes"].ravel())) == sorted(of_eras)


def spread(data: ShardSet, window: int, size: int) -> float:
    """Deviation of batch means of an effect of the era, relative to independent draws."""
    ways = {"shuffle": window > 0, "shuffle_blocks": max(window, 1), "repeat": 6}
    effect = np.random.default_rng(0).normal(size=len(data.eras()))
    batches = data.to_tf(target=A, batch_size=size, **ways)
    means = [effect[np.rint(y).astype(int)].mean() for _, y in batches.as_numpy_iterator()]
    return float(np.std(means) / effect.std() * np.sqrt(size))


def test_more_open_blocks_mix_eras_better(tmp_path: Path) -> None:
    rows = 640
    eras = {f"{number:04d}": rows for number in range(1, 65)}
    writer = ShardWriter(
        tmp_path,
        ShardFormat(FeatureSpec(("f",)), (A,), block_rows=128),
        split_of=dict.fromkeys(eras, "train"),
        rows_of=eras,
        key="mixing",
    )
    nothing = np.empty((rows, 0), np.float32)
    ids = np.arange(rows).astype(str).astype(object)
    with writer:
        writer.write(
            EraBlock(era, ids, np.zeros((rows, 1), np.int8), np.full((rows, 1), k, "f4"), nothing)
            for k, era in enumerate(eras)
        )
    data = ShardSet.open(tmp_path)
    unmixed, one, many = (spread(data, window, 512) for window in (0, 1, 64))
    assert unmixed > 15
    assert unmixed > 1.4 * one
    assert one > 1.4 * many


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": A}, ConfigError, "a number of rows or a number of whole eras"),
        ({"target": A, "batch_size": 5, "batch_eras": 1}, ConfigError, "one of the two"),
        ({"target": A, "batch_size": 0}, ConfigError, "batch_size=0"),
        ({"target": "target_none_20", "batch_size": 5}, SchemaError, "do not carry this target"),
        ({"target": [A, "target_d_20"], "batch_size": 5}, SchemaError, "do not carry this target"),
        ({"target": (), "batch_size": 5}, ConfigError, "needs targets"),
        ({"target": [A, A], "batch_size": 5}, ConfigError, "each once"),
        ({"target": A, "batch_size": 5, "eras": ["0009"]}, ShardError, "does not hold this era"),
        ({"target": A, "batch_size": 5, "eras": ["0007"]}, ShardError, "no row of these eras"),
        ({"target": A, "batch_size": 5, "packed": True}, ConfigError, "only where the shards are"),
        ({"target": A, "batch_size": 5, "shard": (2, 2)}, ConfigError, "shard 2 of 2"),
        ({"target": A, "batch_size": 5, "shard": (7, 0)}, ConfigError, "over 6 eras with rows"),
    ],
)
def test_what_cannot_be_read_is_said(
    data: ShardSet, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        data.to_tf(**options)


def test_a_batch_that_replicas_cannot_share_is_refused(data: ShardSet) -> None:
    context = tf.distribute.InputContext(1, 0, num_replicas_in_sync=2)
    with pytest.raises(ConfigError, match="5 over 2 replicas"):
        data.to_tf(target=A, batch_size=5, context=context)
