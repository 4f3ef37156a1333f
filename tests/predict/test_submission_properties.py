"""The rules of a submission as properties, with numerai_tools as the oracle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numerai_tools.submissions import validate_submission_crypto, validate_submission_numerai

from erazoo.errors import SchemaError
from erazoo.tournament import CLASSIC, CRYPTO, Tournament
from predict.columns import read_table
from predict.submission import Submission, check_file

UNIT = st.floats(0, 1)
ANY = st.one_of(UNIT, st.sampled_from([np.nan, -0.1, 1.1, np.inf, -1e-9, 1 + 1e-9, 0.0, 1.0]))
Rows = list[tuple[str, float]]


@st.composite
def classic_rows(draw: st.DrawFn) -> tuple[list[str], Rows]:
    """A universe, and predictions that may lack, repeat or invent ids and hold any value."""
    universe = [f"n{k}" for k in range(draw(st.integers(1, 12)))]
    chosen = draw(st.one_of(st.just(universe), st.lists(st.sampled_from([*universe, "n99"]))))
    values = draw(st.one_of(st.just(UNIT), st.just(ANY)))
    return universe, [(i, draw(values)) for i in draw(st.permutations(chosen))]


@st.composite
def crypto_rows(draw: st.DrawFn) -> tuple[list[str], Rows]:
    """The same around Crypto's minimum of 100 symbols."""
    universe = [f"S{k}" for k in range(draw(st.integers(95, 110)))]
    chosen = list(universe[: draw(st.integers(95, 110))])
    chosen += draw(st.lists(st.sampled_from([universe[0], "NOCOIN"]), max_size=1))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    values = rng.random(len(chosen)).tolist()
    values[0] = draw(ANY)
    return universe, list(zip(chosen, values, strict=True))


CASES = st.one_of(
    st.tuples(st.just(CLASSIC), classic_rows()), st.tuples(st.just(CRYPTO), crypto_rows())
)


def we_accept(tournament: Tournament, universe: list[str], rows: Rows) -> bool:
    ids, values = [i for i, _ in rows], [v for _, v in rows]
    try:
        Submission(tournament, 1, "slot", (ids, np.array(values, dtype=float))).validate(universe)
    except SchemaError:
        return False
    return True


def they_accept(tournament: Tournament, universe: list[str], frame: pd.DataFrame) -> bool:
    live = pd.Series(universe, name=tournament.id_column)
    try:
        if tournament is CRYPTO:
            validate_submission_crypto(live.to_frame(), frame)
        else:
            validate_submission_numerai(live, frame)
    except AssertionError:
        return False
    return True


def the_rules_hold(tournament: Tournament, universe: list[str], rows: Rows) -> bool:
    ids, values = [i for i, _ in rows], [v for _, v in rows]
    whole = set(ids) == set(universe)
    enough = len(ids) >= 100 and set(ids) <= set(universe)
    return (
        len(set(ids)) == len(ids)
        and (whole if tournament is CLASSIC else enough)
        and all(0 <= v <= 1 for v in values)
        and max(values) > min(values)
    )


def spread_is_clear(rows: Rows) -> bool:
    finite = [v for _, v in rows if np.isfinite(v)]
    return len(set(finite)) < 2 or bool(np.std(finite) > 1e-6)


@given(case=CASES)
@settings(max_examples=250, deadline=None)
def test_accepted_is_what_the_rules_say_and_never_looser(
    case: tuple[Tournament, tuple[list[str], Rows]],
) -> None:
    tournament, (universe, rows) = case
    assume(spread_is_clear(rows))
    ours = we_accept(tournament, universe, rows)
    assert ours == the_rules_hold(tournament, universe, rows)
    frame = pd.DataFrame(rows, columns=[tournament.id_column, "prediction"])
    assert they_accept(tournament, universe, frame.astype({"prediction": float})) or not ours


@given(values=st.lists(UNIT, min_size=1, max_size=40, unique=True), wide=st.booleans())
@settings(max_examples=150, deadline=None)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_file_gives_back_the_very_numbers_or_is_not_there(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, values: list[float], wide: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / f"property{suffix}"
    path.unlink(missing_ok=True)
    column = np.array(values, dtype=np.float64 if wide else np.float32)
    ids = [f"n{k}" for k in range(len(column))]
    submission = Submission(CLASSIC, 1, "slot", (ids, column))
    if not we_accept(CLASSIC, ids, list(zip(ids, column.tolist(), strict=True))):
        with pytest.raises(SchemaError):
            submission.write(path, ids)
        assert not path.exists()
        return
    submission.write(path, ids)
    again = Submission(CLASSIC, 1, "slot", read_table(path, CLASSIC)).columns
    assert again[0].tolist() == ids
    assert again[1].tolist() == column.astype(np.float64).tolist()


@given(data=st.binary(max_size=200), csv=st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_bytes_are_taken_for_a_submission_nor_end_in_another_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, csv: bool
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / f"bytes{'.csv' if csv else '.parquet'}"
    path.write_bytes(data)
    with pytest.raises(SchemaError):
        check_file(path, CLASSIC, ["n0", "n1"])
