from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from scoring import series
from scoring.bootstrap import mean_interval
from scoring.summary import Summary, summarise

NAN = math.nan
SCORES = np.array([0.02, -0.01, -0.03, 0.05, 0.01])


def test_the_figures_of_a_short_series() -> None:
    (summary,) = summarise(SCORES, last=2)
    assert summary.mean == pytest.approx(0.008)
    assert summary.std == pytest.approx(np.std(SCORES))
    assert summary.sharpe == pytest.approx(0.008 / np.std(SCORES))
    assert summary.smart_sharpe == series.smart_sharpe(SCORES)[0]
    assert summary.standard_error == pytest.approx(np.std(SCORES, ddof=1) / math.sqrt(5))
    assert summary.t == pytest.approx(summary.mean / summary.standard_error)
    assert summary.drawdown == pytest.approx(0.04)
    assert (summary.drawdown_start, summary.drawdown_eras) == (0, 3)
    assert summary.hit_rate == pytest.approx(0.6)
    assert (summary.worst, summary.worst_era) == (-0.03, 2)
    assert (summary.last, summary.last_eras) == (pytest.approx(0.03), 2)
    assert summary.autocorrelation == series.autocorrelation(SCORES)[0]
    assert summary.eras == 5
    assert math.isnan(summary.low)


def test_leading_and_trailing_eras_without_a_score_change_no_figure() -> None:
    late = np.concatenate(([NAN, NAN], SCORES, [NAN]))
    found, empty = summarise(np.column_stack((late, np.full(8, NAN))), overlap=1, bootstrap=50)
    (alone,) = summarise(SCORES, overlap=1, bootstrap=50)
    moved = {"drawdown_start": 2, "worst_era": 4}
    assert found.to_json() == {**alone.to_json(), **moved}
    assert (empty.eras, empty.drawdown_eras, empty.last_eras) == (0, 0, 0)
    counts = ("eras", "drawdown_eras", "last_eras")
    assert all(v is None for name, v in empty.to_json().items() if name not in counts)


def test_the_interval_is_made_on_demand() -> None:
    scores = np.random.default_rng(1).normal(size=(60, 2))
    low, high = mean_interval(scores, 4, resamples=80, seed=3)
    found = summarise(scores, overlap=4, bootstrap=80, seed=3)
    assert [s.low for s in found] == list(low)
    assert [s.high for s in found] == list(high)
    assert low[0] < found[0].mean < high[0]


def test_json_and_back() -> None:
    scores = np.random.default_rng(2).normal(size=40)
    (summary,) = summarise(scores, overlap=2, bootstrap=40)
    assert Summary.from_json(json.loads(json.dumps(summary.to_json()))) == summary
    assert all(type(value) in (float, int) for value in asdict(summary).values())


def test_undefined_figures_are_null() -> None:
    (summary,) = summarise(np.array([0.25, NAN]))
    text = json.dumps(summary.to_json(), allow_nan=False)
    assert '"sharpe": null' in text
    assert '"drawdown_start": null' in text
    back = Summary.from_json(json.loads(text))
    assert (back.mean, back.eras, back.drawdown_start) == (0.25, 1, None)
    assert math.isnan(back.sharpe)


def test_a_figure_that_an_older_file_lacks_is_undefined() -> None:
    back = Summary.from_json({"mean": 0.1})
    assert math.isnan(back.hit_rate)
    assert back.worst_era is None
    assert back.eras == 0
