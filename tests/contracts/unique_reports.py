"""Plausible reports of unique versions, as `ensemble/unique/unique.json` holds them."""

from __future__ import annotations

from typing import Any

MIXTURES = ((1.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.0, 1.0, 0.0), (0.0, 0.5, 0.5))


def unique_report(way: str = "neutralise", *, meta_model: bool = True) -> dict[str, Any]:
    """A report of one of the ways; on data without references with `meta_model` False."""
    solution = {"wish": "0.7 times the start", "start": 0.4, "wanted": 0.28, "reached": 0.2801}
    report: dict[str, Any] = {
        "goal": {
            "way": way,
            "figure": "correlation with meta" if meta_model else "largest exposure to features",
            "to": ["meta_model"] if way == "neutralise" else [],
            "segments": [{"high": "wisdom", "by": "charisma", "factor": 0.03, "share": 1 / 3}]
            if way == "segments"
            else [],
            "meta_model": "meta" if meta_model else None,
            "benchmark": "bench" if meta_model else None,
        },
        "amount": 0.38,
        "solution": {**solution, "low": -0.01, "high": 0.4, "tolerance": 0.005},
        "eras": ["0081", "0082", "0083"],
        **versions(meta_model),
    }
    if meta_model:
        report["stand_in"] = {"mean": 0.81, "lowest": 0.7, "eras": 3}
        later = {"solved_on": ["0081", "0081"], "eras": ["0082", "0083"], "amount": 0.4}
        figures = {"promised": 0.28, "start": 0.41, "reached": 0.3}
        report["later"] = {**later, **figures, **versions(meta_model)}
        report["frontier"] = {"same": _points(0.001), "later": _points(0.0)}
    return report


def versions(meta_model: bool) -> dict[str, Any]:
    """Figures of both versions, and what lies between them."""
    metrics = ("corr", "mmc", "bmc") if meta_model else ("corr",)
    return {
        "versions": {"standard": _figures(0.02, metrics), "unique": _figures(0.018, metrics)},
        "between": 0.97,
        "difference": {m: {"mean": -0.002, "standard_error": 0.001} for m in metrics},
    }


def _figures(corr: float, metrics: tuple[str, ...]) -> dict[str, Any]:
    summary = {"mean": corr, "std": 0.02, "sharpe": 1.0, "standard_error": 0.003}
    return {
        **{metric: {**summary, "drawdown": 0.01, "eras": 3} for metric in metrics},
        "rmse": 0.35,
        "correlation": {"meta": 20 * corr, "bench": 0.5} if "mmc" in metrics else {},
        "exposure": {"mean": 0.02, "max": 0.08, "feature": "feature_a"},
        "turnover": None if "mmc" in metrics else 0.4,
    }


def _points(lift: float) -> list[dict[str, Any]]:
    return [
        {
            "mixture": {"corr": c, "mmc": m, "distance": d},
            "corr": 0.02 - 0.004 * k + lift,
            "mmc": 0.004 + 0.001 * k + lift,
            "correlation": 0.5 - 0.1 * k,
        }
        for k, (c, m, d) in enumerate(MIXTURES)
    ]
