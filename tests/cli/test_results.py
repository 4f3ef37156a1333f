"""What `train` and `ensemble` say of their results."""

from __future__ import annotations

from typing import Any

import pytest

from erazoo.commands import ensemble as ensemble_module
from erazoo.commands import train as train_module
from erazoo.commands.scores import scores_text

RECIPE = {"name": "ensemble", "members": [{"name": "ridge"}, {"name": "trees"}]}


def candidate(kind: str, mean: float | None) -> dict[str, Any]:
    summary = {"mean": mean, "standard_error": 0.001, "sharpe": 1.0, "drawdown": -0.0}
    return {"kind": kind, "summary": {"corr": summary, "mmc": None, "bmc": None}}


def scores(trees: float | None = 0.03) -> dict[str, Any]:
    return {
        "kind": "out_of_fold",
        "target": "target",
        "eras": ["0001", "0002"],
        "achievable": {"corr": 10.0},
        "missing": {},
        "alarms": [{"level": "alarm", "candidate": "trees", "kind": "clone", "words": "A copy."}],
        "skipped": True,
        "candidates": {
            "ridge": candidate("model", 0.02),
            "trees": candidate("model", trees),
            "ensemble": candidate("ensemble", -0.00001),
            "meta": candidate("meta_model", 0.5),
        },
        "correlation": {
            "names": ["ridge", "trees", "ensemble", "meta"],
            "matrix": [
                [1, 0.1, 0.7, 0.2],
                [0.1, 1, 0.8, 0.3],
                [0.7, 0.8, 1, 0.4],
                [0.2, 0.3, 0.4, 1],
            ],
        },
    }


def rows(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines() if "  " in line]


def test_the_ensemble_stands_beside_the_best_model_alone() -> None:
    text = ensemble_module._text(RECIPE, scores())
    assert rows(text) == ["name", "trees", "ensemble"]
    assert text.splitlines()[0] == "ensemble of ridge, trees"
    assert text.endswith("rank correlation of the ensemble with ridge 0.70, trees 0.80")
    assert "already" not in text
    assert "done already" in ensemble_module._text({**RECIPE, "skipped": True}, scores())


def test_a_model_without_a_score_is_not_the_best() -> None:
    assert rows(ensemble_module._text(RECIPE, scores(None))) == ["name", "ridge", "ensemble"]


def test_evaluate_shows_everything() -> None:
    text = scores_text(scores())
    assert rows(text) == ["name", "ridge", "trees", "ensemble", "meta"]
    assert text.endswith("scored already\nALARM: A copy.")


def test_where_nothing_is_achievable_there_is_no_share_of_it() -> None:
    text = scores_text({**scores(), "achievable": {"corr": 0.0}})
    assert "the best achievable CORR is 0.0000" in text
    assert "%" not in text


def test_no_score_is_minus_zero() -> None:
    for text in (scores_text(scores()), ensemble_module._text(RECIPE, scores())):
        assert "-0" not in text
        assert "0 %" in text


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({"status": "ok", "skipped": True}, "done already"),
        ({"status": "ok", "folds": [1, 2], "fitted": []}, "done already"),
        ({"status": "ok", "folds": [1, 2], "fitted": ["a", "b"]}, "trained"),
        (
            {"status": "ok", "folds": [1, 2, 3], "fitted": ["final"]},
            "trained, 2 of 3 fits done already",
        ),
        (
            {"status": "ok", "folds": [1], "fitted": ["final"], "failed_before": "x"},
            "trained; had failed before",
        ),
        ({"status": "failed", "reason": "y"}, "FAILED: y"),
        ({"status": "failed", "reason": "y", "failed_before": "x"}, "FAILED again: y"),
    ],
)
def test_the_status_of_a_model_is_what_happened(result: dict[str, Any], status: str) -> None:
    assert train_module._status(result) == status
