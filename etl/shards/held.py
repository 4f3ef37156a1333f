"""The newest eras of a shard set in memory, each read once, as it arrives."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from erazoo.errors import ConfigError, ShardError
from erazoo.panel import EraBlock, FeatureSpec
from etl.shards.content import Eras
from etl.shards.reader import ShardSet
from etl.shards.rows import ShardRows


@dataclass
class Ring:
    """Blocks in the order in which they came.

    Args:
        keep: resolved eras that are held, the newest ones; those that are not resolved stay.
        blocks: by era.
        resolved: eras whose targets are known.
    """

    keep: int
    blocks: dict[str, EraBlock] = field(default_factory=dict)
    resolved: set[str] = field(default_factory=set)


class HeldEras(ShardSet):
    """A shard set of the eras that are held in memory, for learners that read a shard set.

    Its files are read once, in order, and no further than was asked for. Targets are blank until
    `resolve` names their era: what learns from here cannot see them earlier.

    Memory: the blocks of `keep` resolved eras and of those that are not resolved.

    Args:
        source: the shards.
        ring: what is held; views of fewer features share it.
        spec: the features that are read, where they are not all.
    """

    def __init__(self, source: ShardSet, ring: Ring, spec: FeatureSpec | None = None) -> None:
        super().__init__(source.folder, source.manifest, spec or source.spec)
        self._ring = ring
        self._stored = source.spec
        self._arriving: Iterator[EraBlock] = iter(())

    @classmethod
    def of(cls, source: ShardSet, eras: Sequence[str], keep: int) -> HeldEras:
        """An empty one, into which `eras` will arrive.

        Args:
            source: the shards, with all their features.
            eras: in chronological order.
            keep: resolved eras that are held.
        """
        made = cls(source, Ring(keep))
        made._arriving = source.blocks(eras)
        return made

    def arrive(self, era: str) -> EraBlock:
        """Read on until an era is there.

        Returns:
            Its block, without targets.

        Raises:
            ShardError: it does not arrive any more.
        """
        for block in self._arriving:
            self._ring.blocks[block.era] = block
            self._let_go()
            if block.era == era:
                return _blank(block)
        raise ShardError("an era does not arrive in a walk", received=era)

    def resolve(self, eras: Collection[str]) -> None:
        """Open the targets of eras, those that have not arrived yet included."""
        self._ring.resolved |= set(eras)
        self._let_go()

    def forget(self, era: str) -> None:
        """Let go of an era that nothing will be learned from."""
        self._ring.blocks.pop(era, None)

    @override
    def narrowed(self, names: Collection[str]) -> HeldEras:
        return HeldEras(self._whole(), self._ring, self.spec.narrowed(names))

    @override
    def eras(self) -> tuple[str, ...]:
        return tuple(self._ring.blocks)

    @override
    def select(self, eras: Eras = None) -> tuple[str, ...]:
        chosen = self.eras() if eras is None else super().select(eras)
        if foreign := [era for era in chosen if era not in self._ring.blocks]:
            raise ShardError("an era is not held in memory", received=foreign[0])
        return chosen

    @override
    def blocks(
        self, eras: Eras = None, *, training: bool = False, with_features: bool = True
    ) -> Iterator[EraBlock]:
        for era in self.select(eras):
            held = self._ring.blocks[era]
            block = held if era in self._ring.resolved else _blank(held)
            yield self._seen(block.training() if training else block, with_features)

    @override
    def files(self, eras: Eras = None) -> list[Any]:
        """None: nothing is read from files any more."""
        return []

    @override
    def numbered(
        self,
        eras: Eras,
        target: str,
        *,
        features: Sequence[str] | None = None,
        training: bool = True,
    ) -> ShardRows:
        return HeldRows(self, eras, target, features=features, training=training)

    @override
    def to_tf(self, *args: Any, **options: Any) -> NoReturn:
        """Not offered.

        Raises:
            ConfigError: always.
        """
        raise ConfigError("eras in memory are not read by TensorFlow", received="to_tf")

    def _let_go(self) -> None:
        ring = self._ring
        known = [era for era in ring.blocks if era in ring.resolved]
        for era in known[: max(0, len(known) - ring.keep)]:
            del ring.blocks[era]

    def _whole(self) -> ShardSet:
        return ShardSet(self.folder, self.manifest, self._stored)

    def _seen(self, block: EraBlock, with_features: bool) -> EraBlock:
        if not with_features:
            return replace(block, features=block.features[:, :0])
        if self.spec.names == self._stored.names:
            return block
        columns = self._stored.columns(self.spec.names)
        return replace(block, features=np.take(block.features, columns, axis=1))


class HeldRows(ShardRows):
    """The rows of eras in memory whose target is resolved, by number; see `ShardRows`."""

    @override
    def _index(
        self, wanted: set[str], column: int, training: bool
    ) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        labels, weights = [], []
        self._kept: list[tuple[str, NDArray[np.bool_]]] = []
        for block in self._data.blocks(sorted(wanted, key=self._data.axis.position)):
            kept = np.isfinite(block.targets[:, column])
            if training and block.weights is not None:
                kept &= block.weights > 0
                weights.append(block.weights[kept])
            if count := int(kept.sum()):
                self._kept.append((block.era, kept))
                labels.append(block.targets[kept, column])
                self.counts[block.era] = count
        return labels, weights

    @override
    def _features(self, number: int) -> NDArray[Any]:
        if self._decoded is None or self._decoded[0] != number:
            era, kept = self._kept[number]
            features = next(self._data.blocks([era])).features[kept]
            if self._columns is not None:
                features = features[:, self._columns]
            self._decoded = number, features
        return self._decoded[1]


def _blank(block: EraBlock) -> EraBlock:
    """The block as it arrived: neither targets nor what is published with them."""
    return replace(
        block,
        targets=np.full_like(block.targets, np.nan),
        references=np.full_like(block.references, np.nan),
    )
