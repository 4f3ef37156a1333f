"""Readers of a shard set: blocks, arrays and tf.data, all from one manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from erazoo.eras import EraAxis
from erazoo.errors import SchemaError, ShardError
from erazoo.near import nearest
from erazoo.panel import EraBlock, FeatureSpec
from erazoo.publish import sha256
from etl.shards.codec import decode
from etl.shards.manifest import FileEntry, Manifest
from etl.shards.tfrecord import read_records

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Labels:
    """Everything but the features of some eras, row by row in era order.

    Args:
        ids: (n,) row identifiers.
        eras: (n,) era labels.
        targets: (n, T) float32, NaN where unresolved.
        references: (n, R) float32, NaN where absent.
    """

    ids: NDArray[np.object_]
    eras: NDArray[np.object_]
    targets: NDArray[np.float32]
    references: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)


class ShardSet:
    """An opened manifest: a re-iterable Panel whose eras can be selected at read time."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest

    @classmethod
    def open(cls, folder: Path) -> ShardSet:
        """Open a finished shard set; every file must stand with its recorded size.

        Raises:
            ShardError: the manifest or a file is missing, or a file has another size.
        """
        manifest = Manifest.load(folder)
        for entry in manifest.files:
            path = folder / entry.path
            if not path.is_file():
                raise ShardError("a shard is missing", received=str(path))
            if path.stat().st_size != entry.bytes:
                raise ShardError(
                    "a shard has another size than its manifest says",
                    received=f"{path}: {path.stat().st_size} bytes",
                    expected=entry.bytes,
                    hint="Run `erazoo shard --force`",
                )
        return cls(folder, manifest)

    @property
    def spec(self) -> FeatureSpec:
        """The features."""
        return self.manifest.spec

    @property
    def targets(self) -> tuple[str, ...]:
        """Target columns, in the order of `EraBlock.targets`."""
        return self.manifest.targets

    @property
    def references(self) -> tuple[str, ...]:
        """Reference columns, in the order of `EraBlock.references`."""
        return self.manifest.references

    @property
    def axis(self) -> EraAxis:
        """The whole sequence of eras."""
        return self.manifest.axis

    def eras(self) -> tuple[str, ...]:
        """All eras in chronological order."""
        return tuple(self.manifest.eras)

    def target_index(self, target: str) -> int:
        """The column of a target.

        Raises:
            SchemaError: the shards do not carry it.
        """
        if target not in self.targets:
            raise SchemaError(
                "the shards do not carry this target",
                received=target,
                expected=nearest(target, self.targets),
            )
        return self.targets.index(target)

    def rows(self, eras: Sequence[str], target: str | None = None) -> int:
        """Exact rows of `eras`; only those with a resolved `target` where one is named."""
        entries = [self.manifest.eras[era] for era in eras]
        if target is None:
            return sum(entry.rows for entry in entries)
        self.target_index(target)
        return sum(entry.resolved[target] for entry in entries)

    def blocks(self, eras: Sequence[str] | None = None) -> Iterator[EraBlock]:
        """One whole-era block at a time, in chronological order.

        Raises:
            ShardError: a damaged record, or an era that the set does not hold.
        """
        wanted = self._wanted(eras)
        parts: list[EraBlock] = []
        for entry in self._files(wanted):
            for record in read_records(self.folder / entry.path):
                block = self._decode(record)
                if parts and parts[0].era != block.era:
                    yield _join(parts)
                    parts = []
                if block.era in wanted:
                    parts.append(block)
        if parts:
            yield _join(parts)

    def to_numpy(
        self, eras: Sequence[str] | None = None, features: Sequence[str] | None = None
    ) -> tuple[NDArray[Any], Labels]:
        """The features of some eras as one matrix (n, F) of the stored type, and their labels."""
        columns = None if features is None else self.spec.columns(features)
        width = len(self.spec.names) if columns is None else len(columns)
        rows = sum(self.manifest.eras[era].rows for era in self._wanted(eras))
        matrix = np.empty((rows, width), dtype=self.spec.dtype)
        kept: list[EraBlock] = []
        start = 0
        for block in self.blocks(eras):
            stop = start + len(block)
            matrix[start:stop] = block.features if columns is None else block.features[:, columns]
            kept.append(_without_features(block))
            start = stop
        return matrix, self._labels(kept)

    def labels(self, eras: Sequence[str] | None = None) -> Labels:
        """Ids, eras, targets and references of some eras; features are not kept."""
        return self._labels([_without_features(block) for block in self.blocks(eras)])

    def to_tf(
        self,
        eras: Sequence[str],
        *,
        target: str,
        batch_size: int,
        shuffle: bool,
        seed: int,
        shuffle_blocks: int = 64,
    ) -> tf.data.Dataset:
        """Batches (features (b, F), target (b,) float32) of the rows whose target is resolved.

        Shuffled, the files, then the blocks, then the rows of `shuffle_blocks` blocks at a time
        change place, anew each epoch and equally for equal seeds; unshuffled, rows keep era
        order. `math.ceil(rows(eras, target) / batch_size)` batches an epoch.
        """
        from etl.shards.tfdata import dataset

        return dataset(self, eras, target, batch_size, shuffle_blocks if shuffle else 0, seed)

    def verify(self) -> None:
        """Read every byte against its checksum.

        Raises:
            ShardError: a file differs from what was written; it is named.
        """
        for entry in self.manifest.files:
            if sha256(self.folder / entry.path) != entry.sha256:
                raise ShardError(
                    "a shard differs from what was written",
                    received=str(self.folder / entry.path),
                    hint="Run `erazoo shard --force`",
                )

    def files(self, eras: Sequence[str]) -> list[Path]:
        """The files that hold rows of `eras`, in order."""
        return [self.folder / entry.path for entry in self._files(self._wanted(eras))]

    def _files(self, wanted: set[str]) -> list[FileEntry]:
        return [f for f in self.manifest.files if any(era in wanted for era, _ in f.eras)]

    def _wanted(self, eras: Sequence[str] | None) -> set[str]:
        if eras is None:
            return set(self.manifest.eras)
        foreign = [era for era in eras if era not in self.manifest.eras]
        if foreign:
            raise ShardError("the shard set does not hold this era", received=foreign[0])
        return set(eras)

    def _decode(self, record: bytes) -> EraBlock:
        width, dtype = len(self.spec.names), self.spec.dtype
        return decode(record, width, dtype, len(self.targets), len(self.references))

    def _labels(self, blocks: list[EraBlock]) -> Labels:
        if not blocks:
            empty = np.empty(0, dtype=object)
            return Labels(
                empty,
                empty,
                np.empty((0, len(self.targets)), np.float32),
                np.empty((0, len(self.references)), np.float32),
            )
        return Labels(
            np.concatenate([b.ids for b in blocks]),
            np.concatenate([np.full(len(b), b.era, dtype=object) for b in blocks]),
            np.concatenate([b.targets for b in blocks]),
            np.concatenate([b.references for b in blocks]),
        )


def _join(parts: list[EraBlock]) -> EraBlock:
    if len(parts) == 1:
        return parts[0]
    return EraBlock(
        parts[0].era,
        np.concatenate([p.ids for p in parts]),
        np.concatenate([p.features for p in parts]),
        np.concatenate([p.targets for p in parts]),
        np.concatenate([p.references for p in parts]),
    )


def _without_features(block: EraBlock) -> EraBlock:
    """The block without the record's bytes, which even an empty view would keep alive."""
    nothing = np.empty((len(block), 0), dtype=block.features.dtype)
    return EraBlock(block.era, block.ids, nothing, block.targets.copy(), block.references.copy())
