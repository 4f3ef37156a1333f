"""The record of a grid, and the configuration with the models that it kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from ensemble.grid.cells import base_model, with_cells
from erazoo.config import Config
from erazoo.errors import ArtifactError, StaleDataError
from erazoo.publish import fingerprint, read_json
from erazoo.rundir import RunDir

FORMAT = 1
JSON, CSV = "grid.json", "grid.csv"
COLUMNS = (
    *("name", "kind", "features", "columns", "status", "reason"),
    *("corr", "sharpe", "mmc", "bmc", "weight", "kept"),
)


def grid_key(config: Config) -> str:
    """What tells the grid of a configuration from another one's."""
    section = config.ensemble.grid
    entry = config.models[base_model(config)].model_dump(mode="json")
    return fingerprint([section.model_dump(mode="json"), entry])


def with_grid(config: Config, run: RunDir, *, needed: bool = False) -> Config:
    """The configuration with the models that its grid kept, which are members of its ensemble.

    Without a grid, or before it is trained, this is the configuration itself.

    Args:
        config: the experiment.
        run: its run directory.
        needed: refuse a grid that is not trained.

    Raises:
        StaleDataError: it is `needed`, and was not trained or is another one.
        ArtifactError: its record is damaged.
    """
    path = run.path("ensemble", JSON)
    if not config.ensemble.grid.of:
        return config
    try:
        content: dict[str, Any] = dict(read_json(path)) if path.is_file() else {"key": ""}
        if content["key"] != grid_key(config):
            if needed:
                raise StaleDataError(
                    "the grid of this configuration is not trained", hint="Run `erazoo ensemble`"
                )
            return config
        words = {row["name"]: row["features"] for row in content["rows"] if row["kept"]}
        base = str(content["model"])
    except (ValueError, KeyError, TypeError):
        raise ArtifactError(
            "the record of a grid is damaged",
            received=str(path),
            hint="Run `erazoo ensemble` again",
        ) from None
    grown = with_cells(config, base, words)
    members = config.ensemble.members
    if members:
        members = tuple(dict.fromkeys((*members, *words)))
    section = config.ensemble.model_copy(update={"members": members})
    return grown.model_copy(update={"ensemble": section})


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """A line a model with every figure in full, empty where there is none."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
