"""What a shard set holds, as its manifest says: features, targets, eras, rows and files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erazoo.eras import EraAxis
from erazoo.errors import ConfigError, SchemaError, ShardError
from erazoo.near import nearest
from erazoo.panel import FeatureSpec
from etl.shards.manifest import FileEntry, Manifest

Eras = str | Sequence[str] | None
"""Eras to read: an expression, labels, or None for all."""


class ShardContent:
    """Everything that is known of a shard set without reading a row.

    Args:
        folder: that the files lie in.
        manifest: of the whole set.
        spec: the features that are read, where they are not all.

    Attributes:
        columns: where the features of a narrowed view stand in the records; None where all are
            read.
    """

    def __init__(self, folder: Path, manifest: Manifest, spec: FeatureSpec | None = None) -> None:
        self.folder, self.manifest = folder, manifest
        self.spec = manifest.spec if spec is None else spec
        whole = self.spec.names == manifest.spec.names
        where = None if whole else manifest.spec.columns(self.spec.names)
        self.columns: NDArray[np.int64] | None = where

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

    def select(self, eras: Eras = None) -> tuple[str, ...]:
        """Eras of the set, each once, in chronological order.

        Args:
            eras: an expression such as `odd`, `every:4` or `1..574&even` (see
                `EraAxis.select`), labels, or None for all.

        Raises:
            ConfigError: an expression that cannot be parsed or names no era.
            ShardError: a label that the set does not hold.
        """
        if eras is None:
            return self.eras()
        if isinstance(eras, str):
            return self.axis.select(eras)
        foreign = [era for era in eras if era not in self.manifest.eras]
        if foreign:
            raise ShardError("the shard set does not hold this era", received=foreign[0])
        wanted = set(eras)
        return tuple(era for era in self.manifest.eras if era in wanted)

    def rows(self, eras: Eras = None, target: str | None = None, *, training: bool = False) -> int:
        """Exact rows of `eras`.

        Args:
            eras: counted; see `select`.
            target: only rows in which it is resolved are counted, where one is named.
            training: only rows that count in training; needs a target.

        Raises:
            ConfigError: no target is named for rows that count in training.
        """
        if training and target is None:
            raise ConfigError("rows that count in training are counted by target", expected="one")
        entries = [self.manifest.eras[era] for era in self.select(eras)]
        if target is None:
            return sum(entry.rows for entry in entries)
        self.target_index(target)
        return sum((e.trained if training else e.resolved)[target] for e in entries)

    def files(self, eras: Eras = None) -> list[Path]:
        """The files that hold rows of `eras`, in order."""
        return [self.folder / entry.path for entry in self._files(set(self.select(eras)))]

    def _files(self, wanted: set[str]) -> list[FileEntry]:
        return [f for f in self.manifest.files if any(era in wanted for era, _ in f.eras)]
