"""How jobs are run."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from erazoo.config.base import Section


class EngineSection(Section):
    """How many jobs are run at once (`erazoo/engine/`).

    `backend`: `serial` runs one job after the other; `ray` runs many at once, on this machine or
    on the cluster at `ray_address` (`HOST:PORT`, or `auto` on one of its nodes); `debug` runs them
    inside the command itself, without limits, and stops at the first failure; `auto` is `serial`
    where one job at a time is asked for, and `ray` otherwise. At most `jobs` run at a time; 0 is
    as many as cores, memory and GPUs hold. `memory_share` of this machine's memory is handed out.
    """

    backend: Literal["auto", "serial", "ray", "debug"] = "auto"
    jobs: int = Field(0, ge=0, le=10_000)
    ray_address: str = ""
    memory_share: float = Field(0.8, gt=0, le=1)

    @model_validator(mode="after")
    def _cluster_by_ray(self) -> Self:
        if self.ray_address and self.backend in ("serial", "debug"):
            raise ValueError("engine.ray_address belongs to engine.backend 'ray' or 'auto'")
        return self
