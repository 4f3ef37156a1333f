"""What a way of combining members may learn from, and the scores that it is led by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ensemble.moments import EraMoments
from ensemble.pool import Pool
from erazoo.errors import ConfigError
from scoring import series
from scoring.contribution import mmc
from scoring.corr import numerai_corr

Objective = Literal["corr", "sharpe", "mmc"]


@dataclass(frozen=True)
class Evidence:
    """Consecutive eras of a pool with their moments.

    Args:
        pool: members, rows and targets.
        moments: of the same eras.
        seed: of everything random.
    """

    pool: Pool
    moments: EraMoments
    seed: int = 0

    def stretch(self, first: int, last: int) -> Evidence:
        """The eras at places `first` to `last - 1`, as views."""
        return replace(
            self,
            pool=self.pool.stretch(first, last),
            moments=self.moments.stretch(first, last),
        )

    def exact(self, blends: NDArray[Any], objective: Objective) -> NDArray[np.float64]:
        """Exact per-era scores of blends (K, n), as (E, K): MMC for `mmc`, CORR otherwise.

        Raises:
            ConfigError: MMC without a meta model.
        """
        pool = self.pool
        if objective != "mmc":
            return numerai_corr(blends.T, pool.targets, pool.slices)
        check_objective(objective, pool)
        return mmc(blends.T, pool.references[str(pool.meta_model)], pool.targets, pool.slices)


def check_objective(objective: Objective, pool: Pool) -> None:
    """Refuse an objective that the data do not allow.

    Raises:
        ConfigError: MMC without a meta model.
    """
    if objective == "mmc" and pool.reference(pool.meta_model) is None:
        raise ConfigError(
            "ensemble.objective = 'mmc' needs a meta model",
            received="data without one",
            hint="Name a reference in data.meta_model, or choose 'corr' or 'sharpe'",
        )


def objective_value(scores: NDArray[Any], objective: Objective) -> NDArray[np.float64]:
    """(K,) what is raised, from per-era scores (E, K): their mean, for `sharpe` over their std."""
    return series.sharpe(scores) if objective == "sharpe" else series.mean(scores)
