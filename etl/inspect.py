"""What a shard set holds, from its manifest alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from erazoo.tournament import TARGET_ALIAS
from etl.shards import Manifest, ShardSet
from etl.shards.naming import ShardName


def inspect_shards(folder: Path, *, verify: bool = False) -> dict[str, Any]:
    """Eras, rows, targets and features of a shard set, as plain values.

    Args:
        folder: holds the manifest.
        verify: read every byte against its checksum as well.

    Raises:
        ShardError: no finished shard set, or (with `verify`) a file that has changed.
    """
    shards = ShardSet.open(folder)
    if verify:
        shards.verify()
    manifest = shards.manifest
    return {
        "folder": str(folder),
        "rows": manifest.rows,
        "features": len(manifest.spec.names),
        "dtype": manifest.spec.dtype.name,
        "fingerprint": manifest.spec.fingerprint,
        "files": len(manifest.files),
        "splits": {split: _split(manifest, split) for split in _splits(manifest)},
        "targets": {name: _target(manifest, name) for name in manifest.targets},
        "groups": {name: len(members) for name, members in manifest.spec.groups.items()},
        "references": list(manifest.references),
        "alias": manifest.facts.get("alias", {}).get(TARGET_ALIAS),
        "verified": verify,
    }


def _splits(manifest: Manifest) -> list[str]:
    return list(dict.fromkeys(entry.split for entry in manifest.eras.values()))


def _split(manifest: Manifest, split: str) -> dict[str, Any]:
    eras = manifest.of_split(split)
    files = [f for f in manifest.files if ShardName.parse(f.path).split == split]
    return {
        "eras": len(eras),
        "first": eras[0],
        "last": eras[-1],
        "rows": sum(manifest.eras[era].rows for era in eras),
        "files": len(files),
        "bytes": sum(f.bytes for f in files),
    }


def _target(manifest: Manifest, target: str) -> dict[str, int]:
    counts = [entry.resolved[target] for entry in manifest.eras.values()]
    return {"resolved_eras": sum(n > 0 for n in counts), "resolved_rows": sum(counts)}
