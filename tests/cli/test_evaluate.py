"""`erazoo evaluate` as a user meets it: tables, files, options and errors."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from erazoo.commands.scores import WIDTH
from tests.conftest import RUN_SETTINGS
from training.loop import train_model


@dataclass(frozen=True)
class Case:
    """A run with one trained model, and a command line that works on it."""

    call: Callable[..., Any]
    run: Path
    files: Path


@pytest.fixture
def case(erazoo, make_run, panel_folder: Path, tmp_path: Path) -> Case:
    config, run = make_run()
    train_model(config, run, "ridge")
    parts = [pd.read_parquet(panel_folder / f"{part}.parquet") for part in ("train", "validation")]
    rows = pd.concat(parts).set_index("id")
    rng = np.random.default_rng(1)
    for name in ("mine", "other"):
        values = rows.target_ender_20.fillna(0.5) + rng.normal(size=len(rows))
        values.rename("prediction").to_csv(tmp_path / f"{name}.csv")
    settings = [f"data.dir={panel_folder}", *RUN_SETTINGS]
    common = ["--run-dir", run.root, "--config", tmp_path / "none.toml"]
    (tmp_path / "none.toml").write_text("")

    def call(*words: object) -> Any:
        options = [word for text in settings for word in ("--set", text)]
        return erazoo("evaluate", *words, *common, *options)

    return Case(call, run.root, tmp_path)


def test_the_table_fits_a_terminal_and_wide_shows_the_rest(case: Case) -> None:
    short, wide = case.call(), case.call("--wide")
    assert short.code == wide.code == 0
    head, *lines = short.out.splitlines()
    assert head.split()[:5] == ["name", "kind", "corr", "s.e.", "sharpe"]
    assert all(len(line) <= WIDTH for line in [head, *lines[:3]])
    assert "train" in wide.out.splitlines()[0]
    assert len(wide.out.splitlines()[0].split()) > len(head.split())
    assert [line.split()[0] for line in lines[:3]] == [
        "ridge",
        "numerai_meta_model",
        "v1_benchmark",
    ]


def test_alarms_stand_under_the_table_and_the_code_stays_0(case: Case) -> None:
    outcome = case.call()
    assert outcome.code == 0
    assert "ALARM: A mean CORR of" in outcome.out
    assert "look for a leak in ridge" in outcome.out
    calm = case.call("--set", "evaluate.ceiling=0.9")
    assert "ALARM" not in calm.out


def test_files_are_scored_beside_the_references(case: Case) -> None:
    outcome = case.call(case.files / "mine.csv", case.files / "other.csv", "--json")
    assert outcome.code == 0, outcome.err
    result = outcome.json
    assert list(result["candidates"]) == [
        "mine",
        "other",
        "numerai_meta_model",
        "v1_benchmark",
    ]
    assert result["kind"] == "files"
    text = case.call(case.files / "mine.csv").out
    assert "rows are scored" in text
    assert "held-out eras, which --final opens" in text
    assert not (case.run / "evaluation").exists()


def test_options_ask_something_else(case: Case, panel_folder: Path) -> None:
    mine = case.files / "mine.csv"
    plain = case.call(mine, "--json").json
    assert case.call(mine, "--json", "--data", panel_folder).json == plain
    other = case.call(mine, "--json", "--target", "target_ender_60").json
    assert (other["target"], other["label_eras"]) == ("target_ender_60", 12)
    assert other["candidates"]["mine"]["summary"]["corr"]["mean"] < 0
    against = case.call(mine, "--json", "--against", "v1_benchmark").json
    assert (against["meta_model"], against["benchmark"]) == (None, "v1_benchmark")
    assert against["candidates"]["mine"]["summary"]["mmc"] is None
    notes = {a["kind"]: a["words"] for a in against["alarms"]}
    assert notes["references"].startswith("Likeness to numerai_meta_model was not looked at")
    assert "references" not in {a["kind"] for a in plain["alarms"]}
    tried = case.call(mine, "--json", "--trials", 1000).json
    real = [r["candidates"]["mine"]["deflated_sharpe"] for r in (plain, tried)]
    assert tried["trials"] == 1000
    assert real[1] < real[0]
    assert plain["candidates"]["mine"]["boundary"] is None
    bounded = case.call(mine, "--json", "--boundary", "0008").json
    assert bounded["candidates"]["mine"]["boundary"]["eras"] == 4
    bare = case.call(mine, "--json", "--set", "evaluate.features=none").json
    assert bare["candidates"]["mine"]["exposure"] is None
    small = case.call(mine, "--json", "--set", "evaluate.features=small").json
    assert small["features"] == "small"
    assert (
        small["candidates"]["mine"]["per_era"]["fnc"]
        != plain["candidates"]["mine"]["per_era"]["fnc"]
    )
    assert set(plain["candidates"]["mine"]["exposure"]["groups"]) == {"all", "small", "charisma"}


def test_own_scores_follow_the_options_too(case: Case) -> None:
    assert case.call("--json").json["target"] == "target_ender_20"
    assert case.call("--json", "--target", "target_ender_60").json["target"] == "target_ender_60"
    assert case.call("--json").json["target"] == "target_ender_20"


def test_scores_are_written_as_asked(case: Case) -> None:
    outs = [case.files / "out" / f"scores{suffix}" for suffix in (".csv", ".md", ".json", ".html")]
    words = [word for out in outs for word in ("--out", out)]
    outcome = case.call(case.files / "mine.csv", *words, "--json")
    assert outcome.code == 0, outcome.err
    table, text, plain, page = (out.read_text() for out in outs)
    assert json.loads(plain) == outcome.json
    first, *_ = csv.DictReader(table.splitlines())
    mine = outcome.json["candidates"]["mine"]
    assert (first["name"], first["kind"]) == ("mine", "file")
    assert float(first["corr_mean"]) == mine["summary"]["corr"]["mean"]
    assert first["corr_worst_era"] == outcome.json["eras"][mine["summary"]["corr"]["worst_era"]]
    assert first["train_corr"] == ""
    assert text.startswith("| name | kind | corr |")
    assert "- note: mine.csv" in text
    assert page.lower().startswith("<!doctype html>")
    assert "mine" in page
    assert "https://" not in page.split("<script")[0]


def test_the_held_out_eras_are_opened_by_final_alone(case: Case) -> None:
    mine = case.files / "mine.csv"
    shown = case.call(mine, "--json").json
    opened = case.call(mine, "--final", "--json").json
    assert not set(shown["eras"]) & set(opened["eras"])
    (opening,) = json.loads((case.run / "evaluation" / "openings.json").read_text())
    assert (opening["candidates"], opening["count"]) == (["mine"], 1)
    assert "held-out eras" in case.call(mine, "--final").out
    both = json.loads((case.run / "evaluation" / "openings.json").read_text())
    assert len(both) == 2


def test_a_dry_run_scores_and_opens_nothing(case: Case) -> None:
    for words in ((case.files / "mine.csv", "--final"), ("--final",)):
        outcome = case.call(*words, "--dry-run")
        assert outcome.code == 0
        assert outcome.out.startswith("would score")
    assert not (case.run / "evaluation").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--data", "."), 2, "--data belongs to prediction files"),
        (("--boundary", "0003"), 2, "--boundary belongs to prediction files"),
        (("mine.csv", "--data", "nowhere"), 2, "no data folder here"),
        (("mine.csv", "--out", "scores.xlsx"), 2, ".csv or .md or .html or .json"),
        (("mine.csv", "--against", "v1_benchmrak"), 2, "v1_benchmark"),
        (("mine.csv", "--target", "target_x_20"), 3, "do not carry this target"),
        (("mine.csv", "--boundary", "9999"), 2, "no era of the data"),
        (("mine.csv", "mine.csv"), 2, "named twice"),
        (("mine.csv", "--trials", "0"), 2, "--trials"),
        (("mine.csv", "--set", "evaluate.features=smal"), 2, "small"),
        (("none.csv",), 3, "missing"),
    ],
)
def test_what_cannot_be_scored_is_one_clear_line(
    case: Case, words: tuple[str, ...], code: int, said: str
) -> None:
    outcome = case.call(*words)
    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_the_terms_of_a_round_give_a_yearly_return(case: Case) -> None:
    score = {"name": "correlation", "displayName": "corr20", "isPayout": True}
    terms = {
        "number": 1,
        "target": "target_ender_20",
        "roundScoreConfigs": [{**score, "defaultMultiplier": 1, "clipThreshold": 1}],
    }
    (case.files / "terms.json").write_text(json.dumps(terms))
    words = ("--set", f"evaluate.terms={case.files / 'terms.json'}", "--json")
    mine = case.call(case.files / "mine.csv", *words).json["candidates"]["mine"]
    scores = np.array([v for v in mine["per_era"]["corr"] if v is not None])
    growth = np.prod(1 + np.clip(scores, -1, 1)) ** (52 / (len(scores) * 5))
    assert mine["return"] == pytest.approx(growth - 1)
    other = case.call(case.files / "mine.csv", *words, "--target", "target_ender_60")
    assert other.code == 2
    assert "pays scores on another target" in other.err
    terms["roundScoreConfigs"][0].update(name="meta_model_contribution", displayName="mmc20")
    (case.files / "terms.json").write_text(json.dumps(terms))
    alone = case.call(case.files / "mine.csv", *words, "--against", "v1_benchmark", "--final")
    assert alone.code == 2
    assert "pays MMC, which cannot be taken" in alone.err
    assert not (case.run / "evaluation" / "openings.json").exists()
