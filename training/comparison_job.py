"""What a job of a comparison calls; it imports no more than one model's training needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from erazoo.config import Config
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from training.job import JOBS
from training.loop import train_model

CONFIG = "comparison.json"
"""In the folder of jobs: the configuration that those of a comparison read."""


def train_one(root: str, name: str, threads: int, made_of: str) -> dict[str, Any]:  # noqa: ARG001
    """What the engine calls: one model through all its folds.

    Args:
        root: the run directory.
        name: of the model.
        threads: of its libraries.
        made_of: what the result depends on, for the record.
    """
    run = RunDir(Path(root))
    config = Config.model_validate(read_json(run.path(JOBS, CONFIG)))
    training = config.training.model_copy(update={"threads": threads})
    result = train_model(config.model_copy(update={"training": training}), run, name)
    return {"fitted": len(result["fitted"]), "seconds": result["seconds"]["wall"]}
