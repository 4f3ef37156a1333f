"""The rehearsal server, talked to by the official library itself."""

from __future__ import annotations

from pathlib import Path

import numerapi
import pytest
import requests

from predict.rehearsal import FAULTS, RehearsalServer
from predict.rehearsal.graphql import Call, GraphQLError, parse, prune


@pytest.fixture
def official(
    tournament_server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> type[numerapi.NumerAPI]:
    monkeypatch.setattr("numerapi.base_api.API_TOURNAMENT_URL", tournament_server.url)
    return numerapi.NumerAPI


def test_the_official_library_plays_a_whole_round(
    official: type[numerapi.NumerAPI], tournament_server: RehearsalServer, tmp_path: Path
) -> None:
    api = official(*tournament_server.service.keys, show_progress_bars=False)
    assert "v5.3/train.parquet" in api.list_datasets()
    api.download_dataset("v5.3/features.json", str(tmp_path / "features.json"))
    source = tournament_server.service.datasets["v5.3"] / "features.json"
    assert (tmp_path / "features.json").read_bytes() == source.read_bytes()
    assert api.get_current_round() == 1000
    assert api.check_round_open()
    assert [r["number"] for r in api.list_rounds()] == [1000]
    (model_id,) = api.get_models().values()
    (tmp_path / "predictions.csv").write_text("id,prediction\na,0.5\n")
    submission_id = api.upload_predictions(str(tmp_path / "predictions.csv"), model_id=model_id)
    assert [s["id"] for s in api.submission_ids(model_id)] == [submission_id]
    tournament_server.service.close_round(8)
    assert not api.check_round_open()
    with pytest.raises(ValueError, match="not open"):
        api.upload_predictions(str(tmp_path / "predictions.csv"), model_id=model_id)


def test_crypto_sees_its_own_files_and_models(
    official: type[numerapi.NumerAPI], tournament_server: RehearsalServer
) -> None:
    api = numerapi.CryptoAPI(*tournament_server.service.keys)
    assert api.list_datasets() == ["crypto/v2.0/live.parquet", "crypto/v2.0/train.parquet"]
    assert list(api.get_models()) == ["rehearsal_crypto"]
    assert not set(api.list_datasets()) & set(official().list_datasets())


@pytest.mark.parametrize("keys", [("WRONG", "KEYS"), None])
def test_private_fields_need_the_keys(
    tournament_server: RehearsalServer, keys: tuple[str, str] | None
) -> None:
    headers = {"Authorization": "Token {}${}".format(*keys)} if keys else {}
    body = {"query": "query { account { models { id } } }"}
    answer = requests.post(tournament_server.url, json=body, headers=headers, timeout=30).json()
    assert "authenticated" in answer["errors"][0]["message"]
    assert "data" not in answer


def test_an_address_without_its_signature_opens_nothing(tournament_server: RehearsalServer) -> None:
    query = 'query { dataset(filename: "v5.3/features.json", tournament: 8) }'
    answer = requests.post(tournament_server.url, json={"query": query}, timeout=30).json()
    url = answer["data"]["dataset"]
    assert requests.get(url, timeout=30).status_code == 200
    assert requests.get(url.split("?")[0], timeout=30).status_code == 403
    assert requests.put(url, data=b"x", timeout=30).status_code == 405


@pytest.mark.parametrize("body", [b"", b"[]", b'{"query": 3}', b'{"query": "{ nonsense"}', b"\xff"])
def test_what_cannot_be_parsed_is_an_error_answer(
    tournament_server: RehearsalServer, body: bytes
) -> None:
    answer = requests.post(tournament_server.url, data=body, timeout=30).json()
    assert "cannot be parsed" in answer["errors"][0]["message"]


@pytest.mark.parametrize(
    ("range_header", "status", "content_range"),
    [
        ("bytes=10-", 206, "bytes 10-57/58"),
        ("bytes=58-", 416, "bytes */58"),
        ("rows=1-", 200, None),
    ],
)
def test_ranges(
    tournament_server: RehearsalServer, range_header: str, status: int, content_range: str | None
) -> None:
    source = tournament_server.service.datasets["v5.3"] / "features.json"
    source.write_bytes(bytes(range(58)))
    query = 'query { dataset(filename: "v5.3/features.json", tournament: 8) }'
    answer = requests.post(tournament_server.url, json={"query": query}, timeout=30).json()
    reply = requests.get(answer["data"]["dataset"], headers={"Range": range_header}, timeout=30)
    assert (reply.status_code, reply.headers.get("Content-Range")) == (status, content_range)
    assert reply.content == {206: bytes(range(10, 58)), 416: b"", 200: bytes(range(58))}[status]


def test_a_fault_strikes_as_often_as_armed_and_where_armed(
    tournament_server: RehearsalServer,
) -> None:
    def ask(query: str) -> int:
        reply = requests.post(tournament_server.url, json={"query": query}, timeout=30)
        return reply.status_code

    rounds, files = "query { rounds(tournament: 8) { number } }", "query { listDatasets }"
    tournament_server.faults.arm("unavailable", "rounds", times=2, after=1)
    assert [ask(rounds) for _ in range(4)] == [200, 503, 503, 200]
    tournament_server.faults.arm("unavailable", "rounds")
    assert (ask(files), ask(rounds)) == (200, 503)
    tournament_server.faults.arm("unavailable", times=9)
    assert (ask(files), ask(rounds)) == (503, 503)
    tournament_server.faults.disarm()
    assert (ask(files), ask(rounds)) == (200, 200)


def test_an_unknown_fault_is_an_error(tournament_server: RehearsalServer) -> None:
    with pytest.raises(KeyError):
        tournament_server.faults.arm("no_such_fault")
    assert set(FAULTS) >= {"put_refused", "broken_off", "range_ignored", "round_closed", "hanging"}


def test_the_address_needs_a_running_server() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        RehearsalServer({}).environment()


def test_a_mutation_with_every_kind_of_argument() -> None:
    query = """mutation($f: String!, $t: Int!) {
        create_submission(filename: $f, tournament: $t, source: "a b", late: true, tag: null) {
          id model { name }
        }
    }"""
    arguments = {"filename": "x.csv", "tournament": 8, "source": "a b", "late": True, "tag": None}
    call = parse(query, {"f": "x.csv", "t": 8})
    selection = {"id": {}, "model": {"name": {}}}
    assert call == Call("create_submission", arguments, selection, mutation=True)
    assert call.name == "createSubmission"
    found = {"id": 3, "model": {"name": "m", "more": 1}, "secret": 2}
    assert prune(found, call.selection) == {"id": 3, "model": {"name": "m"}}


@pytest.mark.parametrize("query", ["", "query", "query { a(b: ) }", "query { a { b "])
def test_broken_queries_are_told(query: str) -> None:
    with pytest.raises(GraphQLError, match="syntax error"):
        parse(query, {})
