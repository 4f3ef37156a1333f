"""Every file of a shard set against its manifest: what is damaged, missing or foreign."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from erazoo.errors import ShardError
from erazoo.logs import progress
from erazoo.publish import PARTIAL, checksum, json_text, sha256
from etl.shards.cache import CACHE, damaged_caches
from etl.shards.manifest import MANIFEST, FileEntry, Manifest
from etl.shards.naming import ShardName

SHOWN = 3
AGAIN = "Run `erazoo shard --force`"
DELETE = "Delete what does not belong there"
FOREIGN = "is not in the manifest"
CACHED = "belongs to a cache and does not fit its checksum"
REMAKE = "Delete the cache; readers make it again"


@dataclass(frozen=True)
class Damage:
    """A file that is not as the manifest says.

    Args:
        path: of the file, from here or as a URI.
        what: is wrong with it.
    """

    path: str
    what: str


def find_damage(folder: Path) -> tuple[Damage, ...]:
    """All that is not as it was written in the folder of a shard set.

    Every byte of the shards, of the files beside the manifest and of the manifest itself is read
    against its checksum, every name against the eras and the split that the manifest gives it.
    A file that the manifest does not list is damage too. What readers keep in `cache/` is read
    against its own record. Memory: the manifest and a megabyte.

    Raises:
        ShardError: the manifest is missing or damaged, so that nothing else can be judged.
    """
    manifest = Manifest.load(folder)
    found = [Damage(str(folder / MANIFEST), what) for what in _odd(folder, manifest)]
    owner = {entry.checksum: entry.path for entry in manifest.files}
    for entry in progress(manifest.files, "verify files", len(manifest.files)):
        wrong = [*_misnamed(entry, manifest), *_changed(folder, entry, owner)]
        found += [Damage(str(folder / entry.path), what) for what in wrong]
    found += [Damage(str(path), CACHED) for path in damaged_caches(folder)]
    return (*found, *damage_beside(folder, manifest), *_foreign(folder, manifest))


def damage_beside(folder: Path, manifest: Manifest) -> tuple[Damage, ...]:
    """What is damaged of the files beside the shards."""
    return tuple(
        Damage(str(folder / name), what)
        for name, digest in manifest.beside.items()
        for what in _unlike(folder / name, digest)
    )


def refuse_damage(found: Sequence[Damage]) -> None:
    """Do nothing where nothing is damaged.

    Raises:
        ShardError: naming the first files and counting all.
    """
    if not found:
        return
    shown = [f"{damage.path} ({damage.what})" for damage in found[:SHOWN]]
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    files = len({damage.path for damage in found})
    raise ShardError(
        f"{files} {'file' if files == 1 else 'files'} of a shard set "
        f"{'differs' if files == 1 else 'differ'} from what was written",
        received=", ".join(shown + more),
        hint=_hint({damage.what for damage in found}),
    )


def _hint(kinds: set[str]) -> str:
    if kinds == {FOREIGN}:
        return DELETE
    return REMAKE if kinds == {CACHED} else AGAIN


def _odd(folder: Path, manifest: Manifest) -> Iterator[str]:
    """What a manifest that can be read says against itself."""
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    if text != json_text(json.loads(text)):
        yield "is laid out otherwise than it was written"
    rows: Counter[str] = Counter()
    for era, count in (piece for entry in manifest.files for piece in entry.eras):
        rows[era] += count
    for era in {**manifest.eras, **rows}:
        known = manifest.eras[era].rows if era in manifest.eras else 0
        if rows[era] != known:
            yield f"gives era {era} {known} rows and its files {rows[era]}"
    parts: dict[tuple[str, str | None, int], list[int]] = defaultdict(list)
    for name in _names(manifest):
        parts[name.split, name.era, name.parts].append(name.part)
    for (split, of_era, announced), numbers in parts.items():
        if sorted(numbers) != list(range(announced)):
            where = split if of_era is None else f"{split}/era={of_era}"
            yield f"lists {len(numbers)} of {announced} parts of {where}"


def _names(manifest: Manifest) -> Iterator[ShardName]:
    for entry in manifest.files:
        try:
            yield ShardName.parse(entry.path)
        except ShardError:
            continue


def _misnamed(entry: FileEntry, manifest: Manifest) -> Iterator[str]:
    """What is wrong with the name of a file, given what it holds."""
    try:
        name = ShardName.parse(entry.path)
    except ShardError:
        yield "is not the name of a shard"
        return
    eras = [era for era, _ in entry.eras]
    splits = {manifest.eras[era].split for era in eras if era in manifest.eras}
    if splits != {name.split}:
        yield f"bears the name of another split; its eras lie in {' and '.join(sorted(splits))}"
    if name.era is not None and set(eras) != {name.era}:
        yield f"bears the name of another era; it holds {', '.join(eras[:SHOWN])}"
    if name.compression != manifest.form.compression:
        yield f"bears the name of another compression than {manifest.form.compression}"


def _changed(folder: Path, entry: FileEntry, owner: dict[str, str]) -> Iterator[str]:
    """What is wrong with the content of a shard."""
    path = folder / entry.path
    try:
        if not path.is_file():
            yield "is missing"
            return
        size, found = path.stat().st_size, checksum(path)
    except OSError as error:
        yield f"cannot be read: {error.strerror}"
        return
    if found != entry.checksum and found in owner:
        yield f"holds what belongs into {owner[found]}"
    elif size != entry.bytes:
        yield f"has {size} bytes, not {entry.bytes}"
    elif found != entry.checksum:
        yield "does not fit its checksum"


def _unlike(path: Path, digest: str) -> Iterator[str]:
    try:
        if not path.is_file():
            yield "is missing"
        elif sha256(path) != digest:
            yield "does not fit its checksum"
    except OSError as error:
        yield f"cannot be read: {error.strerror}"


def _foreign(folder: Path, manifest: Manifest) -> Iterator[Damage]:
    """Files that no entry of the manifest accounts for."""
    known = {MANIFEST, *manifest.beside, *(entry.path for entry in manifest.files)}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_dir() or name.as_posix() in known or name.parts[0] == CACHE:
            continue
        torn = path.name.startswith(PARTIAL)
        yield Damage(str(path), "was left half-written" if torn else FOREIGN)
