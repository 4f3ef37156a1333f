"""The presets of boosted models, as near to each other as their libraries allow.

`example`, `standard` and `deep` are those that Numerai publishes for LightGBM; trees of other
libraries get the same number, shrinkage and depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Presets = Mapping[str, Mapping[str, Any]]

STANDARD: Mapping[str, Any] = {"n_estimators": 20_000, "learning_rate": 0.001, "max_depth": 6}
DEEP: Mapping[str, Any] = {"n_estimators": 30_000, "learning_rate": 0.001, "max_depth": 10}
SHORT: Mapping[str, Any] = {"n_estimators": 400, "learning_rate": 0.02}
SMALL: Mapping[str, Any] = {"n_estimators": 300, "learning_rate": 0.02, "max_depth": 4}
DEMO: Mapping[str, Any] = {"n_estimators": 120, "learning_rate": 0.05, "max_depth": 4}

LIGHTGBM: Presets = {
    "example": {},
    "standard": {**STANDARD, "num_leaves": 64},
    "deep": {**DEEP, "num_leaves": 1024, "min_child_samples": 10_000},
    "ender60_small": {**SHORT, "max_depth": 5},
    "crypto": {**SHORT, "max_depth": 3, "num_leaves": 15, "min_child_samples": 500},
    "small": {**SMALL, "num_leaves": 12, "colsample_bytree": 0.3, "min_child_samples": 200},
    "demo": {**DEMO, "num_leaves": 12, "colsample_bytree": 0.3, "min_child_samples": 200},
}

XGBOOST: Presets = {
    "example": {},
    "standard": STANDARD,
    "deep": {**DEEP, "max_leaves": 1024, "min_child_weight": 10_000},
    "ender60_small": {**SHORT, "max_depth": 5},
    "crypto": {**SHORT, "max_depth": 3, "min_child_weight": 500},
    "small": {**SMALL, "colsample_bytree": 0.3, "min_child_weight": 200},
    "demo": {**DEMO, "colsample_bytree": 0.3, "min_child_weight": 200},
}

CATBOOST: Presets = {
    "example": {},
    "standard": STANDARD,
    "deep": {**DEEP, "grow_policy": "Depthwise", "min_child_samples": 10_000},
    "ender60_small": {**SHORT, "max_depth": 5},
    "crypto": {**SHORT, "max_depth": 3},
    "small": {**SMALL, "colsample_bylevel": 0.3},
    "demo": {**DEMO, "colsample_bylevel": 0.3},
}
