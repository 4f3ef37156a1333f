"""Shards survive kills at any moment, and no damage to them goes unnoticed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from erazoo.config import load
from erazoo.errors import ShardError
from erazoo.publish import checksum
from erazoo.rundir import RunDir
from etl.build import open_shards, shard
from etl.shards import ShardSet, journal

CORRUPTIONS = 200
SETTINGS = (
    "data.source=files",
    "data.tournament=none",
    "data.target=target_ender_20",
    "data.horizon=2",
    "split.margin=1",
    "split.folds=2",
    "shards.workers=2",
    "shards.block_rows=200",
    "shards.layout=flat",
    "shards.shard_rows=1500",
    "shards.compression=gzip",
    "shards.shuffle=true",
)
COMMAND = """
import sys
from pathlib import Path
from erazoo.config import load
from erazoo.rundir import RunDir
from etl.build import shard
if __name__ == "__main__":
    shard(load(overrides=sys.argv[2:], variables={}), RunDir(Path(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A parquet file whose shards take seconds to compress: 40 eras of 1,000 rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(3)
    path = tmp_path_factory.mktemp("panel") / "history.parquet"
    writer = None
    for era in range(1, 41):
        columns = {
            "id": [f"{era}-{row}" for row in range(1000)],
            "era": [f"{era:04d}"] * 1000,
            "target_ender_20": rng.integers(0, 5, 1000).astype("f4") / 4,
        }
        columns |= {f"feature_{j}": rng.integers(0, 5, 1000, dtype=np.int8) for j in range(250)}
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return path


def start(script: Path, run: Path, panel: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, str(script), str(run), f"data.files=['{panel}']", *SETTINGS]
    return subprocess.Popen(words, stderr=subprocess.PIPE)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the command; its workers must leave by themselves."""
    try:
        workers = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        workers = []
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive


def standing(run: Path) -> dict[Path, int]:
    """Finished files of an unfinished set, by the time they were written."""
    folder = run / "shards"
    named = [folder / finished.file.path for finished in journal.read(folder)]
    return {path: path.stat().st_mtime_ns for path in named if path.exists()}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("wanted", [3, pytest.param(20, marks=pytest.mark.long)])
def test_kills_at_any_moment_lose_nothing(panel: Path, tmp_path: Path, wanted: int) -> None:
    script = tmp_path / "command.py"
    script.write_text(COMMAND)
    begun = time.monotonic()
    whole = start(script, tmp_path / "whole", panel)
    assert whole.wait() == 0, whole.communicate()[1].decode()
    length = time.monotonic() - begun
    draw = np.random.default_rng(11)
    run, kills, interrupted, kept = tmp_path / "killed", 0, 0, 0
    while kills < wanted:
        before = standing(run)
        process = start(script, run, panel)
        time.sleep(float(draw.random()) * length)
        finished = process.poll() is not None
        if finished:
            process.communicate()
        else:
            kill(process)
            kills += 1
            interrupted += not (run / "shards" / "manifest.json").exists()
        for path, written in before.items():
            assert path.stat().st_mtime_ns == written, f"{path} was written twice"
        kept = max(kept, len(before))
        if (run / "shards" / "manifest.json").exists():
            compare(tmp_path / "whole", run)
            for path in sorted(run.rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
    if wanted >= 20:
        assert interrupted >= wanted / 4, "too few kills came while files were written"
        assert kept >= 3, "no kill came after files stood"
    last = start(script, run, panel)
    assert last.wait() == 0, last.communicate()[1].decode()
    compare(tmp_path / "whole", run)


def compare(whole: Path, run: Path) -> None:
    names = {p.relative_to(whole / "shards") for p in (whole / "shards").rglob("*") if p.is_file()}
    for name in names:
        assert checksum(run / "shards" / name) == checksum(whole / "shards" / name), name


@pytest.fixture
def shards(make_tiny: Callable[..., Path], tmp_path: Path) -> ShardSet:
    settings = [f"data.dir={make_tiny(tmp_path / 'data')}", "split.margin=1", "split.folds=2"]
    config = load(overrides=settings, variables={})
    run = RunDir(tmp_path / "run")
    shard(config, run)
    return open_shards(config, run)[0]


def test_two_hundred_corruptions_are_found_and_named(shards: ShardSet) -> None:
    draw = np.random.default_rng(5)
    files = [shards.folder / entry.path for entry in shards.manifest.files]
    done = {"flip": 0, "truncate": 0, "swap": 0, "remove": 0, "extend": 0}
    for _ in range(CORRUPTIONS):
        kind = str(draw.choice(list(done)))
        one, other = (files[int(i)] for i in draw.choice(len(files), 2, replace=False))
        contents = {path: path.read_bytes() for path in (one, other)}
        corrupt(kind, one, other, draw)
        damaged = [p for p, was in contents.items() if not p.exists() or p.read_bytes() != was]
        if not damaged:
            continue
        with pytest.raises(ShardError) as caught:
            ShardSet.open(shards.folder).verify()
        assert any(path.parent.name in str(caught.value) for path in damaged)
        for path, content in contents.items():
            path.write_bytes(content)
        done[kind] += 1
    ShardSet.open(shards.folder).verify()
    assert sum(done.values()) >= CORRUPTIONS * 0.9
    assert min(done.values()) > 10


def corrupt(kind: str, one: Path, other: Path, draw: np.random.Generator) -> None:
    content = bytearray(one.read_bytes())
    if kind == "flip":
        content[int(draw.integers(len(content)))] ^= 1 << int(draw.integers(8))
        one.write_bytes(content)
    elif kind == "truncate":
        one.write_bytes(content[: int(draw.integers(len(content)))])
    elif kind == "extend":
        one.write_bytes(bytes(content) + draw.bytes(int(draw.integers(1, 40))))
    elif kind == "swap":
        one.write_bytes(other.read_bytes())
        other.write_bytes(bytes(content))
    else:
        one.unlink()


def test_damage_is_found_in_passing_too(shards: ShardSet) -> None:
    """Without --verify: every record carries its own checksum."""
    draw = np.random.default_rng(6)
    for entry in shards.manifest.files[:10]:
        path = shards.folder / entry.path
        content = bytearray(path.read_bytes())
        content[int(draw.integers(len(content)))] ^= 1 << int(draw.integers(8))
        path.write_bytes(content)
        with pytest.raises(ShardError, match=path.parent.name):
            list(shards.blocks([entry.eras[0][0]]))
