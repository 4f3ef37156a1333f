"""`erazoo compare` with H2O and Spark really running, and with both killed in the middle."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from erazoo.checkout import CHECKOUT
from training.h2o.sparkling import ENVIRONMENT
from zoo import catalogue

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(
        not (CHECKOUT / ENVIRONMENT / "bin" / "python").exists(),
        reason=f"no {ENVIRONMENT}: run bash shell/prepare_sparkling.sh",
    ),
]
EXPERIMENT = """
tracking.mlflow = "off"

[data]
source = "demo"

[demo]
eras = 100
rows = 60
features = 24

[split]
folds = 1
held_out = 0
margin = 1

[training]
devices = "cpu"
epochs = 2
scored_train_eras = 5
tensorboard = "off"
"""


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """The command, on generated data."""
    (tmp_path / "experiment.toml").write_text(EXPERIMENT)
    place = ["--config", str(tmp_path / "experiment.toml"), "--run-dir", str(tmp_path / "run")]
    return [sys.executable, "-m", "erazoo", "compare", "--json", *place]


def test_every_model_is_a_row_with_scores(words: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*words, "--models", "all", "--jobs", "2"], capture_output=True, text=True, cwd=CHECKOUT
    )
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)["rows"]}
    assert set(catalogue.names()) <= set(rows)
    bad = {n: row.get("reason") for n, row in rows.items() if row["status"] != "ok"}
    assert not bad
    for name in catalogue.names():
        row = rows[name]
        assert row["corr"] is not None, name
        assert row["fit_seconds"] > 0, name
        assert row["peak_memory_mb"] > 100, name
        assert row["size_bytes"] > 0, name
    java = [n for n in catalogue.names() if rows[n]["category"] == "H2O"]
    assert len(java) == 9
    assert min(rows[n]["peak_memory_mb"] for n in java) > 400
    assert not processes_of(tmp_path)


def test_what_is_killed_is_a_row_and_done_when_called_again(
    words: list[str], tmp_path: Path
) -> None:
    names = ["h2o_gbm", "sparkling_automl", "ridge", "lightgbm"]
    command = [*words, "--models", ",".join(names), "--jobs", "1"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    kill_once(first, tmp_path, lambda line: "-nthreads" in line and "-notify_local" in line)
    kill_once(first, tmp_path, lambda line: any(w.endswith("sparkling_driver.py") for w in line))
    output, _ = first.communicate()
    rows = rows_of(output)
    assert first.returncode == 0
    assert {n: rows[n]["status"] for n in names} == {
        "h2o_gbm": "failed",
        "sparkling_automl": "failed",
        "ridge": "ok",
        "lightgbm": "ok",
    }
    assert rows["h2o_gbm"]["reason"].startswith("the H2O server was ended by SIGKILL. See ")
    assert rows["sparkling_automl"]["reason"].startswith("the Spark driver was ended by SIGKILL")
    assert not processes_of(tmp_path)
    kept = {n: stamp(tmp_path, n) for n in ("ridge", "lightgbm")}
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert {n: rows_of(again.stdout)[n]["status"] for n in names} == dict.fromkeys(names, "ok")
    assert {n: stamp(tmp_path, n) for n in kept} == kept


def kill_once(
    command: subprocess.Popen[str], folder: Path, wanted: Callable[[list[str]], bool]
) -> None:
    """Kill the program itself, once it has worked for a moment; its guard stays."""
    while command.poll() is None:
        for process in processes_of(folder):
            with suppress(psutil.Error):
                line = process.cmdline()
                if wanted(line) and "erazoo.guarded" not in line:
                    time.sleep(2)
                    process.kill()
                    return
        time.sleep(0.2)
    raise AssertionError("the command ended before there was anything to kill")


def rows_of(output: str) -> dict[str, Any]:
    return {row["name"]: row for row in json.loads(output)["rows"]}


def stamp(folder: Path, name: str) -> int:
    return (folder / "run" / "models" / name / "result.json").stat().st_mtime_ns


def processes_of(folder: Path) -> list[psutil.Process]:
    """What works in the run directory, beside the command itself."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = process.cmdline()
            if str(folder / "run") in " ".join(line) and "compare" not in line:
                found.append(process)
    return found
