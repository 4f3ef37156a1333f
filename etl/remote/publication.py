"""A shard set on its way to a store: files first, the manifest last, nothing sent twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from erazoo.errors import ShardError
from erazoo.logs import LOGGER, progress
from erazoo.publish import PARTIAL, checksum, make_dir, write_text
from etl.remote.store import Held, Store
from etl.shards.manifest import MANIFEST, FileEntry, Manifest
from etl.shards.naming import ShardName

SENDERS = 4


@dataclass(frozen=True)
class Parcel:
    """A file to be sent.

    Args:
        path: where it lies.
        name: its name in the store.
        checksum: XXH3-128 of its bytes.
    """

    path: Path
    name: str
    checksum: str

    @classmethod
    def of(cls, path: Path, name: str = "") -> Parcel:
        """A file that no manifest lists."""
        return cls(path, name or path.name, checksum(path))


@dataclass(frozen=True)
class Sent:
    """A file that this machine has sent: what it was, and the mark that the store gave it."""

    uri: str
    name: str
    bytes: int
    checksum: str
    mark: str

    def line(self) -> str:
        """One line of the journal."""
        return json.dumps(asdict(self)) + "\n"


class Publication:
    """What is sent to one store.

    A file that was sent before, and whose size and mark in the store are still those of then, is
    not sent again. Before the first file that is, the manifest in the store is removed.

    Args:
        store: where to.
        record: the journal of what was sent, a file of this machine.
        fresh: send everything, whatever stands.

    Attributes:
        sent: files sent by now.
    """

    def __init__(self, store: Store, record: Path, *, fresh: bool = False) -> None:
        self.store, self._record, self._fresh, self.sent = store, record, fresh, 0

    def stands(self, name: str, size: int, digest: str) -> bool:
        """Whether the store holds this very content under a name, as sent from here."""
        held, known = self._held.get(name), self._known.get(name)
        if held is None or known is None or not held.mark:
            return False
        then = Sent(self.store.uri, name, size, digest, held.mark)
        return held.bytes == size and known == then

    def send(self, parcels: Sequence[Parcel]) -> None:
        """Send those that do not stand, several at a time.

        Raises:
            RemoteError: the store failed; what was sent is known to the next publication.
            ShardError: a file is missing or no longer what was written; it is not sent.
        """
        for parcel in parcels:
            if not parcel.path.is_file():
                raise ShardError(
                    "a file that is to be published is missing",
                    received=str(parcel.path),
                    hint="Run `erazoo shard --force`",
                )
        left = [p for p in parcels if not self.stands(p.name, p.path.stat().st_size, p.checksum)]
        if not left:
            return
        if any(parcel.name != MANIFEST for parcel in left):
            self._withdraw()
        with ThreadPoolExecutor(SENDERS) as pool:
            done = pool.map(lambda parcel: (parcel, self._put(parcel)), left)
            try:
                for parcel, held in progress(done, "publish files", len(left)):
                    self._note(parcel, held)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def finish(self, folder: Path) -> None:
        """Publish the manifest of `folder`, whose files have been sent.

        Shards of an older set, and what a killed put left, are removed from the store.

        Raises:
            RemoteError: the store failed.
        """
        manifest = Manifest.load(folder)
        self.send([Parcel.of(folder / MANIFEST)])
        listed = {entry.path for entry in manifest.files}
        for name in [name for name in self._held if name not in listed and _is_ours(name)]:
            LOGGER.debug("%s/%s is removed: it is not in the manifest", self.store.uri, name)
            self.store.remove(name)
        if self.sent:
            newest = {(one.uri, one.name): one for one in _read(self._record)}
            write_text(self._record, "".join(one.line() for one in newest.values()))

    def _withdraw(self) -> None:
        if MANIFEST in self._held:
            LOGGER.info("the shard set at %s is withdrawn until the new one stands", self.store.uri)
            self.store.remove(MANIFEST)
            del self._held[MANIFEST]

    def _put(self, parcel: Parcel) -> Held:
        if checksum(parcel.path) != parcel.checksum:
            raise ShardError(
                "a shard differs from what was written",
                received=str(parcel.path),
                hint="Run `erazoo shard --force`",
            )
        return self.store.put(parcel.path, parcel.name)

    def _note(self, parcel: Parcel, held: Held) -> None:
        line = Sent(self.store.uri, parcel.name, held.bytes, parcel.checksum, held.mark)
        make_dir(self._record.parent)
        with self._record.open("a", encoding="utf-8") as journal:
            journal.write(line.line())
        self._held[parcel.name], self._known[parcel.name] = held, line
        self.sent += 1

    @cached_property
    def _held(self) -> dict[str, Held]:
        return self.store.list()

    @cached_property
    def _known(self) -> dict[str, Sent]:
        if self._fresh:
            return {}
        return {one.name: one for one in _read(self._record) if one.uri == self.store.uri}


def publish_set(folder: Path, publication: Publication, *, beside: Iterable[Path] = ()) -> int:
    """Send a finished shard set to a store; the manifest appears there last.

    Killed at any moment, it leaves no manifest, or a whole set; run again, it goes on.

    Args:
        folder: holds the manifest, and the files that the store does not hold yet.
        publication: to the store.
        beside: further files that are sent along, by their names.

    Returns:
        Files that this publication has sent; 0 where the whole set stood.

    Raises:
        ShardError: there is no finished set, or one of its files is damaged.
        RemoteError: the store failed.
    """
    manifest = Manifest.load(folder)
    stand = publication.stands
    files = [e for e in manifest.files if not stand(e.path, e.bytes, e.checksum)]
    publication.send(
        [
            *(parcel(folder, entry) for entry in files),
            *(Parcel.of(folder / name) for name in manifest.beside),
            *(Parcel.of(path) for path in beside),
        ]
    )
    publication.finish(folder)
    return publication.sent


def parcel(folder: Path, entry: FileEntry) -> Parcel:
    """A shard of a set in `folder`."""
    return Parcel(folder / entry.path, entry.path, entry.checksum)


def _is_ours(name: str) -> bool:
    """Whether a file of a store is a shard, or half of one."""
    if PurePosixPath(name).name.startswith(PARTIAL):
        return True
    try:
        ShardName.parse(name)
    except ShardError:
        return False
    return True


def _read(record: Path) -> Iterator[Sent]:
    """The whole lines of a journal; a torn last one is passed over."""
    text = record.read_text(encoding="utf-8") if record.is_file() else ""
    for line in text.splitlines():
        try:
            value: dict[str, Any] = json.loads(line)
            yield Sent(**value)
        except (ValueError, TypeError):
            continue
