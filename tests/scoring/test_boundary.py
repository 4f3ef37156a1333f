"""The first eras after a training boundary: leaks are found, honest scores are not accused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from scoring.alarms import BOUNDARY_CHANCE
from scoring.boundary import MIN_BLOCKS, boundary_contrast

REACH = 4


def honest(
    rng: np.random.Generator, eras: int, columns: int, reach: int = REACH
) -> NDArray[np.float64]:
    """Per-era scores whose neighbours share `reach` eras of returns, as overlapping labels do."""
    draws = rng.normal(size=(eras + reach - 1, columns))
    shared = np.stack([draws[k : k + eras] for k in range(reach)]).sum(axis=0)
    return 0.02 + 0.02 * shared / np.sqrt(reach)


def near(eras: int, folds: int, reach: int = REACH) -> NDArray[np.bool_]:
    chosen = np.zeros(eras, dtype=bool)
    for first in np.linspace(0, eras, folds + 1).astype(int)[:-1]:
        chosen[first : first + reach] = True
    return chosen


def test_the_figures_of_a_contrast() -> None:
    scores = np.array([0.5, 0.7] + [0.1, 0.3] * 5)
    (found,) = boundary_contrast(scores, np.arange(12) < 2)
    assert found is not None
    assert (found.eras, found.first, found.rest) == (2, pytest.approx(0.6), pytest.approx(0.2))
    assert found.standard_error == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("eras", "folds", "reach"), [(48, 4, 4), (200, 4, 12), (120, 1, 1)])
@pytest.mark.long
def test_honest_scores_look_like_a_leak_as_rarely_as_promised(
    eras: int, folds: int, reach: int
) -> None:
    scores = honest(np.random.default_rng(3), eras, 20_000, reach)
    found = boundary_contrast(scores, near(eras, folds, reach))
    chances = np.array([contrast.chance for contrast in found if contrast is not None])
    assert len(chances) == 20_000
    assert (chances < BOUNDARY_CHANCE).mean() < 2 * BOUNDARY_CHANCE
    assert 0.03 < (chances < 0.05).mean() < 0.07


def test_a_leak_of_the_purge_is_found() -> None:
    scores = honest(np.random.default_rng(4), 100, 200)
    leaking = near(100, 4)
    scores[leaking] += 0.1
    found = boundary_contrast(scores, leaking)
    assert sum(c is not None and c.chance < BOUNDARY_CHANCE for c in found) == 200


def test_a_leak_does_not_hide_behind_its_own_spread() -> None:
    scores = honest(np.random.default_rng(5), 100, 1)
    leaking = near(100, 4)
    scores[leaking, 0] += np.resize([0.02, 0.6], leaking.sum())
    (found,) = boundary_contrast(scores, leaking)
    assert found is not None
    assert found.chance < BOUNDARY_CHANCE


def test_too_little_of_the_rest_says_nothing() -> None:
    eras = REACH * (MIN_BLOCKS + 1)
    chosen = np.arange(eras) < REACH
    scores = honest(np.random.default_rng(6), eras, 1)
    assert boundary_contrast(scores, chosen)[0] is not None
    assert boundary_contrast(scores[:-REACH], chosen[:-REACH]) == (None,)
    assert boundary_contrast(scores, np.zeros(eras, dtype=bool)) == (None,)


def test_eras_without_a_score_are_left_out() -> None:
    scores = honest(np.random.default_rng(7), 60, 2)
    chosen = near(60, 2)
    scores[[1, 20, 40], 0] = np.nan
    first, second = boundary_contrast(scores, chosen)
    assert first is not None
    assert second is not None
    assert (first.eras, second.eras) == (7, 8)
    assert first.rest == pytest.approx(np.nanmean(scores[~chosen, 0]))
