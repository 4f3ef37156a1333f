"""What a record holds and how: the schema and the codec of a shard set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from erazoo.errors import ConfigError
from erazoo.panel import FeatureSpec
from etl.shards.packed import can_pack, packed_width


@dataclass(frozen=True)
class ShardFormat:
    """How blocks are laid into records and records into files.

    Args:
        spec: the features.
        targets: target columns in record order.
        references: meta-model and benchmark columns in record order.
        block_rows: most rows a record.
        codec: `raw`, or `packed` (three quintiles a byte).
        compression: `none`, `gzip` or `zlib`, of whole files.
        weighted: whether records carry training weights.
    """

    spec: FeatureSpec
    targets: tuple[str, ...]
    references: tuple[str, ...] = ()
    block_rows: int = 1024
    codec: str = "raw"
    compression: str = "none"
    weighted: bool = False

    def __post_init__(self) -> None:
        if self.codec == "packed" and not can_pack(self.spec):
            raise ConfigError(
                "only quintile features can be packed",
                received=f"{self.spec.dtype.name} features",
                expected="int8",
                hint="Set shards.codec = 'raw'",
            )

    @property
    def width(self) -> int:
        """Items a row in the field `features`: columns, or packed bytes."""
        names = len(self.spec.names)
        return packed_width(names) if self.codec == "packed" else names

    def to_json(self) -> dict[str, Any]:
        """As plain values, for a manifest."""
        return {
            "spec": self.spec.to_json(),
            "targets": list(self.targets),
            "references": list(self.references),
            "block_rows": self.block_rows,
            "codec": self.codec,
            "compression": self.compression,
            "weighted": self.weighted,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ShardFormat:
        """The inverse of `to_json`."""
        return cls(
            FeatureSpec.from_json(value["spec"]),
            tuple(value["targets"]),
            tuple(value["references"]),
            int(value["block_rows"]),
            value["codec"],
            value["compression"],
            bool(value["weighted"]),
        )
