from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numerai_tools import scoring as library

from scoring.summary import Summary, drawdown, sharpe, standard_error, std, summarise

NAN = math.nan
SCORES = np.array([0.02, -0.01, -0.03, 0.05, 0.01])


def test_the_figures_of_a_short_series() -> None:
    (summary,) = summarise(SCORES)
    assert summary.mean == pytest.approx(0.008)
    assert summary.std == pytest.approx(np.std(SCORES))
    assert summary.sharpe == pytest.approx(library.sharpe_ratio(SCORES))
    assert summary.drawdown == pytest.approx(0.04)
    assert summary.hit_rate == pytest.approx(0.6)
    assert summary.standard_error == pytest.approx(np.std(SCORES, ddof=1) / math.sqrt(5))
    assert summary.eras == 5


def test_eras_without_a_score_are_left_out() -> None:
    holed = np.array([NAN, 0.02, -0.01, NAN, -0.03, 0.05, 0.01, NAN])
    pair = np.column_stack((holed, np.full(8, NAN)))
    with_holes, empty = summarise(pair)
    assert with_holes == summarise(SCORES)[0]
    assert empty.eras == 0
    assert all(v is None for name, v in empty.to_json().items() if name != "eras")


def test_the_running_maximum_starts_at_the_first_era() -> None:
    assert drawdown(np.array([-0.1, -0.1, 0.3])) == pytest.approx(0.1)
    assert drawdown(np.array([NAN, -0.1, -0.1, 0.3])) == pytest.approx(0.1)
    assert drawdown(np.array([0.1, 0.1])) == 0
    assert drawdown(np.array([-0.1])) == 0


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_drawdown_is_its_formula(scores: list[float]) -> None:
    total = np.cumsum(scores)
    expected = max(np.maximum.accumulate(total) - total)
    assert drawdown(np.array(scores))[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("scores", [[0.1, 0.1, 0.1], [0.3], [NAN, 0.1]])
def test_scores_that_do_not_vary_have_no_sharpe(scores: list[float]) -> None:
    assert np.isnan(sharpe(np.array(scores)))


def test_std_takes_ddof() -> None:
    assert std(SCORES, ddof=1)[0] == pytest.approx(np.std(SCORES, ddof=1))
    assert np.isnan(std(np.array([0.1]), ddof=1)[0])


def test_overlapping_labels_widen_the_standard_error() -> None:
    """A moving sum of 5 independent draws: the true error of its mean is known."""
    rng = np.random.default_rng(3)
    draws = rng.normal(size=(2004, 200))
    series = sum(draws[k : 2000 + k] for k in range(5))
    truth = np.std(series.mean(axis=0))
    plain = standard_error(series).mean()
    robust = standard_error(series, overlap=30).mean()
    assert plain < 0.6 * truth
    assert robust == pytest.approx(truth, rel=0.15)


def test_overlap_longer_than_the_series() -> None:
    assert standard_error(SCORES, overlap=50)[0] >= 0
    assert np.isnan(standard_error(np.array([0.1]), overlap=3)[0])


def test_json_and_back() -> None:
    (summary,) = summarise(np.array([0.25, NAN]))
    text = json.dumps(summary.to_json(), allow_nan=False)
    assert '"sharpe": null' in text
    back = Summary.from_json(json.loads(text))
    assert (back.mean, back.eras) == (0.25, 1)
    assert math.isnan(back.sharpe)
    assert math.isnan(Summary.from_json({"mean": 0.1}).hit_rate)
