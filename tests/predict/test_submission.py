"""Submissions: what each holder of predictions gives, and what each broken rule says."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from erazoo.errors import ConfigError, SchemaError
from erazoo.publish import sha256
from erazoo.tournament import CLASSIC, CRYPTO, UNSUBMITTED, Tournament
from predict.columns import read_table
from predict.submission import Submission, check_file

IDS = tuple(f"n{k:015x}" for k in range(120))
SYMBOLS = tuple(f"S{k}" for k in range(130))
VALUES = np.linspace(0.01, 0.99, 120)
HOLDERS = {
    "pair": (IDS, VALUES),
    "pair of lists": (list(IDS), VALUES.tolist()),
    "frame": pd.DataFrame({"id": IDS, "prediction": VALUES}),
    "frame turned": pd.DataFrame({"prediction": VALUES, "id": IDS}),
    "frame with index": pd.DataFrame({"prediction": VALUES}, index=pd.Index(IDS, name="id")),
    "frame of nullable floats": pd.DataFrame(
        {"id": pd.array(IDS, dtype="string"), "prediction": pd.array(VALUES, dtype="Float64")}
    ),
    "old column name": pd.DataFrame({"id": IDS, "probability": VALUES}),
    "series": pd.Series(VALUES, index=list(IDS)),
    "table": pa.table({"id": list(IDS), "prediction": VALUES}),
    "table with index": pa.Table.from_pandas(
        pd.DataFrame({"prediction": VALUES}, index=pd.Index(IDS, name="id"))
    ),
}


def classic(predictions: Any) -> Submission:
    return Submission(CLASSIC, 7, "slot", predictions)


@pytest.mark.parametrize("holder", HOLDERS)
def test_every_holder_gives_the_same_columns(holder: str) -> None:
    submission = classic(HOLDERS[holder])
    ids, values = submission.columns
    assert (ids.dtype, values.dtype) == (np.dtype(object), np.dtype(np.float64))
    assert ids.tolist() == list(IDS)
    assert values.tolist() == VALUES.tolist()
    submission.validate(IDS)


@pytest.mark.parametrize(
    ("predictions", "words"),
    [
        (pd.DataFrame({"id": IDS, "score": VALUES}), "Received: id, score.*id and prediction or"),
        (pd.DataFrame({"id": IDS, "prediction": VALUES, "era": "X"}), "exactly two columns"),
        (pd.DataFrame({"prediction": VALUES}), "Received: prediction"),
        (pd.DataFrame({"symbol": IDS, "prediction": VALUES}), "Received: symbol, prediction"),
        (pd.DataFrame({"id": IDS, "prediction": "high"}), "not numbers.*a column of object"),
        (pd.DataFrame({"id": IDS, "prediction": True}), "not numbers.*bool"),
        ((IDS, VALUES[:-1]), r"120 ids, predictions of shape \(119,\)"),
        ((IDS, VALUES[:, None]), r"shape \(120, 1\)"),
    ],
)
def test_predictions_that_are_no_two_columns(predictions: Any, words: str) -> None:
    with pytest.raises(SchemaError, match=words) as caught:
        classic(predictions).validate(IDS)
    assert caught.value.exit_code == 3


def changed(place: int, value: float) -> np.ndarray[Any, Any]:
    values = VALUES.copy()
    values[place] = value
    return values


BROKEN: list[tuple[Any, str]] = [
    ((IDS[:-2], VALUES[:-2]), r"2 of 120 live ids are missing \(such as n\w+76, n\w+77\)"),
    (((*IDS, IDS[3]), [*VALUES, 0.5]), r"1 ids stand twice \(such as n0+3\)"),
    (((*IDS, "n9"), [*VALUES, 0.5]), r"1 ids are not live \(such as n9\)"),
    ((("", None, *IDS[2:]), VALUES), r"2 rows have no id"),
    (((float("nan"), *IDS[1:]), VALUES), "1 rows have no id"),
    (((17, *IDS[1:]), VALUES), "1 rows have no id"),
    ((IDS, changed(5, np.nan)), r"1 predictions are missing \(NaN\)"),
    ((IDS, changed(5, 1.000001)), r"1 predictions are outside \[0, 1\] \(such as 1\.000001\)"),
    ((IDS, changed(5, -1e-9)), r"1 predictions are outside \[0, 1\] \(such as -1e-09\)"),
    ((IDS, changed(5, np.inf)), r"outside \[0, 1\] \(such as inf\)"),
    ((IDS, np.full(120, 0.4)), "the predictions do not vary"),
    ((IDS, np.full(120, np.nan)), "120 predictions are missing.*do not vary"),
    (((), ()), "120 of 120 live ids are missing"),
]


@pytest.mark.parametrize(("predictions", "words"), BROKEN)
def test_a_broken_rule_is_told_with_count_and_example(predictions: Any, words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        classic(predictions).validate(IDS)


def test_all_broken_rules_are_told_at_once() -> None:
    values = [*changed(5, np.nan)[:-1], 2.0]
    with pytest.raises(SchemaError) as caught:
        classic((("n9", *IDS[1:]), values)).validate(IDS)
    for words in ("1 ids are not live", "1 of 120 live", "missing (NaN)", "outside [0, 1]"):
        assert words in str(caught.value)
    assert "predictions of slot" in str(caught.value)


def test_an_empty_universe_accepts_nothing() -> None:
    with pytest.raises(SchemaError, match="the live universe is empty"):
        classic((IDS, VALUES)).validate(())


@pytest.mark.parametrize(("rows", "known", "words"), [(100, 100, ""), (99, 99, "99 live symbols")])
def test_crypto_needs_a_minimum_and_not_the_whole(rows: int, known: int, words: str) -> None:
    values = np.linspace(0, 1, rows)
    frame = pd.DataFrame({"symbol": SYMBOLS[:rows], "signal": values})
    submission = Submission(CRYPTO, 7, "coin", frame)
    if not words:
        submission.validate(SYMBOLS)
        return
    with pytest.raises(SchemaError, match=f"{words} where 100 are needed"):
        submission.validate(SYMBOLS)


def test_crypto_refuses_an_unknown_symbol() -> None:
    symbols = (*SYMBOLS[:120], "NOCOIN")
    submission = Submission(CRYPTO, 7, "coin", (symbols, np.linspace(0, 1, 121)))
    with pytest.raises(SchemaError, match=r"1 symbols are not live \(such as NOCOIN\)"):
        submission.validate(SYMBOLS)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("tournament", "header"),
    [(CLASSIC, "id,prediction"), (CRYPTO, "symbol,prediction"), (UNSUBMITTED, "id,prediction")],
)
def test_the_written_file_is_checked_and_described(
    tmp_path: Path, tournament: Tournament, header: str, suffix: str
) -> None:
    path = tmp_path / "submission" / f"live{suffix}"
    written = Submission(tournament, None, "slot", (IDS, VALUES)).write(path, IDS)
    assert (written.path, written.rows, written.sha256) == (path, 120, sha256(path))
    assert written == check_file(path, tournament, IDS)
    told = " ".join(written.checks)
    for words in ("120 predictions, one for every live", "from 0.01 to 0.99", "numerai_tools 0.7"):
        assert words in told
    assert list(read_table(path, tournament).columns) == header.split(",")
    if suffix == ".csv":
        with path.open(newline="") as stream:
            rows = list(csv.reader(stream))
        assert rows[0] == header.split(",")
        assert [float(value) for _, value in rows[1:]] == VALUES.tolist()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neighbouring_numbers_stay_distinct(tmp_path: Path, dtype: type, suffix: str) -> None:
    values = np.full(120, 0.7, dtype=dtype)
    for place in range(1, 120):
        values[place] = np.nextafter(values[place - 1], dtype(1))
    values[0] = 0.1
    path = tmp_path / f"live{suffix}"
    classic((IDS, values)).write(path, IDS)
    ids, again = classic(read_table(path, CLASSIC)).columns
    assert len(np.unique(again)) == 120
    assert np.array_equal(again, values.astype(np.float64))
    assert ids.tolist() == list(IDS)


def test_symbols_that_look_like_missing_values_survive(tmp_path: Path) -> None:
    symbols = ("NA", "NULL", "nan", "None", "1E5", "007", *SYMBOLS[:100])
    path = tmp_path / "live.csv"
    Submission(CRYPTO, None, "coin", (symbols, np.linspace(0, 1, 106))).write(path, symbols)
    assert read_table(path, CRYPTO)["symbol"].tolist() == list(symbols)
    assert check_file(path, CRYPTO, symbols).rows == 106


def test_a_broken_submission_leaves_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "live.csv"
    classic((IDS, VALUES)).write(path, IDS)
    before = path.read_bytes()
    with pytest.raises(SchemaError):
        classic((IDS, changed(0, 7.0))).write(path, IDS)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["live.csv"]


def test_numerai_tools_has_the_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("predict.submission.broken_rules", lambda *_: [])
    words = "numerai_tools refuses .*between 0 and 1"
    with pytest.raises(SchemaError, match=words):
        classic((IDS, changed(0, 7.0))).write(tmp_path / "live.csv", IDS)
    with pytest.raises(SchemaError, match="numerai_tools refuses .*Not enough stocks"):
        Submission(CRYPTO, 1, "coin", (SYMBOLS[:9], VALUES[:9])).write(
            tmp_path / "live.csv", SYMBOLS
        )
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_the_service_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Received: live\.xlsx\. Expected: \.csv or \.parquet"):
        classic((IDS, VALUES)).write(tmp_path / "live.xlsx", IDS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("live.csv", b"", "cannot be read"),
        ("live.csv", b"id,prediction\n", "120 of 120 live ids are missing"),
        ("live.csv", b"id,prediction\nn1,0.5,0.6\nn2\n", "two columns|cannot be read|missing"),
        ("live.csv", b"id,prediction\nn1,high\n", "not numbers"),
        ("live.csv", b"id;prediction\nn1;0.5\n", "exactly two columns"),
        ("live.csv", b"\xff\xfe\x00\x01", "cannot be read"),
        ("live.parquet", b"PAR1 torn", "cannot be read"),
        ("live.parquet", b"", "cannot be read"),
    ],
)
def test_a_malformed_file_is_one_clear_line(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SchemaError, match=words) as caught:
        check_file(tmp_path / name, CLASSIC, IDS)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no submission file"):
        check_file(tmp_path / "live.csv", CLASSIC, IDS)


def test_an_empty_cell_is_a_missing_prediction(tmp_path: Path) -> None:
    rows = [f"{i},{v}" for i, v in zip(IDS, ["", *VALUES[1:]], strict=True)]
    (tmp_path / "live.csv").write_text("\n".join(["id,prediction", *rows]))
    with pytest.raises(SchemaError, match="1 predictions are missing"):
        check_file(tmp_path / "live.csv", CLASSIC, IDS)


def test_a_real_submission_of_the_tournament_is_accepted(real_data: Path) -> None:
    path = real_data / "numerai_metadata" / "v5.2_live_example_preds.csv"
    ids = tuple(read_table(path, CLASSIC)["id"])
    assert check_file(path, CLASSIC, ids).rows == 7128
    with pytest.raises(SchemaError, match="1 of 7,129 live ids are missing"):
        check_file(path, CLASSIC, (*ids, "n" + "f" * 15))
