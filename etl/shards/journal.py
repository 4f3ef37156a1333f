"""The journal of a shard set that is being written: one line a finished file.

Several processes append to it, each line by one write; a torn last line is passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from erazoo.publish import write_text
from etl.shards.manifest import FileEntry

JOURNAL = "journal.jsonl"


@dataclass(frozen=True)
class Finished:
    """A written file and what its eras hold.

    Args:
        file: its entry in the manifest.
        resolved: rows with a value, by era and target.
        trained: of these, the rows that count in training.
    """

    file: FileEntry
    resolved: Mapping[str, Mapping[str, int]]
    trained: Mapping[str, Mapping[str, int]]

    def line(self) -> str:
        """One line of the journal."""
        value = {"file": asdict(self.file), "resolved": self.resolved, "trained": self.trained}
        return json.dumps(value) + "\n"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Finished:
        """The inverse of `line`."""
        return cls(FileEntry.from_json(value["file"]), value["resolved"], value["trained"])


def append(folder: Path, finished: Finished) -> None:
    """Add a line to the journal of `folder`."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    handle = os.open(folder / JOURNAL, flags, 0o666)
    try:
        os.write(handle, finished.line().encode())
    finally:
        os.close(handle)


def read(folder: Path) -> Iterator[Finished]:
    """The whole lines of the journal of `folder`, none where there is no journal."""
    path = folder / JOURNAL
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for line in text.splitlines():
        try:
            yield Finished.from_json(json.loads(line))
        except (ValueError, KeyError, TypeError):
            continue


def rewrite(folder: Path, finished: Iterable[Finished]) -> None:
    """Replace the journal of `folder`."""
    write_text(folder / JOURNAL, "".join(f.line() for f in finished))


def remove(folder: Path) -> None:
    """End the journal of `folder`; its manifest stands."""
    (folder / JOURNAL).unlink(missing_ok=True)
