"""A remote shard set brought here: every file checked against the manifest before it is used."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from erazoo.errors import ShardError
from erazoo.logs import LOGGER, progress
from erazoo.publish import alone, atomic_file, checksum, fingerprint, make_dir, sha256, sweep
from etl.remote.store import Held, Store
from etl.shards import ShardSet, journal
from etl.shards.manifest import MANIFEST, FileEntry, Manifest
from etl.shards.naming import ShardName

FETCHERS = 8
CACHE_ROOT = "ERAZOO_CACHE"
AGAIN = "Publish it again with `erazoo shard --force` where its data are"


def open_remote(uri: str, cache: Path | None = None) -> ShardSet:
    """A shard set at a URI such as `s3://bucket/name`, staged in a cache of this machine.

    The manifest is read from the store each time. A cached file is used only where its size and
    checksum are those of that manifest; all others are fetched. A set that has changed in the
    store gets a folder of its own, takes over the files that are still right, and the older one
    is removed.

    Args:
        uri: of the folder that holds the manifest.
        cache: of all sets; by default `ERAZOO_CACHE`, else `erazoo` in the user's cache folder.

    Raises:
        RemoteError: the store cannot be used, in words.
        ShardError: there is no finished set, or one of its files is damaged in the store.
    """
    store = Store.open(uri)
    text = remote_manifest(store)
    own = (cache or cache_root()) / "shards" / fingerprint(store.uri)
    with alone(own):
        folder = own / fingerprint(text)
        older = [path for path in own.iterdir() if path.is_dir() and path != folder]
        fetch_set(store, text, folder, older)
        for path in older:
            shutil.rmtree(path)
        return ShardSet.open(folder)


def cache_root() -> Path:
    """The folder of this user's caches."""
    if given := os.environ.get(CACHE_ROOT):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "erazoo"


def remote_manifest(store: Store) -> str:
    """The text of a store's manifest.

    Raises:
        RemoteError: the store cannot be used.
        ShardError: there is none, or it is damaged.
    """
    raw = store.read(MANIFEST)
    if raw is None:
        raise ShardError(
            "there is no finished shard set at this URI",
            received=store.uri,
            expected=f"a folder with {MANIFEST}",
            hint="Run `erazoo shard` with shards.remote where its data are",
        )
    text = raw.decode("utf-8", errors="replace")
    check_names(Manifest.parse(text, f"{store.uri}/{MANIFEST}"))
    return text


def check_names(manifest: Manifest) -> None:
    """Refuse a manifest whose files would lie outside the shard set's folder.

    Raises:
        ShardError: a name that no writer gives.
    """
    for entry in manifest.files:
        ShardName.parse(entry.path)
    for name in manifest.beside:
        if Path(name).name != name or name in ("", ".", ".."):
            raise ShardError("a manifest lists a file outside its folder", received=name)


def fetch_set(store: Store, text: str, folder: Path, older: Sequence[Path] = ()) -> int:
    """Bring a shard set into `folder`; what lies there already is kept if it is right.

    Killed at any moment, it leaves no manifest in `folder`, or a whole set; run again, it goes on.

    Args:
        store: where from.
        text: of the store's manifest.
        folder: where to; other shards in it are removed.
        older: folders with earlier states of the set, from which files are taken.

    Returns:
        Files fetched from the store.

    Raises:
        RemoteError: the store cannot be used.
        ShardError: a file in the store is missing or damaged; it is named.
    """
    manifest = Manifest.parse(text, f"{store.uri}/{MANIFEST}")
    wanted = [_Wanted.shard(entry) for entry in manifest.files] + _beside(manifest)
    _clear(make_dir(folder), {one.name for one in wanted})
    fetched = _bring(store, wanted, folder, older)
    with atomic_file(folder / MANIFEST) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return fetched


def fetch_beside(store: Store, manifest: Manifest, folder: Path) -> int:
    """Bring only the files that lie beside the shards of a set; see `fetch_set`."""
    _clear(folder, set())
    return _bring(store, _beside(manifest), folder, ())


def _bring(store: Store, wanted: Sequence[_Wanted], folder: Path, older: Sequence[Path]) -> int:
    held = store.list()

    def bring(one: _Wanted) -> bool:
        if one.fits(folder / one.name):
            return False
        if any(_adopt(one, place / one.name, folder) for place in older):
            return False
        _fetch(store, one, held, folder)
        return True

    with ThreadPoolExecutor(FETCHERS) as pool:
        try:
            fetched = sum(progress(pool.map(bring, wanted), "fetch files", len(wanted)))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    LOGGER.debug("%d of %d files fetched from %s", fetched, len(wanted), store.uri)
    return fetched


@dataclass(frozen=True)
class _Wanted:
    """A file of the set: its name, its size where it is known, and its checksum."""

    name: str
    size: int | None
    digest: str
    take: Callable[[Path], str]

    @classmethod
    def shard(cls, entry: FileEntry) -> _Wanted:
        return cls(entry.path, entry.bytes, entry.checksum, checksum)

    def fits(self, path: Path) -> bool:
        if not path.is_file() or self.size not in (None, path.stat().st_size):
            return False
        return self.take(path) == self.digest


def _beside(manifest: Manifest) -> list[_Wanted]:
    return [_Wanted(name, None, digest, sha256) for name, digest in manifest.beside.items()]


def _fetch(store: Store, one: _Wanted, held: dict[str, Held], folder: Path) -> None:
    place = f"{store.uri}/{one.name}"
    found = held.get(one.name)
    if found is None:
        raise ShardError("a shard set lacks a file in its store", received=place, hint=AGAIN)
    if one.size not in (None, found.bytes):
        raise _damaged(place, f"{found.bytes} bytes", f"{one.size}")
    with atomic_file(folder / one.name, durable=False) as temporary:
        store.get(one.name, temporary, found.bytes)
        if (digest := one.take(temporary)) != one.digest:
            raise _damaged(place, f"checksum {digest}", one.digest)


def _damaged(place: str, received: str, expected: str) -> ShardError:
    return ShardError(
        "a file in the store differs from what its manifest says",
        received=f"{place}: {received}",
        expected=expected,
        hint=AGAIN,
    )


def _adopt(one: _Wanted, path: Path, folder: Path) -> bool:
    """Move a file here from an older state of the set, if it is right."""
    if not one.fits(path):
        return False
    make_dir((folder / one.name).parent)
    os.replace(path, folder / one.name)
    return True


def _clear(folder: Path, names: set[str]) -> None:
    """Take away the manifest, other shards, and what a killed process left."""
    (folder / MANIFEST).unlink(missing_ok=True)
    journal.remove(folder)
    for place in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        sweep(place)
    for path in folder.rglob("*.tfrecord*"):
        if path.relative_to(folder).as_posix() not in names:
            path.unlink()
