"""`erazoo submit`: the submission files of a run, checked against its live data and sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
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
from predict.submit import RECEIPT, choose_slot, submit

FRESH_DAYS = 7
UNIQUE_RECEIPT = "receipt-unique.json"


def submit_run(config: Config, run: RunDir, *, upload: bool = False) -> dict[str, Any]:
    """Check the submission files of a run where they lie and, only when told, upload them.

    The file of the standard ensemble goes to `submit.slot`, that of the unique one to
    `submit.unique_slot`, and nowhere while that is empty.

    Returns:
        The file, its checks and, where it was uploaded, the receipt; the same of the unique
        ensemble under `unique`, which is None without one.

    Raises:
        StaleDataError: there is no submission file, or it or the live data have changed.
        ConfigError: an upload for an experiment that belongs to no tournament, or to slots that
            are not there; nothing is sent then.
        RemoteError: an upload failed.
    """
    if upload:
        _check_uploadable(config, run)
    stage = predict_stage(config, run)
    made, slots = stage.summary(), config.submit
    unique = made.get("unique")
    for one in filter(None, (made, unique)):
        _check_unchanged(run, one)
    if not stage.done():
        raise StaleDataError(
            "the ensemble, the live data or the settings have changed since the prediction",
            received=str(run.path(made["submission"])),
            hint="Run `erazoo predict` again",
        )
    wanted = upload and unique is not None and bool(slots.unique_slot)
    if wanted:
        _check_slots(config)
    result = _sent(config, run, made, RECEIPT, upload=upload, slot=slots.slot)
    result["unique"] = None
    if unique is not None:
        slot = slots.unique_slot
        result["unique"] = _sent(config, run, unique, UNIQUE_RECEIPT, upload=wanted, slot=slot)
    return result


def _check_slots(config: Config) -> None:
    """Refuse slots of which one is unknown, or one for both files, before anything is sent."""
    slots = config.submit
    models = _client(config).models()
    names = [choose_slot(models, slot)[0] for slot in (slots.slot, slots.unique_slot)]
    if names[0] == names[1]:
        raise ConfigError(
            "a slot takes one submission a round, and this one would take both",
            received=names[0],
            hint="Give the unique ensemble another in submit.unique_slot, or none",
        )


def _client(config: Config) -> TournamentClient:
    return TournamentClient(TOURNAMENTS[config.data.tournament], timeout=config.submit.timeout)


def _check_unchanged(run: RunDir, made: Mapping[str, Any]) -> None:
    path = run.path(made["submission"])
    if not path.is_file() or sha256(path) != made["sha256"]:
        raise StaleDataError(
            "the submission file is not the one that was predicted",
            received=str(path),
            hint="Run `erazoo predict --force`",
        )


def _sent(
    config: Config, run: RunDir, made: Mapping[str, Any], receipt: str, *, upload: bool, slot: str
) -> dict[str, Any]:
    """One submission file, checked and, where that is wanted, uploaded."""
    tournament = TOURNAMENTS[config.data.tournament]
    path = run.path(made["submission"])
    outcome = submit(
        path,
        live_ids(data_files(config, run)),
        tournament,
        upload=upload,
        slot=slot,
        round_number=_round(config, run),
        client=_client(config) if upload else None,
        receipt_name=receipt,
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
