"""Shards in s3:// in the environment of tensorflow-io: no copy on this machine."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from erazoo.config import load
from erazoo.rundir import RunDir
from etl.build import shard
from etl.remote.staging import open_remote
from etl.remote.store import Store
from etl.shards import ShardSet
from etl.shards.manifest import MANIFEST

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-io" / "bin" / "python"
SETTINGS = (
    "data.extra_targets=[]",
    "split.folds=2",
    "split.margin=1",
    "training.threads=1",
    "training.epochs=2",
    "models.ridge.params.alpha=10",
)
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-io: run bash shell/io.sh"),
]


class Outcome:
    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr


def words(data: Path, run: Path, uri: str) -> list[str]:
    given = (*SETTINGS, f"data.dir={data}", f"shards.remote={uri}")
    config = ["--config", str(ROOT / "conf" / "demo.toml"), "--run-dir", str(run)]
    return [*config, *(word for setting in given for word in ("--set", setting))]


def erazoo(*arguments: str) -> Outcome:
    """A command line in the environment of tensorflow-io."""
    command = [str(PYTHON), "-m", "erazoo", *arguments]
    return Outcome(
        subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=500, check=False)
    )


@pytest.fixture
def local(panel_folder: Path, tmp_path: Path) -> Path:
    """The same shards, written here in the default environment."""
    run = RunDir(tmp_path / "local")
    shard(load(overrides=[f"data.dir={panel_folder}", *SETTINGS], variables={}), run)
    return run.path("shards")


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*.tfrecord") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_shards_are_written_trained_and_scored_in_s3(
    panel_folder: Path, local: Path, bucket: str, tmp_path: Path
) -> None:
    uri = f"{bucket}/set"
    owner, guest = tmp_path / "owner", tmp_path / "guest"
    written = erazoo("shard", *words(panel_folder, owner, uri), "--json")
    assert written.code == 0, written.err
    result = json.loads(written.out)
    assert result["sent"] == result["files"] + 4
    assert list(owner.rglob("*.tfrecord")) == []

    staged = open_remote(uri, tmp_path / "cache")
    assert files(staged.folder) == files(local)
    assert [b.era for b in staged.blocks()] == [b.era for b in ShardSet.open(local).blocks()]

    trained = erazoo("train", "ridge", "mlp", *words(tmp_path / "none", guest, uri), "--json")
    assert trained.code == 0, trained.err
    models = json.loads(trained.out)["models"]
    assert {name: model["status"] for name, model in models.items()} == {"ridge": "ok", "mlp": "ok"}
    assert list(guest.rglob("*.tfrecord")) == []

    scored = erazoo("evaluate", *words(tmp_path / "none", guest, uri), "--json")
    assert scored.code == 0, scored.err
    scores = json.loads(scored.out)["candidates"]
    assert scores["ridge"]["summary"]["corr"]["mean"] > 0.2
    lacking = [str(PYTHON), "-c", "import numerai_tools"]
    assert subprocess.run(lacking, capture_output=True, check=False).returncode == 1


def test_failures_keep_their_exit_codes(panel_folder: Path, bucket: str, tmp_path: Path) -> None:
    uri, owner = f"{bucket}/set", tmp_path / "owner"
    missing = erazoo("shard", *words(panel_folder, tmp_path / "a", "s3://no-such-bucket/set"))
    assert (missing.code, missing.err.count("no such bucket")) == (4, 1)
    assert erazoo("shard", *words(panel_folder, owner, uri)).code == 0
    whole = erazoo("inspect", "--verify", *words(panel_folder, owner, uri))
    assert whole.code == 0, whole.err

    store = Store.open(uri)
    name = next(name for name in store.list() if name.endswith(".tfrecord"))
    content = bytearray(store.read(name) or b"")
    content[60] ^= 1
    store.fs.pipe_file(f"{store.root}/{name}", bytes(content))
    damaged = erazoo("inspect", "--verify", *words(panel_folder, owner, uri))
    assert damaged.code == 3
    assert name in damaged.err
    trained = erazoo("train", "ridge", *words(panel_folder, owner, uri))
    assert trained.code == 1
    assert name in trained.out + trained.err
    store.remove(name)
    gone = erazoo("train", "ridge", *words(panel_folder, owner, uri))
    assert gone.code == 3
    assert name in gone.err
    assert "terminate called" not in gone.err + trained.err + damaged.err


def test_killed_while_writing_it_leaves_no_manifest_and_goes_on(
    panel_folder: Path, local: Path, bucket: str, tmp_path: Path
) -> None:
    uri, run = f"{bucket}/set", tmp_path / "run"
    given = words(panel_folder, run, uri)
    store = Store.open(uri)
    process = subprocess.Popen([str(PYTHON), "-m", "erazoo", "shard", *given], cwd=ROOT)
    for _ in range(20_000):
        if len(store.list()) >= 5:
            break
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    held = set(store.list())
    assert held
    assert MANIFEST not in held
    done = erazoo("shard", *given, "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["sent"] < result["files"] + 4
    assert files(open_remote(uri, tmp_path / "cache").folder) == files(local)
