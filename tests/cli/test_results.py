"""What `train` and `ensemble` say of their results."""

from __future__ import annotations

from typing import Any

import pytest

from erazoo.commands import train as train_module
from erazoo.commands.ensemble import ensemble_text
from erazoo.commands.scores import scores_text

RECIPE = {
    "name": "ensemble",
    "method": "greedy",
    "reason": "configured",
    "members": [{"name": "ridge", "weight": 0.25}, {"name": "trees", "weight": 0.75}],
}


def method(corr: float, beyond: float, members: float | None = 2.0) -> dict[str, Any]:
    concentration = None if members is None else {"effective": members, "largest": 0.75}
    return {
        "summary": {"corr": {"mean": corr, "sharpe": 1.0}, "mmc": {"mean": 0.01}, "bmc": None},
        "difference": {"mean": beyond, "standard_error": 0.002},
        "concentration": concentration,
    }


def made(**changes: Any) -> dict[str, Any]:
    methods = {
        "members": ["ridge", "trees"],
        "judged": ["0007", "0008"],
        "blocks": [{"learned": ["0001", "0004", 4], "judged": ["0007", "0008", 2]}],
        "purge": 2,
        "methods": {
            "equal": method(0.02, 0.0),
            "greedy": method(0.03, 0.01),
            "stacking_lightgbm": method(0.01, -0.01, None),
        },
        "recommended": {"method": "greedy", "reason": "it is the best"},
        "missing": {"rows": 9, "dropped": 0, "lacking": {}, "outside": {}, "unknown": {}},
    }
    return {"recipe": RECIPE, "methods": {**methods, **changes}, "unique": None}


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
    text = ensemble_text(made(methods={}), scores())
    assert rows(text) == ["name", "trees", "ensemble"]
    assert text.splitlines()[0] == "ensemble of ridge, trees"
    assert text.endswith("rank correlation of the ensemble with ridge 0.70, trees 0.80")
    assert "already" not in text
    assert "done already" in ensemble_text({**made(), "skipped": True}, scores())


def test_means_over_fewer_eras_are_told_apart() -> None:
    result = scores()
    for name, eras in (("trees", 59), ("ensemble", 59), ("unique", 18)):
        one = result["candidates"].setdefault(name, candidate("ensemble", 0.02))
        one["summary"]["corr"]["eras"] = eras
    lines = ensemble_text(made(methods={}), result).splitlines()
    (head,) = (line for line in lines if line.startswith("name"))
    assert head.split()[:4] == ["name", "kind", "corr", "eras"]
    (row,) = (line for line in lines if line.startswith("unique"))
    assert row.split()[3] == "18"


def test_a_model_without_a_score_is_not_the_best() -> None:
    text = ensemble_text(made(methods={}), scores(None))
    assert rows(text) == ["name", "ridge", "ensemble"]


def test_methods_are_shown_best_first_with_what_is_recommended() -> None:
    text = ensemble_text(made(), scores())
    lines = text.splitlines()
    assert rows(text)[:4] == ["method", "greedy", "equal", "stacking_lightgbm"]
    assert lines[1].split() == [
        "method",
        "corr",
        "sharpe",
        "mmc",
        "bmc",
        "to",
        "equal",
        "s.e.",
        "members",
        "largest",
    ]
    assert lines[2].split() == [
        "greedy",
        "0.0300",
        "1.0000",
        "0.0100",
        "-",
        "0.0100",
        "0.0020",
        "2.0",
        "0.7500",
    ]
    assert lines[4].split()[-2:] == ["-", "-"]
    assert "judged on 2 eras, 0007 to 0008, in 1 blocks" in " ".join(lines)
    assert "recommended: greedy: it is the best" in text
    assert "used: greedy (configured)" in text
    recommended = {"method": "greedy", "reason": "configured"}
    text = ensemble_text(made(recommended=recommended), scores())
    assert "used: greedy (as recommended)" in text
    assert "weights: trees 0.750, ridge 0.250" in text


def test_what_is_missing_is_said() -> None:
    missing = {
        "rows": 9,
        "dropped": 3,
        "lacking": {"trees": {"0003": 1, "0004": 2}},
        "outside": {"ridge": 7},
        "unknown": {},
    }
    text = ensemble_text(made(missing=missing), scores())
    assert "missing: trees lacks 3 rows of others in 2 eras, 0003 to 0004" in text
    assert "missing: ridge has 7 rows in eras that are not pooled" in text
    assert "3 rows are dropped, 9 are left" in text
    why = ensemble_text(made(no_unique="too few eras"), scores())
    assert why.endswith("there is no unique version: too few eras")


def test_evaluate_shows_everything() -> None:
    text = scores_text(scores())
    assert rows(text) == ["name", "ridge", "trees", "ensemble", "meta"]
    assert text.endswith("scored already\nALARM: A copy.")


def test_where_nothing_is_achievable_there_is_no_share_of_it() -> None:
    text = scores_text({**scores(), "achievable": {"corr": 0.0}})
    assert "the best achievable CORR is 0.0000" in text
    assert "%" not in text


def test_no_score_is_minus_zero() -> None:
    for text in (scores_text(scores()), ensemble_text(made(), scores())):
        assert "-0 " not in text
        assert "-0.0000" not in text
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
