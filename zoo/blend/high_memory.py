"""Large forests of boosted trees on every row and every feature that the shards hold."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from zoo.blend.base import BlendParams, build, joint_presets, whole_rows
from zoo.boosting.lightgbm import LightGBMParams
from zoo.boosting.presets import LIGHTGBM, XGBOOST
from zoo.boosting.xgboost import XGBoostParams
from zoo.catalogue import ModelSpec

PRESETS = ("deep", "standard", "example", "small", "demo")


class HighMemoryParams(BlendParams):
    """LightGBM and XGBoost on all rows, streamed from the shards, blended by ranks within the era.

    It is meant for the widest feature set (`data.feature_set = "all"`): a model sees the features
    that the shards hold. Bins of all rows lie in memory, a byte a value for LightGBM and then two
    for XGBoost, never a table of floats.

    Args:
        lightgbm: options of LightGBM; every tree sees every row.
        xgboost: options of XGBoost; every tree sees every row.
    """

    lightgbm: LightGBMParams = LightGBMParams()
    xgboost: XGBoostParams = XGBoostParams()

    @model_validator(mode="after")
    def _every_row(self) -> Self:
        if not (whole_rows(self.lightgbm) and whole_rows(self.xgboost)):
            raise ValueError("every tree of high_memory sees every row; leave subsample at 1")
        return self


SPEC = ModelSpec(
    name="high_memory",
    family="blend",
    summary="LightGBM and XGBoost on every row of the widest feature set, blended by ranks",
    params=HighMemoryParams,
    presets=joint_presets(PRESETS, {"lightgbm": LIGHTGBM, "xgboost": XGBOOST}),
    takes_missing=True,
    needs=("data.feature_set = 'all'",),
    build=build,
)
