"""LightGBM, XGBoost and CatBoost as one model."""

from __future__ import annotations

from zoo.blend.base import BlendParams, build, joint_presets
from zoo.boosting.catboost import CatBoostParams
from zoo.boosting.lightgbm import LightGBMParams
from zoo.boosting.presets import CATBOOST, LIGHTGBM, XGBOOST
from zoo.boosting.xgboost import XGBoostParams
from zoo.catalogue import ModelSpec


class BoostingBlendParams(BlendParams):
    """Three libraries' trees on the same rows, blended by their ranks within the era.

    Each member's `device` says where it is fitted: on a GPU where there is one that its library can
    use, with `auto`. The presets are those of the members.

    Args:
        lightgbm: options of LightGBM.
        xgboost: options of XGBoost.
        catboost: options of CatBoost.
    """

    lightgbm: LightGBMParams = LightGBMParams()
    xgboost: XGBoostParams = XGBoostParams()
    catboost: CatBoostParams = CatBoostParams()


SPEC = ModelSpec(
    name="gpu_boosting_ensemble",
    family="blend",
    summary="LightGBM, XGBoost and CatBoost, blended by ranks; on a GPU where there is one",
    params=BoostingBlendParams,
    presets=joint_presets(
        list(LIGHTGBM), {"lightgbm": LIGHTGBM, "xgboost": XGBOOST, "catboost": CATBOOST}
    ),
    takes_missing=True,
    needs=("GPU advised",),
    build=build,
)
