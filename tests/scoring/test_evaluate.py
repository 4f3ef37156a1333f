from __future__ import annotations

import json

import numpy as np
import pytest

from erazoo.errors import DataError
from scoring.contribution import mmc
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from scoring.evaluate import score_candidates
from scoring.ranks import double_ranks
from scoring.similarity import rank_correlation

RNG = np.random.default_rng(2)
ERAS, ROWS = 6, 50
SLICES = EraSlices.from_labels(np.repeat([f"{k:04d}" for k in range(1, ERAS + 1)], ROWS))
TARGET = RNG.choice([0, 0.25, 0.5, 0.75, 1], size=ERAS * ROWS)
TARGET[-ROWS:] = np.nan
SIGNAL = np.nan_to_num(TARGET, nan=0.5)[:, None]
PREDICTIONS = SIGNAL * [1, 0.2, 0] + RNG.normal(size=(ERAS * ROWS, 3))
META = RNG.normal(size=ERAS * ROWS)
META[: 2 * ROWS] = np.nan
NAMES = ("good", "fair", "none")


def test_every_metric_of_every_candidate() -> None:
    scores = score_candidates(
        PREDICTIONS, NAMES, TARGET, SLICES, {"mmc": META, "bmc": PREDICTIONS[:, 2]}
    )
    np.testing.assert_allclose(scores.per_era["corr"], numerai_corr(PREDICTIONS, TARGET, SLICES))
    np.testing.assert_allclose(scores.per_era["mmc"], mmc(PREDICTIONS, META, TARGET, SLICES))
    assert scores.eras == SLICES.labels
    assert scores.rows.tolist() == [5 * ROWS] * 3
    assert scores.summary("good").eras == 5
    assert scores.summary("good", "mmc").eras == 3
    assert scores.summary("good").mean > scores.summary("fair").mean
    # A reference adds nothing to itself.
    assert scores.summary("none", "bmc").mean == pytest.approx(0, abs=1e-12)


def test_plain_values_for_a_result_file() -> None:
    predictions = PREDICTIONS.copy()
    predictions[:ROWS, 1] = np.nan
    scores = score_candidates(predictions, NAMES, TARGET, SLICES, {"mmc": META})
    value = json.loads(json.dumps(scores.to_json("fair"), allow_nan=False))
    assert value["rows"] == 4 * ROWS
    assert value["per_era"]["bmc"] is None
    assert value["summary"]["bmc"] is None
    assert [v is None for v in value["per_era"]["corr"]] == [True, False, False, False, False, True]
    assert value["summary"]["corr"]["eras"] == 4
    with pytest.raises(KeyError):
        scores.to_json("best")


def test_overlap_reaches_the_standard_errors() -> None:
    plain = score_candidates(PREDICTIONS, NAMES, TARGET, SLICES).summary("good")
    wide = score_candidates(PREDICTIONS, NAMES, TARGET, SLICES, overlap=2).summary("good")
    assert plain.mean == wide.mean
    assert plain.standard_error != wide.standard_error


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "a")])
def test_names_that_do_not_fit(names: tuple[str, ...]) -> None:
    with pytest.raises(DataError):
        score_candidates(PREDICTIONS, names, TARGET, SLICES)


def test_no_resolved_era_is_an_error() -> None:
    with pytest.raises(DataError, match="no era is resolved"):
        score_candidates(PREDICTIONS, NAMES, np.full_like(TARGET, np.nan), SLICES)


def test_rank_correlation_between_candidates() -> None:
    first = RNG.normal(size=ERAS * ROWS)
    columns = np.column_stack((first, np.exp(first), -first, np.full_like(first, 0.5), first))
    columns[: 3 * ROWS, 4] = np.nan
    columns[2 * ROWS - 4 : 2 * ROWS, 0] = np.nan
    matrix = rank_correlation(columns, SLICES)
    expected = np.array([[1, 1, -1], [1, 1, -1], [-1, -1, 1]])
    np.testing.assert_allclose(matrix[:3, :3], expected, atol=1e-3)
    np.testing.assert_allclose(matrix[1:3, 1:3], expected[1:, 1:])
    assert np.isnan(matrix[3]).all()
    assert matrix[4, 0] == pytest.approx(1)


def test_a_pair_that_shares_no_era_has_no_correlation() -> None:
    columns = RNG.normal(size=(ERAS * ROWS, 2))
    columns[: 3 * ROWS, 0] = np.nan
    columns[3 * ROWS :, 1] = np.nan
    matrix = rank_correlation(columns, SLICES)
    assert np.isnan(matrix[0, 1])
    np.testing.assert_allclose(np.diag(matrix), 1)


def test_a_pair_depends_on_no_third_candidate() -> None:
    rng = np.random.default_rng(4)
    columns = rng.normal(size=(SLICES.rows, 12))
    columns[:, 1] += columns[:, 0]
    columns[:, 2] = np.round(columns[:, 0])
    alone = rank_correlation(columns[:, :2], SLICES)[0, 1]
    for j in range(2, 12):
        columns[j - 2 :: 10, j] = np.nan
    matrix = rank_correlation(columns, SLICES)
    assert matrix[0, 1] == pytest.approx(alone)
    expected = []
    for span in SLICES:
        theirs = columns[span, 2]
        kept = ~np.isnan(theirs)
        ranks = double_ranks(columns[None, span, 0])[0][kept], double_ranks(theirs[None, kept])[0]
        expected.append(np.corrcoef(*ranks)[0, 1])
    assert matrix[0, 2] == pytest.approx(np.mean(expected))
    assert matrix[2, 3] == matrix[3, 2]
    assert np.isfinite(matrix).all()
