"""Stacking: a model on the members' out-of-fold ranks, by ridge or by LightGBM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ensemble.combination import Column
from ensemble.evidence import Evidence
from ensemble.weights.simplex import Weights, best_direction
from erazoo.errors import ArtifactError, DataError
from erazoo.machine import cores
from erazoo.panel import EraBlock
from erazoo.publish import sha256, write_text

if TYPE_CHECKING:
    import lightgbm

BOOSTER = "stacking.txt"
PENALTY = 0.1
"""Of the ridge, as a share of the members' mean variance."""
MOST_CELLS = 100_000_000
"""Ranks that LightGBM is given; of larger pools it sees every k-th row of each era."""
FEW_CELLS = 20_000_000
"""Ranks up to which one thread is as fast as several, which wait for one another."""
TREES = 150
PARAMS = {
    "objective": "regression",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.7,
    "feature_fraction_seed": 1,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}


class RidgeStacking:
    """Ridge regression of the target on the members' ranks, no coefficient below 0.

    Every era counts alike. The penalty draws correlated members towards one another. Scores do not
    see the scale of a blend, so that the coefficients are weights like any others.
    """

    def fit(self, evidence: Evidence) -> Weights:
        """(M,) weights; equal ones where no member has a positive signal."""
        signal, gram = evidence.moments.mean()
        penalty = PENALTY * np.trace(gram) / len(gram)
        return best_direction(signal, gram + penalty * np.eye(len(gram)))


@dataclass(frozen=True)
class LightGBMStacking:
    """Boosted trees on the members' ranks, which rise with every one of them.

    Args:
        model: LightGBM's text of the trees.
        members: how many ranks they read.
    """

    model: str
    members: int
    kind: str = "stacking"
    weights: None = None

    @classmethod
    def learn(cls, evidence: Evidence, threads: int = 0) -> LightGBMStacking:
        """Fit on every resolved row (see `MOST_CELLS`), each era counting alike.

        Args:
            evidence: the eras.
            threads: of many rows, 0 for one a core; the trees are the same with any number.

        Memory: the rows that are seen, float32, and LightGBM's bins of them.

        Raises:
            DataError: no row is resolved.
        """
        import lightgbm

        ranks, target, weight = _rows(evidence)
        members = evidence.pool.size
        params = {
            **PARAMS,
            "monotone_constraints": [1] * members,
            "seed": evidence.seed,
            "num_threads": (threads or cores()) if ranks.size > FEW_CELLS else 1,
        }
        data = lightgbm.Dataset(ranks, target, weight=weight, params=params)
        booster = lightgbm.train(params, data, num_boost_round=TREES)
        return cls(booster.model_to_string(), members)

    def blend(self, evidence: Evidence, first: int, last: int) -> Column:
        """See `Combination`."""
        booster = self._booster()
        blocks = evidence.pool.stretch(first, last).blocks()
        return np.concatenate([_predicted(booster, ranks) for _, ranks in blocks])

    def live(self, ranks: NDArray[Any], block: EraBlock) -> Column:  # noqa: ARG002
        """See `Combination`."""
        return _predicted(self._booster(), ranks)

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the trees; the recipe gets their checksum."""
        write_text(folder / BOOSTER, self.model)
        return {"files": {BOOSTER: sha256(folder / BOOSTER)}}

    @classmethod
    def read(cls, recipe: Mapping[str, Any], folder: Path) -> LightGBMStacking:
        """What a recipe of the kind `stacking` holds, its files being checked already."""
        path = folder / BOOSTER
        if BOOSTER not in recipe["files"]:
            raise ArtifactError("a stacking recipe names no trees", expected=str(path))
        return cls(path.read_text(encoding="utf-8"), len(recipe["members"]))

    def _booster(self) -> lightgbm.Booster:
        import lightgbm

        return lightgbm.Booster(model_str=self.model)


def _rows(
    evidence: Evidence,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Ranks (rows, M), targets and weights of the resolved rows; the weights of an era sum to 1."""
    pool = evidence.pool
    step = -(-pool.slices.rows * pool.size // MOST_CELLS)
    known = [np.flatnonzero(~np.isnan(pool.targets[span]))[::step] for span in pool.slices]
    bounds = np.cumsum([0, *map(len, known)])
    if not bounds[-1]:
        raise DataError("there is no resolved row to stack on", received=f"{len(pool.eras)} eras")
    seen = np.empty((bounds[-1], pool.size), dtype=np.float32)
    targets, weights = np.empty((2, bounds[-1]), dtype=np.float32)
    for rows, first, (span, ranks) in zip(known, bounds[:-1], pool.blocks(), strict=True):
        own = slice(first, first + len(rows))
        seen[own] = ranks[:, rows].T
        targets[own], weights[own] = pool.targets[span][rows], 1 / max(len(rows), 1)
    return seen, targets, weights / weights.mean()


def _predicted(booster: lightgbm.Booster, ranks: NDArray[Any]) -> Column:
    return np.asarray(
        booster.predict(np.ascontiguousarray(ranks.T), num_threads=1), dtype=np.float32
    )
