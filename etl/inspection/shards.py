"""A look at a shard set: what its manifest says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from erazoo.panel import OWN_CODE
from erazoo.rundir import RunDir
from erazoo.tournament import TARGET_ALIAS
from etl.cleaning import Cleaning
from etl.inspection.gaps import Marks
from etl.inspection.look import Look
from etl.remote.place import files_uri, open_set
from etl.shards import Manifest
from etl.shards.manifest import MANIFEST
from etl.shards.naming import ShardName

SPLITS = ("train", "validation", "test", "unused")
"""In the order in which they are shown."""


def shards_look(run: RunDir, folder: Path) -> Look:
    """A look at the shard set whose manifest lies in a folder of a run, wherever its files are.

    Raises:
        ShardError: there is none, or a file of it is missing or damaged.
        RemoteError: its files are in a store that cannot be used.
    """
    shards = open_set(run, folder)
    manifest = shards.manifest
    target = str(manifest.facts.get("target", manifest.targets[0]))
    trained = {era: entry.trained[target] for era, entry in manifest.eras.items()}
    return Look(
        panel=shards,
        rows_of={era: entry.rows for era, entry in manifest.eras.items()},
        part_of={era: entry.split for era, entry in manifest.eras.items()},
        files_of=_files_of(manifest),
        bytes_of=_bytes_of(manifest),
        marks=_marks(folder, manifest),
        trained=trained if manifest.form.weighted else None,
        facts={
            "kind": "shards",
            "place": files_uri(run) or str(folder),
            "target": target,
            "alias": manifest.facts.get("alias", {}).get(TARGET_ALIAS),
            "storage": _storage(manifest),
            "other_files": {
                name: (folder / name).stat().st_size for name in (MANIFEST, *manifest.beside)
            },
            "cleaning": manifest.facts.get("cleaning"),
            "balance": _balance(manifest),
        },
    )


def _files_of(manifest: Manifest) -> dict[str, int]:
    held = Counter(ShardName.parse(file.path).split for file in manifest.files)
    known = [split for split in SPLITS if split in held]
    return {split: held[split] for split in dict.fromkeys([*known, *held])}


def _bytes_of(manifest: Manifest) -> Counter[str]:
    held: Counter[str] = Counter()
    for file in manifest.files:
        held[ShardName.parse(file.path).split] += file.bytes
    return held


def _marks(folder: Path, manifest: Manifest) -> Marks:
    """What cleaning has left of missing values: NaN, a code of their own, or indicators."""
    spec = manifest.spec
    width = len(spec.names)
    own = spec.missing == OWN_CODE
    told = np.full(width, own or spec.dtype != np.int8)
    indicators, indicated = np.zeros(width, dtype=bool), np.empty(0, dtype=np.int64)
    if manifest.facts.get("cleaning") is not None:
        cleaning = Cleaning.load(folder)
        indicators[len(cleaning.raw.names) :] = True
        indicated = np.sort(np.concatenate([group.indicated for group in cleaning.groups]))
        for group in cleaning.groups:
            told[group.group.columns] = group.fill.leaves or group.group.rules.missing == "own"
        told[indicated] = True
    return Marks(OWN_CODE if own else None, told, indicators, indicated)


def _storage(manifest: Manifest) -> dict[str, Any]:
    form, facts = manifest.form, manifest.facts
    return {
        "files": len(manifest.files),
        "layout": facts.get("layout"),
        "codec": form.codec,
        "compression": form.compression,
        "block_rows": form.block_rows,
        "shuffle_seed": facts.get("shuffle_seed"),
        "purge": facts.get("purge"),
        "embargo": facts.get("embargo"),
    }


def _balance(manifest: Manifest) -> dict[str, Any] | None:
    """The balance without the place of each era in its cycle."""
    balance = manifest.facts.get("balance")
    return {k: v for k, v in balance.items() if k != "places"} if balance else None
