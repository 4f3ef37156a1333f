"""Which files a data set needs, where they go, and that versions never mix."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from erazoo.client import TournamentClient
from erazoo.config import load
from erazoo.errors import ConfigError, DataError, RemoteError, StaleDataError
from erazoo.tournament import CLASSIC, CRYPTO
from etl.download import PLANS, download, download_dataset
from etl.files import DataFiles
from predict.rehearsal import RehearsalServer

CONFIG = load(overrides=["data.source=numerai"], variables={})
PINNED = load(overrides=["data.source=numerai", "data.version=v5.3"], variables={})


def test_classic_lands_under_base_names(tournament_server: RehearsalServer, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    summary = download(CONFIG, folder, TournamentClient(CLASSIC))
    plan = PLANS["classic"]
    names = {*plan.needed, *plan.welcome}
    assert {path.name for path in folder.iterdir()} == {*names, "download.json"}
    assert (summary["version"], set(summary["downloaded"])) == ("v5.10", names)
    assert (summary["kept"], summary["absent"]) == ([], [])
    assert summary["bytes"] == sum((folder / name).stat().st_size for name in names)
    record = json.loads((folder / "download.json").read_text())
    assert (record["version"], record["round"], summary["round"]) == ("v5.10", 1000, 1000)
    assert record["files"] == {name: (folder / name).stat().st_size for name in names}


def test_crypto_by_its_configuration(tournament_server: RehearsalServer, tmp_path: Path) -> None:
    config = load(overrides=["data.source=numerai", "data.tournament=crypto"], variables={})
    summary = download_dataset(config, tmp_path / "data")
    assert summary["version"] == "v2.0"
    assert summary["downloaded"] == ["train.parquet", "live.parquet"]
    source = tournament_server.service.datasets["crypto/v2.0"] / "live.parquet"
    assert (tmp_path / "data" / "live.parquet").read_bytes() == source.read_bytes()


def test_a_second_run_fetches_only_live_files(
    tournament_server: RehearsalServer, tmp_path: Path
) -> None:
    client = TournamentClient(CLASSIC)
    first = download(CONFIG, tmp_path / "data", client)
    second = download(CONFIG, tmp_path / "data", client)
    assert second["downloaded"] == ["live.parquet", "live_benchmark_models.parquet"]
    assert set(second["kept"]) == set(first["downloaded"]) - set(second["downloaded"])
    assert second["bytes"] == first["bytes"]


def test_force_fetches_everything(tournament_server: RehearsalServer, tmp_path: Path) -> None:
    client = TournamentClient(CLASSIC)
    first = download(CONFIG, tmp_path / "data", client)
    assert download(CONFIG, tmp_path / "data", client, force=True) == first


def test_another_version_never_mixes_in(tournament_server: RehearsalServer, tmp_path: Path) -> None:
    client, folder = TournamentClient(CLASSIC), tmp_path / "data"
    download(PINNED, folder, client)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(StaleDataError, match=r"classic v5\.3 in .*Expected: classic v5\.10"):
        download(CONFIG, folder, client)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert download(CONFIG, folder, client, force=True)["kept"] == []
    assert json.loads((folder / "download.json").read_text())["version"] == "v5.10"


def test_another_tournament_never_mixes_in(
    tournament_server: RehearsalServer, tmp_path: Path
) -> None:
    download(CONFIG, tmp_path / "data", TournamentClient(CLASSIC))
    with pytest.raises(StaleDataError, match=r"Expected: crypto v2\.0"):
        download(CONFIG, tmp_path / "data", TournamentClient(CRYPTO))


def test_the_version_is_claimed_before_the_first_file(
    tournament_server: RehearsalServer, tmp_path: Path
) -> None:
    client, folder = TournamentClient(CLASSIC), tmp_path / "data"
    tournament_server.faults.arm("get_refused", after=2)
    with pytest.raises(RemoteError, match="HTTP 403"):
        download(PINNED, folder, client)
    stand = {path.name for path in folder.iterdir()}
    assert stand == {"features.json", "train.parquet", "download.json"}
    with pytest.raises(StaleDataError):
        download(CONFIG, folder, client)
    again = download(PINNED, folder, client)
    assert again["kept"] == ["features.json", "train.parquet"]


def test_a_needed_file_that_the_version_lacks(
    tournament_server: RehearsalServer, tmp_path: Path
) -> None:
    (tournament_server.service.datasets["v5.10"] / "validation.parquet").unlink()
    with pytest.raises(RemoteError, match=r"v5\.10 .* lacks .*no validation\.parquet"):
        download(CONFIG, tmp_path / "data", TournamentClient(CLASSIC))
    assert not (tmp_path / "data").exists()


def test_a_welcome_file_that_the_version_lacks_is_told(
    tournament_server: RehearsalServer, tmp_path: Path, seen_logs: pytest.LogCaptureFixture
) -> None:
    (tournament_server.service.datasets["v5.10"] / "meta_model.parquet").unlink()
    summary = download(CONFIG, tmp_path / "data", TournamentClient(CLASSIC))
    assert summary["absent"] == ["meta_model.parquet"]
    assert "version v5.10 has no meta_model.parquet" in seen_logs.text


def test_a_folder_that_is_a_file(tournament_server: RehearsalServer, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(ConfigError, match="a file is in the way"):
        download(CONFIG, tmp_path / "data", TournamentClient(CLASSIC))
    with pytest.raises(ConfigError, match="a file is in the way"):
        download(CONFIG, tmp_path / "data" / "below", TournamentClient(CLASSIC))


def test_a_panel_without_a_tournament_has_nothing_to_download(tmp_path: Path) -> None:
    config = load(overrides=["data.source=numerai", "data.tournament=none"], variables={})
    with pytest.raises(ConfigError, match="belongs to no tournament"):
        download_dataset(config, tmp_path)


def test_between_rounds_the_data_come_and_the_round_is_unknown(
    tournament_server: RehearsalServer, tmp_path: Path, seen_logs: pytest.LogCaptureFixture
) -> None:
    del tournament_server.service.rounds[8]
    summary = download(CONFIG, tmp_path / "data", TournamentClient(CLASSIC))
    assert (summary["round"], len(summary["downloaded"])) == (None, 8)
    assert "no round of the classic tournament is open" in seen_logs.text


@pytest.mark.parametrize("content", ["", "{", "3"])
def test_a_damaged_record_is_told(
    tournament_server: RehearsalServer, tmp_path: Path, content: str
) -> None:
    (tmp_path / "download.json").write_text(content)
    with pytest.raises(DataError, match="the record of a download is damaged"):
        download(CONFIG, tmp_path, TournamentClient(CLASSIC))
    assert download(CONFIG, tmp_path, TournamentClient(CLASSIC), force=True)["version"] == "v5.10"


def test_a_version_with_quintiles_in_files_of_their_own(
    tournament_server: RehearsalServer, tmp_path: Path
) -> None:
    """Up to v4.3: quintiles and floating-point features side by side, or the first alone."""
    source = tournament_server.service.datasets["v5.3"]
    older = tmp_path / "v4.3"
    older.mkdir()
    for name in ("train", "validation", "live"):
        shutil.copy(source / f"{name}.parquet", older / f"{name}_int8.parquet")
    shutil.copy(source / "features.json", older)
    tournament_server.service.datasets["v4.3"] = older
    words = ["data.source=numerai", "data.version=v4.3"]
    for more, named in ((), "_int8"), (("data.values=unit",), "_int8"):
        folder = tmp_path / f"data{len(more)}"
        config = load(overrides=[*words, *more], variables={})
        assert download(config, folder, TournamentClient(CLASSIC))["version"] == "v4.3"
        assert (folder / f"train{named}.parquet").is_file()
        assert DataFiles.folder(folder).live == folder / "live_int8.parquet"
    shutil.copy(source / "train.parquet", older)
    both = load(overrides=[*words, "data.values=unit"], variables={})
    names = download(both, tmp_path / "both", TournamentClient(CLASSIC))["downloaded"]
    assert "train.parquet" in names
    assert "train_int8.parquet" not in names
