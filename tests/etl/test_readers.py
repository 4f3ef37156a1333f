"""Readers of a shard set give what was written, and import what they need alone."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.reader_contract import CHOSEN, SELECTIONS, FittedContract, Read, WholeContract
from contracts.written import KINDS, TARGETS, Kind, Written, write
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.errors import ConfigError, ShardError
from erazoo.panel import EraBlock, FeatureSpec
from etl.shards import ShardFormat, ShardSet, ShardWriter
from etl.shards.rows import ShardRows, as_floats


def coded(features: Any, data: ShardSet) -> np.ndarray:
    """Numbers with NaN as stored codes."""
    if data.spec.missing != 5:
        return np.asarray(features).astype(data.spec.dtype)
    return np.where(np.isnan(features), 5, features).astype(np.int8)


class TestBlocks(WholeContract):
    def read(
        self, data: ShardSet, eras: Any, features: Sequence[str] | None, training: bool
    ) -> Read:
        columns = slice(None) if features is None else data.spec.columns(features)
        return self.whole(list(data.blocks(eras, training=training)), data, columns)

    def whole(self, blocks: list[EraBlock], data: ShardSet, columns: Any) -> Read:
        held = self.expected(blocks, data, training=False)
        return Read(held.features[:, columns], held.targets, held.weights, held.rest)


class TestNumpy(WholeContract):
    def read(
        self, data: ShardSet, eras: Any, features: Sequence[str] | None, training: bool
    ) -> Read:
        x, labels = data.to_numpy(eras, features, training=training)
        rest = (labels.ids, labels.eras, labels.references)
        return Read(x, labels.targets, labels.weights, rest)


class TestMappedNumpy(WholeContract):
    def read(
        self, data: ShardSet, eras: Any, features: Sequence[str] | None, training: bool
    ) -> Read:
        for _ in range(2):
            x, labels = data.to_numpy(eras, features, training=training, mmap=True)
        rest = (labels.ids, labels.eras, labels.references)
        return Read(x, labels.targets, labels.weights, rest)


class TestLabels(WholeContract):
    """Features come from `blocks`, so that everything else is compared."""

    def read(
        self, data: ShardSet, eras: Any, features: Sequence[str] | None, training: bool
    ) -> Read:
        labels = data.labels(eras, training=training)
        x = data.to_numpy(eras, features, training=training)[0]
        rest = (labels.ids, labels.eras, labels.references)
        return Read(x, labels.targets, labels.weights, rest)


class FrameContract(WholeContract):
    kind: str
    takes_training = False
    takes_none = False

    def read(
        self, data: ShardSet, eras: Any, features: Sequence[str] | None, training: bool
    ) -> Read:
        frames = [data.frame(era, self.kind, features=features) for era in data.select(eras)]
        names = list(features or data.spec.names)
        columns = ["id", "era", *names, *data.targets, *data.references]
        weighted = data.manifest.form.weighted
        assert [self.columns(f) for f in frames] == [[*columns, *["weight"] * weighted]] * len(
            frames
        )

        def of(*names: str) -> Any:
            return np.concatenate([self.values(frame, names) for frame in frames])

        rest = (of("id")[:, 0], of("era")[:, 0], of(*data.references))
        weights = of("weight")[:, 0] if weighted else None
        return Read(of(*names), of(*data.targets), weights, rest)

    def columns(self, frame: Any) -> list[str]:
        raise NotImplementedError

    def values(self, frame: Any, names: Sequence[str]) -> np.ndarray:
        raise NotImplementedError


class TestPolars(FrameContract):
    kind = "polars"

    def columns(self, frame: Any) -> list[str]:
        return list(frame.columns)

    def values(self, frame: Any, names: Sequence[str]) -> np.ndarray:
        return frame.select(names).to_numpy()

    def test_the_unresolved_is_null(self, tmp_path: Path) -> None:
        written = write(tmp_path / "shards", KINDS[5])
        frame, block = written.shards.frame("0003"), written.blocks[0]
        for names, values in (
            (TARGETS, block.targets),
            (written.shards.spec.names, block.features),
        ):
            counted = [frame[name].null_count() for name in names]
            assert counted == np.isnan(values).sum(axis=0).tolist()
            assert not any(frame[name].is_nan().any() for name in names)


class TestPandas(FrameContract):
    kind = "pandas"

    def columns(self, frame: Any) -> list[str]:
        return [frame.index.name, *frame.columns]

    def values(self, frame: Any, names: Sequence[str]) -> np.ndarray:
        return frame.reset_index()[list(names)].to_numpy()


def test_another_kind_of_frame_is_refused(tmp_path: Path) -> None:
    shards = write(tmp_path / "shards", KINDS[0]).shards
    with pytest.raises(ConfigError, match="unknown kind of frame.*arrow.*polars or pandas"):
        shards.frame("0003", "arrow")  # type: ignore[call-overload]


class TestSequence(FittedContract):
    def read(
        self, data: ShardSet, eras: Any, features: Sequence[str] | None, training: bool
    ) -> Read:
        sequence = data.to_lightgbm(eras, target=self.target, features=features, training=training)
        batch = sequence[0 : len(sequence)]
        assert batch.dtype == np.float32
        for row in range(len(sequence)):
            assert sequence[row].dtype == np.float64
            np.testing.assert_array_equal(sequence[row], batch[row])
        return Read(coded(batch, data), sequence.rows.labels, sequence.rows.weights)


class TestBatches(FittedContract):
    def read(
        self, data: ShardSet, eras: Any, features: Sequence[str] | None, training: bool
    ) -> Read:
        batches = data.to_xgboost(
            eras, target=self.target, features=features, training=training, batch_rows=6
        )
        for _ in range(2):
            given = self.one_pass(batches)
        names = list(features or data.spec.names)
        assert all(batch["feature_names"] == names for batch in given)
        assert [len(batch["label"]) for batch in given[:-1]] == [6] * len(given[:-1])
        floats = data.spec.missing in (5, None)
        assert all(batch["data"].dtype == ("f4" if floats else "i1") for batch in given)
        weights = [b["weight"] for b in given]
        return Read(
            np.concatenate(
                [np.empty((0, len(names)), data.spec.dtype)]
                + [coded(b["data"], data) for b in given]
            ),
            np.concatenate([np.empty(0, "f4"), *(b["label"] for b in given)]),
            None if not given or weights[0] is None else np.concatenate(weights),
        )

    def one_pass(self, batches: Any) -> list[dict[str, Any]]:
        given: list[dict[str, Any]] = []
        batches.reset()
        while batches.next(lambda **batch: given.append(batch)):
            pass
        return given


HEAVY = ("tensorflow", "keras", "lightgbm", "xgboost", "pandas", "polars", "sklearn")
FRESH = """
import sys
from pathlib import Path
from etl.shards import ShardSet
s = ShardSet.open(Path(sys.argv[1]))
T = sys.argv[2]
{code}
print(" ".join(m for m in sys.argv[3:] if m in sys.modules))
"""


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("for _ in s.blocks('odd'): pass\ns.to_numpy('odd')\ns.to_numpy('odd', mmap=True)", ()),
        (
            "s.to_lightgbm('odd', target=T).dataset({'verbosity': -1})",
            ("lightgbm", "pandas", "polars", "sklearn"),
        ),
        ("s.to_xgboost('odd', target=T).matrix()", ("xgboost", "pandas", "sklearn")),
        ("s.frame('0003')\ns.frame('0003', 'pandas')", ("polars", "pandas")),
    ],
    ids=["numpy", "lightgbm", "xgboost", "frames"],
)
def test_a_reader_imports_what_it_needs(
    code: str, allowed: tuple[str, ...], tmp_path: Path
) -> None:
    shards = write(tmp_path / "shards", KINDS[2]).shards
    words = [sys.executable, "-c", FRESH.format(code=code), str(shards.folder), TARGETS[0], *HEAVY]
    answer = subprocess.run(words, capture_output=True, text=True, check=True)
    assert set(answer.stdout.split()) <= set(allowed)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_rows_and_files_take_the_same_selections(selection: str, tmp_path: Path) -> None:
    written = write(tmp_path / "shards", Kind(weighted=True))
    shards, eras, chosen = written.shards, SELECTIONS[selection], CHOSEN[selection]
    assert shards.select(eras) == chosen
    blocks = written.of(chosen)
    assert shards.rows(eras) == sum(len(b) for b in blocks)
    known = [np.isfinite(b.targets[:, 0]) for b in blocks]
    assert shards.rows(eras, TARGETS[0]) == sum(int(k.sum()) for k in known)
    kept = [k & (b.weights > 0) for k, b in zip(known, blocks, strict=True)]
    assert shards.rows(eras, TARGETS[0], training=True) == sum(int(k.sum()) for k in kept)
    with pytest.raises(ConfigError, match="counted by target"):
        shards.rows(eras, training=True)
    assert {path.parent.name for path in shards.files(eras)} == {f"era={era}" for era in chosen}


@st.composite
def layouts(draw: st.DrawFn) -> tuple[list[EraBlock], ShardFormat, dict[str, Any]]:
    """Eras, a format and the cut into files, of any shape."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width, missing = draw(st.integers(1, 8)), draw(st.sampled_from([2, 5]))
    sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=6))
    numbers = draw(st.lists(st.integers(1, 40), min_size=len(sizes), max_size=len(sizes)))
    weighted = draw(st.booleans())
    blocks = []
    for era, rows in zip(np.cumsum(numbers), sizes, strict=True):
        targets = rng.normal(size=(rows, 2)).astype(np.float32)
        targets[rng.random((rows, 2)) < 0.3] = np.nan
        blocks.append(
            EraBlock(
                f"{era:04d}",
                np.array([f"{era}-{row}" for row in range(rows)], dtype=object),
                rng.integers(0, 6 if missing == 5 else 5, (rows, width)).astype(np.int8),
                targets,
                rng.normal(size=(rows, 1)).astype(np.float32),
                rng.integers(0, 3, rows).astype(np.float32) if weighted else None,
            )
        )
    form = ShardFormat(
        FeatureSpec(tuple(f"f{j}" for j in range(width)), missing=missing),
        TARGETS,
        ("meta",),
        draw(st.integers(1, 12)),
        draw(st.sampled_from(["raw", "packed"])),
        draw(st.sampled_from(["none", "gzip", "zlib"])),
        weighted,
    )
    cut = {
        "layout": draw(st.sampled_from(["era", "flat"])),
        "shard_rows": draw(st.integers(1, 50)),
    }
    return blocks, form, cut


@settings(max_examples=60, deadline=None)
@given(layouts(), st.integers(1, 20))
def test_whatever_was_written_is_read(
    drawn: tuple[list[EraBlock], ShardFormat, dict[str, Any]], batch: int
) -> None:
    blocks, form, cut = drawn
    with tempfile.TemporaryDirectory() as name:
        writer = ShardWriter(
            Path(name),
            form,
            split_of={block.era: "train" for block in blocks},
            rows_of={block.era: len(block) for block in blocks},
            key="any",
            **cut,
        )
        with writer:
            writer.write(iter(blocks))
        shards = ShardSet.open(Path(name))
        for one, other in zip(blocks, shards.blocks(), strict=True):
            np.testing.assert_array_equal(one.features, other.features)
            assert one.ids.tolist() == other.ids.tolist()
        for training in (False, True):
            kept = [block.training() if training else block for block in blocks]
            for mmap in (False, True):
                x, labels = shards.to_numpy(training=training, mmap=mmap)
                np.testing.assert_array_equal(x, np.concatenate([b.features for b in kept]))
                assert labels.ids.tolist() == [i for b in kept for i in b.ids]
                assert labels.eras.tolist() == [b.era for b in kept for _ in b.ids]
            known = [b.take(np.isfinite(b.targets[:, 0])) for b in kept]
            rows = ShardRows(shards, None, TARGETS[0], training=training)
            read = [np.empty((0, len(rows.names)), np.int8)]
            read += [rows[part] for part in rows.batches(batch)]
            rows.close()
            expected = np.concatenate([b.features for b in known])
            np.testing.assert_array_equal(np.concatenate(read), expected)
            np.testing.assert_array_equal(
                rows.labels, np.concatenate([b.targets[:, 0] for b in known])
            )
            assert len(rows) == shards.rows(target=TARGETS[0], training=training)


# Rows by number.


@pytest.fixture(scope="module", params=[KINDS[0], KINDS[1], KINDS[2]], ids=str)
def numbered(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ShardRows, np.ndarray]:
    written: Written = write(tmp_path_factory.mktemp("rows") / "shards", request.param)
    rows = ShardRows(written.shards, "3..8", TARGETS[0])
    kept = [b.take(np.isfinite(b.targets[:, 0])) for b in written.of(CHOSEN["all"][:-1])]
    kept = [b.training() for b in kept]
    return rows, np.concatenate([b.features for b in kept])


PLACE = st.integers(-80, 80)
INDEX = (
    PLACE
    | st.builds(slice, *[st.none() | PLACE] * 2, st.none() | PLACE.filter(bool))
    | st.lists(PLACE, max_size=12)
    | st.lists(PLACE, max_size=12).map(lambda rows: np.array(rows, dtype=np.int32))
)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_rows_are_indexed_as_a_matrix_is(
    numbered: tuple[ShardRows, np.ndarray], data: st.DataObject
) -> None:
    rows, matrix = numbered
    index = data.draw(INDEX)
    try:
        expected = matrix[index]
    except IndexError:
        if isinstance(index, list | np.ndarray) and not len(index):
            expected = matrix[:0]
        else:
            with pytest.raises(IndexError):
                rows[index]
            return
    found = rows[index]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    if isinstance(index, int):
        np.testing.assert_array_equal(rows[np.int32(index)], expected)


def test_a_mask_chooses_rows(numbered: tuple[ShardRows, np.ndarray]) -> None:
    rows, matrix = numbered
    mask = np.arange(len(rows)) % 3 == 1
    np.testing.assert_array_equal(rows[mask], matrix[mask])
    with pytest.raises(IndexError):
        rows[np.ones(len(rows) + 1, dtype=bool)]


@pytest.mark.parametrize(
    ("index", "words"),
    [([0.5], "float64 of 1"), ([[1], [2]], "int64 of 2"), (np.array(3), "int64 of 0")],
)
def test_whole_numbers_choose_rows(
    index: Any, words: str, numbered: tuple[ShardRows, np.ndarray]
) -> None:
    with pytest.raises(TypeError, match=f"whole numbers, not by {words} dimensions"):
        numbered[0][index]


def test_rows_can_be_read_after_closing(numbered: tuple[ShardRows, np.ndarray]) -> None:
    rows, matrix = numbered
    for _ in range(2):
        np.testing.assert_array_equal(rows[3:9], matrix[3:9])
        rows.close()


def test_rows_are_counted_by_era(tmp_path: Path) -> None:
    written = write(tmp_path / "shards", KINDS[2])
    rows = ShardRows(written.shards, None, TARGETS[0])
    shards = written.shards
    counts = {e: shards.rows([e], TARGETS[0], training=True) for e in shards.eras()}
    assert rows.counts == {era: count for era, count in counts.items() if count}


@pytest.mark.parametrize("kind", [Kind("flat"), Kind("flat", compression="gzip")], ids=str)
def test_ascending_rows_read_each_block_once(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ShardRows(write(tmp_path / "shards", kind).shards, None, TARGETS[0])
    blocks = sum(-(-count // 5) for count in rows.counts.values())
    read: list[int] = []
    whole = ShardRows._record

    def spy(self: ShardRows, block: Any) -> bytes:
        read.append(block.place)
        return whole(self, block)

    monkeypatch.setattr(ShardRows, "_record", spy)
    for row in range(len(rows)):
        rows[row]
    once = len(read)
    for part in rows.batches(7):
        rows[part]
    assert once <= blocks + len(rows.counts)
    assert len(read) == 2 * once


def test_features_are_never_held_whole(tmp_path: Path) -> None:
    """Eighty blocks of 200 kB: labels and passes over all rows stay below a quarter of them."""
    spec = FeatureSpec(tuple(f"f{j}" for j in range(2000)))
    eras = [f"{era:04d}" for era in range(1, 81)]
    features = np.random.default_rng(0).integers(0, 5, (100, 2000), dtype=np.int8)
    ids = np.array([str(row) for row in range(100)], dtype=object)
    y, none = np.ones((100, 1), np.float32), np.empty((100, 0), np.float32)
    writer = ShardWriter(
        tmp_path,
        ShardFormat(spec, ("t",)),
        split_of=dict.fromkeys(eras, "train"),
        rows_of=dict.fromkeys(eras, 100),
        key="memory",
    )
    with writer:
        writer.write(EraBlock(era, ids, features, y, none) for era in eras)
    shards = ShardSet.open(tmp_path)
    next(shards.blocks(eras[:1]))
    tracemalloc.start()
    rows = ShardRows(shards, None, "t")
    for part in rows.batches(60):
        rows[part]
    shards.to_numpy(mmap=True)
    assert tracemalloc.get_traced_memory()[1] < 100 * 2000 * 80 / 4
    tracemalloc.stop()


def test_floats_of_own_codes() -> None:
    codes = np.array([[0, 5], [4, 2]], dtype=np.int8)
    own = FeatureSpec(("a", "b"), missing=5)
    np.testing.assert_array_equal(as_floats(codes, own), [[0, np.nan], [4, 2]])
    np.testing.assert_array_equal(as_floats(codes, FeatureSpec(("a", "b"))), codes)


@pytest.mark.parametrize("make", ["to_lightgbm", "to_xgboost"])
def test_no_rows_make_no_matrix(make: str, tmp_path: Path) -> None:
    shards = write(tmp_path / "shards", KINDS[0]).shards
    reader = getattr(shards, make)("0006", target=TARGETS[0])
    with pytest.raises(ShardError, match="no row of these eras has a resolved target"):
        reader.dataset() if make == "to_lightgbm" else reader.matrix()


def test_models_of_any_leaf_size_learn_from_one_dataset(tmp_path: Path) -> None:
    import lightgbm

    shards = write(tmp_path / "shards", KINDS[0]).shards
    dataset = shards.to_lightgbm(target=TARGETS[0]).dataset()
    quiet = {"verbosity": -1, "num_leaves": 3}
    trees = [
        lightgbm.train({**quiet, "min_data_in_leaf": rows}, dataset, 1).trees_to_dataframe()
        for rows in (20, 1)
    ]
    assert trees[0]["count"].min() >= 20 > trees[1]["count"].min()
