"""The meta-learner of a run: its walk, its verdict and its regimes, in one result file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.evidence import Evidence
from ensemble.meta.combination import EraWeights
from ensemble.meta.forward import Walk, walk_forward
from ensemble.meta.method import FOLDER, MetaLearning, meta_learning
from ensemble.meta.regimes import describe, to_json
from erazoo.config import Config
from erazoo.logs import LOGGER
from erazoo.publish import read_json, write_json
from erazoo.rundir import RunDir
from etl.source import data_folder
from training.standards import DEMO_RECORD

WALK = "walk.json"


def walk_file(run: RunDir) -> Path:
    """Where the walk of a run lies."""
    return run.path(*FOLDER, WALK)


def write_walk(config: Config, run: RunDir, evidence: Evidence) -> Path:
    """Walk the meta-learner forward, describe its regimes and write what was found.

    Args:
        config: the experiment.
        run: its run directory.
        evidence: of the out-of-fold pool.

    Returns:
        The file: `Walk.to_json`, with `regimes`, which is null where the weights of the last fit
        are static or there are no prototypes.
    """
    learning = meta_learning(config, run)
    walk = walk_forward(evidence, learning, config.ensemble.judged)
    LOGGER.info("the meta-learner is %s", walk.verdict())
    regimes = _regimes(learning, evidence, _true(config, run, evidence.pool.eras))
    content = {**walk.to_json(evidence.pool.names), "regimes": regimes}
    write_json(walk_file(run), {**content, "settings": _settings(config, walk)})
    return walk_file(run)


def _settings(config: Config, walk: Walk) -> dict[str, Any]:
    section = config.ensemble.meta
    told = ("static", "training", "objective", "every")
    return {**{name: getattr(section, name) for name in told}, "blocks": len(walk.blocks)}


def _regimes(
    learning: MetaLearning, evidence: Evidence, true: NDArray[np.int64] | None
) -> dict[str, Any] | None:
    """The regimes of a network that has learned from all eras."""
    learned = learning.learn(evidence)
    if not isinstance(learned, EraWeights) or not len(learned.prototypes):
        return None
    statistics = learned.statistics(evidence)
    assigned = learned.regimes(statistics)
    weights = learned.era_weights(statistics)
    found = describe(assigned, statistics, learned.scaling, weights)
    return to_json(evidence.pool.eras, assigned, found, true)


def _true(config: Config, run: RunDir, eras: tuple[str, ...]) -> NDArray[np.int64] | None:
    """The planted regime of each era, where the data are generated."""
    path = data_folder(config, run) / DEMO_RECORD
    if not path.is_file():
        return None
    planted = read_json(path)["regime_by_era"]
    return np.array([planted[era] for era in eras], dtype=np.int64)
