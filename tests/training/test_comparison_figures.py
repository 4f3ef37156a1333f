"""Every column of the comparison, taken again from prediction files and raw tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import RUN_SETTINGS
from numerai_tools.scoring import correlation_contribution, numerai_corr
from scipy.stats import spearmanr

from erazoo.config import Config, load
from erazoo.engine.job import Job, Outcome
from erazoo.engine.journal import Journal, log_path, read_outcomes
from erazoo.folds import FoldPlan
from erazoo.publish import make_dir, read_json
from erazoo.rundir import RunDir
from etl.build import open_shards, shard
from scoring.report.models.columns import COLUMNS
from training.comparison import Limits, compare
from training.comparison_plan import plan_contest
from training.evaluation import evaluate
from training.families import load_model
from training.job import JOBS

MODELS = ("ridge", "lightgbm", "decision_tree")
META, BENCHMARK = "numerai_meta_model", "v1_benchmark"
TARGET = "target_ender_20"


@dataclass(frozen=True)
class Compared:
    """A comparison, and the raw tables as one frame by id."""

    config: Config
    run: RunDir
    plan: FoldPlan
    rows: dict[str, dict[str, Any]]
    table: pd.DataFrame

    def out_of_fold(self, name: str) -> pd.DataFrame:
        made = pd.read_parquet(self.run.path("models", name, "out_of_fold.parquet"))
        return self.table.join(made.set_index("id")[["prediction", "fold"]], how="inner")

    def in_sample(self, name: str) -> Iterable[pd.DataFrame]:
        """The sampled training eras, predicted by the model of each development fold."""
        spec = open_shards(self.config, self.run)[0].spec
        records = read_json(self.run.path("models", name, "result.json"))["folds"]
        for fold, record in zip(self.plan.development, records, strict=False):
            predict = load_model(self.run.path("models", name, "folds", fold.name), spec)
            assert set(record["train"]["eras"]) <= set(fold.train)
            for era in record["train"]["eras"]:
                rows = self.table[self.table["era"] == era]
                yield rows.assign(prediction=predict(rows[list(spec.names)].to_numpy(np.int8)))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, panel_folder: Path) -> Compared:
    """A comparison that tests only read."""
    own = ("engine.backend=serial", "tracking.mlflow=off", "split.first_train=0.7")
    settings = [f"data.dir={panel_folder}", *RUN_SETTINGS, *own]
    config = load(overrides=settings, variables={})
    run = RunDir(tmp_path_factory.mktemp("compared"))
    shard(config, run)
    contest = plan_contest(config, MODELS)
    result = compare(contest, run, Limits(memory_mb=4000))
    rows = {row["name"]: row for row in result["rows"]}
    return Compared(contest.config, run, open_shards(config, run)[1], rows, raw_table(panel_folder))


def raw_table(folder: Path) -> pd.DataFrame:
    def read(*names: str) -> pd.DataFrame:
        return pd.concat([pd.read_parquet(folder / f"{n}.parquet").set_index("id") for n in names])

    rows = read("train", "validation")
    beside = read("train_benchmark_models", "validation_benchmark_models")[BENCHMARK]
    return rows.join(beside).join(read("meta_model")[META])


def by_era(rows: pd.DataFrame, score: Callable[[pd.DataFrame], float]) -> list[float]:
    return [score(era) for _, era in rows.groupby("era")]


def corr(era: pd.DataFrame) -> float:
    return float(numerai_corr(era[["prediction"]], era[TARGET]).iloc[0])


def beyond(reference: str) -> Callable[[pd.DataFrame], float]:
    return lambda era: float(
        correlation_contribution(era[["prediction"]], era[reference], era[TARGET]).iloc[0]
    )


def squared(era: pd.DataFrame) -> float:
    return float(((era["prediction"] - era[TARGET]) ** 2).mean())


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_those_of_numerai_on_the_prediction_files(compared: Compared, name: str) -> None:
    rows, row = compared.out_of_fold(name), compared.rows[name]
    scores = by_era(rows, corr)
    assert row["corr"] == pytest.approx(np.mean(scores), rel=1e-5)
    assert row["sharpe"] == pytest.approx(np.mean(scores) / np.std(scores), rel=1e-5)
    folds = [np.mean(by_era(part, corr)) for _, part in rows.groupby("fold", observed=True)]
    assert len(folds) == 2
    assert row["corr_fold_std"] == pytest.approx(np.std(folds), rel=1e-5)
    for column, reference in (("mmc", META), ("bmc", BENCHMARK)):
        assert row[column] == pytest.approx(np.mean(by_era(rows, beyond(reference))), rel=1e-5)
    for column, reference in (("like_meta_model", META), ("like_benchmark", BENCHMARK)):
        alike = by_era(rows, lambda e, r=reference: spearmanr(e["prediction"], e[r]).statistic)
        assert row[column] == pytest.approx(np.mean(alike), rel=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_errors_are_of_raw_predictions(compared: Compared, name: str) -> None:
    rows, row = compared.out_of_fold(name), compared.rows[name]
    assert row["rmse"] == pytest.approx(math.sqrt(squared(rows)), rel=1e-5)
    parts = rows.groupby("fold", observed=True)
    folds = [math.sqrt(np.mean(by_era(part, squared))) for _, part in parts]
    assert row["rmse_fold_std"] == pytest.approx(np.std(folds), rel=1e-4)
    known = [squared(era) for era in compared.in_sample(name)]
    assert row["train_rmse"] == pytest.approx(math.sqrt(np.mean(known)), rel=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_training_scores_are_those_of_numerai_on_sampled_training_eras(
    compared: Compared, name: str
) -> None:
    eras, row = list(compared.in_sample(name)), compared.rows[name]
    scores = [corr(era) for era in eras]
    assert row["train_corr"] == pytest.approx(np.mean(scores), rel=1e-5)
    assert row["train_sharpe"] == pytest.approx(np.mean(scores) / np.std(scores), rel=1e-5)
    assert row["overfitting"] == pytest.approx(np.mean(scores) / row["corr"], rel=1e-5)
    for column, reference in (("train_mmc", META), ("train_bmc", BENCHMARK)):
        held = [beyond(reference)(era) for era in eras if era[reference].notna().all()]
        assert held
        assert row[column] == pytest.approx(np.mean(held), rel=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_costs_are_those_of_the_job_and_of_the_live_model(compared: Compared, name: str) -> None:
    row, folder = compared.rows[name], compared.run.path("models", name)
    cards = [read_json(path)["record"] for path in folder.rglob("card.json")]
    assert len(cards) == len(compared.plan.folds) + 1
    for column, part in (("fit_seconds", "seconds"), ("predict_seconds", "predict_seconds")):
        assert row[column] == pytest.approx(sum(card[part] for card in cards), abs=0.01)
        assert row[column] > 0
    files = [path for path in (folder / "final").rglob("*") if path.is_file()]
    assert row["size_bytes"] == sum(len(path.read_bytes()) for path in files)
    outcome = read_outcomes(compared.run.path(JOBS))[f"compare.{name}"]
    assert row["peak_memory_mb"] >= round(outcome.peak_mb) > 50
    assert row["peak_memory_mb"] >= max(card["peak_memory_mb"] for card in cards)


@pytest.mark.parametrize(("later", "counts"), [(0.0, True), (1.5, False)])
def test_the_peak_of_an_older_job_is_not_that_of_a_later_training(
    trained: tuple[Config, RunDir], later: float, counts: bool
) -> None:
    config, run = trained
    result = read_json(run.path("models", "ridge", "result.json"))
    job = Job(id="compare.ridge", call="training.comparison_job:train_one")
    value = {"fitted": 3, "seconds": result["seconds"]["wall"] - later}
    log = log_path(run.path(JOBS), job.id)
    outcome = Outcome(id=job.id, attempts=1, log=log, state="ok", value=value, peak_mb=1e6)
    Journal(make_dir(run.path(JOBS))).add(job, outcome)
    contest = plan_contest(config, ["ridge"])
    [row] = [r for r in compare(contest, run, Limits())["rows"] if r["name"] == "ridge"]
    assert row["peak_memory_mb"] == (1e6 if counts else result["peak_memory_mb"])


def test_every_column_has_a_figure_of_every_model(compared: Compared) -> None:
    for name in MODELS:
        missing = [c.key for c in COLUMNS if compared.rows[name].get(c.key) is None]
        assert missing == []


def test_scores_are_those_of_the_one_evaluation(compared: Compared) -> None:
    candidates = evaluate(compared.config, compared.run)["candidates"]
    for name, row in compared.rows.items():
        for metric in ("corr", "mmc", "bmc"):
            assert row[metric] == candidates[name]["summary"][metric]["mean"]
    assert {BENCHMARK, META} <= set(compared.rows)


def test_the_best_of_each_category_is_marked(compared: Compared) -> None:
    assert all(compared.rows[name]["best"] for name in MODELS)
    assert not compared.rows[BENCHMARK].get("best")


def test_the_mean_rank_of_several_fits_has_no_error_on_the_targets_scale(
    make_run: Callable[..., tuple[Config, RunDir]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ranks that hardly agree average to what looks like predictions of the target."""
    monkeypatch.setattr("training.assessment._regression", lambda *_: ({"rmse": 0.2}, None))
    config, run = make_run("engine.backend=serial", "models.lightgbm.seeds=2", "split.folds=1")
    result = compare(plan_contest(config, ["ridge", "lightgbm"]), run, Limits())
    rows = {row["name"]: row for row in result["rows"]}
    assert (rows["ridge"]["rmse"], rows["lightgbm"]["rmse"]) == (0.2, None)
    assert rows["lightgbm"]["train_rmse"] is None
