"""A narrowed view: every reader gives some columns of the whole, and nothing of the others."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.written import FEATURES, KINDS, TARGETS, Kind, blocks_of, write
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.errors import SchemaError
from erazoo.panel import FeatureSpec
from etl.shards import ShardSet, ShardWriter
from etl.shards.packed import unpack

NAMES = tuple(f"feature_{j}" for j in range(FEATURES))
SOME = st.sets(st.sampled_from(NAMES), min_size=1)
T = TARGETS[0]
Open = Callable[[Kind], ShardSet]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Open:
    """A shard set of each kind, written once."""

    @cache
    def of(kind: Kind) -> ShardSet:
        return write(tmp_path_factory.mktemp("kind"), kind).shards

    return of


def columns(chosen: set[str]) -> list[int]:
    return [j for j, name in enumerate(NAMES) if name in chosen]


@given(kind=st.sampled_from(KINDS), chosen=SOME, training=st.booleans())
@settings(max_examples=60)
def test_arrays_blocks_and_rows(opened: Open, kind: Kind, chosen: set[str], training: bool) -> None:
    whole = opened(kind)
    view, own = whole.narrowed(chosen), columns(chosen)
    x, labels = whole.to_numpy("3..8", training=training)
    seen, others = view.to_numpy("3..8", training=training)
    np.testing.assert_array_equal(seen, x[:, own])
    assert seen.dtype == x.dtype
    assert view.spec.names == tuple(NAMES[j] for j in own)
    for field in ("ids", "eras", "targets", "references", "weights"):
        np.testing.assert_array_equal(getattr(others, field), getattr(labels, field))
    blocks = list(view.blocks("3..8", training=training))
    np.testing.assert_array_equal(np.concatenate([b.features for b in blocks]), seen)
    assert all(block.features.flags.c_contiguous for block in blocks)
    assert view.rows(None, T) == whole.rows(None, T)
    rows = view.to_lightgbm(target=T, training=training).rows
    every = whole.to_lightgbm(target=T, training=training).rows
    np.testing.assert_array_equal(rows[:], every[:][:, own])
    np.testing.assert_array_equal(rows[[3, 0]], every[[3, 0]][:, own])
    np.testing.assert_array_equal(rows.labels, every.labels)
    assert rows.names == view.spec.names


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_mapped_arrays_are_their_own_and_used_again(
    opened: Open, kind: Kind, tmp_path: Path
) -> None:
    whole = opened(kind)
    every = whole.to_numpy(mmap=tmp_path)[0]
    for chosen in ({"feature_1", "feature_6"}, {"feature_2"}):
        seen = whole.narrowed(chosen).to_numpy(mmap=tmp_path)[0]
        np.testing.assert_array_equal(seen, every[:, columns(chosen)])
    stood = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    whole.narrowed({"feature_2"}).to_numpy(mmap=tmp_path)
    whole.to_numpy(features=["feature_2"], mmap=tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == stood


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_xgboost_and_frames(opened: Open, kind: Kind) -> None:
    whole = opened(kind)
    view = whole.narrowed({"feature_5", "feature_0"})
    given: list[dict[str, Any]] = []
    for data in (view, whole):
        batches = data.to_xgboost(target=T, batch_rows=1000)
        batches.next(lambda **batch: given.append(batch))
    assert given[0]["feature_names"] == ["feature_0", "feature_5"]
    np.testing.assert_array_equal(given[0]["data"], given[1]["data"][:, [0, 5]])
    for name in ("polars", "pandas"):
        seen, every = view.frame("0003", name), whole.frame("0003", name)
        left = [c for c in every.columns if c not in set(NAMES) - {"feature_0", "feature_5"}]
        assert list(seen.columns) == left
        assert seen.equals(every[left])


def batches(data: ShardSet, **options: Any) -> list[tuple[np.ndarray, ...]]:
    return [tuple(np.asarray(part) for part in batch) for batch in data.to_tf(target=T, **options)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 9},
        {"batch_size": 9, "shuffle": True, "seed": 4, "first_epoch": 2, "training": True},
        {"batch_eras": 2, "shuffle": True, "seed": 1, "first_epoch": 0},
    ],
    ids=["in order", "shuffled", "whole eras"],
)
@pytest.mark.parametrize(
    "chosen", [{"feature_1", "feature_6", "feature_2"}, {"feature_4"}], ids=len
)
def test_batches_of_tensorflow(
    opened: Open, kind: Kind, options: dict[str, Any], chosen: set[str]
) -> None:
    whole, own = opened(kind), columns(chosen)
    view = whole.narrowed(chosen)
    for seen, every in zip(batches(view, **options), batches(whole, **options), strict=True):
        np.testing.assert_array_equal(seen[0], every[0][:, own])
        for one, other in zip(seen[1:], every[1:], strict=True):
            np.testing.assert_array_equal(one, other)
    if kind.codec != "packed":
        return
    base = 6 if kind.missing == 5 else 5
    packed, plain = batches(view, packed=True, **options), batches(view, **options)
    for tight, seen in zip(packed, plain, strict=True):
        assert tight[0].shape == (len(seen[0]), -(-len(own) // 3))
        np.testing.assert_array_equal(unpack(tight[0], len(own), base), seen[0])
    element = view.to_tf(target=T, packed=True, **options).element_spec[0]
    assert element.shape.as_list() == [None, -(-len(own) // 3)]


@given(first=SOME, second=SOME)
@settings(max_examples=20)
def test_a_view_of_a_view(opened: Open, first: set[str], second: set[str]) -> None:
    whole = opened(KINDS[1])
    both = first & second
    if not both:
        with pytest.raises(SchemaError):
            whole.narrowed(first).narrowed(second)
        return
    twice = whole.narrowed(first).narrowed(both)
    assert twice.spec.names == whole.narrowed(both).spec.names
    assert twice.spec.fingerprint == whole.narrowed(both).spec.fingerprint
    np.testing.assert_array_equal(twice.to_numpy()[0], whole.to_numpy()[0][:, columns(both)])


def test_all_names_are_the_whole(opened: Open) -> None:
    whole = opened(KINDS[0])
    same = whole.narrowed(NAMES[::-1])
    assert same.columns is None
    assert same.spec.fingerprint == whole.spec.fingerprint


@pytest.mark.parametrize("names", [["feature_9"], []])
def test_what_is_not_there_is_refused(opened: Open, names: Sequence[str]) -> None:
    with pytest.raises(SchemaError, match="unknown feature|at least one"):
        opened(KINDS[0]).narrowed(names)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_other_columns_do_not_matter(kind: Kind, tmp_path: Path) -> None:
    """Bytes of packed records hold neighbours; what is decoded is the same all the same."""
    chosen = {"feature_1", "feature_5"}
    others = [j for j in range(FEATURES) if NAMES[j] not in chosen]
    sets = [rewritten(tmp_path / str(n), kind, others, shift=n) for n in range(2)]
    whole = [one.to_numpy()[0] for one in sets]
    assert not np.array_equal(*whole, equal_nan=kind.missing is None)
    np.testing.assert_array_equal(*(one.narrowed(chosen).to_numpy()[0] for one in sets))


def rewritten(folder: Path, kind: Kind, others: list[int], shift: int) -> ShardSet:
    """The shards of a kind, some columns of which are moved on."""
    form = write(folder / "plain", kind).shards.manifest.form
    blocks = blocks_of(kind)
    for block in blocks:
        moved = block.features[:, others] + shift
        block.features[:, others] = moved % 5 if kind.missing is not None else moved
    shutil.rmtree(folder)
    writer = ShardWriter(
        folder,
        form,
        split_of={block.era: "train" for block in blocks},
        rows_of={block.era: len(block) for block in blocks},
        key=f"shift {shift}",
        layout=kind.layout,
        shard_rows=17,
    )
    with writer:
        writer.write(iter(blocks))
    return ShardSet.open(folder)


def test_groups_are_cut_to_the_columns() -> None:
    spec = FeatureSpec(NAMES, {"a": NAMES[:3], "b": NAMES[4:5]}, missing=5, cleaning="abc")
    own = spec.narrowed({"feature_2", "feature_6"})
    assert own.names == ("feature_2", "feature_6")
    assert own.groups == {"a": ("feature_2",)}
    assert (own.dtype, own.missing, own.cleaning) == (spec.dtype, 5, "abc")
    assert own.fingerprint != spec.fingerprint
