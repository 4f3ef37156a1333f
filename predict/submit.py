"""Submitting: the file is checked where it lies, the round is open, and the answer is kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from erazoo.client import SubmissionReceipt, TournamentClient
from erazoo.errors import ConfigError, RoundClosedError, StaleDataError
from erazoo.logs import LOGGER
from erazoo.near import nearest
from erazoo.publish import write_json
from erazoo.tournament import Round, Tournament
from predict.submission import CheckedFile, check_file

RECEIPT = "receipt.json"


@dataclass(frozen=True)
class Outcome:
    """What became of a submission file.

    Args:
        file: the file, checked.
        round: the round it went to, None where it was not uploaded.
        slot: the model slot it went to, empty where it was not uploaded.
        receipt: the service's confirmation, None where it was not uploaded.
    """

    file: CheckedFile
    round: int | None = None
    slot: str = ""
    receipt: SubmissionReceipt | None = None


def submit(
    file: Path,
    universe: Sequence[str],
    tournament: Tournament,
    *,
    upload: bool,
    slot: str = "",
    round_number: int | None = None,
    client: TournamentClient | None = None,
    now: dt.datetime | None = None,
    receipt_name: str = RECEIPT,
) -> Outcome:
    """Check a submission file and, only when told, upload it.

    Without `upload` nothing is asked of the service. A receipt is written beside the file once
    the service has confirmed it.

    Args:
        file: the submission file.
        universe: the live ids or symbols of the round.
        tournament: whose rules apply.
        upload: whether the file is sent.
        slot: the account's model slot; may be empty where the account has only one.
        round_number: the round that the predictions are for, where it is known.
        client: the tournament's client; by default one with the keys of the environment.
        now: the time to compare with the round's, by default the clock's.
        receipt_name: of the receipt's file.

    Raises:
        SchemaError: the file breaks a rule.
        RoundClosedError: the round does not take submissions now.
        StaleDataError: the file was made for another round.
        ConfigError: the keys or the slot are missing or unknown.
        RemoteError: the upload failed; SubmissionRejectedError where the service refused it.
    """
    checked = check_file(file, tournament, universe)
    if not upload:
        return Outcome(checked)
    client = client or TournamentClient(tournament)
    current = client.current_round()
    _check_round(current, round_number, now or dt.datetime.now(dt.UTC))
    name, model_id = choose_slot(client.models(), slot)
    receipt = client.upload(file, model_id)
    outcome = Outcome(checked, current.number, name, receipt)
    write_json(file.parent / receipt_name, _record(outcome, receipt, tournament))
    LOGGER.info("%s went to %s for round %d", file, name, current.number)
    return outcome


def _check_round(current: Round, wanted: int | None, now: dt.datetime) -> None:
    if not current.is_open(now):
        raise RoundClosedError(
            f"round {current.number} does not take submissions now",
            received=f"{now:%Y-%m-%d %H:%M} UTC",
            expected=f"{current.opens:%Y-%m-%d %H:%M} to {current.closes:%Y-%m-%d %H:%M} UTC",
            hint="Try again when the next round opens",
        )
    if wanted is not None and wanted != current.number:
        raise StaleDataError(
            "the submission was made for another round",
            received=f"round {wanted}",
            expected=f"round {current.number}",
            hint="Download the live file and predict again",
        )


def choose_slot(models: Mapping[str, str], slot: str) -> tuple[str, str]:
    """The model slot of an account that takes a file, and its id.

    Args:
        models: ids of the account's slots by name.
        slot: the wanted one; may be empty where there is only one.

    Raises:
        ConfigError: there is no such slot, or none is named among several.
    """
    if not slot and len(models) == 1:
        return next(iter(models.items()))
    if slot not in models:
        raise ConfigError(
            "unknown model slot" if slot else "the account has several model slots or none",
            received=slot or f"{len(models)} slots",
            expected=nearest(slot, models),
            hint="Name one in submit.slot",
        )
    return slot, models[slot]


def _record(
    outcome: Outcome, receipt: SubmissionReceipt, tournament: Tournament
) -> dict[str, object]:
    answer = asdict(receipt)
    confirmed = answer.pop("confirmed")
    return {
        "tournament": tournament.name,
        "round": outcome.round,
        "model": outcome.slot,
        "file": outcome.file.path.name,
        "rows": outcome.file.rows,
        "sha256": answer.pop("sha256"),
        "answer": answer,
        "time": confirmed.isoformat(timespec="seconds"),
        "checks": list(outcome.file.checks),
    }
