"""Which files a tournament's data set needs, and where they go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from erazoo.client import Fetched, TournamentClient
from erazoo.config import Config
from erazoo.errors import DataError, RemoteError, RoundClosedError, StaleDataError
from erazoo.logs import LOGGER
from erazoo.publish import make_dir, read_json, write_json
from erazoo.tournament import CLASSIC, CRYPTO, TOURNAMENTS, Tournament
from etl.files import offered

RECORD = "download.json"


@dataclass(frozen=True)
class FilePlan:
    """The files of a data set by name: those that must be there, and those that may be."""

    needed: tuple[str, ...]
    welcome: tuple[str, ...] = ()

    def among(self, listed: Collection[str], values: str) -> FilePlan:
        """The plan for a version that offers the files `listed` for features in `values`."""
        return replace(self, needed=tuple(offered(name, listed, values) for name in self.needed))


PLANS = {
    CLASSIC.name: FilePlan(
        needed=("features.json", "train.parquet", "validation.parquet", "live.parquet"),
        welcome=(
            "meta_model.parquet",
            "train_benchmark_models.parquet",
            "validation_benchmark_models.parquet",
            "live_benchmark_models.parquet",
        ),
    ),
    CRYPTO.name: FilePlan(needed=("train.parquet", "live.parquet")),
}


def download_dataset(config: Config, folder: Path, *, force: bool = False) -> dict[str, Any]:
    """Download the data set of an experiment from its tournament; see `download`.

    Raises:
        ConfigError: the experiment belongs to no tournament.
    """
    client = TournamentClient(TOURNAMENTS[config.data.tournament])
    return download(config, folder, client, force=force)


def download(
    config: Config, folder: Path, client: TournamentClient, *, force: bool = False
) -> dict[str, Any]:
    """Bring a data folder up to one version of the tournament's data.

    Files that stand whole are kept; live files are always fetched again. The folder's version is
    recorded before the first file, so that two versions never mix, and the round that the live
    files are for after the last.

    Args:
        config: `data.version` is a version or `latest`.
        folder: receives the files under their base names.
        client: the tournament's client.
        force: whether standing files are downloaded again.

    Returns:
        `version`, `round` (None where no round is open), `downloaded` and `kept` (file names),
        `absent` (files that this version does not have and that are not needed) and `bytes` of
        the whole set.

    Raises:
        ConfigError: there is no such version.
        StaleDataError: the folder holds another version.
        RemoteError: a file could not be had; those before it stand.
    """
    listed = client.list_files(config.data.version)
    version = PurePosixPath(listed[0]).parent.name
    values = config.data.values or client.tournament.values
    chosen, absent = _choose(client.tournament, listed, version, values)
    _claim(folder, client.tournament, version, force)
    current = _round(client)
    fetched = [client.fetch(name, folder / PurePosixPath(name).name, force) for name in chosen]
    _record(folder, client.tournament, version, current, fetched)
    return {
        "version": version,
        "round": current,
        "downloaded": [f.path.name for f in fetched if f.action == "downloaded"],
        "kept": [f.path.name for f in fetched if f.action == "kept"],
        "absent": absent,
        "bytes": sum(f.size for f in fetched),
    }


def _choose(
    tournament: Tournament, listed: Sequence[str], version: str, values: str
) -> tuple[list[str], list[str]]:
    by_name = {PurePosixPath(name).name: name for name in listed}
    plan = PLANS[tournament.name].among(by_name, values)
    if missing := [name for name in plan.needed if name not in by_name]:
        raise RemoteError(
            f"version {version} of the {tournament.name} data lacks files that are needed",
            received=f"no {', '.join(missing)}",
            hint="Choose another data.version",
        )
    absent = [name for name in plan.welcome if name not in by_name]
    if absent:
        LOGGER.warning("version %s has no %s", version, ", ".join(absent))
    wanted = [*plan.needed, *plan.welcome]
    return [by_name[name] for name in wanted if name in by_name], absent


def _claim(folder: Path, tournament: Tournament, version: str, force: bool) -> None:
    """Record whose data the folder holds, unless it holds another version's."""
    record = make_dir(folder) / RECORD
    mine = {"tournament": tournament.name, "version": version}
    if force or not record.exists():
        write_json(record, {**mine, "round": None, "files": {}})
        return
    try:
        held = dict(read_json(record))
    except (ValueError, TypeError):
        raise DataError(
            "the record of a download is damaged", received=record, hint="Download with --force"
        ) from None
    if {key: held.get(key) for key in mine} != mine:
        raise StaleDataError(
            "a data folder holds another version of the data",
            received=f"{held.get('tournament')} {held.get('version')} in {folder}",
            expected=f"{tournament.name} {version}",
            hint="Pin data.version, choose another data.dir, or replace all files with --force",
        )


def _round(client: TournamentClient) -> int | None:
    try:
        return client.current_round().number
    except RoundClosedError:
        LOGGER.warning("no round of the %s tournament is open", client.tournament.name)
        return None


def _record(
    folder: Path,
    tournament: Tournament,
    version: str,
    current: int | None,
    files: Sequence[Fetched],
) -> None:
    facts = {"tournament": tournament.name, "version": version, "round": current}
    sizes = {file.path.name: file.size for file in files}
    write_json(folder / RECORD, {**facts, "files": sizes})
