"""The manifest: what a shard set holds, written last and read first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from erazoo.eras import EraAxis
from erazoo.errors import ShardError
from erazoo.panel import FeatureSpec
from erazoo.publish import fingerprint, json_text, write_json
from etl.shards.format import ShardFormat

MANIFEST = "manifest.json"
FORMAT = 2
DIGEST = "digest"
"""The key of a fingerprint of all else in the manifest."""


@dataclass(frozen=True)
class EraEntry:
    """One era.

    Args:
        split: the split that it lies in.
        rows: its rows.
        resolved: rows with a value, by target.
        trained: of these, the rows that count in training, by target.
    """

    split: str
    rows: int
    resolved: Mapping[str, int]
    trained: Mapping[str, int]


@dataclass(frozen=True)
class FileEntry:
    """One shard file.

    Args:
        path: relative to the shard set's folder.
        eras: (era, rows) in the order of its records.
        bytes: its size.
        checksum: XXH3-128 of its bytes, in hex.
        key: a fingerprint of everything its content depends on.
    """

    path: str
    eras: tuple[tuple[str, int], ...]
    bytes: int
    checksum: str
    key: str

    @property
    def rows(self) -> int:
        """Rows in the file."""
        return sum(rows for _, rows in self.eras)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FileEntry:
        """The inverse of `dataclasses.asdict`."""
        eras = tuple((str(era), int(rows)) for era, rows in value["eras"])
        return cls(value["path"], eras, value["bytes"], value["checksum"], value["key"])


@dataclass(frozen=True)
class Manifest:
    """Schema, files and eras of a shard set.

    Args:
        form: how rows are laid into records, with features, targets and references.
        eras: every era in chronological order.
        files: every file in chronological order.
        facts: what made it: tool version, layout, alias, split, cleaning, balance, and `beside`,
            the sha256 of each further file of the set.
    """

    form: ShardFormat
    eras: Mapping[str, EraEntry]
    files: tuple[FileEntry, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> FeatureSpec:
        """The features."""
        return self.form.spec

    @property
    def targets(self) -> tuple[str, ...]:
        """Target columns in record order."""
        return self.form.targets

    @property
    def references(self) -> tuple[str, ...]:
        """Meta-model and benchmark columns in record order."""
        return self.form.references

    @cached_property
    def axis(self) -> EraAxis:
        """The whole sequence of eras."""
        return EraAxis(tuple(self.eras))

    @property
    def rows(self) -> int:
        """Rows in the set."""
        return sum(entry.rows for entry in self.eras.values())

    @property
    def beside(self) -> Mapping[str, str]:
        """The sha256 of each file that belongs to the set beside the shards, by name."""
        return dict(self.facts.get("beside", {}))

    @property
    def weighs(self) -> bool:
        """Whether training weights other than 0 and 1 may stand in the records."""
        balance = self.facts.get("balance", {})
        return self.form.weighted and (balance == {} or (balance or {}).get("mode") == "weights")

    def of_split(self, split: str) -> tuple[str, ...]:
        """Eras of a split, in order."""
        return tuple(era for era, entry in self.eras.items() if entry.split == split)

    def resolved(self, target: str) -> tuple[str, ...]:
        """Eras in which `target` is resolved for at least one row."""
        return tuple(e for e, entry in self.eras.items() if entry.resolved.get(target, 0) > 0)

    def save(self, folder: Path) -> None:
        """Write `manifest.json` in `folder`, with a fingerprint of its content."""
        value = {
            "format": FORMAT,
            **self.facts,
            "rows": self.rows,
            **self.form.to_json(),
            "eras": {era: asdict(entry) for era, entry in self.eras.items()},
            "files": [asdict(entry) for entry in self.files],
        }
        stored = json.loads(json_text(value))
        write_json(folder / MANIFEST, {**stored, DIGEST: fingerprint(stored)})

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read the manifest of `folder`.

        Raises:
            ShardError: it is missing, damaged or of another format.
        """
        try:
            text = (folder / MANIFEST).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            raise ShardError(
                "there is no finished shard set here",
                received=str(folder),
                expected=f"a folder with {MANIFEST}",
                hint="Run `erazoo shard` first",
            ) from None
        except UnicodeDecodeError:
            text = ""
        return cls.parse(text, str(folder / MANIFEST))

    @classmethod
    def parse(cls, text: str, place: str) -> Manifest:
        """A manifest from its text.

        Args:
            text: what `save` has written.
            place: where it was read, for messages.

        Raises:
            ShardError: it is damaged or of another format.
        """
        try:
            value = json.loads(text)
            if value["format"] != FORMAT:
                raise ShardError(
                    "shards of another format",
                    received=f"{value['format']} in {place}",
                    expected=FORMAT,
                    hint="Run `erazoo shard --force`",
                )
            if value.pop(DIGEST) != fingerprint(value):
                raise ValueError("the content does not fit its fingerprint")
            return cls._parse(value)
        except (ValueError, KeyError, TypeError):
            raise ShardError(
                "the manifest is damaged", received=place, hint="Run `erazoo shard --force`"
            ) from None

    @classmethod
    def _parse(cls, value: dict[str, Any]) -> Manifest:
        form = ShardFormat.from_json(value)
        known = {"format", "rows", "eras", "files", *form.to_json()}
        return cls(
            form=form,
            eras={era: EraEntry(**entry) for era, entry in value["eras"].items()},
            files=tuple(FileEntry.from_json(entry) for entry in value["files"]),
            facts={k: v for k, v in value.items() if k not in known},
        )
