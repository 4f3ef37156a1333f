"""Experiments whose shards lie in a store: published by one machine, used by another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from erazoo import cli
from erazoo.config import Config, load
from erazoo.errors import ConfigError, RemoteError, ShardError, StaleDataError
from erazoo.logs import redact
from erazoo.rundir import RunDir
from etl.build import bring_shards, open_shards, shard
from etl.content import content_key
from etl.remote.store import Store
from etl.shards.manifest import MANIFEST
from training.train import train

SETTINGS = ("split.folds=2", "split.margin=1", "training.threads=1", "models.ridge.params.alpha=10")
COMMAND = """
import sys
from pathlib import Path
from erazoo.config import load
from erazoo.rundir import RunDir
from etl.build import shard
if __name__ == "__main__":
    shard(load(overrides=sys.argv[2:], variables={}), RunDir(Path(sys.argv[1])))
"""


def config_of(data: Path, uri: str, *more: str) -> Config:
    words = [f"data.dir={data}", f"shards.remote={uri}", *SETTINGS, *more]
    return load(overrides=words, variables={})


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return f"file://{tmp_path}/far/set"


@pytest.fixture
def owner(panel_folder: Path, tmp_path: Path, uri: str) -> tuple[Config, RunDir]:
    """The experiment and run of the machine that has the data; published."""
    config, run = config_of(panel_folder, uri), RunDir(tmp_path / "owner")
    shard(config, run)
    return config, run


@pytest.fixture
def guest(owner, tmp_path: Path, uri: str) -> tuple[Config, RunDir]:
    """The same experiment on a machine that has neither data nor shards."""
    return config_of(tmp_path / "nothing", uri), RunDir(tmp_path / "guest")


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_machine_without_data_has_the_same_shards_and_folds(owner, guest) -> None:
    _, plan = open_shards(*owner)
    shards, fetched = bring_shards(*guest)
    assert fetched == plan
    assert files(shards.folder) == files(owner[1].path("shards"))
    shards.verify()


@pytest.mark.long
def test_it_trains_the_same_model(owner, guest) -> None:
    for config, run in (owner, guest):
        assert train(config, run, ["ridge"])["ridge"]["status"] == "ok"
    ours, theirs = (
        pq.read_table(run.path("models", "ridge", "out_of_fold.parquet"))
        for _, run in (owner, guest)
    )
    assert ours.equals(theirs)
    assert np.isfinite(ours["prediction"].to_numpy()).all()


def test_shard_says_what_was_sent_and_what_was_fetched(owner, guest, uri) -> None:
    again = shard(*owner)
    assert (again["remote"], again["sent"], again["skipped"]) == (uri, 0, True)
    forced = shard(*owner, force=True)
    assert forced["sent"] == forced["files"] + len(("cleaning", "learned", "folds", "manifest"))
    first = shard(*guest)
    assert first["fetched"] == first["files"] + 2
    assert {**first, "sent": 0} == {**forced, "sent": 0, "fetched": first["fetched"]}
    assert shard(*guest)["fetched"] == 0


def test_a_new_publication_reaches_the_guest_by_shard(owner, guest, panel_folder, uri) -> None:
    bring_shards(*guest)
    other = config_of(panel_folder, uri, "split.folds=3")
    shard(other, owner[1])
    with pytest.raises(StaleDataError, match=r"another split\.folds"):
        shard(*guest)
    config = config_of(guest[0].data.dir, uri, "split.folds=3")
    with pytest.raises(StaleDataError, match=r"another split\.folds"):
        open_shards(config, guest[1])
    shard(config, guest[1])
    assert len(open_shards(config, guest[1])[1].development) == 3


def test_shards_of_other_data_are_refused_where_there_are_data(
    owner, make_tiny, tmp_path: Path, uri: str
) -> None:
    folder = make_tiny(tmp_path / "other", eras=40, rows=40, validation_from=20, seed=9)
    with pytest.raises(StaleDataError, match="another the data files"):
        bring_shards(config_of(folder, uri), RunDir(tmp_path / "other-run"))


def test_shards_that_stand_need_no_store(guest, tmp_path: Path, monkeypatch) -> None:
    bring_shards(*guest)
    monkeypatch.setattr(Store, "open", lambda *_: pytest.fail("the store was asked"))
    bring_shards(*guest)


def test_the_store_decides_nothing_about_the_content(panel_folder, tmp_path, uri) -> None:
    run = RunDir(tmp_path / "run")
    assert content_key(config_of(panel_folder, uri), run) == content_key(
        config_of(panel_folder, ""), run
    )


def test_publishing_later_writes_no_shard_again(panel_folder, tmp_path, uri) -> None:
    run = RunDir(tmp_path / "run")
    shard(config_of(panel_folder, ""), run)
    before = {path: path.stat().st_mtime_ns for path in run.path("shards").rglob("*.tfrecord")}
    result = shard(config_of(panel_folder, uri), run)
    assert result["skipped"]
    assert result["sent"] > len(before)
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.parametrize("name", ["folds.json", "cleaning.json", "cleaning.npz"])
@pytest.mark.parametrize("kind", ["other", "gone"])
def test_what_lies_beside_the_shards_is_checked_too(guest, tmp_path: Path, name, kind) -> None:
    path = tmp_path / "far" / "set" / name
    content = path.read_bytes()
    path.unlink()
    if kind == "other":
        path.write_bytes(content.replace(b"0", b"1"))
    with pytest.raises(ShardError, match=f"set/{name}" if name != "folds.json" else "folds"):
        bring_shards(*guest)
    assert not guest[1].path("folds.json").exists()


def test_a_dry_run_fetches_nothing(owner, tmp_path: Path, uri: str, capsys) -> None:
    words = ["--set", f"data.dir={tmp_path}/nothing", "--run-dir", str(tmp_path / "guest")]
    words += [w for s in (*SETTINGS, f"shards.remote={uri}") for w in ("--set", s)]
    assert cli.main(["shard", "--dry-run", *words]) == 0
    assert f"would fetch the shards from {uri}" in capsys.readouterr().out
    words[1] = f"data.dir={owner[0].data.dir}"
    assert cli.main(["shard", "--dry-run", "--set", "data.extra_targets=[]", *words]) == 0
    assert f"would be published to {uri}" in capsys.readouterr().out
    assert cli.main(["train", "ridge", "--dry-run", *words]) == 0
    assert not (tmp_path / "guest").exists()


def test_the_command_line_publishes_and_fetches(
    panel_folder: Path, tmp_path: Path, bucket: str, capsys
) -> None:
    def words(verb: str, data: Path, run: str) -> list[str]:
        given = ["--set", f"data.dir={data}", "--run-dir", str(tmp_path / run)]
        settings = (*SETTINGS, "data.extra_targets=[]")
        return [verb, *given, *(w for s in settings for w in ("--set", s))]

    sent = words("shard", panel_folder, "owner")
    assert cli.main([*sent, "--remote", f"{bucket}/set"]) == 0
    assert f"files sent to {bucket}/set" in capsys.readouterr().out
    there = ["--set", f"shards.remote={bucket}/set"]
    assert cli.main([*words("train", tmp_path / "no", "guest"), "ridge", *there]) == 0
    capsys.readouterr()
    assert cli.main([*words("evaluate", tmp_path / "no", "guest"), *there, "--json"]) == 0
    assert "ridge" in json.loads(capsys.readouterr().out)["candidates"]
    assert cli.main([*sent, "--remote", "s3://no-such-bucket/set"]) == 4
    assert "no such bucket" in capsys.readouterr().err
    assert cli.main([*sent, "--remote", "bucket/set"]) == 2


@pytest.mark.parametrize(
    "uri", ["bucket/name", "s3://", "s3://key:secret@bucket/name", "s3://bucket/name?key=secret"]
)
def test_a_store_is_a_plain_uri(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"shards\.remote"):
        load(overrides=[f"shards.remote={uri}"], variables={})


def test_a_secret_is_never_shown(s3) -> None:
    assert redact("with the-secret-key in it") == "with <AWS_SECRET_ACCESS_KEY> in it"


def test_training_without_data_shards_or_store_is_refused(tmp_path: Path, s3) -> None:
    config = config_of(tmp_path / "no", "s3://no-such-bucket/set")
    with pytest.raises(RemoteError, match="no such bucket"):
        train(config, RunDir(tmp_path / "run"), ["ridge"])


def start(script: Path, run: Path, words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(script), str(run), *words])


def wait_for(count: Callable[[], int], wanted: int, process: subprocess.Popen[bytes]) -> int:
    for _ in range(6000):
        if (found := count()) >= wanted:
            return found
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    raise AssertionError("nothing was published")


def test_killed_while_publishing_it_leaves_no_manifest_and_goes_on(
    panel_folder: Path, tmp_path: Path, bucket: str
) -> None:
    script = tmp_path / "command.py"
    script.write_text(COMMAND)
    local = (f"data.dir={panel_folder}", *SETTINGS, "shards.shard_rows=8")
    run, store = RunDir(tmp_path / "run"), Store.open(f"{bucket}/set")
    total = shard(load(overrides=local, variables={}), run)["files"] + 4
    words, held = [*local, f"shards.remote={bucket}/set"], 0
    for _ in range(2):
        process = start(script, run.root, words)
        wait_for(lambda: len(store.list()), held + 10, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        names = store.list()
        held = len(names)
        assert MANIFEST not in names
        assert held < total
    result = shard(load(overrides=words, variables={}), run)
    assert result["sent"] <= total - held + 2 * 4
    assert len(store.list()) == total
    guest = load(overrides=[*words, f"data.dir={tmp_path}/no"], variables={})
    shards, _ = bring_shards(guest, RunDir(tmp_path / "guest"))
    assert files(shards.folder) == files(run.path("shards"))
    assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1")


def test_a_summary_is_plain(guest) -> None:
    summary: dict[str, Any] = shard(*guest)
    assert json.loads(json.dumps(summary)) == summary
