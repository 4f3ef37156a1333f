"""Whether a fit takes a GPU where there is one."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache

from erazoo.panel import FeatureSpec
from zoo import catalogue
from zoo.blend.base import BlendParams
from zoo.boosting.params import BoostingParams
from zoo.catalogue import ModelSpec, Params


def takes_gpu(spec: ModelSpec, params: Params, devices: str) -> bool:
    """Whether a fit has use for a GPU of a machine that has one.

    A library of boosted trees that is left the choice is asked whether it can use it.

    Args:
        spec: of the model.
        params: of the model; its own `device` counts before `devices`.
        devices: what `training.devices` says.
    """
    if isinstance(params, BlendParams):
        members = params.member_models.items()
        return any(takes_gpu(catalogue.get(m), params.members[n], devices) for n, m in members)
    own = "auto" if spec.family == "keras" else getattr(params, "device", "cpu")
    wanted = own if own != "auto" else devices
    if wanted == "auto" and isinstance(params, BoostingParams):
        return not _asked(spec.name, params.model_dump_json())
    return wanted != "cpu"


def obstacle(model: str, options: str) -> str:
    """Why a boosted model cannot use a GPU that is there; empty where it can.

    Args:
        model: the catalogue's name.
        options: its parameters as JSON.
    """
    spec = catalogue.get(model)
    params = spec.params.model_validate_json(options)
    return str(spec.build(params, FeatureSpec(("any",))).no_gpu())


@lru_cache(maxsize=256)
def _asked(model: str, options: str) -> str:
    """The answer of another process: one that has used a GPU keeps some of its memory."""
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(obstacle, model, options).result()
    except BrokenProcessPool:
        return "its process ended when it looked for a GPU"
