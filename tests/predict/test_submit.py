"""Submitting: checked, only when told, only into an open round, with a receipt."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path

import numpy as np
import pytest

from erazoo.client import TournamentClient
from erazoo.errors import (
    ConfigError,
    RemoteError,
    RoundClosedError,
    SchemaError,
    StaleDataError,
    SubmissionRejectedError,
)
from erazoo.publish import sha256
from erazoo.tournament import CLASSIC, CRYPTO, UNSUBMITTED, Tournament
from etl.dataset import live_ids
from etl.files import DataFiles
from predict.rehearsal import RehearsalServer, Slot
from predict.submission import Submission
from predict.submit import submit

PREFIXES = {CLASSIC.name: "v5.10", CRYPTO.name: "crypto/v2.0"}


def ready(
    server: RehearsalServer, tournament: Tournament, tmp_path: Path
) -> tuple[Path, tuple[str, ...]]:
    """A submission file for the server's live universe."""
    folder = server.service.datasets[PREFIXES[tournament.name]]
    universe = live_ids(DataFiles.folder(folder, tournament))
    path = tmp_path / "submission" / "live.csv"
    values = np.linspace(0.1, 0.9, len(universe))
    Submission(tournament, None, "slot", (universe, values)).write(path, universe)
    return path, universe


@pytest.mark.parametrize("tournament", [CLASSIC, CRYPTO])
def test_an_upload_leaves_a_receipt(
    tournament_server: RehearsalServer, tmp_path: Path, tournament: Tournament
) -> None:
    path, universe = ready(tournament_server, tournament, tmp_path)
    slot = f"rehearsal_{tournament.name}"
    outcome = submit(path, universe, tournament, upload=True, slot=slot, round_number=1000)
    (taken,) = tournament_server.service.submitted
    stored = tournament_server.service.stored[taken.filename]
    assert stored == path.read_bytes()
    assert outcome.receipt is not None
    assert (outcome.round, outcome.slot) == (1000, slot)
    receipt = json.loads((path.parent / "receipt.json").read_text())
    assert receipt["answer"]["submission_id"] == taken.id == outcome.receipt.submission_id
    assert (receipt["round"], receipt["model"]) == (1000, slot)
    assert (receipt["file"], receipt["sha256"]) == ("live.csv", sha256(path))
    assert dt.datetime.fromisoformat(receipt["time"]).tzinfo is not None
    text = (path.parent / "receipt.json").read_text()
    assert not [key for key in tournament_server.service.keys if key in text]


def test_nothing_is_sent_unless_told(tournament_server: RehearsalServer, tmp_path: Path) -> None:
    path, universe = ready(tournament_server, CLASSIC, tmp_path)
    outcome = submit(path, universe, CLASSIC, upload=False)
    assert (outcome.receipt, outcome.file.rows) == (None, 120)
    assert tournament_server.calls == []
    assert not (path.parent / "receipt.json").exists()


def test_the_only_slot_need_not_be_named(
    tournament_server: RehearsalServer, tmp_path: Path
) -> None:
    path, universe = ready(tournament_server, CLASSIC, tmp_path)
    assert submit(path, universe, CLASSIC, upload=True).slot == "rehearsal_classic"


@pytest.mark.parametrize(("slot", "words"), [("", "several .* 2 slots"), ("alpah", "alpah.*alpha")])
def test_an_unclear_slot_is_refused(
    tournament_server: RehearsalServer, tmp_path: Path, slot: str, words: str
) -> None:
    path, universe = ready(tournament_server, CLASSIC, tmp_path)
    tournament_server.service.slots = (Slot("alpha", "a", 8), Slot("beta", "b", 8))
    with pytest.raises(ConfigError, match=words) as caught:
        submit(path, universe, CLASSIC, upload=True, slot=slot)
    assert "alpha" in str(caught.value)
    assert tournament_server.service.stored == {}


def test_a_file_spoilt_at_rest_is_not_sent(
    tournament_server: RehearsalServer, tmp_path: Path
) -> None:
    path, universe = ready(tournament_server, CLASSIC, tmp_path)
    path.write_text(path.read_text().rsplit("\n", 2)[0])
    with pytest.raises(SchemaError, match="1 of 120 live ids are missing"):
        submit(path, universe, CLASSIC, upload=True)
    assert tournament_server.calls == []


def test_yesterday_s_file_is_not_sent(tournament_server: RehearsalServer, tmp_path: Path) -> None:
    path, universe = ready(tournament_server, CLASSIC, tmp_path)
    today = tuple(f"m{i}" for i in universe)
    with pytest.raises(SchemaError, match=r"120 ids are not live.*must be of the same round"):
        submit(path, today, CLASSIC, upload=True)
    assert tournament_server.calls == []


def test_a_file_for_another_round_is_stale(
    tournament_server: RehearsalServer, tmp_path: Path
) -> None:
    path, universe = ready(tournament_server, CLASSIC, tmp_path)
    with pytest.raises(StaleDataError, match=r"Received: round 999\. Expected: round 1000"):
        submit(path, universe, CLASSIC, upload=True, round_number=999)
    assert tournament_server.calls == ["rounds"]


@pytest.mark.parametrize("hours", [-2, 13])
def test_outside_the_window_the_round_is_closed(
    tournament_server: RehearsalServer, tmp_path: Path, hours: int
) -> None:
    path, universe = ready(tournament_server, CLASSIC, tmp_path)
    when = dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)
    with pytest.raises(RoundClosedError, match="round 1000 does not take submissions") as caught:
        submit(path, universe, CLASSIC, upload=True, now=when)
    assert caught.value.exit_code == 75
    assert tournament_server.calls == ["rounds"]


@pytest.mark.parametrize(
    ("fault", "call", "kind"),
    [
        ("round_closed", "rounds", RoundClosedError),
        ("round_closed", "createSubmission", RoundClosedError),
        ("put_refused", None, RemoteError),
        ("rejected", None, SubmissionRejectedError),
        ("unconfirmed", None, SubmissionRejectedError),
        ("unavailable", "rounds", RemoteError),
    ],
)
def test_a_failed_upload_leaves_no_receipt(
    tournament_server: RehearsalServer,
    tmp_path: Path,
    fault: str,
    call: str | None,
    kind: type[RemoteError],
) -> None:
    path, universe = ready(tournament_server, CLASSIC, tmp_path)
    tournament_server.faults.arm(fault, call, times=math.inf)
    client = TournamentClient(CLASSIC, retries=1)
    with pytest.raises(kind):
        submit(path, universe, CLASSIC, upload=True, client=client)
    assert tournament_server.service.submitted == []
    assert [p.name for p in path.parent.iterdir()] == ["live.csv"]


def test_a_panel_without_a_service_is_checked_but_never_sent(tmp_path: Path) -> None:
    universe, path = ("a", "b", "c"), tmp_path / "live.csv"
    Submission(UNSUBMITTED, None, "slot", (universe, [0.1, 0.5, 0.9])).write(path, universe)
    assert submit(path, universe, UNSUBMITTED, upload=False).file.rows == 3
    with pytest.raises(ConfigError, match="belongs to no tournament"):
        submit(path, universe, UNSUBMITTED, upload=True)
