"""Anybody's prediction files: what is understood, and what is refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from erazoo.errors import ConfigError, DataError, SchemaError
from training.prediction_files import candidate_names, read_prediction_file
from training.predictions import Predictions
from training.truth import digests_of

IDS = [f"n{k:015x}" for k in range(300)]
VALUES = np.random.default_rng(0).random(300)


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(columns or {"prediction": VALUES}, index=pd.Index(IDS, name="id"))


def write(table: pd.DataFrame, path: Path, **options: object) -> Path:
    (table.to_parquet if path.suffix == ".parquet" else table.to_csv)(path, **options)
    return path


@pytest.mark.parametrize("name", ["p.csv", "p.csv.gz", "p.parquet"])
@pytest.mark.parametrize("index", ["id", None])
def test_every_way_to_write_the_same_file(tmp_path: Path, name: str, index: str | None) -> None:
    read = read_prediction_file(write(frame().rename_axis(index), tmp_path / name))
    assert read.digests.tolist() == digests_of(np.array(IDS, object)).tolist()
    assert (read.name, list(read.values), read.first_id) == ("p", ["prediction"], IDS[0])
    np.testing.assert_array_equal(read.values["prediction"], VALUES)


def test_an_id_column_beside_a_useless_index(tmp_path: Path) -> None:
    table = frame().reset_index()
    for name in ("p.csv", "p.parquet"):
        read = read_prediction_file(write(table, tmp_path / name))
        assert list(read.values) == ["prediction"]
        assert len(read) == 300


def test_close_predictions_keep_their_order(tmp_path: Path) -> None:
    close = 0.5 + np.arange(300) * 1e-12
    for name in ("p.csv", "p.parquet"):
        read = read_prediction_file(write(frame(prediction=close), tmp_path / name))
        assert len(np.unique(read.values["prediction"])) == 300


def test_symbols_and_dates_are_ids_of_a_price_panel(tmp_path: Path) -> None:
    days = pd.to_datetime(["2024-01-01", "2024-01-02"] * 2)
    symbols = ["A", "A", "B", "B"]
    table = pd.DataFrame({"symbol": symbols, "date": days, "signal": [1.0, 2, 3, 4]})
    wanted = ["A_2024-01-01", "A_2024-01-02", "B_2024-01-01", "B_2024-01-02"]
    for name in ("p.parquet", "p.csv"):
        read = read_prediction_file(write(table, tmp_path / name, index=False))
        assert read.digests.tolist() == digests_of(np.array(wanted, object)).tolist()
    alone = write(table.drop(columns="date"), tmp_path / "alone.csv", index=False)
    with pytest.raises(SchemaError, match=r"need their dates.*column era or date"):
        read_prediction_file(alone)


def test_columns_beside_predictions_are_none(tmp_path: Path) -> None:
    table = frame(prediction=VALUES, model_b=-VALUES, target_ender_20=VALUES, era=["0001"] * 300)
    read = read_prediction_file(write(table, tmp_path / "p.parquet"))
    assert list(read.values) == ["prediction", "model_b"]


def test_our_own_files_are_known_by_their_model(tmp_path: Path) -> None:
    ids = np.array(IDS, object)
    eras, folds = (np.array([text] * 300, object) for text in ("0001", "fold-0"))
    values = VALUES.astype(np.float32)
    Predictions("ridge", "out_of_fold", ids, eras, values, folds, {}).save(tmp_path / "o.parquet")
    read = read_prediction_file(tmp_path / "o.parquet")
    assert read.name == "ridge"
    assert read.values["prediction"].dtype == np.float32
    np.testing.assert_array_equal(read.values["prediction"], values)


@pytest.mark.parametrize("name", ["p.csv", "p.parquet"])
@pytest.mark.parametrize(
    ("value", "words"),
    [(np.nan, "nothing in column prediction, row 7"), (np.inf, "inf in column prediction, row 7")],
)
def test_predictions_that_are_no_numbers(
    tmp_path: Path, name: str, value: float, words: str
) -> None:
    table = frame()
    table.iloc[7, 0] = value
    path = write(table, tmp_path / name)
    with pytest.raises(SchemaError, match=words) as error:
        read_prediction_file(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", ["p.csv", "p.parquet"])
def test_words_among_predictions(tmp_path: Path, name: str) -> None:
    words = VALUES.astype(str).astype(object)
    words[7] = "high"
    path = write(frame(prediction=words), tmp_path / name)
    with pytest.raises(SchemaError, match=r"'high' in column prediction, row 7 of .*p\."):
        read_prediction_file(path)


@pytest.mark.parametrize("name", ["p.csv", "p.parquet"])
def test_repeated_and_missing_ids(tmp_path: Path, name: str) -> None:
    twice = write(pd.concat([frame(), frame().iloc[[3]]]), tmp_path / name)
    with pytest.raises(SchemaError, match=rf"'{IDS[3]}' in rows 3 and 300 of .*{name}"):
        read_prediction_file(twice)
    holes = frame()
    holes.index = pd.Index([*IDS[:9], None, *IDS[10:]], name="id")
    with pytest.raises(SchemaError, match=r"an id is missing.*row 9 of"):
        read_prediction_file(write(holes, tmp_path / name))


def test_files_without_ids_predictions_or_existence(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="no predictions"):
        read_prediction_file(write(frame(target=VALUES), tmp_path / "t.csv"))
    with pytest.raises(SchemaError, match="no ids"):
        read_prediction_file(write(frame(), tmp_path / "n.csv", index=False))
    with pytest.raises(DataError, match="missing"):
        read_prediction_file(tmp_path / "none.csv")
    with pytest.raises(DataError, match="unknown kind"):
        read_prediction_file(tmp_path / "p.txt")


def test_class_probabilities(tmp_path: Path) -> None:
    odds = np.random.default_rng(1).dirichlet([1, 2, 3], 300)
    columns = {"probability_1": odds[:, 2], "probability_0": odds[:, 0]}
    table = frame(**columns, **{"probability_0.5": odds[:, 1]})
    read = read_prediction_file(write(table, tmp_path / "c.csv"))
    assert read.classes == (0, 0.5, 1)
    np.testing.assert_array_equal(read.probabilities, odds)
    np.testing.assert_allclose(read.values["expected"], odds @ [0, 0.5, 1])
    beside = read_prediction_file(write(table.assign(prediction=VALUES), tmp_path / "b.csv"))
    assert list(beside.values) == ["prediction"]
    table.iloc[4, 0] += 0.1
    with pytest.raises(SchemaError, match=r"class probabilities are none.*row 4 of"):
        read_prediction_file(write(table, tmp_path / "c.csv"))


def test_candidates_have_names_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    two = frame(x=VALUES, y=VALUES)
    paths = [
        write(frame(), tmp_path / "a" / "p.csv"),
        write(frame(), tmp_path / "b" / "p.csv"),
        write(two, tmp_path / "b" / "q.csv"),
    ]
    files = [read_prediction_file(path) for path in paths]
    assert candidate_names(files) == [["a.p"], ["b.p"], ["q.x", "q.y"]]
    with pytest.raises(ConfigError, match="named twice"):
        candidate_names([files[0], files[0]])
