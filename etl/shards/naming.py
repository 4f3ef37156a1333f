"""Shard file names: one template that both formats and parses them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from erazoo.errors import ShardError

_NAME = re.compile(
    r"^(?P<split>[a-z_]+)/(?:era=(?P<era>[0-9-]+)/)?"
    r"part-(?P<part>\d{5})-of-(?P<parts>\d{5})\.tfrecord(?P<suffix>|\.gz|\.zlib)$"
)
SUFFIXES = {"none": "", "gzip": ".gz", "zlib": ".zlib"}


@dataclass(frozen=True)
class ShardName:
    """The name of one shard file.

    >>> str(ShardName("train", "0001", 0, 1))
    'train/era=0001/part-00000-of-00001.tfrecord'
    >>> ShardName.parse("train/part-00003-of-00128.tfrecord").part
    3
    """

    split: str
    era: str | None
    part: int
    parts: int
    compression: str = "none"

    def __post_init__(self) -> None:
        if not 0 <= self.part < self.parts:
            raise ShardError(
                "a shard's part number does not fit its count",
                received=f"{self.part} of {self.parts}",
            )

    def __str__(self) -> str:
        folder = f"{self.split}/era={self.era}" if self.era is not None else self.split
        suffix = SUFFIXES[self.compression]
        return f"{folder}/part-{self.part:05d}-of-{self.parts:05d}.tfrecord{suffix}"

    @classmethod
    def parse(cls, name: str) -> ShardName:
        """The inverse of `str`.

        Raises:
            ShardError: the text is not a shard's name.
        """
        match = _NAME.match(name)
        if match is None:
            raise ShardError(
                "this is not the name of a shard",
                received=name,
                expected="SPLIT/[era=ERA/]part-NNNNN-of-NNNNN.tfrecord[.gz|.zlib]",
            )
        compression = next(k for k, suffix in SUFFIXES.items() if suffix == match["suffix"])
        return cls(
            match["split"], match["era"], int(match["part"]), int(match["parts"]), compression
        )
