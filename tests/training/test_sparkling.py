"""Sparkling Water: its orders and absences in the fast suite, Spark itself in the long one."""

from __future__ import annotations

import signal
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from contracts.estimator_contract import FITTED, UNSEEN, Elsewhere, mean_corr, predicted
from contracts.planted import TARGET, planted_shards

from erazoo.artefacts import seal
from erazoo.checkout import CHECKOUT
from erazoo.config import Config
from erazoo.config.schema import TrainingSection
from erazoo.errors import MissingExtraError, TrainingError
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.shards import ShardSet
from training.h2o.sparkling import ENVIRONMENT, SparklingTrainer
from training.task import STATE, FoldTask
from training.train import train
from zoo import catalogue

OPTIONS = {"folds": 2, "max_models": 2, "algorithms": ["GBM", "GLM"], "memory_mb": 1536}
TASK = FoldTask("fold-0", FITTED, (), TARGET, 3, TrainingSection(threads=2))
there = pytest.mark.skipif(
    not (CHECKOUT / ENVIRONMENT / "bin" / "python").exists(),
    reason=f"no {ENVIRONMENT}: run bash shell/prepare_sparkling.sh",
)
DRIVER = """#!/bin/sh
cp "$3" "{0}/order.json"
cp -p "$(dirname "$3")/realm" "{0}/realm"
printf '%s' "$no_proxy" >"{0}/no_proxy"
{1}
"""


def fit(data: ShardSet, folder: Path, checkout: Path = CHECKOUT, **options: Any) -> None:
    spec = catalogue.get("sparkling_automl")
    params = catalogue.resolve(spec, "", {**OPTIONS, **options})
    folder.mkdir(parents=True, exist_ok=True)
    SparklingTrainer(checkout).fit(spec, params, data, TASK, folder)
    card = {"model": spec.name, "params": params.model_dump(mode="json")}
    seal(folder, {**card, "fingerprint": data.spec.fingerprint})


def environment(folder: Path, script: str) -> Path:
    """A checkout whose environment has this for its Python."""
    python = folder / ENVIRONMENT / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(DRIVER.format(folder, script))
    python.chmod(0o755)
    return folder


def test_without_its_environment_it_says_how_to_make_it(tmp_path: Path) -> None:
    data = planted_shards(tmp_path / "shards")
    with pytest.raises(MissingExtraError, match="shell/prepare_sparkling.sh") as caught:
        fit(data, tmp_path / "fit", tmp_path / "nowhere")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 3", r"the Spark driver ended with exit code 3\. See .*spark\.log"),
        ("kill -9 $$", r"the Spark driver was ended by SIGKILL\. See "),
        (
            'echo \'{"reason": "no executors"}\' >"$(dirname "$3")/failure.json"; exit 1',
            r"ended with exit code 1\. Received: no executors\. See ",
        ),
    ],
)
def test_a_driver_that_fails_is_one_line(tmp_path: Path, script: str, words: str) -> None:
    data = planted_shards(tmp_path / "shards")
    checkout = environment(tmp_path / "checkout", script)
    with pytest.raises(TrainingError, match=words):
        fit(data, tmp_path / "fit", checkout)
    assert not list((tmp_path / "fit" / STATE).iterdir())


@pytest.mark.parametrize(
    ("master", "asked"), [("local[*]", "local[2]"), ("spark://h:7077", "spark://h:7077")]
)
def test_the_order_says_where_and_what(tmp_path: Path, master: str, asked: str) -> None:
    data = planted_shards(tmp_path / "shards")
    checkout = environment(tmp_path / "checkout", "exit 3")
    spark = {"spark.executor.cores": "4"}
    with pytest.raises(TrainingError):
        fit(data, tmp_path / "fit", checkout, master=master, executors=3, spark=spark)
    order = read_json(checkout / "order.json")
    assert (order["master"], order["executors"], order["spark"]) == (asked, 3, spark)
    assert order["automl"]["max_models"] == 2
    assert order["features"] == list(data.spec.names)
    assert (order["target"], order["weights"], order["folds"]) == (
        "erazoo.target",
        None,
        "erazoo.fold",
    )


def test_the_password_is_for_this_user_alone_and_for_no_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "example.org")
    checkout = environment(tmp_path / "checkout", "exit 3")
    with pytest.raises(TrainingError):
        fit(planted_shards(tmp_path / "shards"), tmp_path / "fit", checkout)
    realm = checkout / "realm"
    assert stat.S_IMODE(realm.stat().st_mode) == 0o600
    _, password = realm.read_text().strip().split(": ")
    assert len(password) == 32
    assert password not in (checkout / "order.json").read_text()
    assert (checkout / "no_proxy").read_text() == "example.org,127.0.0.1"


@there
@pytest.mark.long
@pytest.mark.timeout(900)
def test_spark_really_learns(tmp_path: Path, elsewhere: Elsewhere) -> None:
    data = planted_shards(tmp_path / "shards")
    fit(data, tmp_path / "fit", algorithms=["GBM", "GLM", "StackedEnsemble"])
    names = {path.name for path in (tmp_path / "fit").iterdir()}
    assert names >= {"model.zip", "leaderboard.csv", "leaderboard.json", "spark.log"}
    board = read_json(tmp_path / "fit" / "leaderboard.json")
    assert [row["rmse"] for row in board] == sorted(row["rmse"] for row in board)
    assert mean_corr(data, tmp_path / "fit") > 0.4
    here = predicted(data, tmp_path / "fit")
    np.testing.assert_array_equal(elsewhere.predict(data, tmp_path / "fit", UNSEEN), here)


@there
@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("victim", ["java", "python"])
def test_a_spark_driver_killed_mid_run_is_a_row_and_the_others_go_on(
    make_run: Callable[..., tuple[Config, RunDir]], victim: str
) -> None:
    settings = [
        "models.spark.model=sparkling_automl",
        "models.spark.params.max_models=0",
        "models.spark.params.max_runtime_seconds=600",
        "models.spark.params.memory_mb=1536",
        "split.folds=1",
        "split.first_train=0.8",
        "models.lightgbm.enabled=false",
        "models.mlp.enabled=false",
    ]
    config, run = make_run(*settings)
    work = threading.Thread(target=lambda: train(config, run, ["spark", "ridge"]))
    work.start()
    found = process(run, victim)
    if victim == "java":
        place = [word for word in found.cmdline() if word.startswith("-Djava.io.tmpdir=")]
        assert place
        assert Path(place[-1].partition("=")[2]).is_relative_to(run.root)
    found.send_signal(signal.SIGKILL)
    work.join()
    result = read_json(run.path("models", "spark", "result.json"))
    assert result["status"] == "failed"
    assert result["reason"].startswith("the Spark driver ")
    assert "\n" not in result["reason"]
    assert read_json(run.path("models", "ridge", "result.json"))["status"] == "ok"
    assert not [p for p in psutil.process_iter() if of_run(p, run)]


def process(run: RunDir, name: str) -> psutil.Process:
    """One of the processes of a fit that searches."""
    for _ in range(3000):
        logs = list(run.root.rglob("spark.log"))
        if logs and "AutoML" in logs[0].read_text(errors="replace"):
            found = [p for p in psutil.process_iter() if of_run(p, run) and is_one(p, name)]
            return found[0]
        if run.path("models", "spark", "result.json").is_file():
            break
        time.sleep(0.1)
    raise AssertionError("Spark never began to search")


def is_one(process: psutil.Process, name: str) -> bool:
    words = process.cmdline()
    driver = any(word.endswith("sparkling_driver.py") for word in words)
    guard = "erazoo.guarded" in words
    return process.name() == "java" if name == "java" else driver and not guard


def of_run(process: psutil.Process, run: RunDir) -> bool:
    try:
        return str(run.root) in " ".join(process.cmdline())
    except psutil.Error:
        return False
