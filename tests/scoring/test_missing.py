"""What has no score: constants, small eras, rows that are not there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from erazoo.errors import ConfigError, DataError
from scoring.contribution import mmc
from scoring.corr import numerai_corr, pearson
from scoring.eras import EraSlices
from scoring.neutral import neutralize
from scoring.ranks import era_ranks

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(1)
ROWS = 40
SLICES = EraSlices.from_labels(np.repeat(["0001", "0002", "0003"], ROWS))
PREDICTIONS = RNG.normal(size=(3 * ROWS, 4))
REFERENCE = RNG.normal(size=3 * ROWS)
TARGET = RNG.choice([0, 0.25, 0.5, 0.75, 1], size=3 * ROWS)

# The last bit of a sum depends on how many columns are scored beside it.
same = partial(np.testing.assert_allclose, rtol=0, atol=1e-14, equal_nan=True)

Score = Callable[[NDArray[Any], NDArray[Any], EraSlices], NDArray[np.float64]]


def contribution(p: NDArray[Any], t: NDArray[Any], slices: EraSlices) -> NDArray[np.float64]:
    return mmc(p, REFERENCE[: slices.rows], t, slices)


every_score = pytest.mark.parametrize("score", [numerai_corr, pearson, contribution])


@every_score
@pytest.mark.parametrize("value", [0.0, 0.1, 1e300])
def test_a_constant_prediction_has_no_score_in_that_era_alone(score: Score, value: float) -> None:
    predictions = PREDICTIONS.copy()
    predictions[:ROWS, 1] = value
    result = score(predictions, TARGET, SLICES)
    assert np.argwhere(np.isnan(result)).tolist() == [[0, 1]]


@pytest.mark.parametrize("score", [numerai_corr, pearson])
def test_a_constant_target_has_no_correlation(score: Score) -> None:
    target = TARGET.copy()
    target[:ROWS] = 0.1
    result = score(PREDICTIONS, target, SLICES)
    assert np.isnan(result[0]).all()
    assert not np.isnan(result[1:]).any()
    assert (mmc(PREDICTIONS, REFERENCE, target, SLICES)[0] == 0).all()


def test_a_constant_reference_has_no_contribution() -> None:
    reference = REFERENCE.copy()
    reference[:ROWS] = 0.1
    result = mmc(PREDICTIONS, reference, TARGET, SLICES)
    assert np.isnan(result[0]).all()
    assert not np.isnan(result[1:]).any()


@every_score
def test_ten_rows_are_enough_and_nine_are_not(score: Score) -> None:
    labels = np.repeat(["0001", "0002"], [9, 10])
    slices = EraSlices.from_labels(labels)
    result = score(PREDICTIONS[:19], np.arange(19.0), slices)
    assert np.isnan(result[0]).all()
    assert not np.isnan(result[1]).any()


@every_score
def test_rows_without_a_target_do_not_matter(score: Score) -> None:
    target = TARGET.copy()
    target[5:30] = np.nan
    target[2 * ROWS :] = np.nan
    changed = PREDICTIONS.copy()
    changed[5:30] = 99
    result = score(changed, target, SLICES)
    same(result, score(PREDICTIONS, target, SLICES))
    assert np.isnan(result[2]).all()
    assert not np.isnan(result[:2]).any()


@every_score
def test_gaps_in_one_column_leave_the_others_alone(score: Score) -> None:
    predictions = PREDICTIONS.copy()
    predictions[:ROWS, 0] = np.nan  # a whole era
    predictions[ROWS : ROWS + 4, 1] = np.nan  # a tenth of an era
    predictions[2 * ROWS : 2 * ROWS + 9, 2] = np.nan  # more than a fifth of an era
    result, whole = score(predictions, TARGET, SLICES), score(PREDICTIONS, TARGET, SLICES)
    assert np.argwhere(np.isnan(result)).tolist() == [[0, 0], [2, 2]]
    same(result[:, 3], whole[:, 3])
    same(result[:2, 2], whole[:2, 2])
    assert result[1, 1] != whole[1, 1]


def test_a_reference_that_begins_late_scores_the_later_eras() -> None:
    reference = REFERENCE.copy()
    reference[: ROWS + 9] = np.nan
    result = mmc(PREDICTIONS, reference, TARGET, SLICES)
    assert np.isnan(result[:2]).all()
    same(result[2], mmc(PREDICTIONS, REFERENCE, TARGET, SLICES)[2])


@every_score
def test_dimensions_and_types_of_predictions(score: Score) -> None:
    single = PREDICTIONS[:, 0].astype(np.float32)
    result = score(single, TARGET, SLICES)
    assert result.shape == (3, 1)
    same(result, score(single[:, None].astype(np.float64), TARGET, SLICES))
    whole_numbers = np.round(PREDICTIONS * 10).astype(np.int16)
    same(score(whole_numbers, TARGET, SLICES), score(whole_numbers * 1.0, TARGET, SLICES))


@every_score
def test_many_columns_are_scored_in_pieces(score: Score, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = score(PREDICTIONS, TARGET, SLICES)
    monkeypatch.setattr("scoring.blocks._BLOCK_VALUES", 3 * ROWS)
    same(score(PREDICTIONS, TARGET, SLICES), whole)


@every_score
def test_arrays_that_do_not_fit(score: Score) -> None:
    for predictions, target in [
        (PREDICTIONS[:-1], TARGET),
        (PREDICTIONS, TARGET[:-1]),
        (PREDICTIONS[None], TARGET),
        (PREDICTIONS, np.where(np.arange(3 * ROWS) == 7, np.inf, TARGET)),
    ]:
        with pytest.raises(DataError):
            score(predictions, target, SLICES)


def test_ranks_keep_missing_values_and_shape() -> None:
    values = PREDICTIONS.copy()
    values[3, 0] = np.nan
    values[ROWS : 2 * ROWS, 1] = np.nan
    ranks = era_ranks(values, SLICES)
    assert (np.isnan(ranks) == np.isnan(values)).all()
    assert np.nanmean(ranks[:ROWS, 0]) == pytest.approx(0.5)
    same(era_ranks(values[:, 3], SLICES), ranks[:, 3])
    assert np.nanmin(ranks) == 0.5 / ROWS
    assert np.nanmax(ranks) == 1 - 0.5 / ROWS or np.nanmax(ranks) == 1 - 0.5 / (ROWS - 1)


def test_neutral_predictions_are_orthogonal_in_each_era() -> None:
    features = RNG.integers(0, 5, size=(3 * ROWS, 6)).astype(np.int8)
    result = neutralize(PREDICTIONS, features, SLICES)
    for span in SLICES:
        centred = features[span] - features[span].mean(axis=0)
        np.testing.assert_allclose(centred.T @ result[span], 0, atol=1e-10)
    assert neutralize(PREDICTIONS[:, 0], features, SLICES).shape == (3 * ROWS,)


def test_neutralisation_refuses_what_it_cannot_use() -> None:
    with pytest.raises(ConfigError):
        neutralize(PREDICTIONS, REFERENCE, SLICES, proportion=1.5)
    with pytest.raises(DataError):
        neutralize(PREDICTIONS, REFERENCE[:-1], SLICES)
    holes = PREDICTIONS.copy()
    holes[50] = np.nan
    with pytest.raises(DataError, match="0002"):
        neutralize(holes, REFERENCE, SLICES)


@every_score
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_memory_map_is_scored_as_it_lies(score: Score, order: str, tmp_path: Path) -> None:
    file = np.lib.format.open_memmap(
        tmp_path / "p.npy", "w+", np.float64, PREDICTIONS.shape, fortran_order=order == "F"
    )
    file[:] = PREDICTIONS
    file.flush()
    expected = score(PREDICTIONS, TARGET, SLICES)
    same(score(np.load(tmp_path / "p.npy", mmap_mode="r"), TARGET, SLICES), expected)
    written = np.load(tmp_path / "p.npy", mmap_mode="c")
    written[0] = 1 - written[0]
    changed = np.array(written)
    same(score(written, TARGET, SLICES), score(changed, TARGET, SLICES))
    np.testing.assert_array_equal(written, changed)


MEMORY = """
import sys
from pathlib import Path
import numpy as np
from scoring.corr import numerai_corr
from scoring.eras import EraSlices

predictions = np.load(sys.argv[1], mmap_mode="r")
slices = EraSlices.from_labels(np.repeat([f"{k:04d}" for k in range(40)], 1000))
target = np.random.default_rng(0).normal(size=40_000)
def held():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
before = held()
assert numerai_corr(predictions, target, slices).shape == (40, predictions.shape[1])
print(held() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("fortran", [False, True])
def test_a_memory_map_does_not_stay_in_memory(fortran: bool, tmp_path: Path) -> None:
    path = tmp_path / "p.npy"
    shape = (40_000, 1_000)
    file = np.lib.format.open_memmap(path, "w+", np.float32, shape, fortran_order=fortran)
    rows = np.random.default_rng(0).standard_normal((1_000, 1_000), dtype=np.float32)
    for first in range(0, shape[0], 1_000):
        file[first : first + 1_000] = rows
    size = file.nbytes
    del file
    words = [sys.executable, "-c", MEMORY, str(path)]
    answer = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True)
    assert int(answer.stdout) < 0.75 * size
