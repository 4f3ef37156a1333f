"""Malformed input at the command line: one clear line, the right exit code, nothing half done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from erazoo.cli import main

Edit = Callable[[Path], None]


def frame(name: str, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> Edit:
    def change(folder: Path) -> None:
        path = folder / f"{name}.parquet"
        edited = edit(pd.read_parquet(path))
        edited.to_parquet(path, index=False)

    return change


def off_grid(f: pd.DataFrame) -> pd.DataFrame:
    f.loc[f.index[40], "feature_1"] = 5
    return f.astype({"feature_1": "int8"})


def truncate(folder: Path) -> None:
    path = folder / "validation.parquet"
    path.write_bytes(path.read_bytes()[:-100])


def no_targets(folder: Path) -> None:
    for name in ("train", "validation"):
        frame(
            name,
            lambda f: f.assign(target_ender_20=float("nan")).astype({"target_ender_20": "float32"}),
        )(folder)


CASES = {
    "missing feature": (frame("train", lambda f: f.drop(columns="feature_2")), 3, "feature_2"),
    "missing target": (
        frame("train", lambda f: f.drop(columns="target_ender_20")),
        3,
        "target_ender_20",
    ),
    "missing id": (frame("train", lambda f: f.drop(columns="id")), 3, "no id"),
    "off the grid": (frame("train", off_grid), 3, "5 in column feature_1, row 40 of train.parquet"),
    "unsorted": (
        frame("train", lambda f: f.sample(frac=1, random_state=1)),
        3,
        "do not stand together",
    ),
    "backwards": (frame("train", lambda f: f.iloc[::-1]), 3, "chronological"),
    "unparsable": (frame("train", lambda f: f.assign(era="era" + f["era"])), 3, "'era0001'"),
    "repeated ids": (frame("train", lambda f: f.assign(id="n1")), 3, "ids are"),
    "empty": (frame("train", lambda f: f.iloc[:0]), 3, "is empty"),
    "truncated": (truncate, 3, "damaged"),
    "no file": (lambda folder: (folder / "train.parquet").write_bytes(b""), 3, "damaged"),
    "no targets": (no_targets, 3, "no era has a resolved target_ender_20"),
    "no features.json": (lambda folder: (folder / "features.json").unlink(), 3, "features.json"),
}


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, list[str]]:
    code = main(words)
    said = capsys.readouterr()
    return code, said.out, said.err.strip().splitlines()


@pytest.mark.parametrize("case", CASES)
def test_malformed_data(
    case: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit, expected, words = CASES[case]
    edit(tiny)
    where = tmp_path / "run"
    code, out, lines = run(
        [
            "shard",
            "--run-dir",
            str(where),
            "--set",
            f"data.dir={tiny}",
            "--set",
            "split.margin=1",
            "--set",
            "split.folds=2",
            "--set",
            "data.extra_targets=[]",
        ],
        capsys,
    )
    assert code == expected
    assert out == ""
    assert len(lines) == 1, lines
    assert lines[0].startswith("erazoo shard: ")
    assert words in lines[0]
    assert "Traceback" not in lines[0]
    assert not list(where.rglob("manifest.json"))
    assert not list(where.rglob("folds.json"))
    assert not list(where.rglob("stages/*"))
    assert not list(where.rglob(".partial-*"))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("data.feature_set=smal", "small"),
        ("data.feature_sett=small", "feature_set"),
        ("data.target=target", "Name the target"),
        ("split.folds=0", "split.folds"),
    ],
)
def test_mistaken_settings(
    setting: str, words: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "run"
    code, out, lines = run(
        [
            "shard",
            "--run-dir",
            str(where),
            "--set",
            f"data.dir={tiny}",
            "--set",
            "data.extra_targets=[]",
            "--set",
            setting,
        ],
        capsys,
    )
    assert (code, out, len(lines)) == (2, "", 1)
    assert words in lines[0]
    assert not list(where.rglob("manifest.json"))


def test_a_leaking_purge_is_refused(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, lines = run(
        [
            "shard",
            "--run-dir",
            str(tmp_path / "run"),
            "--set",
            f"data.dir={tiny}",
            "--set",
            "data.extra_targets=[]",
            "--set",
            "split.purge=2",
        ],
        capsys,
    )
    assert code == 3
    assert "shorter than the target's horizon" in lines[0]


def test_a_run_directory_below_a_file(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    code, _, lines = run(
        ["shard", "--run-dir", str(tmp_path / "file" / "run"), "--set", f"data.dir={tiny}"], capsys
    )
    assert code == 2
    assert len(lines) == 1
    assert "file is in the way" in lines[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "file"]


@pytest.mark.parametrize("verb", ["train", "evaluate", "ensemble", "predict", "submit"])
def test_a_verb_before_its_time(
    verb: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "run"
    where.mkdir()
    code, out, lines = run(
        [
            verb,
            "--run-dir",
            str(where),
            "--set",
            f"data.dir={tiny}",
            "--set",
            "data.extra_targets=[]",
            "--set",
            "models.ridge.preset=small",
        ],
        capsys,
    )
    assert (code, out, len(lines)) == (3, "", 1), lines
    assert "Run `erazoo" in lines[0]
