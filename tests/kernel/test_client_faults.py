"""Every call of the client under faults: the right error or recovery, and nothing left behind."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from erazoo.client import TournamentClient
from erazoo.errors import (
    ConfigError,
    ErazooError,
    RemoteError,
    RoundClosedError,
    SubmissionRejectedError,
)
from erazoo.tournament import CLASSIC
from predict.rehearsal import RehearsalServer

FILE = "v5.3/train.parquet"
Operation = Callable[[TournamentClient, Path], object]


def _list(client: TournamentClient, _: Path) -> object:
    return client.list_files("v5.3")


def _round(client: TournamentClient, _: Path) -> object:
    return client.current_round()


def _models(client: TournamentClient, _: Path) -> object:
    return client.models()


def _fetch(client: TournamentClient, folder: Path) -> object:
    return client.fetch(FILE, folder / "train.parquet")


def _upload(client: TournamentClient, folder: Path) -> object:
    path = folder.parent / "predictions.csv"
    path.write_text("id,prediction\na,0.5\n")
    return client.upload(path, "00000000-0000-4000-8000-000000000008")


OPERATIONS: dict[str, Operation] = {
    "listDatasets": _list,
    "rounds": _round,
    "account": _models,
    "dataset": _fetch,
    "storage.get": _fetch,
    "submissionUploadAuth": _upload,
    "storage.put": _upload,
    "createSubmission": _upload,
}
OUTAGES = ("unavailable", "dropped", "hanging", "not_json")
WORDS = {
    "unavailable": "is not available. Received: HTTP 503",
    "dropped": "failed or broke off",
    "hanging": "did not answer within",
    "not_json": "gave an answer without data",
}
OUTAGE_CASES = [
    (call, fault)
    for call in OPERATIONS
    for fault in OUTAGES
    if not (call.startswith("storage.") and fault == "not_json")
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    return made


def assert_clean(
    server: RehearsalServer, error: ErazooError, logs: pytest.LogCaptureFixture, folder: Path
) -> None:
    """One line, no key and no signature in it or in the logs, no file in the folder."""
    told = f"{error} {error!r} {logs.text}"
    hidden = [*server.service.keys, *(grant.signature for grant in server.service.grants.values())]
    assert not [secret for secret in hidden if secret in told]
    assert "signature" not in told
    assert "\n" not in str(error)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("call", "fault"), OUTAGE_CASES)
def test_an_outage_is_one_clear_remote_error(
    tournament_server: RehearsalServer,
    folder: Path,
    seen_logs: pytest.LogCaptureFixture,
    call: str,
    fault: str,
) -> None:
    tournament_server.faults.arm(fault, call, times=math.inf)
    client = TournamentClient(CLASSIC, timeout=1.0 if fault == "hanging" else 30, retries=1)
    with pytest.raises(RemoteError) as caught:
        OPERATIONS[call](client, folder)
    assert type(caught.value) is RemoteError
    assert caught.value.exit_code == 4
    assert WORDS[fault] in str(caught.value)
    assert_clean(tournament_server, caught.value, seen_logs, folder)
    once = call == "createSubmission"
    assert tournament_server.calls.count(call) == (1 if once else 2)
    assert once or WORDS[fault] in seen_logs.text
    assert ("may have arrived" if once else "Gave up after 2 tries") in str(caught.value)


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (call, fault)
        for call, fault in OUTAGE_CASES
        if call != "createSubmission" and (fault != "hanging" or call in ("rounds", "storage.get"))
    ],
)
def test_a_short_outage_is_outlived(
    tournament_server: RehearsalServer, folder: Path, call: str, fault: str
) -> None:
    tournament_server.faults.arm(fault, call)
    client = TournamentClient(CLASSIC, timeout=1.0 if fault == "hanging" else 30, retries=3)
    assert OPERATIONS[call](client, folder)
    assert tournament_server.calls.count(call) >= 2


@pytest.mark.parametrize("call", [name for name in OPERATIONS if not name.startswith("storage.")])
def test_an_error_in_the_answer_is_told_and_not_repeated(
    tournament_server: RehearsalServer,
    folder: Path,
    seen_logs: pytest.LogCaptureFixture,
    call: str,
) -> None:
    tournament_server.faults.arm("graphql_error", call)
    with pytest.raises(RemoteError, match="internal error in a resolver") as caught:
        OPERATIONS[call](TournamentClient(CLASSIC), folder)
    assert isinstance(caught.value, SubmissionRejectedError) == (call == "createSubmission")
    assert tournament_server.calls.count(call) == 1
    assert_clean(tournament_server, caught.value, seen_logs, folder)


@pytest.mark.parametrize(
    ("fault", "call", "kind", "words"),
    [
        ("put_refused", "storage.put", RemoteError, "the storage at .* refused .* HTTP 403"),
        ("get_refused", "storage.get", RemoteError, "the storage at .* refused .* HTTP 403"),
        ("damaged", "storage.get", RemoteError, "train.parquet is not a whole parquet file"),
        ("shortened", "storage.get", RemoteError, "train.parquet is not a whole parquet file"),
        ("round_closed", "rounds", RoundClosedError, "Current round not open"),
        ("round_closed", "createSubmission", RoundClosedError, "Current round not open"),
        ("rejected", "createSubmission", SubmissionRejectedError, "invalid_submission_ids"),
        ("unconfirmed", "createSubmission", SubmissionRejectedError, "did not confirm"),
        ("keys_echoed", "account", RemoteError, r"bad credentials: Token <key>\$<key>"),
        ("put_refused", "account", RemoteError, "HTTP 403.*Check NUMERAI_PUBLIC_ID"),
    ],
)
def test_a_refusal_is_final(
    tournament_server: RehearsalServer,
    folder: Path,
    seen_logs: pytest.LogCaptureFixture,
    fault: str,
    call: str,
    kind: type[RemoteError],
    words: str,
) -> None:
    tournament_server.faults.arm(fault, call)
    with pytest.raises(kind, match=words) as caught:
        OPERATIONS[call](TournamentClient(CLASSIC), folder)
    assert type(caught.value).exit_code == (75 if kind is RoundClosedError else 4)
    assert tournament_server.calls.count(call) == 1
    assert tournament_server.service.submitted == []
    assert_clean(tournament_server, caught.value, seen_logs, folder)


def test_wrong_keys_are_told_with_what_to_check(
    tournament_server: RehearsalServer, folder: Path, seen_logs: pytest.LogCaptureFixture
) -> None:
    client = TournamentClient(CLASSIC, "WRONGPUBLIC", "WRONGSECRET")
    with pytest.raises(RemoteError, match=r"authenticated.*Check NUMERAI_PUBLIC_ID") as caught:
        client.models()
    assert "WRONG" not in f"{caught.value}{seen_logs.text}"


def test_a_failed_download_leaves_the_older_file(
    tournament_server: RehearsalServer, folder: Path
) -> None:
    destination = folder / "train.parquet"
    client = TournamentClient(CLASSIC)
    client.fetch("v5.3/validation.parquet", destination)
    before = destination.read_bytes()
    tournament_server.faults.arm("damaged")
    with pytest.raises(RemoteError):
        client.fetch(FILE, destination, force=True)
    assert destination.read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["train.parquet"]


@pytest.mark.parametrize("second", [None, "range_ignored", "range_shifted", "broken_off"])
def test_a_broken_transfer_ends_in_the_very_bytes(
    tournament_server: RehearsalServer,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    second: str | None,
) -> None:
    monkeypatch.setattr("erazoo.client.transfer.PIECE", 4096)
    tournament_server.faults.arm("broken_off")
    if second:
        tournament_server.faults.arm(second)
    TournamentClient(CLASSIC).fetch(FILE, folder / "train.parquet")
    source = tournament_server.service.datasets["v5.3"] / "train.parquet"
    assert (folder / "train.parquet").read_bytes() == source.read_bytes()
    tries = {None: 2, "range_ignored": 2, "range_shifted": 3, "broken_off": 3}[second]
    assert tournament_server.calls.count("storage.get") == tries


@pytest.mark.parametrize("size", ["same", "shorter"])
@pytest.mark.parametrize(("second", "tries"), [(None, 2), ("if_range_ignored", 3)])
def test_a_file_that_changes_during_the_transfer_is_fetched_from_the_start(
    tournament_server: RehearsalServer,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    second: str | None,
    tries: int,
    size: str,
) -> None:
    source = tournament_server.service.datasets["v5.3"] / "train.parquet"
    older = source.read_bytes()
    flipped = older[:60] + bytes([older[60] ^ 1]) + older[61:]
    newer = flipped if size == "same" else source.with_name("live.parquet").read_bytes()
    assert size == "same" or len(newer) < len(older) // 2 - 4096
    monkeypatch.setattr("erazoo.client.transfer.PIECE", 4096)
    monkeypatch.setattr("erazoo.client.retry.sleep", lambda _: source.write_bytes(newer))
    tournament_server.faults.arm("broken_off")
    if second:
        tournament_server.faults.arm(second)
    TournamentClient(CLASSIC).fetch(FILE, folder / "train.parquet")
    assert (folder / "train.parquet").read_bytes() == newer
    assert tournament_server.calls.count("storage.get") == tries


def test_json_that_does_not_parse_is_not_published(
    tournament_server: RehearsalServer, folder: Path
) -> None:
    tournament_server.faults.arm("shortened")
    with pytest.raises(RemoteError, match=r"features\.json is not valid JSON"):
        TournamentClient(CLASSIC).fetch("v5.3/features.json", folder / "features.json")
    assert list(folder.iterdir()) == []


def test_an_unknown_file_is_the_service_s_own_words(
    tournament_server: RehearsalServer, folder: Path
) -> None:
    with pytest.raises(RemoteError, match=r"v5\.3/none\.parquet not found"):
        TournamentClient(CLASSIC).fetch("v5.3/none.parquet", folder / "none.parquet")


def test_a_service_that_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERAZOO_API_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("erazoo.client.retry.sleep", lambda _: None)
    with pytest.raises(RemoteError, match=r"at 127\.0\.0\.1:9 failed.*Gave up after 3 tries"):
        TournamentClient(CLASSIC, retries=2).latest_version()


def test_a_closed_round_between_check_and_upload(
    tournament_server: RehearsalServer, folder: Path
) -> None:
    tournament_server.service.close_round(8)
    with pytest.raises(RoundClosedError):
        _upload(TournamentClient(CLASSIC), folder)


def test_config_errors_are_not_taken_for_answers(
    tournament_server: RehearsalServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERAZOO_API_URL", "https://example.org")
    with pytest.raises(ConfigError, match="rehearsal server on this machine"):
        TournamentClient(CLASSIC).models()
