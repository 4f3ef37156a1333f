"""Studies of mining written by hand: predictions that are known, without any training."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.publish import append_line, make_dir, write_json
from scoring.eras import EraSlices
from search.folder import MineDir
from search.folds import MineFold, MineFolds
from search.plan import Plan
from search.predictions import PredictionFile
from search.results import Configuration, Result

TARGET = "target_ender_20"


@dataclass(frozen=True)
class World:
    """The same assets in every era, of which the first half is validation and the second test.

    Attributes:
        eras: of both halves.
        assets: rows of an era.
        target: (eras, assets), whose neighbouring eras share their noise.
        overlap: eras that a label reaches past its own.
    """

    eras: int
    assets: int
    target: NDArray[np.float64]
    overlap: int

    @classmethod
    def noise(cls, seed: int, eras: int = 160, assets: int = 40, overlap: int = 4) -> World:
        """Targets in which there is nothing but noise."""
        shocks = np.random.default_rng([seed, 77]).normal(size=(eras + overlap, assets))
        total = np.cumsum(np.vstack((np.zeros(assets), shocks)), axis=0)
        return cls(eras, assets, total[overlap + 1 :] - total[: -overlap - 1], overlap)

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the eras."""
        return tuple(f"{k + 1:04d}" for k in range(self.eras))

    @property
    def slices(self) -> EraSlices:
        """The rows of each era."""
        return EraSlices(self.labels, np.arange(self.eras + 1, dtype=np.int64) * self.assets)

    def blank(self) -> NDArray[np.float64]:
        """Predictions of 0, (eras, assets)."""
        return np.zeros((self.eras, self.assets))


@dataclass
class Written:
    """A study's folder and what was put there: slot 0 is the benchmark, slot k trial k."""

    folder: MineDir
    ids: list[str]
    params: list[dict[str, Any]] = field(default_factory=list)


def write_study(
    root: Path,
    world: World,
    predictions: NDArray[Any],
    objective: str = "corr",
    pruned: int = 0,
    first_id: int = 0,
) -> Written:
    """Write a study that has ended.

    Args:
        root: its folder.
        world: the rows and targets.
        predictions: (1 + configurations, eras, assets), the benchmark first.
        objective: of the study.
        pruned: trainings that were pruned beside them.
        first_id: of the rows, so that worlds may have none in common.
    """
    folder = MineDir(make_dir(root))
    rows = world.eras * world.assets
    write_json(folder.plan, study_plan(root.name, world, objective).to_json())
    half = world.eras // 2
    np.savez(
        folder.rows,
        ids=np.arange(first_id, first_id + rows, dtype=np.uint64),
        target=world.target.ravel().astype(np.float32),
        meta_model=np.full(rows, np.nan, np.float32),
        eras=np.repeat(np.arange(world.eras, dtype=np.int32), world.assets),
        folds=np.repeat(
            np.array([0, 1], np.int16), [half * world.assets, rows - half * world.assets]
        ),
        era_labels=np.array(world.labels),
        validation=np.arange(world.eras) < half,
        fold_names=np.array(["fold-0", "fold-1"]),
    )
    file = PredictionFile(folder.predictions, rows)
    ids, params = [], []
    for slot, values in enumerate(predictions):
        ids.append(f"{slot:03x}{root.name[:1].encode().hex()}{'0' * 11}")
        params.append({"learning_rate": 10.0 ** -(slot % 5), "n_estimators": 10 + slot})
        file.write(slot, 0, np.asarray(values, np.float32).ravel())
        own = Configuration(ids[-1], 10 + slot, slot, {"corr": 0.0, "sharpe": 0.0})
        _add(folder, slot, "complete", params[-1], (own,))
    for number in range(len(ids), len(ids) + pruned):
        _add(folder, number, "pruned", {"n_estimators": 10}, ())
    return Written(folder, ids, params)


def study_plan(name: str, world: World, objective: str) -> Plan:
    """Two folds, each predicted by a model of the other."""
    labels, half = world.labels, world.eras // 2
    first, second = labels[:half], labels[half:]
    folds = (MineFold("fold-0", second, first, ()), MineFold("fold-1", first, second, ()))
    return Plan(
        name=name,
        model="lightgbm",
        content="0123456789abcdef",
        target=TARGET,
        targets=(TARGET,),
        meta_model="",
        folds=MineFolds(folds, first, second, 8, 0, world.overlap, (), labels),
        space={},
        benchmark={"learning_rate": 1.0, "n_estimators": 10, "target": TARGET},
        prefixes=(),
        pruning={"by": "off"},
        objective=objective,
        seed=0,
        sample_rows=1000,
    )


def _add(folder: MineDir, trial: int, state: Any, params: Any, found: Any) -> None:
    result = Result(
        trial=trial,
        state=state,
        target=TARGET,
        features="all",
        params=params,
        seed=trial,
        configurations=found,
        offsets=(0.0, 0.0),
    )
    append_line(folder.results, result.to_json())
