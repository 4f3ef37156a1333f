"""The leader of H2O's AutoML and TPOT's best pipeline as one model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from zoo.blend.base import BlendParams, build
from zoo.catalogue import ModelSpec
from zoo.h2o.automl import SPEC as AUTOML
from zoo.h2o.automl import AutoMLParams
from zoo.search.tpot import SPEC as TPOT
from zoo.search.tpot import TPOTParams


class H2OTPOTParams(BlendParams):
    """What two searches of whole model families find, blended by their ranks within the era.

    Each search has purged folds of its own within the training eras. What has no clock in it is the
    same again from the same seed.

    Presets:
        demo: the small searches of both for the generated tournament.
        standard: both with their defaults.
        hour: an hour for each.

    Args:
        h2o: options of `h2o_automl`, whose leader is kept as a MOJO.
        tpot: options of `tpot`.
    """

    models: ClassVar[Mapping[str, str]] = {"h2o": "h2o_automl"}

    h2o: AutoMLParams = AutoMLParams()
    tpot: TPOTParams = TPOTParams()


def _preset(name: str) -> dict[str, Any]:
    return {"h2o": AUTOML.presets[name], "tpot": TPOT.presets[name]}


SPEC = ModelSpec(
    name="h2o_tpot_ensemble",
    family="blend",
    summary="H2O's AutoML and TPOT's pipelines, blended by ranks",
    params=H2OTPOTParams,
    presets={"demo": _preset("demo"), "standard": {}, "hour": _preset("hour")},
    takes_weights=False,
    needs=("Java", "extra tpot"),
    build=build,
)
