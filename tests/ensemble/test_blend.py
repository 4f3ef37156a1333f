"""The rank average: equal to a plain computation, and never with a member missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ensemble.blend import ensemble, rank_average
from erazoo.config import Config
from erazoo.errors import ConfigError, DataError
from erazoo.rundir import RunDir
from etl.build import open_shards
from scoring.eras import EraSlices
from training.loop import train_model
from training.predictions import Predictions

Maker = Callable[..., tuple[Config, RunDir]]


@pytest.fixture
def trained(make_run: Maker) -> tuple[Config, RunDir]:
    config, run = make_run()
    for name in ("ridge", "lightgbm"):
        train_model(config, run, name)
    return config, run


def test_rank_average_equals_pandas() -> None:
    rng = np.random.default_rng(1)
    eras = np.repeat(["0001", "0002", "0003"], [20, 35, 11]).astype(object)
    columns = {k: rng.integers(0, 9, 66).astype(np.float32) for k in "ab"}
    frame = pd.DataFrame({"era": eras, **columns})
    ranks = {
        k: (frame.groupby("era")[k].rank() - 0.5) / frame.groupby("era")[k].transform("size")
        for k in "ab"
    }
    ours = rank_average(columns, {"a": 3.0, "b": 1.0}, EraSlices.from_labels(eras))
    np.testing.assert_allclose(ours, (3 * ranks["a"] + ranks["b"]) / 4, atol=1e-6)


def test_a_row_without_a_member_has_no_prediction() -> None:
    eras = np.array(["0001"] * 4, object)
    a = np.array([1, 2, 3, 4], np.float32)
    b = np.array([1, np.nan, 3, 4], np.float32)
    blended = rank_average({"a": a, "b": b}, {"a": 1, "b": 1}, EraSlices.from_labels(eras))
    assert np.isnan(blended).tolist() == [False, True, False, False]


def test_the_blend_is_out_of_sample_and_scored(trained: tuple[Config, RunDir]) -> None:
    config, run = trained
    recipe = ensemble(config, run)
    assert [m["name"] for m in recipe["members"]] == ["ridge", "lightgbm"]
    blend = Predictions.load(run.path("ensemble", "out_of_fold.parquet"))
    _, plan = open_shards(config, run)
    assert blend.kind == "out_of_fold"
    assert set(blend.eras) == {e for f in plan.development for e in f.validation}
    members = [
        Predictions.load(run.path("models", n, "out_of_fold.parquet")).aligned(blend.ids)
        for n in ("ridge", "lightgbm")
    ]
    expected = rank_average(
        dict(zip("ab", members, strict=True)),
        {"a": 1, "b": 1},
        EraSlices.from_labels(blend.eras),
    )
    np.testing.assert_allclose(blend.values, expected, atol=1e-7)
    scores = json.loads(run.path("evaluation", "scores.json").read_text())
    assert scores["candidates"]["ensemble"]["kind"] == "ensemble"
    assert ensemble(config, run)["skipped"]


def test_an_untrained_member_stops_the_ensemble(make_run: Maker) -> None:
    config, run = make_run()
    train_model(config, run, "ridge")
    with pytest.raises(DataError, match="'lightgbm' is not trained.*erazoo train lightgbm"):
        ensemble(config, run)
    assert not run.path("ensemble").exists()


def test_members_can_be_chosen(make_run: Maker) -> None:
    config, run = make_run("ensemble.members=['ridge']")
    train_model(config, run, "ridge")
    assert [m["name"] for m in ensemble(config, run)["members"]] == ["ridge"]
    other, _ = make_run("ensemble.members=['rigde']")
    with pytest.raises(ConfigError, match="not configured.*rigde.*ridge"):
        ensemble(other, run)


def test_other_rows_are_refused(trained: tuple[Config, RunDir]) -> None:
    config, run = trained
    path = run.path("models", "ridge", "out_of_fold.parquet")
    whole = Predictions.load(path)
    Predictions(
        whole.name,
        whole.kind,
        whole.ids[5:],
        whole.eras[5:],
        whole.values[5:],
        whole.folds[5:],
        whole.facts,
    ).save(path)
    with pytest.raises(DataError, match="'ridge' cover other rows"):
        ensemble(config, run)


def test_in_sample_predictions_cannot_slip_in(trained: tuple[Config, RunDir]) -> None:
    config, run = trained
    folder = run.path("models", "ridge")
    (folder / "out_of_fold.parquet").write_bytes((folder / "held_out.parquet").read_bytes())
    with pytest.raises(DataError, match="another origin.*held_out"):
        ensemble(config, run)


def test_a_missing_file_is_named(trained: tuple[Config, RunDir], tmp_path: Path) -> None:
    config, run = trained
    run.path("models", "ridge", "out_of_fold.parquet").unlink()
    with pytest.raises(DataError, match=r"ridge.*out_of_fold\.parquet"):
        ensemble(config, run)
