"""`erazoo inspect`."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from erazoo.config import load
from erazoo.rundir import RunDir
from etl.build import shard

SETTINGS = ("split.margin=1", "split.folds=2", "data.extra_targets=['target_ender_60']")


@pytest.fixture(scope="module")
def sharded(panel_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory with shards; never changed by a test."""
    root = tmp_path_factory.mktemp("inspected") / "run"
    shard(load(overrides=[f"data.dir={panel_folder}", *SETTINGS], variables={}), RunDir(root))
    return root


@pytest.fixture
def run(sharded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sharded, tmp_path / "run"))


@pytest.fixture
def inspect(erazoo, panel_folder: Path) -> Callable:
    def call(run: Path, *words: object):
        given = [f"data.dir={panel_folder}", *SETTINGS]
        sets = [word for setting in given for word in ("--set", setting)]
        return erazoo("inspect", "--run-dir", run, *sets, *words)

    return call


def contents(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_look_at_shards_prints_tables_and_writes_nothing(run: Path, inspect) -> None:
    before = contents(run)
    out = inspect(run).out
    assert f"shard set in {run / 'shards'}" in out
    assert "1,600 rows of 40 eras, 0001 to 0040, with 6 int8 features and 2 targets" in out
    assert "target_ender_20 has values in 36 eras, 0001 to 0036" in out
    assert re.search(r"^train +\d+ +0001", out, re.MULTILINE)
    assert re.search(r"^charisma +3 +\d", out, re.MULTILINE)
    assert "(stretches of 4 eras; --by-era prints every one)" in out
    assert re.search(r"^0001 to 0004 +train +160 +160 ", out, re.MULTILINE)
    assert re.search(r"^0037 to 0040 +test +160 +0 +- +- ", out, re.MULTILINE)
    assert "alias: target = target_ender_60" in out
    assert contents(run) == before


def test_every_era_has_a_line_on_demand(run: Path, inspect) -> None:
    out = inspect(run, "--by-era").out
    assert len(re.findall(r"^00\d\d +\w+ +40 ", out, re.MULTILINE)) == 40
    assert "stretches" not in out


def test_json_is_the_whole_result(run: Path, inspect) -> None:
    found = inspect(run, "--json").json
    assert found["kind"] == "shards"
    assert len(found["targets"]["target_ender_60"]["by_era"]["rows"]) == 40
    assert found["verified"] is False
    assert inspect(run, "--json", "--data").json["kind"] == "data"
    assert inspect(run, "--json", "--eras", "1..3").json["read"]["eras"] == ["0001", "0002", "0003"]


def test_data_can_be_looked_at_before_there_is_a_run(tmp_path: Path, inspect) -> None:
    outcome = inspect(tmp_path / "run")
    assert outcome.code == 0
    assert "data set in" in outcome.out
    assert "train.parquet" in outcome.out
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_not_there_is_named(erazoo, tmp_path: Path) -> None:
    outcome = erazoo("inspect", "--run-dir", tmp_path / "typo")
    assert outcome.code == 2
    assert "there is no run directory here" in outcome.err
    assert not list(tmp_path.iterdir())


def test_the_page_is_written_on_demand(run: Path, inspect) -> None:
    before = contents(run)
    said = inspect(run, "--page", "--dry-run").out
    assert said == f"would write {run / 'inspection.html'}\n"
    assert contents(run).keys() == before.keys()
    outcome = inspect(run, "--page", "--json")
    assert outcome.json["page"] == str(run / "inspection.html")
    written = {path.name for path in contents(run).keys() - before.keys()}
    assert written == {"inspection.html", "inspection.json", ".lock"}
    assert json.loads((run / "inspection.json").read_text())["kind"] == "shards"
    assert "the page lies in" in inspect(run, "--page").out
    with RunDir(run).lock():
        assert inspect(run, "--page").code == 2


def test_a_page_of_nothing_leaves_nothing(erazoo, tmp_path: Path) -> None:
    words = ("--page", "--set", f"data.dir={tmp_path / 'none'}", "--run-dir", tmp_path / "run")
    outcome = erazoo("inspect", *words)
    assert outcome.code == 3
    assert "erazoo download" in outcome.err
    assert not (tmp_path / "run").exists()


def test_whole_shards_are_verified(run: Path, inspect) -> None:
    assert inspect(run, "--verify").out.endswith("every byte of the shard set is as written\n")
    assert inspect(run, "--verify", "--json").json["verified"] is True


def test_all_damage_is_printed_and_the_exit_code_is_3(run: Path, inspect) -> None:
    files = sorted((run / "shards").rglob("*.tfrecord"))
    for path in files[:5]:
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    files[5].unlink()
    outcome = inspect(run, "--verify")
    assert outcome.code == 3
    assert [line.split()[0] for line in outcome.out.splitlines()[1:]] == [
        str(path) for path in [*files[:6]]
    ]
    assert "6 files of a shard set differ" in outcome.err
    assert "erazoo shard --force" in outcome.err
    found = inspect(run, "--verify", "--json")
    assert found.code == 3
    assert found.json["verified"] is False
    assert {Path(d["path"]) for d in found.json["damage"]} == set(files[:6])


def test_without_shards_there_is_nothing_to_verify(tmp_path: Path, inspect) -> None:
    outcome = inspect(tmp_path / "run", "--verify")
    assert outcome.code == 3
    assert "there is no finished shard set here" in outcome.err
