"""`erazoo export pickle`: LightGBM models as one function that Numerai runs by itself.

The file holds the models' own text and needs nothing of erazoo.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ensemble.blend import open_recipe
from ensemble.recipe import Recipe
from erazoo.config import Config
from erazoo.errors import ArtifactError, ConfigError
from erazoo.publish import atomic_file, sha256, write_json
from erazoo.rundir import RunDir
from erazoo.tournament import CLASSIC
from etl.files import DataFiles
from etl.references import ReferenceTable
from etl.source import data_files
from etl.tables import EraTable
from predict.live import live_block, live_values, member_ranks
from predict.mined import mined_recipe
from predict.pickle_plan import plan_of
from predict.sandbox import MEMORY_MB, SECONDS, TryOut, try_pickle

if TYPE_CHECKING:
    import pandas as pd

PICKLES = "pickles"
TOLERANCE = 1e-6
IMAGE = ("cloudpickle", "lightgbm", "numpy", "pandas", "scipy")
"""Libraries whose versions stand in the card."""


def export_pickle(
    config: Config, run: RunDir, *, study: str = "", model: str = "", out: Path | None = None
) -> dict[str, Any]:
    """Write a model pickle for Numerai, once it has proven itself on the run's live rows.

    It is tried in a process with the libraries and limits of Numerai's image
    (`predict.sandbox`), and has to answer what erazoo itself predicts, to 1e-6.

    Args:
        config: the experiment; `predict.neutralize` is done in the pickle too.
        run: its run directory.
        study: the name of mined models that were exported; empty for the run's ensemble.
        model: which of the study's exports; may be empty where there is one.
        out: the file; by default below `RUN/pickles`.

    Returns:
        The card, which is written beside the pickle as JSON, and `path`.

    Raises:
        ConfigError: members or settings that a pickle cannot hold.
        StaleDataError: there is no such ensemble or export.
        ArtifactError: the pickle does not hold what it should.
    """
    if config.data.tournament != CLASSIC.name:
        raise ConfigError(
            "Numerai takes model pickles for Classic alone", received=config.data.tournament
        )
    recipe = mined_recipe(run, study, model) if study else open_recipe(config, run)
    block = live_block(config, run, recipe)
    expected = live_values(config, run, recipe, block, member_ranks(config, run, [recipe], block))
    plan = plan_of(config, run, recipe)
    path = out or run.path(PICKLES, f"{recipe.name}.pkl")
    files = data_files(config, run)
    with atomic_file(path) as temporary:
        temporary.write_bytes(pickled(plan))
        tried = try_pickle(temporary, *live_frames(files))
        difference = _difference(tried, block.ids, expected)
    card = _card(path, recipe, plan, tried, difference, files)
    write_json(path.with_suffix(".json"), card)
    return {**card, "path": str(path)}


def pickled(plan: Mapping[str, Any]) -> bytes:
    """The pickle of a plan's function, by value.

    Its source is compiled under a bare name, so that no path of this machine travels along.
    """
    import cloudpickle

    from predict import portable

    source = Path(str(portable.__file__)).read_text(encoding="utf-8")
    module = ModuleType("numerai_model")
    exec(compile(source, "numerai_model.py", "exec", dont_inherit=True), module.__dict__)  # noqa: S102
    content: bytes = cloudpickle.dumps(module.__dict__["prediction_function"](plan))
    return content


def live_frames(files: DataFiles) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The live rows and the benchmark models' predictions by id, as Numerai hands them over."""
    if files.live is None:
        raise ConfigError("there is no live file", hint="Name it in data.live")
    features = _frame(files.open(files.live), files.id)
    tables = [ReferenceTable.open(path, files) for path in files.live_references]
    return features, _frame(tables[0].table, tables[0].id) if tables else None


def _frame(table: EraTable, key: str) -> pd.DataFrame:
    import pyarrow as pa

    batches = [batch for _, batch in table.scan(table.columns)]
    frame = pa.Table.from_batches(batches).to_pandas(ignore_metadata=True)
    return frame.set_index(key).rename_axis("id")  # type: ignore[no-any-return]


def _difference(tried: TryOut, ids: NDArray[np.object_], expected: NDArray[np.float32]) -> float:
    """How far the pickle's answer is from our own, at most.

    Raises:
        ArtifactError: further than `TOLERANCE`.
    """
    place = {name: row for row, name in enumerate(tried.ids)}
    values = tried.values[[place[name] for name in ids]]
    largest = float(np.abs(values - expected).max())
    if not largest <= TOLERANCE:
        raise ArtifactError(
            "the model pickle predicts something else than erazoo itself",
            received=f"ranks that differ by up to {largest:.3g}",
            expected=f"at most {TOLERANCE:g}",
        )
    return largest


def _card(
    path: Path,
    recipe: Recipe,
    plan: Mapping[str, Any],
    tried: TryOut,
    difference: float,
    files: DataFiles,
) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "file": path.name,
        "sha256": sha256(path),
        "bytes": path.stat().st_size,
        "target": recipe.target,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "libraries": {name: version(name) for name in IMAGE},
        "members": [
            {
                "name": member["name"],
                "weight": member["weight"],
                "features": len(member["features"]),
                "trees": sum(fit["trees"] for fit in member["fits"]),
            }
            for member in plan["members"]
        ],
        "neutralize": plan["neutralize"],
        "live": {"rows": len(tried.ids), "sha256": sha256(files.live) if files.live else ""},
        "tried": {
            "seconds": round(tried.seconds, 3),
            "peak_mb": round(tried.peak_mb),
            "largest_difference": difference,
            "imported": list(tried.imported),
            "limits": {"memory_mb": MEMORY_MB, "seconds": SECONDS, "processors": 1},
        },
    }
