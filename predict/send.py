"""`erazoo submit`: the submission file of a run, checked against its live data and sent."""

from __future__ import annotations

import datetime as dt
from typing import Any

from erazoo.client import TournamentClient
from erazoo.config import Config
from erazoo.errors import ConfigError, StaleDataError
from erazoo.publish import read_json, sha256
from erazoo.rundir import RunDir
from erazoo.tournament import TOURNAMENTS
from etl.dataset import live_ids
from etl.files import DOWNLOAD_RECORD, PRICE_RECORD
from etl.source import data_files, data_folder
from predict.live import predict_stage
from predict.submit import submit

FRESH_DAYS = 7


def submit_run(config: Config, run: RunDir, *, upload: bool = False) -> dict[str, Any]:
    """Check the submission file of a run where it lies and, only when told, upload it.

    Returns:
        The file, its checks and, where it was uploaded, the receipt.

    Raises:
        StaleDataError: there is no submission file, or it or the live data have changed.
        ConfigError: an upload for an experiment that belongs to no tournament.
        RemoteError: the upload failed.
    """
    tournament = TOURNAMENTS[config.data.tournament]
    if upload:
        _check_uploadable(config, run)
    stage = predict_stage(config, run)
    summary = stage.summary()
    path = run.path(summary["submission"])
    if not path.is_file() or sha256(path) != summary["sha256"]:
        raise StaleDataError(
            "the submission file is not the one that was predicted",
            received=str(path),
            hint="Run `erazoo predict --force`",
        )
    if not stage.done():
        raise StaleDataError(
            "the ensemble, the live data or the settings have changed since the prediction",
            received=str(path),
            hint="Run `erazoo predict` again",
        )
    outcome = submit(
        path,
        live_ids(data_files(config, run)),
        tournament,
        upload=upload,
        slot=config.submit.slot,
        round_number=_round(config, run),
        client=TournamentClient(tournament, timeout=config.submit.timeout) if upload else None,
    )
    result: dict[str, Any] = {
        "file": str(path),
        "rows": outcome.file.rows,
        "sha256": outcome.file.sha256,
        "checks": list(outcome.file.checks),
        "uploaded": outcome.receipt is not None,
        "round": outcome.round,
        "slot": outcome.slot,
    }
    if outcome.receipt is not None:
        result["submission_id"] = outcome.receipt.submission_id
    return result


def _check_uploadable(config: Config, run: RunDir) -> None:
    """Refuse to send what no round has asked for."""
    from erazoo.client.http import is_loopback
    from erazoo.client.wire import service_url

    if TOURNAMENTS[config.data.tournament].number is None:
        raise ConfigError(
            "this experiment belongs to no tournament, so nothing can be uploaded",
            hint="Set data.tournament",
        )
    if config.data.source == "demo" and not is_loopback(service_url()):
        raise ConfigError(
            "predictions for the demo tournament are not uploaded to a real one",
            hint="Use an experiment with data.source = 'numerai', such as conf/classic.toml",
        )
    if config.data.source == "prices":
        last = str(read_json(data_folder(config, run) / PRICE_RECORD)["last_date"])
        age = dt.datetime.now(dt.UTC).date() - dt.date.fromisoformat(last)
        if age.days > FRESH_DAYS:
            raise StaleDataError(
                "the newest prices are too old for a live round",
                received=f"{last}, {age.days} days ago",
                expected=f"at most {FRESH_DAYS} days",
                hint="Bring newer price files and run the line again",
            )


def _round(config: Config, run: RunDir) -> int | None:
    """The round that the live file was downloaded for, where its source knows one."""
    path = data_folder(config, run) / DOWNLOAD_RECORD
    return read_json(path).get("round") if path.exists() else None
