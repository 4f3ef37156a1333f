"""One pass over the rows of some eras, in batches of rows or of whole eras."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from erazoo.errors import ConfigError, ShardError

if TYPE_CHECKING:
    from etl.shards.reader import ShardSet


@dataclass(frozen=True)
class Epoch:
    """Which rows an epoch goes through, and how many batches that makes.

    Args:
        rows: rows of each era, in chronological order; eras without one are left out.
        batch_size: rows a batch, the last one of an epoch smaller; or
        batch_eras: whole eras a batch.

    Raises:
        ConfigError: neither or both of the two, or one below 1.
    """

    rows: Mapping[str, int]
    batch_size: int | None = None
    batch_eras: int | None = None

    def __post_init__(self) -> None:
        given = [size for size in (self.batch_size, self.batch_eras) if size is not None]
        if len(given) != 1 or given[0] < 1:
            raise ConfigError(
                "a batch is a number of rows or a number of whole eras",
                received=f"batch_size={self.batch_size}, batch_eras={self.batch_eras}",
                expected="one of the two, from 1 on",
            )
        object.__setattr__(self, "rows", {era: n for era, n in self.rows.items() if n})

    @classmethod
    def of(
        cls,
        data: ShardSet,
        eras: str | Sequence[str] | None,
        target: str | Sequence[str],
        batch_size: int | None = None,
        batch_eras: int | None = None,
        *,
        training: bool = False,
        shard: tuple[int, int] | None = None,
    ) -> Epoch:
        """The epoch that `ShardSet.to_tf` goes through with these arguments.

        Raises:
            ConfigError: batches or shards that cannot be made.
            SchemaError: the shards do not carry a target.
            ShardError: no row counts.
        """
        first = target_names(target)[0]
        chosen = data.select(eras)
        rows = {era: data.rows([era], first, training=training) for era in chosen}
        epoch = cls(rows, batch_size, batch_eras)
        if not epoch.rows:
            raise ShardError(
                "no row of these eras has a resolved target that counts",
                received=f"{first} in {len(chosen)} eras",
            )
        return epoch if shard is None else epoch.shard(*shard)

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        if self.batch_size is not None:
            return math.ceil(sum(self.rows.values()) / self.batch_size)
        return math.ceil(len(self.rows) / (self.batch_eras or 1))

    def shard(self, count: int, index: int) -> Epoch:
        """The part of one of `count` readers: whole eras, so that each row has one reader.

        Eras are dealt from the largest on, each to the reader with the fewest rows so far.

        Raises:
            ConfigError: an index that does not exist, or more readers than eras with rows.
        """
        if not 0 <= index < count or count > len(self.rows):
            raise ConfigError(
                "readers share whole eras",
                received=f"shard {index} of {count} over {len(self.rows)} eras with rows",
                expected="an index from 0 below the count, and an era for each reader",
            )
        parts = [(0, number) for number in range(count)]
        reader: dict[str, int] = {}
        for era in sorted(self.rows, key=lambda era: -self.rows[era]):
            held, number = heapq.heappop(parts)
            reader[era] = number
            heapq.heappush(parts, (held + self.rows[era], number))
        mine = {era: rows for era, rows in self.rows.items() if reader[era] == index}
        return Epoch(mine, self.batch_size, self.batch_eras)

    def of_replica(self, replicas: int) -> Epoch:
        """The same rows in batches for one of several replicas that step together.

        Raises:
            ConfigError: a batch cannot be cut into that many equal parts.
        """
        size = self.batch_size or self.batch_eras or 1
        if size % replicas:
            raise ConfigError(
                "a batch must be divisible by the replicas that share it",
                received=f"{size} over {replicas} replicas",
            )
        part = size // replicas
        if self.batch_size is not None:
            return Epoch(self.rows, batch_size=part)
        return Epoch(self.rows, batch_eras=part)


def target_names(target: str | Sequence[str]) -> tuple[str, ...]:
    """The targets of a batch; the first one says which rows count.

    Raises:
        ConfigError: there is none, or one stands twice.
    """
    names = (target,) if isinstance(target, str) else tuple(target)
    if not names or len(set(names)) < len(names):
        raise ConfigError("a batch needs targets, each once", received=", ".join(names) or "none")
    return names
