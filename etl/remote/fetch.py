"""The shards and folds of an experiment, from the store of `shards.remote` into its run."""

from __future__ import annotations

import json
from pathlib import Path

from erazoo.config import Config
from erazoo.errors import ShardError, StaleDataError
from erazoo.logs import LOGGER
from erazoo.publish import atomic_file, fingerprint, make_dir, write_text
from erazoo.rundir import RunDir
from etl.content import changed_content
from etl.remote.direct import FOLDS, DirectStore, goes_direct
from etl.remote.place import set_files_uri
from etl.remote.staging import AGAIN, fetch_beside, fetch_set, remote_manifest
from etl.remote.store import Store
from etl.shards.manifest import MANIFEST, Manifest


def fetch_shards(config: Config, run: RunDir, folder: Path, folds: Path) -> int:
    """Bring the published shards and folds of an experiment into its run directory.

    Where the store is read directly (see `etl.remote.direct`), shards stay there, and only the
    manifest and what lies beside it is brought.

    Args:
        config: the experiment; `shards.remote` is the store.
        run: its run directory.
        folder: of the shards.
        folds: the file of the folds.

    Returns:
        Files fetched.

    Raises:
        RemoteError: the store cannot be used.
        ShardError: there is no finished set, or a file is missing or damaged.
        StaleDataError: the set was made from other settings or data.
    """
    uri = config.shards.remote
    store = (DirectStore if goes_direct(uri) else Store).open(uri)
    text = remote_manifest(store)
    manifest = Manifest.parse(text, f"{uri}/{MANIFEST}")
    if changed := changed_content(config, run, manifest.facts["made_from"]):
        raise StaleDataError(
            f"the shards at {uri} were made from other settings or data",
            received=f"another {', '.join(changed)}",
            hint="Give this command the settings that they were published with",
        )
    plan = _folds(store, manifest)
    LOGGER.info("the shards come from %s", uri)
    if goes_direct(uri):
        fetched = fetch_beside(store, manifest, make_dir(folder))
        with atomic_file(folder / MANIFEST) as temporary:
            temporary.write_text(text, encoding="utf-8")
        set_files_uri(run, uri)
    else:
        set_files_uri(run, None)
        fetched = fetch_set(store, text, folder)
    write_text(folds, plan)
    return fetched


def _folds(store: Store, manifest: Manifest) -> str:
    raw = store.read(FOLDS)
    place = f"{store.uri}/{FOLDS}"
    if raw is None:
        raise ShardError("there are no folds beside the shards", received=place, hint=AGAIN)
    text = raw.decode("utf-8", errors="replace")
    try:
        fits = fingerprint(json.loads(text)) == manifest.facts["folds"]
    except ValueError:
        fits = False
    if not fits:
        raise ShardError(
            "the folds differ from what was written beside the shards", received=place, hint=AGAIN
        )
    return text
