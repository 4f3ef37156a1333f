"""Where the results of a walk lie."""

from __future__ import annotations

from pathlib import Path

from erazoo.rundir import RunDir

WALK, WEIGHTS, BLEND = "walk.json", "weights.json", "predictions.parquet"
STATE = "state"
FORMAT = 1


def walk_folder(run: RunDir) -> Path:
    """The folder of a run's walk."""
    return run.path("ensemble", "walk")


def walk_record(run: RunDir) -> Path:
    """The record of a run's walk."""
    return walk_folder(run) / WALK
