"""The one call behind `erazoo demo`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from erazoo.config.schema import DemoSection
from erazoo.eras import LIVE_ERA
from erazoo.logs import progress
from erazoo.publish import make_dir, write_json
from etl.demo.files import open_files
from etl.demo.names import feature_sets
from etl.demo.profiles import Plan
from etl.demo.record import Achievable, record
from etl.demo.targets import TARGETS
from etl.demo.world import DemoWorld

RECORD = "demo.json"


@dataclass(frozen=True)
class DemoSummary:
    """A generated tournament in figures; `demo.json` beside the data holds all that is planted.

    Args:
        profile: the profile's name.
        seed: the seed; equal options and seeds give equal files.
        eras: eras of the history, without the live one.
        rows: rows of the history.
        features: feature columns.
        regimes: kinds of eras.
        targets: the named targets.
        achievable: by target, the mean CORR of the noiseless signal over resolved eras.
    """

    profile: str
    seed: int
    eras: int
    rows: int
    features: int
    regimes: int
    targets: tuple[str, ...]
    achievable: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """The summary as plain values."""
        return {**asdict(self), "targets": list(self.targets)}


def generate(section: DemoSection, folder: Path) -> DemoSummary:
    """Write a demo tournament: a data folder in the layout of a Numerai Classic data set.

    One era is held at a time. The files are features.json, train, validation, live, meta_model
    and the three benchmark_models parquet, and last demo.json: where it is absent, the folder is
    not complete.

    Args:
        section: profile, sizes and seed.
        folder: is made where absent; files of an earlier tournament in it are replaced.

    Returns:
        What was generated.

    Raises:
        ConfigError: sizes that do not go together, or a folder that cannot be made.
    """
    plan = Plan.of(section)
    make_dir(folder)
    (folder / RECORD).unlink(missing_ok=True)
    world, achievable = DemoWorld(plan), Achievable()
    with open_files(world, folder) as files:
        for era in progress(world.eras(), "demo eras", plan.eras + 1):
            files.add(era)
            if era.era != LIVE_ERA:
                achievable.add(era)
    sets = feature_sets(world.blocks, world.names)
    write_json(folder / "features.json", {"feature_sets": sets, "targets": list(TARGETS)})
    write_json(folder / RECORD, record(world, achievable))
    return DemoSummary(
        profile=plan.profile,
        seed=plan.seed,
        eras=plan.eras,
        rows=plan.eras * plan.rows,
        features=plan.features,
        regimes=plan.regimes,
        targets=TARGETS,
        achievable={target: achievable.mean(target) for target in TARGETS},
    )
