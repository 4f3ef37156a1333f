"""The profile `memory`: what a flexible model scores by recognising assets."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from erazoo.config.schema import DemoSection
from etl.demo.profiles import Plan
from etl.demo.targets import horizon
from etl.demo.world import DemoEra, DemoWorld
from scoring.corr import numerai_corr
from scoring.eras import EraSlices

TRAIN_ERAS = 12
MARGIN = 4


@pytest.fixture(scope="module")
def eras() -> list[DemoEra]:
    section = DemoSection(profile="memory", eras=200, rows=150)
    return list(DemoWorld(Plan.of(section)).eras())[30:]


def scores(eras: list[DemoEra], target: str, purged: int) -> NDArray[np.float64]:
    """CORR of the five nearest neighbours in each era `purged` eras after 12 training eras."""
    found = []
    for era in range(TRAIN_ERAS + purged, len(eras), 3):
        training = eras[era - purged - TRAIN_ERAS : era - purged]
        seen = np.concatenate([e.features.T for e in training]).astype(np.float32)
        known = np.concatenate([e.truth[target] for e in training])
        near = (
            NearestNeighbors(n_neighbors=5)
            .fit(seen)
            .kneighbors(eras[era].features.T.astype(np.float32), return_distance=False)
        )
        whole = EraSlices((eras[era].era,), np.array([0, len(near)]))
        found.append(numerai_corr(known[near].mean(axis=1), eras[era].truth[target], whole)[0, 0])
    return np.array(found)


@pytest.mark.parametrize(
    "target", ["target_ender_20", pytest.param("target_ender_60", marks=pytest.mark.long)]
)
def test_memory_scores_without_a_purge_and_not_with_one(eras: list[DemoEra], target: str) -> None:
    touching = scores(eras, target, purged=0)
    purged = scores(eras, target, purged=horizon(target) + MARGIN)
    assert touching.mean() > 0.2
    assert touching.mean() > 10 * _error(touching)
    assert abs(purged.mean()) < 3 * _error(purged)


def test_half_a_purge_is_not_enough(eras: list[DemoEra]) -> None:
    short = scores(eras, "target_ender_60", purged=horizon("target_ender_60") // 2)
    assert short.mean() > 5 * _error(short)


def _error(series: NDArray[np.float64]) -> float:
    """The standard error of a mean of scores whose targets overlap within four of them."""
    centred = series - series.mean()
    variance = (centred @ centred) / len(series)
    for gap in range(1, 5):
        variance += 2 * (1 - gap / 5) * (centred[gap:] @ centred[:-gap]) / len(series)
    return float(np.sqrt(variance / len(series)))
