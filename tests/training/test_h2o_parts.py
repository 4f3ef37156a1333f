"""The parts around an H2O server that need none: folds, rows, boards, options."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from contracts.planted import TARGET, planted_shards
from hypothesis import given
from hypothesis import strategies as st

from erazoo.eras import EraAxis
from erazoo.errors import ConfigError, LeakageError, SchemaError, TrainingError
from erazoo.panel import EraBlock, FeatureSpec
from erazoo.publish import read_json
from etl.inner_folds import purged_folds
from etl.shards import ShardFormat, ShardSet, ShardWriter
from training.h2o.rows import FOLD, WEIGHT, write_rows
from training.h2o.trainer import write_leaderboard, written
from training.task import FoldTask
from zoo import catalogue
from zoo.h2o.automl import AutoMLParams
from zoo.h2o.learner import Frames, Single

AXIS = EraAxis(tuple(f"{number:04d}" for number in range(1, 121)))
H2O = [name for name, module in catalogue.MODULES.items() if module.startswith("zoo.h2o.")]


@given(
    chosen=st.sets(st.sampled_from(AXIS.eras), min_size=2),
    folds=st.integers(2, 8),
    purge=st.integers(0, 20),
)
def test_no_fold_trains_within_the_purge_of_what_it_validates(
    chosen: set[str], folds: int, purge: int
) -> None:
    eras = sorted(chosen)
    try:
        found = purged_folds(AXIS, eras, folds, purge)
    except LeakageError:
        assert int(eras[round(len(eras) / 2)]) - int(eras[0]) <= purge
        return
    assert set(found) <= chosen
    numbers = set(found.values())
    assert numbers == set(range(len(numbers)))
    assert 2 <= len(numbers) <= folds
    for validated in numbers:
        mine = [int(era) for era, fold in found.items() if fold == validated]
        others = [int(era) for era, fold in found.items() if fold != validated]
        assert all(abs(a - b) > purge for a in mine for b in others)


def test_without_a_purge_every_era_is_in_a_fold() -> None:
    found = purged_folds(AXIS, AXIS.eras, 5, 0)
    assert tuple(found) == AXIS.eras
    assert [list(found.values()).count(fold) for fold in range(5)] == [24] * 5


def test_too_few_eras_for_folds_are_said() -> None:
    with pytest.raises(LeakageError, match="too few for folds.*10 eras, purge 16"):
        purged_folds(AXIS, AXIS.eras[:10], 5, 16)


def test_rows_are_those_with_a_target_and_a_fold(tmp_path: Path) -> None:
    data = planted_shards(tmp_path / "shards")
    eras = data.eras()
    folds = {eras[0]: 0, eras[3]: 1}
    made = write_rows(data, eras, TARGET, tmp_path / "rows.parquet", folds)
    table = pq.read_table(made.path)
    x, labels = data.to_numpy(tuple(folds))
    y = labels.targets[:, data.target_index(TARGET)]
    known = np.isfinite(y)
    assert (made.rows, made.weighted, made.folds) == (int(known.sum()), False, 2)
    assert table.column_names == [*data.spec.names, "erazoo.target", FOLD]
    features = np.stack([table.column(n).to_numpy() for n in data.spec.names], axis=1)
    np.testing.assert_array_equal(features, x[known])
    np.testing.assert_array_equal(table.column("erazoo.target").to_numpy(), y[known])
    expected = np.where(labels.eras[known] == eras[0], 0, 1)
    np.testing.assert_array_equal(table.column(FOLD).to_numpy(), expected)


def test_row_groups_are_whole_eras_and_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = planted_shards(tmp_path / "shards")
    counts = [data.rows([era], TARGET, training=True) for era in data.eras()]
    total, borders = sum(counts), set(np.cumsum(counts).tolist())
    found = {}
    for least, most in ((1, total), (total // 4, total), (1, min(counts))):
        monkeypatch.setattr("training.h2o.rows.GROUP_ROWS", (least, most))
        made = write_rows(data, data.eras(), TARGET, tmp_path / "rows.parquet")
        facts = pq.read_metadata(made.path)
        sizes = [facts.row_group(k).num_rows for k in range(facts.num_row_groups)]
        assert set(np.cumsum(sizes).tolist()) <= borders
        assert sum(sizes) == made.rows == total
        found[least, most] = len(sizes)
    assert list(found.values()) == [min(len(counts), 32), 4, len(counts)]


def test_weights_travel_and_rows_without_one_stay_behind(tmp_path: Path) -> None:
    data = planted_shards(tmp_path / "shards", wrong=0.0)
    eras = data.eras()[:2]
    made = write_rows(data, eras, TARGET, tmp_path / "rows.parquet")
    assert made.weighted
    assert made.rows == data.rows(eras, TARGET, training=True) < data.rows(eras, TARGET)
    assert set(pq.read_table(made.path).column(WEIGHT).to_pylist()) == {1.0}
    watched = write_rows(data, eras, TARGET, tmp_path / "watched.parquet", training=False)
    assert not watched.weighted
    assert watched.rows == data.rows(eras, TARGET)


def test_missing_values_are_null(tmp_path: Path) -> None:
    data = planted_shards(tmp_path / "shards", floats=True, holes=0.3)
    made = write_rows(data, data.eras()[:2], TARGET, tmp_path / "rows.parquet")
    table = pq.read_table(made.path)
    nulls = sum(table.column(name).null_count for name in data.spec.names)
    assert 0.2 < nulls / (made.rows * len(data.spec.names)) < 0.4
    codes = own_codes(tmp_path / "codes")
    write_rows(codes, codes.eras(), "target_a_20", tmp_path / "codes.parquet")
    assert pq.read_table(tmp_path / "codes.parquet").column("f").to_pylist() == [0, None, 4]


def own_codes(folder: Path, name: str = "f") -> ShardSet:
    """One era of three rows, the second of which lacks its quintile."""
    spec = FeatureSpec((name,), missing=5)
    writer = ShardWriter(
        folder,
        ShardFormat(spec, ("target_a_20",)),
        split_of={"0001": "train"},
        rows_of={"0001": 3},
        key="codes",
    )
    ids = np.array(["a", "b", "c"], dtype=object)
    x, y = np.array([[0], [5], [4]], np.int8), np.ones((3, 1), np.float32)
    with writer:
        writer.write(iter([EraBlock("0001", ids, x, y, np.empty((3, 0), np.float32))]))
    return ShardSet.open(folder)


def test_a_feature_with_a_name_of_ours_is_refused(tmp_path: Path) -> None:
    data = own_codes(tmp_path / "shards", FOLD)
    with pytest.raises(SchemaError, match=r"name that erazoo needs.*erazoo\.fold"):
        write_rows(data, data.eras(), "target_a_20", tmp_path / "rows.parquet")


def test_watched_rows_are_kept_apart_and_folds_made_of_all(tmp_path: Path) -> None:
    data = planted_shards(tmp_path / "shards", eras=24)
    eras = data.eras()
    task = FoldTask("f", eras[:12], eras[14:16], TARGET, 1, purge=2)
    gbm = catalogue.get("h2o_gbm")
    watching = catalogue.resolve(gbm, "", {"stopping_rounds": 2})
    rows, watched = written(data, watching, task, tmp_path)
    assert watched is not None
    assert (rows.rows, watched.rows) == tuple(
        data.rows(e, TARGET) for e in (task.fit, task.monitor)
    )
    rows, watched = written(data, catalogue.resolve(gbm, "", {}), task, tmp_path)
    assert (rows.rows, watched) == (data.rows((*task.fit, *task.monitor), TARGET), None)
    automl = catalogue.resolve(catalogue.get("h2o_automl"), "", {"folds": 2})
    rows, _ = written(data, automl, task, tmp_path)
    assert (rows.folds, len(set(pq.read_table(rows.path).column(FOLD).to_pylist()))) == (2, 2)
    assert rows.rows < data.rows((*task.fit, *task.monitor), TARGET)
    with pytest.raises(TrainingError, match="no row has a resolved target"):
        written(data, automl, FoldTask("f", eras[-1:], (), TARGET, 1), tmp_path)


def test_a_leaderboard_is_written_twice(tmp_path: Path) -> None:
    board = [{"model_id": "a", "rmse": 0.1}, {"model_id": "b", "rmse": float("nan")}]
    write_leaderboard(tmp_path, board)
    assert read_json(tmp_path / "leaderboard.json") == [board[0], {"model_id": "b", "rmse": None}]
    with (tmp_path / "leaderboard.csv").open() as stream:
        assert next(iter(csv.DictReader(stream))) == {"model_id": "a", "rmse": "0.1"}


def test_a_search_that_never_ends_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_models or max_runtime_seconds"):
        catalogue.resolve(catalogue.get("h2o_automl"), "", {"max_models": 0})


def test_a_base_model_that_stands_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="'members': value error, a base model stands twice"):
        catalogue.resolve(catalogue.get("h2o_stacked"), "", {"members": ["gbm", "glm", "gbm"]})


def test_the_options_of_a_search_reach_h2o() -> None:
    params = AutoMLParams(max_models=3, max_runtime_seconds=60, sort_metric="MAE", exclude=("DRF",))
    asked = params.options(seed=9)
    assert (asked["max_models"], asked["max_runtime_secs"], asked["seed"]) == (3, 60, 9)
    assert (asked["sort_metric"], asked["exclude_algos"]) == ("MAE", ["DRF"])
    asked = AutoMLParams(algorithms=("GBM",)).options(seed=9)
    assert asked["include_algos"] == ["GBM"]
    assert "exclude_algos" not in asked


@pytest.mark.parametrize("name", H2O)
def test_the_catalogue_imports_no_h2o(name: str) -> None:
    spec = catalogue.get(name)
    assert spec.family == ("sparkling" if name.startswith("sparkling") else "h2o")
    assert "Java" in spec.needs


@pytest.mark.parametrize(("best", "length", "value"), [(True, 2, 0.1), (False, 4, 0.3)])
def test_the_length_is_that_of_what_is_kept(best: bool, length: int, value: float) -> None:
    class Course:
        """An estimator whose watched rows liked its second epoch most."""

        def train(self, **_: Any) -> None: ...

        def scoring_history(self) -> pd.DataFrame:
            errors = [float("nan"), 0.4, 0.1, 0.2, 0.3]
            facts = {"epochs": [0.0, 1.0, 2.0, 3.0, 4.0], "training_rmse": errors}
            return pd.DataFrame({**facts, "validation_rmse": errors})

    learned = Single(Course(), "epochs", keeps_best=best).learn(Frames(None, "watched", (), "t"))
    assert (learned.length, learned.value) == (length, value)


@pytest.mark.parametrize(("length", "keeps"), [(None, True), (7, False)])
def test_a_perceptron_of_a_fixed_length_is_what_it_ends_as(length: int | None, keeps: bool) -> None:
    pytest.importorskip("h2o")
    spec = catalogue.get("h2o_deeplearning")
    params = catalogue.resolve(spec, "", {"stopping_rounds": 3})
    features = FeatureSpec(("a",), {}, np.dtype(np.int8))
    made = spec.build(params, features, 1, length).estimator
    assert made.overwrite_with_best_model is keeps
    full = spec.build(catalogue.resolve(spec, "", {}), features, 1).estimator
    assert full.overwrite_with_best_model is False


def test_only_models_that_stop_early_watch_eras() -> None:
    for name in H2O:
        spec = catalogue.get(name)
        able = (
            "stopping_rounds" in spec.params.model_fields
            and "folds" not in spec.params.model_fields
        )
        assert not catalogue.resolve(spec, "demo", {}).watches
        if able:
            assert catalogue.resolve(spec, "demo", {"stopping_rounds": 1}).watches
