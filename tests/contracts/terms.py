"""The terms of rounds of three regimes of the Classic tournament, as the service answers."""

from __future__ import annotations

from typing import Any


def score(name: str, label: str, multiplier: float, clip: float, days: int) -> dict[str, Any]:
    """One of a round's score configurations, with a field that nothing here knows."""
    return {
        "name": name,
        "displayName": label,
        "version": "6",
        "isPayout": multiplier != 0,
        "defaultMultiplier": multiplier,
        "minMultiplier": multiplier,
        "maxMultiplier": multiplier,
        "totalScoreDays": days,
        "returnsLagDays": 2,
        "clipThreshold": clip,
        "stakeThreshold": 72000.0,
        "payoutFactor": None,
    }


REGIMES: dict[str, dict[str, Any]] = {
    "2024": {
        "number": 612,
        "target": "cyrusd_20",
        "payoutFactor": "0.41",
        "stakeThreshold": 72000,
        "roundScoreConfigs": [
            score("correlation", "v2_corr20", 0.5, 0.05, 20),
            score("meta_model_contribution", "mmc", 2.0, 0.05, 20),
            score("feature_neutral_correlation", "fnc_v3", 0.0, 0.05, 20),
        ],
    },
    "2026": {
        "number": 1175,
        "target": "target_ender_20",
        "payoutFactor": 0.09,
        "stakeThreshold": 72000.0,
        "roundScoreConfigs": [
            score("correlation", "v2_corr20", 0.75, 0.05, 20),
            score("meta_model_contribution", "mmc", 2.25, 0.05, 20),
            score("correlation_60", "corr60", 0.0, 0.05, 60),
        ],
    },
    "rounds staked one by one": {
        "number": 1343,
        "target": "target_ender_60",
        "payoutFactor": None,
        "stakeThreshold": None,
        "roundScoreConfigs": [
            score("correlation_60", "corr60", 3.0, 1.0, 60),
            score("meta_model_contribution_60", "mmc60", 15.0, 1.0, 60),
            score("correlation", "v2_corr20", 0.0, 1.0, 20),
        ],
    },
}
