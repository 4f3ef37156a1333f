"""The manifest: what a shard set holds, written last and read first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from erazoo.eras import EraAxis
from erazoo.errors import ShardError
from erazoo.panel import FeatureSpec
from erazoo.publish import read_json, write_json

MANIFEST = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class EraEntry:
    """One era: its split, rows, and rows with a resolved value by target."""

    split: str
    rows: int
    resolved: Mapping[str, int]


@dataclass(frozen=True)
class FileEntry:
    """One shard file.

    Args:
        path: relative to the shard set's folder.
        eras: (era, rows) in the order of its records.
        bytes: its size.
        sha256: its checksum.
        key: a fingerprint of everything its content depends on.
    """

    path: str
    eras: tuple[tuple[str, int], ...]
    bytes: int
    sha256: str
    key: str

    @property
    def rows(self) -> int:
        """Rows in the file."""
        return sum(rows for _, rows in self.eras)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FileEntry:
        """The inverse of `dataclasses.asdict`."""
        eras = tuple((str(era), int(rows)) for era, rows in value["eras"])
        return cls(value["path"], eras, value["bytes"], value["sha256"], value["key"])


@dataclass(frozen=True)
class Manifest:
    """Schema, files and eras of a shard set.

    Args:
        spec: the features.
        targets: target columns in record order.
        references: meta-model and benchmark columns in record order.
        eras: every era in chronological order.
        files: every file in the order of its first era.
        facts: what made it: tool version, layout, block rows, alias, split settings.
    """

    spec: FeatureSpec
    targets: tuple[str, ...]
    references: tuple[str, ...]
    eras: Mapping[str, EraEntry]
    files: tuple[FileEntry, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def axis(self) -> EraAxis:
        """The whole sequence of eras."""
        return EraAxis(tuple(self.eras))

    @property
    def rows(self) -> int:
        """Rows in the set."""
        return sum(entry.rows for entry in self.eras.values())

    def of_split(self, split: str) -> tuple[str, ...]:
        """Eras of a split, in order."""
        return tuple(era for era, entry in self.eras.items() if entry.split == split)

    def resolved(self, target: str) -> tuple[str, ...]:
        """Eras in which `target` is resolved for at least one row."""
        return tuple(e for e, entry in self.eras.items() if entry.resolved.get(target, 0) > 0)

    def save(self, folder: Path) -> None:
        """Write `manifest.json` in `folder`."""
        write_json(
            folder / MANIFEST,
            {
                "format": FORMAT,
                **self.facts,
                "rows": self.rows,
                "spec": self.spec.to_json(),
                "targets": list(self.targets),
                "references": list(self.references),
                "eras": {era: asdict(entry) for era, entry in self.eras.items()},
                "files": [asdict(entry) for entry in self.files],
            },
        )

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read the manifest of `folder`.

        Raises:
            ShardError: it is missing, damaged or of another format.
        """
        try:
            value = read_json(folder / MANIFEST)
            if value["format"] != FORMAT:
                raise ShardError(
                    "shards of another format", received=value["format"], expected=FORMAT
                )
            return cls._parse(value)
        except (FileNotFoundError, NotADirectoryError):
            raise ShardError(
                "there is no finished shard set here",
                received=str(folder),
                expected=f"a folder with {MANIFEST}",
                hint="Run `erazoo shard` first",
            ) from None
        except (ValueError, KeyError, TypeError):
            raise ShardError("the manifest is damaged", received=str(folder / MANIFEST)) from None

    @classmethod
    def _parse(cls, value: dict[str, Any]) -> Manifest:
        known = {"format", "rows", "spec", "targets", "references", "eras", "files"}
        return cls(
            spec=FeatureSpec.from_json(value["spec"]),
            targets=tuple(value["targets"]),
            references=tuple(value["references"]),
            eras={era: EraEntry(**entry) for era, entry in value["eras"].items()},
            files=tuple(FileEntry.from_json(entry) for entry in value["files"]),
            facts={k: v for k, v in value.items() if k not in known},
        )
