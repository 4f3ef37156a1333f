"""What every reader of a shard set must do; a reader's tests inherit one of the classes below.

What is expected is computed from the blocks that were written, never by another reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from contracts.written import KINDS, TARGETS, Kind, Written, write
from numpy.typing import NDArray

from erazoo.errors import ConfigError, SchemaError, ShardError
from erazoo.panel import EraBlock
from etl.shards import ShardSet

SELECTIONS: dict[str, Any] = {
    "all": None,
    "even": "even",
    "odd and a range": "odd&3..7,9",
    "every third": "every:3",
    "one": "0005",
    "labels in any order, twice": ["0008", "0003", "0008"],
    "a list of none": [],
}
CHOSEN: dict[str, tuple[str, ...]] = {
    "all": ("0003", "0004", "0005", "0006", "0007", "0008", "0009"),
    "even": ("0004", "0006", "0008"),
    "odd and a range": ("0003", "0005", "0007", "0009"),
    "every third": ("0003", "0006", "0009"),
    "one": ("0005",),
    "labels in any order, twice": ("0003", "0008"),
    "a list of none": (),
}
SOME = ("feature_6", "feature_0", "feature_3")
BY_KIND = pytest.mark.parametrize("kind", KINDS, ids=str)


@dataclass(frozen=True)
class Read:
    """What a reader gave.

    Args:
        features: (n, F), own codes as they are stored.
        targets: (n, T), or (n,) of one target.
        weights: (n,), None where there are none.
        rest: ids, eras and references, where the reader gives them.
    """

    features: NDArray[Any]
    targets: NDArray[Any]
    weights: NDArray[Any] | None
    rest: tuple[NDArray[Any], ...] = ()


class ReaderContract:
    """Subclasses read; `expected` says what must come."""

    takes_training: ClassVar[bool] = True
    takes_none: ClassVar[bool] = True

    def read(
        self, data: ShardSet, eras: Any, features: Sequence[str] | None, training: bool
    ) -> Read:
        raise NotImplementedError

    def expected(self, blocks: list[EraBlock], data: ShardSet, training: bool) -> Read:
        raise NotImplementedError

    def check(
        self,
        written: Written,
        eras: Any,
        chosen: Sequence[str],
        features: Sequence[str] | None = None,
        training: bool = False,
    ) -> None:
        read = self.read(written.shards, eras, features, training)
        blocks = written.of(chosen, training=training)
        expected = self.expected(blocks, written.shards, training)
        columns = slice(None) if features is None else written.shards.spec.columns(features)
        wanted = expected.features[:, columns]
        assert read.features.dtype == wanted.dtype
        np.testing.assert_array_equal(read.features, wanted)
        np.testing.assert_array_equal(read.targets, expected.targets)
        assert (read.weights is None) == (expected.weights is None)
        if expected.weights is not None:
            np.testing.assert_array_equal(read.weights, expected.weights)
        for one, other in zip(read.rest, expected.rest, strict=True):
            np.testing.assert_array_equal(one, other)

    @BY_KIND
    def test_gives_what_was_written(self, kind: Kind, tmp_path: Path) -> None:
        written = write(tmp_path / "shards", kind)
        self.check(written, None, CHOSEN["all"])

    @BY_KIND
    def test_leaves_rows_out_in_training(self, kind: Kind, tmp_path: Path) -> None:
        if not self.takes_training:
            return
        written = write(tmp_path / "shards", kind)
        self.check(written, "3..8", CHOSEN["all"][:-1], training=True)

    @pytest.mark.parametrize("selection", SELECTIONS)
    @pytest.mark.parametrize("kind", [KINDS[0], KINDS[1]], ids=str)
    def test_selects_eras(self, selection: str, kind: Kind, tmp_path: Path) -> None:
        chosen = CHOSEN[selection]
        if not chosen and not self.takes_none:
            return
        self.check(write(tmp_path / "shards", kind), SELECTIONS[selection], chosen)

    def test_gives_features_in_the_order_asked_for(self, tmp_path: Path) -> None:
        self.check(write(tmp_path / "shards", KINDS[3]), "odd", CHOSEN["odd and a range"], SOME)

    @pytest.mark.parametrize(
        ("eras", "features", "error", "words"),
        [
            (["0003", "0002"], None, ShardError, "does not hold this era.*0002"),
            ("evn", None, ConfigError, "'evn' cannot be parsed.*every:N"),
            ("20..30", None, ConfigError, "names no era"),
            (None, ["feature_9"], SchemaError, "unknown feature.*feature_9"),
        ],
    )
    def test_refuses_what_is_not_there(
        self, eras: Any, features: Any, error: type, words: str, tmp_path: Path
    ) -> None:
        written = write(tmp_path / "shards", KINDS[0])
        with pytest.raises(error, match=words):
            self.read(written.shards, eras, features, training=False)

    def test_names_a_damaged_shard(self, tmp_path: Path) -> None:
        written = write(tmp_path / "shards", KINDS[0])
        path = written.shards.files(["0007"])[0]
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(ShardError, match="era=0007"):
            self.read(written.shards, None, None, training=False)


class WholeContract(ReaderContract):
    """Readers of every row, resolved or not."""

    def expected(self, blocks: list[EraBlock], data: ShardSet, training: bool) -> Read:
        return Read(
            _stack([b.features for b in blocks], (0, len(data.spec.names)), data.spec.dtype),
            _stack([b.targets for b in blocks], (0, len(TARGETS)), "f4"),
            _stack([b.weights for b in blocks], (0,), "f4") if _weighted(data) else None,
            (
                _stack([b.ids for b in blocks], (0,), object),
                _stack([np.repeat(b.era, len(b)) for b in blocks], (0,), object),
                _stack([b.references for b in blocks], (0, 2), "f4"),
            ),
        )


class FittedContract(ReaderContract):
    """Readers of the rows that a learner fits: those whose second target is resolved."""

    target: ClassVar[str] = TARGETS[1]

    def expected(self, blocks: list[EraBlock], data: ShardSet, training: bool) -> Read:
        known = [b.take(np.isfinite(b.targets[:, 1])) for b in blocks]
        weighted = training and _weighted(data)
        return Read(
            _stack([b.features for b in known], (0, len(data.spec.names)), data.spec.dtype),
            _stack([b.targets[:, 1] for b in known], (0,), "f4"),
            _stack([b.weights for b in known], (0,), "f4") if weighted else None,
        )

    def test_equal_weights_are_none(self, tmp_path: Path) -> None:
        shards = write(tmp_path / "shards", Kind(weighted=True, even=True)).shards
        read = self.read(shards, None, None, training=True)
        assert len(read.targets)
        assert read.weights is None

    def test_refuses_an_unknown_target(self, tmp_path: Path) -> None:
        written = write(tmp_path / "shards", KINDS[0])
        other = type(self)()
        other.target = "target_two_20"  # type: ignore[misc]
        with pytest.raises(SchemaError, match="do not carry this target.*target_two_60"):
            other.read(written.shards, None, None, training=True)


def _weighted(data: ShardSet) -> bool:
    return data.manifest.form.weighted


def _stack(parts: Sequence[Any], empty: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    return np.concatenate([np.empty(empty, dtype), *parts])
