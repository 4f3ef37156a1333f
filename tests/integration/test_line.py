"""The straight line at the command line: from a data folder to a checked submission."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pandas as pd
import pytest

from erazoo import cli
from erazoo.artefacts import open_sealed
from erazoo.logs import LOGGER

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "ERAZOO_SPLIT__FOLDS": "2",
    "ERAZOO_SPLIT__MARGIN": "1",
    "ERAZOO_DATA__EXTRA_TARGETS": "['target_ender_60']",
    "ERAZOO_MODELS__LIGHTGBM__PARAMS__N_ESTIMATORS": "20",
    "ERAZOO_MODELS__XGBOOST__ENABLED": "false",
    "ERAZOO_MODELS__CATBOOST__ENABLED": "false",
    "ERAZOO_MODELS__MLP__ENABLED": "false",
    "ERAZOO_MODELS__AE_CLASSIFIER__ENABLED": "false",
    "ERAZOO_TRAINING__THREADS": "1",
    "ERAZOO_TRACKING__MLFLOW": "off",
}
VERBS = ("shard", "train", "evaluate", "ensemble", "report", "predict", "submit")
Verb = Callable[..., CompletedProcess[str]]


@pytest.fixture
def erazoo(
    panel_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Verb]:
    """Run one verb in this process, with the settings and data of the line."""
    for name, value in (SETTINGS | {"ERAZOO_DATA__DIR": str(panel_folder)}).items():
        monkeypatch.setenv(name, value)

    def call(*words: str, run: Path) -> CompletedProcess[str]:
        capsys.readouterr()
        code = cli.main([*words, "--run-dir", str(run)])
        return CompletedProcess(words, code, *capsys.readouterr())

    kept = (LOGGER.handlers, LOGGER.level, LOGGER.propagate)
    yield call
    LOGGER.handlers, LOGGER.level, LOGGER.propagate = kept


@pytest.fixture(scope="module")
def line(panel_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """A run whose every verb was a process of its own, and what each answered."""
    run = tmp_path_factory.mktemp("line") / "run"
    environment = {**os.environ, **SETTINGS, "ERAZOO_DATA__DIR": str(panel_folder)}
    answers = {
        verb: subprocess.run(
            [sys.executable, "-m", "erazoo", verb, "--run-dir", str(run)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment,
            timeout=300,
        )
        for verb in VERBS
    }
    for verb, answer in answers.items():
        assert answer.returncode == 0, f"{verb}: {answer.stderr}"
    return run, answers


def test_every_verb_says_what_it_did(line: tuple[Path, dict]) -> None:
    _, answers = line
    for verb, words in {
        "shard": "rows of 40 eras",
        "train": "lightgbm",
        "evaluate": "out-of-fold eras",
        "ensemble": "ensemble of ridge, lightgbm",
        "report": "report.html",
        "predict": "accepted by numerai_tools",
        "submit": "not uploaded",
    }.items():
        assert words in answers[verb].stdout, answers[verb].stdout


def test_no_table_is_printed_twice(line: tuple[Path, dict]) -> None:
    _, answers = line
    models, blend = (answers[verb].stdout.splitlines() for verb in ("evaluate", "ensemble"))
    heads = [place for place, text in enumerate(blend) if text.split()[:1] == ["name"]]
    assert len(heads) == 1
    names = [text.split()[0] for text in blend[heads[0] :][:3]]
    assert names[1] in ("ridge", "lightgbm")
    assert names[2] == "ensemble"
    assert sum(text.split()[:1] == ["method"] for text in blend) == 1
    assert {text.split()[0] for text in models} >= {"ridge", "lightgbm"}
    assert not any(text.startswith("ensemble") for text in models)
    assert "already" not in answers["ensemble"].stdout


def test_the_submission_passes_the_official_rules(
    line: tuple[Path, dict], panel_folder: Path
) -> None:
    from numerai_tools.submissions import validate_submission_numerai

    run, _ = line
    (file,) = run.glob("submission/*.csv")
    live = pd.read_parquet(panel_folder / "live.parquet")["id"].rename("id")
    validate_submission_numerai(live, pd.read_csv(file))


def test_a_second_run_skips_what_is_done(line: tuple[Path, dict], erazoo: Verb) -> None:
    run, _ = line
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*") if p.is_file()}
    for verb in ("shard", "train", "evaluate", "ensemble", "predict"):
        answer = erazoo(verb, run=run)
        assert answer.returncode == 0, answer.stderr
        assert any(w in answer.stdout for w in ("already", "done already")), answer.stdout
    after = {p: p.stat().st_mtime_ns for p in run.rglob("*") if p.is_file()}
    changed = {p.name for p in before if after[p] != before[p]}
    assert changed <= {"config.json", ".lock"}


def test_a_dry_run_says_what_is_done_already_and_writes_nothing(
    line: tuple[Path, dict], erazoo: Verb
) -> None:
    run, _ = line
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*")}
    for verb in ("shard", "train", "evaluate", "ensemble", "predict"):
        said = [erazoo(verb, "--dry-run", *words, run=run).stdout for words in ((), ("--force",))]
        assert said[0].startswith("would skip"), (verb, said)
        assert said[1].startswith("would "), (verb, said)
        assert "skip" not in said[1], (verb, said)
    other = ("--set", "models.ridge.params.alpha=3", "--dry-run")
    said = [erazoo(v, *other, run=run).stdout for v in ("train", "predict")]
    assert said[0] == "would train ridge\nwould skip what is trained already: lightgbm\n"
    assert "skip" not in said[1]
    answer = erazoo("submit", "--submit", "--dry-run", run=run)
    assert "accepted by numerai_tools" in answer.stdout
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*")} == before


def test_submit_refuses_the_predictions_of_another_ensemble(
    line: tuple[Path, dict], erazoo: Verb, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(line[0], tmp_path / "run"))
    fewer = ("--set", "ensemble.members=['ridge']")
    assert erazoo("ensemble", *fewer, run=run).returncode == 0
    answer = erazoo("submit", *fewer, run=run)
    assert answer.returncode == 3
    assert "the ensemble" in answer.stderr
    assert "changed since the prediction" in answer.stderr
    assert erazoo("predict", *fewer, run=run).returncode == 0
    assert erazoo("submit", *fewer, run=run).returncode == 0


def test_results_are_json_on_demand(line: tuple[Path, dict], erazoo: Verb) -> None:
    run, _ = line
    for verb in ("shard", "train", "evaluate", "ensemble", "predict", "inspect", "submit"):
        answer = erazoo(verb, "--json", run=run)
        assert answer.returncode == 0, answer.stderr
        assert json.loads(answer.stdout)


def test_artefacts_are_sealed(line: tuple[Path, dict]) -> None:
    run, _ = line
    cards = sorted(run.rglob("card.json"))
    assert len(cards) == 2 * (2 + 1 + 1)
    for card in cards:
        assert open_sealed(card.parent)["files"]


def test_a_moved_run_directory_still_predicts(
    line: tuple[Path, dict], erazoo: Verb, tmp_path: Path
) -> None:
    run, _ = line
    moved = Path(shutil.copytree(run, tmp_path / "moved elsewhere"))
    (moved / "stages" / "predict.json").unlink()
    answer = erazoo("predict", "--json", run=moved)
    assert answer.returncode == 0, answer.stderr
    here = json.loads(answer.stdout)
    there = json.loads(erazoo("predict", "--json", run=run).stdout)
    assert here["sha256"] == there["sha256"]


def test_held_out_eras_open_once_asked(line: tuple[Path, dict], erazoo: Verb) -> None:
    run, _ = line
    assert not (run / "evaluation" / "openings.json").exists()
    answer = erazoo("evaluate", "--final", run=run)
    assert answer.returncode == 0, answer.stderr
    assert "held-out eras" in answer.stdout
    assert len(json.loads((run / "evaluation" / "openings.json").read_text())) == 1


def test_nothing_of_the_demo_is_uploaded(line: tuple[Path, dict], erazoo: Verb) -> None:
    run, _ = line
    answer = erazoo("submit", "--submit", run=run)
    assert answer.returncode == 2
    assert "not uploaded to a real one" in answer.stderr


def test_light_verbs_import_no_heavy_library() -> None:
    words = [sys.executable, "-X", "importtime", "-m", "erazoo", "--help"]
    said = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True).stderr
    loaded = {row.rsplit("|", 1)[-1].strip().split(".")[0] for row in said.splitlines()}
    assert not loaded & {"tensorflow", "lightgbm", "plotly", "keras", "pandas", "numpy", "polars"}
