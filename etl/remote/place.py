"""Where the files of a run's shard set lie: in its folder, or in the store that they stay in."""

from __future__ import annotations

from pathlib import Path

from erazoo.errors import StaleDataError
from erazoo.publish import read_json, write_json
from erazoo.rundir import RunDir
from etl.shards import ShardSet
from etl.shards.manifest import MANIFEST

PLACE = "remote/place.json"
SENT = "remote/sent.jsonl"


def open_set(run: RunDir, folder: Path) -> ShardSet:
    """The shard set whose manifest lies in `folder` of a run, wherever its files are.

    Raises:
        ShardError: the manifest or a file is missing, or a file has another size.
        MissingExtraError: the files are in a store, and this environment cannot read them there.
        RemoteError: the store cannot be used.
        StaleDataError: the store holds another set by now.
    """
    uri = files_uri(run)
    if uri is None:
        return ShardSet.open(folder)
    from etl.remote.direct import open_direct

    shards = open_direct(uri)
    texts = [(place / MANIFEST).read_text(encoding="utf-8") for place in (folder, shards.folder)]
    if texts[0] != texts[1]:
        raise StaleDataError(
            f"the shards at {uri} have been published anew", hint="Run `erazoo shard`"
        )
    return shards


def files_uri(run: RunDir) -> str | None:
    """The store that holds the shards of a run, None where they lie in the run directory."""
    path = run.path(PLACE)
    return str(read_json(path)["uri"]) if path.is_file() else None


def set_files_uri(run: RunDir, uri: str | None) -> None:
    """Record where the shards of a run lie; None is the run directory itself."""
    if uri is None:
        run.path(PLACE).unlink(missing_ok=True)
    else:
        write_json(run.path(PLACE), {"uri": uri})
