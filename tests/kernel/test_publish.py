"""Files and folders appear whole or not at all."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from erazoo.errors import ConfigError
from erazoo.publish import (
    atomic_dir,
    atomic_file,
    fingerprint,
    make_dir,
    nothing_left,
    read_json,
    sha256,
    sweep,
    write_json,
)


def test_a_failure_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_failure_keeps_the_old_folder(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with atomic_dir(path) as work:
        (work / "x").write_text("old")
    with pytest.raises(RuntimeError), atomic_dir(path) as work:
        (work / "x").write_text("half")
        raise RuntimeError
    assert (path / "x").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_folder_replaces_the_old_one(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with atomic_dir(tmp_path / "a") as work:
            (work / text).write_text(text)
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["two"]
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_leftovers_of_a_killed_process_are_swept(tmp_path: Path) -> None:
    (tmp_path / ".partial-abc").write_text("half")
    (tmp_path / ".partial-dir").mkdir()
    (tmp_path / "whole").write_text("x")
    sweep(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["whole"]


@pytest.mark.parametrize(
    ("folder", "files", "left"),
    [
        ("new", [], []),
        ("new/deeper", [], []),
        ("new", ["new/mark", "new/below/mark"], []),
        ("new/deeper", ["new/deeper/mark", "new/deeper/result"], ["mark", "result"]),
        ("old", ["old/mark"], ["mark"]),
        ("old/new", ["old/new/mark"], []),
    ],
)
def test_a_folder_made_for_nothing_goes_again(
    tmp_path: Path, folder: str, files: list[str], left: list[str]
) -> None:
    (tmp_path / "old").mkdir()
    with pytest.raises(RuntimeError), nothing_left(tmp_path / folder, ["mark"]):
        make_dir(tmp_path / folder)
        for name in files:
            make_dir((tmp_path / name).parent)
            (tmp_path / name).write_text("")
        raise RuntimeError
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == left
    assert (tmp_path / "old").is_dir()
    assert (tmp_path / "new").is_dir() == ("result" in left)


def test_a_folder_made_for_something_stays(tmp_path: Path) -> None:
    with nothing_left(tmp_path / "new", []):
        make_dir(tmp_path / "new")
    assert (tmp_path / "new").is_dir()


def test_a_parent_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="a file is in the way"):
        make_dir(tmp_path / "file" / "run")


def test_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"x": math.nan})
    assert not list(tmp_path.iterdir())
    write_json(tmp_path / "a.json", {"x": [1, None]})
    assert read_json(tmp_path / "a.json") == {"x": [1, None]}


def test_files_are_readable_by_others_as_usual(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("x")
    write_json(tmp_path / "a.json", 1)
    assert (tmp_path / "a.json").stat().st_mode == plain.stat().st_mode


def test_checksums(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a").startswith("ba7816bf")
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint([1]) != fingerprint(["1"])
