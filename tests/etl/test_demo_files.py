"""The demo tournament's data folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from numerai_tools.scoring import numerai_corr

from erazoo.config.schema import DemoSection
from erazoo.errors import ConfigError
from erazoo.panel import MISSING_QUINTILE
from erazoo.publish import read_json, sha256
from etl.dataset import Dataset
from etl.demo import DemoSummary, generate
from etl.demo.files import DemoFiles
from etl.demo.world import DemoEra
from etl.files import DataFiles

TARGETS = ["target_ender_20", "target_ender_60", "target_cyrusd_20", "target_cyrusd_60"]
FILES = {
    "features.json",
    "train.parquet",
    "validation.parquet",
    "live.parquet",
    "meta_model.parquet",
    "train_benchmark_models.parquet",
    "validation_benchmark_models.parquet",
    "live_benchmark_models.parquet",
    "demo.json",
}
ERAS, ROWS, FEATURES = 80, 100, 40
SECTION = DemoSection(eras=ERAS, rows=ROWS, features=FEATURES, seed=3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoSummary]:
    folder = tmp_path_factory.mktemp("demo") / "data"
    return folder, generate(SECTION, folder)


@pytest.fixture(scope="module")
def folder(made: tuple[Path, DemoSummary]) -> Path:
    return made[0]


@pytest.fixture(scope="module")
def history(folder: Path) -> pd.DataFrame:
    parts = [pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "validation")]
    return pd.concat(parts)


def test_the_folder_holds_these_files_and_nothing_else(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == FILES


def test_the_tables_have_the_tournaments_columns_and_types(folder: Path) -> None:
    features = read_json(folder / "features.json")["feature_sets"]["all"]
    for name in ("train", "validation", "live"):
        frame = pd.read_parquet(folder / f"{name}.parquet")
        assert frame.index.name == "id"
        assert list(frame.columns) == ["era", "data_type", *features, "target", *TARGETS]
        assert set(frame[features].dtypes) == {np.dtype(np.int8)}
        assert set(frame[["target", *TARGETS]].dtypes) == {np.dtype(np.float32)}
        assert frame[features].isin(range(5)).all(axis=None)
    assert frame.index.str.fullmatch("n[0-9a-f]{15}").all()


def test_eras_follow_each_other_and_end_in_a_live_one(folder: Path, history: pd.DataFrame) -> None:
    labels = [f"{number:04d}" for number in range(1, ERAS + 1)]
    assert history["era"].drop_duplicates().tolist() == labels
    assert (history.groupby("era").size() == ROWS).all()
    kinds = history.groupby("era")["data_type"].first().tolist()
    assert kinds == ["train"] * 40 + ["validation"] * 27 + ["test"] * 13
    live = pd.read_parquet(folder / "live.parquet")
    assert set(live["era"]) == {"X"}
    assert set(live["data_type"]) == {"live"}
    assert live[["target", *TARGETS]].isna().all(axis=None)
    assert history.index.append(live.index).is_unique


def test_the_newest_eras_are_unresolved(history: pd.DataFrame) -> None:
    known = history.groupby("era")[["target", *TARGETS]].count()
    for target, unresolved in zip(["target", *TARGETS], (13, 5, 13, 5, 13), strict=True):
        expected = [ROWS] * (ERAS - unresolved) + [0] * unresolved
        assert known[target].tolist() == expected, target


def test_the_alias_equals_one_target_and_no_other(history: pd.DataFrame) -> None:
    assert history["target"].equals(history["target_ender_60"].rename("target"))
    for other in set(TARGETS) - {"target_ender_60"}:
        assert not history["target"].equals(history[other].rename("target"))


def test_targets_have_five_bins_with_their_shares(history: pd.DataFrame) -> None:
    counts = history.groupby("era")["target_ender_20"].value_counts().unstack().dropna()
    assert counts.columns.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert (counts.to_numpy() == np.array([5, 20, 50, 20, 5])).all()


def test_features_are_uniform_in_every_era_but_for_the_missing_group(
    folder: Path, history: pd.DataFrame
) -> None:
    sets = read_json(folder / "features.json")["feature_sets"]
    missing = read_json(folder / "demo.json")["missing"]
    assert missing["eras"] == [f"{number:04d}" for number in range(1, 11)]
    assert sets[missing["group"]]
    for era, rows in history.groupby("era"):
        absent = sets[missing["group"]] if era in missing["eras"] else []
        assert (rows[absent] == MISSING_QUINTILE).all(axis=None)
        present = rows[[name for name in sets["all"] if name not in absent]].to_numpy()
        for value in range(5):
            assert (np.count_nonzero(present == value, axis=0) == ROWS // 5).all()


def test_sets_and_trait_groups_overlap(folder: Path) -> None:
    content = read_json(folder / "features.json")
    sets = {name: set(members) for name, members in content["feature_sets"].items()}
    assert content["targets"] == TARGETS
    assert len(sets["all"]) == FEATURES
    assert sets["small"] < sets["medium"] < sets["all"]
    traits = {name: held for name, held in sets.items() if name not in ("small", "medium", "all")}
    assert set.union(*traits.values()) == sets["all"]
    shared = [(a, b) for a in traits for b in traits if a < b and traits[a] & traits[b]]
    assert len(shared) >= len(traits) - 1
    record = read_json(folder / "demo.json")
    for part in record["planted"]["regimes"]:
        assert set(part["weights"]) <= traits[part["group"]]


def test_references_cover_their_eras(folder: Path) -> None:
    dataset = Dataset(DataFiles.folder(folder), "all", TARGETS)
    assert dataset.references == ("numerai_meta_model", "v1_lgbm_demo20")
    dataset.check_ids()
    for block in dataset.blocks():
        meta, benchmark = np.isfinite(block.references).T
        assert benchmark.all()
        assert meta.all() if block.era > "0040" else not meta.any()
    live = pd.read_parquet(folder / "live.parquet")
    assert pd.read_parquet(folder / "live_benchmark_models.parquet").index.equals(live.index)
    assert "X" not in set(pd.read_parquet(folder / "meta_model.parquet")["era"])


def test_references_are_ranks_between_0_and_1(folder: Path) -> None:
    for name in ("meta_model", "validation_benchmark_models"):
        frame = pd.read_parquet(folder / f"{name}.parquet")
        column = frame.columns.drop("era").item()
        grid = np.sort(frame.groupby("era")[column].apply(np.sort).iloc[0])
        np.testing.assert_allclose(grid, (np.arange(ROWS) + 0.5) / ROWS, rtol=1e-6)


def test_the_record_alone_explains_the_achievable_score(
    folder: Path, history: pd.DataFrame
) -> None:
    record = read_json(folder / "demo.json")
    planted = record["planted"]
    known = history[TARGETS].astype(np.float64)
    scaled = (history[read_json(folder / "features.json")["feature_sets"]["all"]] - 2) / np.sqrt(2)
    moving = {part["regime"]: part["weights"] for part in planted["regimes"]}
    for era in ("0001", "0020", "0060"):
        x = scaled[history["era"] == era]
        signal = sum(w * x[name] for name, w in planted["linear"].items())
        for pair in planted["pairs"]:
            signal += pair["weight"] * x[pair["features"]].prod(axis=1)
        for name, weight in moving[record["regime_by_era"][era]].items():
            signal += weight * x[name]
        for target in TARGETS:
            score = numerai_corr(signal.to_frame("p"), known.loc[x.index, target])["p"]
            stored = record["achievable"][target]["per_era"][era]
            assert score == pytest.approx(stored, abs=1e-9), target


def test_the_achievable_score_is_stored_where_the_target_is_resolved(
    made: tuple[Path, DemoSummary],
) -> None:
    folder, summary = made
    for target, unresolved in zip(TARGETS, (5, 13, 5, 13), strict=True):
        stored = read_json(folder / "demo.json")["achievable"][target]
        scores = list(stored["per_era"].values())
        assert len(scores) == ERAS
        assert [score is None for score in scores] == [False] * (ERAS - unresolved) + [
            True
        ] * unresolved
        mean = np.mean(scores[: ERAS - unresolved])
        assert stored["mean"] == pytest.approx(mean)
        assert stored["mean_regime_blind"] < stored["mean"]
        assert summary.to_json()["achievable"][target] == stored["mean"]


def test_the_record_says_that_scores_are_higher_than_in_life(folder: Path) -> None:
    assert (
        "higher here than in life: the sample is small" in read_json(folder / "demo.json")["note"]
    )


def test_equal_seeds_give_equal_files_and_others_do_not(folder: Path, tmp_path: Path) -> None:
    generate(SECTION, tmp_path / "again")
    generate(SECTION.model_copy(update={"seed": 4}), tmp_path / "other")
    for name in FILES:
        assert sha256(tmp_path / "again" / name) == sha256(folder / name), name
        assert sha256(tmp_path / "other" / name) != sha256(folder / name), name


@pytest.mark.parametrize(
    ("option", "value"),
    [("eras", 70), ("rows", 60), ("features", 44), ("regimes", 2), ("profile", "interactions")],
)
def test_every_option_has_its_effect(
    option: str, value: object, folder: Path, tmp_path: Path
) -> None:
    generate(SECTION.model_copy(update={option: value}), tmp_path)
    record, before = read_json(tmp_path / "demo.json"), read_json(folder / "demo.json")
    key = {"rows": "rows_per_era"}.get(option, option)
    assert record[key] == value != before[key]
    train = pq.ParquetFile(tmp_path / "train.parquet").metadata
    if option == "eras":
        assert list(record["regime_by_era"])[-2:] == ["0070", "X"]
        assert train.num_rows == 35 * ROWS
    elif option == "rows":
        assert train.num_rows == 40 * 60
    elif option == "features":
        assert train.num_columns == 44 + len(TARGETS) + 4
    elif option == "regimes":
        assert set(record["regime_by_era"].values()) == {0, 1}
        assert len(record["planted"]["regimes"]) == 2
    else:
        assert record["shares"]["pairs"] == pytest.approx(2 / 3)


def test_sizes_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    section = DemoSection(features=24, regimes=8)
    with pytest.raises(ConfigError, match=r"8 regimes need more features.*features = 24.*36"):
        generate(section, tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("features", "regimes"), [(24, 1), (24, 4), (36, 8), (37, 5)])
def test_the_smallest_sizes_work(features: int, regimes: int, tmp_path: Path) -> None:
    section = DemoSection(eras=60, rows=50, features=features, regimes=regimes)
    summary = generate(section, tmp_path)
    assert summary.features == features
    assert Dataset(DataFiles.folder(tmp_path), "all", TARGETS).rows_of["0060"] == 50
    assert all(read_json(tmp_path / "features.json")["feature_sets"].values())


def test_a_failure_leaves_no_record_and_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = DemoSection(eras=60, rows=50, features=24, regimes=1)
    generate(section, tmp_path)
    kept = sha256(tmp_path / "train.parquet")
    add = DemoFiles.add

    def fail(self: DemoFiles, era: DemoEra) -> None:
        if era.era == "0050":
            raise OSError("disk full")
        add(self, era)

    monkeypatch.setattr(DemoFiles, "add", fail)
    with pytest.raises(OSError, match="disk full"):
        generate(section.model_copy(update={"seed": 9}), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == FILES - {"demo.json"}
    assert sha256(tmp_path / "train.parquet") == kept


def test_one_era_is_in_hand_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etl.demo.files.GROUP_ROWS", 120)
    generate(DemoSection(eras=60, rows=50, features=24, regimes=1), tmp_path)
    groups = pq.ParquetFile(tmp_path / "train.parquet").metadata
    sizes = [groups.row_group(k).num_rows for k in range(groups.num_row_groups)]
    assert sizes == [150] * 10
    assert list(_eras(tmp_path / "train.parquet")) == [f"{n:04d}" for n in range(1, 31)]


def _eras(path: Path) -> Iterator[str]:
    yield from pd.read_parquet(path, columns=["era"])["era"].drop_duplicates()
