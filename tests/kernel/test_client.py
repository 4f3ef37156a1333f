"""The tournament client against the loopback service, where nothing goes wrong."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from contracts.terms import REGIMES

from erazoo.client import TournamentClient
from erazoo.errors import ConfigError, RemoteError, RoundClosedError
from erazoo.terms import RoundTerms
from erazoo.tournament import CLASSIC, CRYPTO, UNSUBMITTED, Tournament
from predict.rehearsal import RehearsalServer

CLASSIC_FILES = {
    "features.json",
    "train.parquet",
    "validation.parquet",
    "meta_model.parquet",
    "live.parquet",
    "train_benchmark_models.parquet",
    "validation_benchmark_models.parquet",
    "live_benchmark_models.parquet",
}


def test_the_latest_version_is_found_by_number(tournament_server: RehearsalServer) -> None:
    assert TournamentClient(CLASSIC).latest_version() == "v5.10"
    assert TournamentClient(CRYPTO).latest_version() == "v2.0"


@pytest.mark.parametrize(("version", "prefix"), [("latest", "v5.10"), ("v5.3", "v5.3")])
def test_files_of_a_version(tournament_server: RehearsalServer, version: str, prefix: str) -> None:
    files = TournamentClient(CLASSIC).list_files(version)
    assert set(files) == {f"{prefix}/{name}" for name in CLASSIC_FILES}


def test_files_of_crypto_are_its_own(tournament_server: RehearsalServer) -> None:
    files = TournamentClient(CRYPTO).list_files()
    assert files == ("crypto/v2.0/live.parquet", "crypto/v2.0/train.parquet")


def test_an_unknown_version_names_the_near_one(tournament_server: RehearsalServer) -> None:
    with pytest.raises(ConfigError, match=r"Received: v5\.31\. Expected: .*v5\.3") as caught:
        TournamentClient(CLASSIC).list_files("v5.31")
    assert caught.value.exit_code == 2


def test_a_panel_without_a_service_has_no_client() -> None:
    with pytest.raises(ConfigError, match="belongs to no tournament"):
        TournamentClient(UNSUBMITTED)


@pytest.mark.parametrize("tournament", [CLASSIC, CRYPTO])
def test_the_current_round(tournament_server: RehearsalServer, tournament: Tournament) -> None:
    current = TournamentClient(tournament).current_round()
    assert current == tournament_server.service.rounds[tournament.number or 0]
    assert current.opens.tzinfo == dt.UTC
    assert current.is_open(dt.datetime.now(dt.UTC))


def test_no_round_at_all_is_a_closed_round(tournament_server: RehearsalServer) -> None:
    del tournament_server.service.rounds[8]
    with pytest.raises(RoundClosedError, match="not open") as caught:
        TournamentClient(CLASSIC).current_round()
    assert caught.value.exit_code == 75


def test_models_are_those_of_the_tournament(tournament_server: RehearsalServer) -> None:
    slots = {slot.name: slot.id for slot in tournament_server.service.slots}
    name = "rehearsal_crypto"
    assert TournamentClient(CRYPTO).models() == {name: slots[name]}


@pytest.mark.parametrize("missing", ["NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"])
def test_a_missing_key_is_named_before_anything_is_sent(
    tournament_server: RehearsalServer, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing)
    with pytest.raises(ConfigError, match=f"Received: no {missing}\\.") as caught:
        TournamentClient(CLASSIC).models()
    assert caught.value.exit_code == 2
    assert tournament_server.calls == []


def test_keys_may_be_given_and_carry_stray_spaces(
    tournament_server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    public_id, secret_key = tournament_server.service.keys
    monkeypatch.delenv("NUMERAI_PUBLIC_ID")
    monkeypatch.setenv("NUMERAI_SECRET_KEY", secret_key + "\n")
    assert TournamentClient(CLASSIC, f" {public_id}").models()


def test_a_key_with_a_line_break_inside_is_refused_unshown(
    tournament_server: RehearsalServer,
) -> None:
    with pytest.raises(ConfigError, match="NUMERAI_SECRET_KEY holds a character") as caught:
        TournamentClient(CLASSIC, "public", "first\nsecond").models()
    assert "first" not in str(caught.value)


def test_fetch_publishes_the_very_bytes(tournament_server: RehearsalServer, tmp_path: Path) -> None:
    destination = tmp_path / "new" / "train.parquet"
    fetched = TournamentClient(CLASSIC).fetch("v5.3/train.parquet", destination)
    source = tournament_server.service.datasets["v5.3"] / "train.parquet"
    assert destination.read_bytes() == source.read_bytes()
    assert (fetched.action, fetched.size) == ("downloaded", source.stat().st_size)
    assert [path.name for path in destination.parent.iterdir()] == ["train.parquet"]


def test_a_standing_file_is_kept_unless_forced(
    tournament_server: RehearsalServer, tmp_path: Path, seen_logs: pytest.LogCaptureFixture
) -> None:
    client, destination = TournamentClient(CLASSIC), tmp_path / "train.parquet"
    client.fetch("v5.3/train.parquet", destination)
    calls = len(tournament_server.calls)
    assert client.fetch("v5.3/train.parquet", destination).action == "kept"
    assert len(tournament_server.calls) == calls
    assert "kept, it is here already" in seen_logs.text
    forced = client.fetch("v5.3/train.parquet", destination, force=True)
    assert forced.action == "downloaded"
    assert tournament_server.calls[calls:] == ["dataset", "storage.get"]


def test_a_damaged_standing_file_is_replaced(
    tournament_server: RehearsalServer, tmp_path: Path
) -> None:
    destination = tmp_path / "train.parquet"
    destination.write_bytes(b"PAR1 torn")
    assert TournamentClient(CLASSIC).fetch("v5.3/train.parquet", destination).action == "downloaded"
    assert pq.read_metadata(destination).num_rows == 4000


def test_a_live_file_of_the_same_size_is_never_taken_as_fresh(
    tournament_server: RehearsalServer, tmp_path: Path
) -> None:
    source = tournament_server.service.datasets["v5.3"] / "live.parquet"
    destination = tmp_path / "live.parquet"
    client = TournamentClient(CLASSIC)
    client.fetch("v5.3/live.parquet", destination)
    old = destination.read_bytes()
    fresh = old[:60] + bytes([old[60] ^ 1]) + old[61:]
    source.write_bytes(fresh)
    assert client.fetch("v5.3/live.parquet", destination).action == "downloaded"
    assert destination.read_bytes() == fresh


def test_a_folder_in_the_place_of_a_file(
    tournament_server: RehearsalServer, tmp_path: Path
) -> None:
    (tmp_path / "train.parquet").mkdir()
    with pytest.raises(ConfigError, match="a folder is in the place of a file"):
        TournamentClient(CLASSIC).fetch("v5.3/train.parquet", tmp_path / "train.parquet")


@pytest.mark.parametrize("tournament", [CLASSIC, CRYPTO])
def test_upload_is_confirmed(
    tournament_server: RehearsalServer, tmp_path: Path, tournament: Tournament
) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text("id,prediction\na,0.5\n")
    client = TournamentClient(tournament)
    (model_id,) = client.models().values()
    receipt = client.upload(path, model_id)
    (taken,) = tournament_server.service.submitted
    assert (taken.id, taken.model_id) == (receipt.submission_id, model_id)
    assert taken.tournament == tournament.number
    assert taken.filename == receipt.filename != path.name
    assert receipt.sha256 == taken.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert receipt.size == path.stat().st_size


def test_keys_never_go_to_another_machine_by_the_test_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ERAZOO_API_URL", "https://user:word@example.org/graphql")
    with pytest.raises(ConfigError, match=r"Received: example\.org") as caught:
        TournamentClient(CLASSIC).latest_version()
    assert "word" not in str(caught.value)


def test_the_environment_s_proxy_does_not_stand_before_the_loopback(
    tournament_server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert TournamentClient(CLASSIC).latest_version() == "v5.10"


def test_importing_the_client_loads_no_heavy_library() -> None:
    heavy = ("numerapi", "requests", "pandas", "pyarrow", "numerai_tools")
    code = (
        "import sys, erazoo.client, predict.submit, etl.download; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "[]"


def test_the_root_logger_stays_as_it_was(tournament_server: RehearsalServer) -> None:
    code = (
        "import logging; from erazoo.client import TournamentClient as C; "
        "from erazoo.tournament import CLASSIC; "
        "C(CLASSIC).latest_version(); print(logging.getLogger().handlers)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("regime", REGIMES)
def test_the_terms_of_a_round(tournament_server: RehearsalServer, regime: str) -> None:
    tournament_server.service.terms = REGIMES[regime]
    terms = TournamentClient(CLASSIC).round_terms()
    assert terms == replace(RoundTerms.from_json(REGIMES[regime]), number=1000)
    assert TournamentClient(CLASSIC).round_terms(1000) == terms


def test_a_round_that_does_not_exist_has_no_terms(tournament_server: RehearsalServer) -> None:
    with pytest.raises(ConfigError, match="no such round. Received: 7"):
        TournamentClient(CLASSIC).round_terms(7)


def test_terms_that_cannot_be_used_are_a_remote_error(tournament_server: RehearsalServer) -> None:
    tournament_server.service.terms = {"roundScoreConfigs": [{"name": "tc", "isPayout": True}]}
    with pytest.raises(RemoteError, match="cannot be used.*pays tc, but says no multiplier"):
        TournamentClient(CLASSIC).round_terms()
    tournament_server.service.terms = {}
    with pytest.raises(RemoteError, match="no list of scores"):
        TournamentClient(CLASSIC).round_terms()
