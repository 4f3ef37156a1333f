"""Readers of a shard set: blocks, arrays and tf.data, all from one manifest."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ShardError
from erazoo.panel import EraBlock
from etl.shards.codec import decode
from etl.shards.content import Eras, ShardContent
from etl.shards.epoch import Epoch
from etl.shards.labels import Labels, without_features
from etl.shards.manifest import Manifest
from etl.shards.rows import ShardRows
from etl.shards.tfrecord import read_records

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import tensorflow as tf

    from etl.shards.batches import ShardBatches
    from etl.shards.sequence import ShardSequence

SHUFFLE_BLOCKS = 64


class ShardSet(ShardContent):
    """An opened manifest: a re-iterable Panel whose eras can be selected at read time.

    Args:
        folder: that the files lie in.
        manifest: of the whole set.
        spec: the features that are read, where they are not all; see `narrowed`.
    """

    @classmethod
    def open(cls, folder: Path | str) -> ShardSet:
        """Open a finished shard set; every file must stand with its recorded size.

        Args:
            folder: that holds the manifest, or a URI, whose set is staged first; see
                `etl.remote.staging.open_remote`.

        Raises:
            ShardError: the manifest or a file is missing, or a file has another size.
            RemoteError: the store at a URI cannot be used.
        """
        if isinstance(folder, str):
            from etl.remote.staging import open_remote

            return open_remote(folder) if "://" in folder else cls.open(Path(folder))
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

    def narrowed(self, names: Collection[str]) -> ShardSet:
        """A view of the same files with fewer features, in their order here.

        Every reader gives these alone: `spec` names them, and `fingerprint` changes with them.
        Nothing is copied or written.

        Raises:
            SchemaError: an unknown feature, or none.
        """
        return ShardSet(self.folder, self.manifest, self.spec.narrowed(names))

    def decode(self, record: bytes, *, with_features: bool = True) -> EraBlock:
        """The block of a record, with the features of this view; see `etl.shards.codec.decode`."""
        form = self.manifest.form
        return decode(record, form, with_features=with_features, columns=self.columns)

    def blocks(
        self,
        eras: Eras = None,
        *,
        training: bool = False,
        with_features: bool = True,
    ) -> Iterator[EraBlock]:
        """One whole-era block at a time, in chronological order.

        Args:
            eras: read; see `select`.
            training: leave out the rows that do not count in training.
            with_features: whether features are decoded; else they are (rows, 0).

        Raises:
            ShardError: a damaged record, or an era that the set does not hold.
        """
        wanted = set(self.select(eras))
        compression = self.manifest.form.compression
        parts: list[EraBlock] = []
        for entry in self._files(wanted):
            for record in read_records(self.folder / entry.path, compression):
                block = self.decode(record, with_features=with_features)
                if parts and parts[0].era != block.era:
                    yield _join(parts, training)
                    parts = []
                if block.era in wanted:
                    parts.append(block)
        if parts:
            yield _join(parts, training)

    def to_numpy(
        self,
        eras: Eras = None,
        features: Sequence[str] | None = None,
        *,
        training: bool = False,
        mmap: bool | str | Path = False,
    ) -> tuple[NDArray[Any], Labels]:
        """The features of some eras as one matrix (n, F) of the stored type, and their labels.

        Args:
            eras: read; see `select`.
            features: columns, in this order; all where None.
            training: leave out the rows that do not count in training.
            mmap: hold nothing of the features in memory but what is touched: the matrix is a
                read-only memory-mapped file, written at the first call and used again while the
                shards, eras and features are the same. True keeps it in `cache/` of the shard
                set, a path in that folder, which should hold nothing else. A file takes as many
                bytes as the matrix.
        """
        if mmap is not False:
            from etl.shards.cache import CACHE, MatrixCache

            folder = self.folder / CACHE if mmap is True else Path(mmap)
            chosen = None if features is None else tuple(features)
            return MatrixCache(self, self.select(eras), chosen, training, folder).read()
        columns = None if features is None else self.spec.columns(features)
        width = len(self.spec.names) if columns is None else len(columns)
        matrix = np.empty((self.rows(eras), width), dtype=self.spec.dtype)
        kept: list[EraBlock] = []
        start = 0
        for block in self.blocks(eras, training=training):
            stop = start + len(block)
            matrix[start:stop] = block.features if columns is None else block.features[:, columns]
            kept.append(without_features(block))
            start = stop
        return matrix[:start], self._labels(kept)

    def numbered(
        self,
        eras: Eras,
        target: str,
        *,
        features: Sequence[str] | None = None,
        training: bool = True,
    ) -> ShardRows:
        """Rows whose target is resolved, by number; see `etl.shards.rows.ShardRows`."""
        return ShardRows(self, eras, target, features=features, training=training)

    def to_lightgbm(
        self,
        eras: Eras = None,
        *,
        target: str,
        features: Sequence[str] | None = None,
        training: bool = True,
    ) -> ShardSequence:
        """Rows whose target is resolved, as a `lightgbm.Sequence` with labels and weights.

        `to_lightgbm(...).dataset(params)` is a constructed `lightgbm.Dataset`. Memory: its bins,
        a sample of 20,000 rows as float64 and one batch; never the matrix.

        Args:
            eras: read; see `select`.
            target: the column of the labels.
            features: columns, in this order; all where None.
            training: leave out the rows that do not count in training, and pass weights.
        """
        from etl.shards.sequence import ShardSequence

        return ShardSequence(self.numbered(eras, target, features=features, training=training))

    def to_xgboost(
        self,
        eras: Eras = None,
        *,
        target: str,
        features: Sequence[str] | None = None,
        training: bool = True,
        batch_rows: int | None = None,
        cache_prefix: str | None = None,
    ) -> ShardBatches:
        """Rows whose target is resolved, as an `xgboost.DataIter` with labels and weights.

        `to_xgboost(...).matrix(max_bin=...)` is a `QuantileDMatrix`, or with a `cache_prefix` an
        `ExtMemQuantileDMatrix` whose pages lie beside that path. Memory: XGBoost's and one batch.

        Args:
            eras: read; see `select`.
            target: the column of the labels.
            features: columns, in this order; all where None.
            training: leave out the rows that do not count in training, and pass weights.
            batch_rows: rows a batch; by default a batch of float32 takes 16 MB.
            cache_prefix: of the pages of external memory.
        """
        from etl.shards.batches import ShardBatches

        rows = self.numbered(eras, target, features=features, training=training)
        return ShardBatches(rows, batch_rows, cache_prefix)

    @overload
    def frame(
        self, era: str, kind: Literal["polars"] = ..., *, features: Sequence[str] | None = ...
    ) -> pl.DataFrame: ...

    @overload
    def frame(
        self, era: str, kind: Literal["pandas"], *, features: Sequence[str] | None = ...
    ) -> pd.DataFrame: ...

    def frame(
        self, era: str, kind: str = "polars", *, features: Sequence[str] | None = None
    ) -> pl.DataFrame | pd.DataFrame:
        """One era as a data frame: ids, era, features, targets, references and weights by name.

        Args:
            era: its label.
            kind: `polars` (unresolved targets are null) or `pandas` (NaN; ids are the index).
            features: columns, in this order; all where None.

        Raises:
            ConfigError: another kind.
            ShardError: the set does not hold the era.
        """
        from etl.shards.frames import era_frame

        return era_frame(self, era, kind, features)

    def labels(self, eras: Eras = None, *, training: bool = False) -> Labels:
        """Ids, eras, targets, references and weights of some eras; features are not decoded."""
        blocks = self.blocks(eras, training=training, with_features=False)
        return self._labels([without_features(block) for block in blocks])

    def to_tf(
        self,
        eras: Eras = None,
        *,
        target: str | Sequence[str],
        batch_size: int | None = None,
        batch_eras: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
        shuffle_blocks: int = SHUFFLE_BLOCKS,
        training: bool = False,
        packed: bool = False,
        repeat: int | None = 1,
        first_epoch: int | None = None,
        shard: tuple[int, int] | None = None,
        context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """Batches of the rows whose target is resolved, `steps(...)` of them an epoch.

        A batch is (features (b, F), target (b,) float32), with weights (b,) float32 behind where
        `training` rows are weighted, and with `batch_eras` last of all the place (b,) int32 of
        each row's era in the batch, from 0 on. Unshuffled, rows keep the order of the set.
        Shuffled, files change place, then blocks; the rows of each block are permuted, and a batch
        takes slices of `shuffle_blocks` blocks that lie open at a time. Each epoch is shuffled
        anew, and equally on any machine for equal seeds (that of `tf.random.set_seed` too, where
        one is set); with `first_epoch` by its number and `seed` alone, so that a fit can go on
        in the middle. Whole eras change place as wholes.

        Memory: about three times `shuffle_blocks` blocks as stored and a few batches; in order, or
        with `batch_eras`, a few batches.

        Args:
            eras: read; see `select`.
            target: a column, or several for targets (b, T), in which what the first one resolves
                counts and others may be NaN.
            batch_size: rows a batch; an epoch's last one is smaller.
            batch_eras: whole eras a batch instead, for losses that are taken era by era.
            shuffle: whether rows change place.
            seed: of the shuffle.
            shuffle_blocks: blocks that are mixed; more of them mix better and take more memory.
            training: leave out the rows that do not count in training, and yield weights where
                there are others than 0 and 1.
            packed: features stay as packed shards hold them, (b, ceil(F / 3)) uint8, a third of
                the bytes; `zoo.keras.unpack.Unpack` decodes them on the device.
            repeat: epochs; None for an endless dataset.
            first_epoch: the first epoch's number, those of later ones follow; None for epochs
                without a number, others whenever the dataset is gone through again.
            shard: (count, index) of readers that share the eras, whole ones each, so that every
                row has exactly one reader.
            context: what `strategy.distribute_datasets_from_function` hands over: the shard of
                its pipeline, in batches of one replica's part of `batch_size` or `batch_eras`.

        Raises:
            ConfigError: batches or shards that cannot be made, or `packed` of shards that are not.
            SchemaError: the shards do not carry a target.
            ShardError: no row counts.
        """
        from etl.shards.tfdata import Reading, dataset

        if context is not None:
            shard = context.num_input_pipelines, context.input_pipeline_id
        epoch = Epoch.of(self, eras, target, batch_size, batch_eras, training=training, shard=shard)
        if context is not None:
            epoch = epoch.of_replica(context.num_replicas_in_sync)
        reading = Reading(self, epoch, target, training, packed)
        blocks = shuffle_blocks if shuffle else 0
        return dataset(
            reading, shuffle_blocks=blocks, seed=seed, repeat=repeat, first_epoch=first_epoch
        )

    def steps(
        self,
        eras: Eras = None,
        *,
        target: str | Sequence[str],
        batch_size: int | None = None,
        batch_eras: int | None = None,
        training: bool = False,
        shard: tuple[int, int] | None = None,
    ) -> int:
        """Batches an epoch of `to_tf` with the same arguments; known without reading a row.

        Raises:
            ConfigError, SchemaError, ShardError: as `to_tf` does.
        """
        return Epoch.of(
            self, eras, target, batch_size, batch_eras, training=training, shard=shard
        ).steps

    def verify(self) -> None:
        """Read every byte against its checksum; see `etl.shards.verify.find_damage`.

        Raises:
            ShardError: files are damaged, missing or foreign; they are named.
        """
        from etl.shards.verify import find_damage, refuse_damage

        refuse_damage(find_damage(self.folder))

    def _labels(self, blocks: list[EraBlock]) -> Labels:
        targets, references = len(self.targets), len(self.references)
        return Labels.of(blocks, targets, references, weighted=self.manifest.form.weighted)


def _join(parts: list[EraBlock], training: bool) -> EraBlock:
    if training:
        parts = [part.training() for part in parts]
    if len(parts) == 1:
        return parts[0]
    weights = [p.weights for p in parts if p.weights is not None]
    return EraBlock(
        parts[0].era,
        np.concatenate([p.ids for p in parts]),
        np.concatenate([p.features for p in parts]),
        np.concatenate([p.targets for p in parts]),
        np.concatenate([p.references for p in parts]),
        np.concatenate(weights) if weights else None,
    )
