"""H2O AutoML on Spark, by Sparkling Water."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.h2o.automl import AutoMLParams

HERE = "local[*]"


class SparklingParams(AutoMLParams):
    """H2O AutoML on Spark, in the environment `.venv-sparkling`.

    `memory_mb` is that of Spark's driver and of each executor, which hold the rows and H2O.

    Presets:
        demo: four models for the generated tournament.
        hour: an hour of all algorithms.

    Args:
        master: Spark's master. `local[*]` is one process on this machine, with the threads that
            the fit may use; on a cluster the run directory has to be seen by all its machines.
        executors: how many on a cluster; 0 for what it gives.
        spark: further settings of Spark by name, such as `spark.executor.cores`.
    """

    master: str = Field(HERE, min_length=1)
    executors: int = Field(0, ge=0)
    spark: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class SparklingAutoML:
    """A search that another process runs.

    Args:
        params: of the search.
        features: columns that are learned from.
        seed: of everything random in it.
    """

    params: SparklingParams
    features: tuple[str, ...]
    seed: int

    def order(self, threads: int) -> dict[str, Any]:
        """What that process is told, as plain values.

        Args:
            threads: of Spark on this machine, at most.
        """
        params = self.params
        return {
            "automl": params.options(self.seed),
            "features": list(self.features),
            "master": f"local[{threads}]" if params.master == HERE else params.master,
            "memory_mb": params.memory_mb,
            "executors": params.executors,
            "spark": params.spark,
        }


def build(
    params: SparklingParams,
    features: FeatureSpec,
    seed: int,
    length: int | None = None,  # noqa: ARG001
) -> SparklingAutoML:
    """The search."""
    return SparklingAutoML(params, features.names, seed)


SPEC = ModelSpec(
    name="sparkling_automl",
    family="sparkling",
    summary="H2O AutoML on Spark (Sparkling Water), its leader served as a MOJO",
    params=SparklingParams,
    presets={
        "demo": {"max_models": 4, "folds": 3, "algorithms": ["GBM", "GLM"], "memory_mb": 2048},
        "hour": {"max_models": 0, "max_runtime_seconds": 3600, "exclude": []},
    },
    takes_missing=True,
    needs=("Java", "bash shell/prepare_sparkling.sh"),
    build=build,
)
