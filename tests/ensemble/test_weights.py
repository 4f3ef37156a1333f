"""Weightings: on the simplex, blind to what they must not see, and right where that is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from contracts.pools import make_pool
from hypothesis import given, settings
from hypothesis import strategies as st
from numerai_tools import scoring as library
from scipy.optimize import minimize

from ensemble.evidence import Evidence
from ensemble.methods import METHODS
from ensemble.moments import era_moments
from ensemble.pool import Pool
from ensemble.stacking import LightGBMStacking, RidgeStacking
from ensemble.weights import greedy
from ensemble.weights.average import BestOfCategory
from ensemble.weights.greedy import Greedy
from ensemble.weights.maximise import LinearGoal, Maximise, ascend
from ensemble.weights.nnls import NonNegativeLeastSquares
from ensemble.weights.proportional import ScoreProportional
from ensemble.weights.registry import WEIGHTINGS
from ensemble.weights.simplex import best_direction, equal_weights, normalised, project
from erazoo.config.schema import EnsembleSection
from erazoo.errors import ConfigError

SECTION = EnsembleSection(rounds=15)
BUILT = {name: spec.build(SECTION) for name, spec in WEIGHTINGS.items()} | {
    "stacking_ridge": RidgeStacking()
}
LEARNED = [name for name in BUILT if name not in ("equal",)]


def evidence_of(pool: Pool, seed: int = 0) -> Evidence:
    return Evidence(pool, era_moments(pool), seed)


def of_members(pool: Pool, order: list[int]) -> Pool:
    """The pool of some members, in some order, perhaps more than once."""
    return replace(
        pool,
        names=tuple(f"{pool.names[j]}-{k}" for k, j in enumerate(order)),
        families=tuple(pool.families[j] for j in order),
        ranks=pool.ranks[order],
    )


@pytest.mark.parametrize("name", BUILT)
@given(seed=st.integers(0, 2**32 - 1), members=st.integers(1, 5))
@settings(max_examples=8)
def test_weights_lie_on_the_simplex(name: str, seed: int, members: int) -> None:
    skills = np.random.default_rng(seed).uniform(-0.1, 0.2, members)
    weights = BUILT[name].fit(evidence_of(make_pool(skills, eras=6, rows=30, seed=seed)))
    assert weights.shape == (members,)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", BUILT)
def test_the_order_of_members_does_not_matter(name: str) -> None:
    pool = make_pool([0.2, 0.1, 0.05, 0.15], eras=10, rows=80, common=0.4)
    order = [2, 0, 3, 1]
    ours = BUILT[name].fit(evidence_of(pool))
    theirs = BUILT[name].fit(evidence_of(of_members(pool, order)))
    np.testing.assert_allclose(theirs, ours[order], atol=0.02)


@pytest.mark.parametrize("name", [n for n in BUILT if n not in ("greedy", "best_of_category")])
def test_equal_members_get_equal_weights(name: str) -> None:
    """Picks go to the first of equals, so those of `greedy` are only as good together."""
    pool = of_members(make_pool([0.2], eras=8, rows=60), [0, 0, 0])
    weights = BUILT[name].fit(evidence_of(pool))
    if name in ("nnls", "mean_variance", "maximise"):
        assert pool.blend(weights) == pytest.approx(pool.ranks[0], abs=1e-6)
    else:
        np.testing.assert_allclose(weights, 1 / 3, atol=1e-6)


@pytest.mark.parametrize("name", LEARNED)
def test_the_scale_of_predictions_does_not_matter(name: str) -> None:
    """Ranks are taken before anything is learned: any rising change of a member leaves them."""
    pool = make_pool([0.2, 0.1, 0.0], eras=8, rows=60)
    changed = replace(pool, ids=pool.ids[::-1].copy())
    np.testing.assert_array_equal(
        BUILT[name].fit(evidence_of(pool)), BUILT[name].fit(evidence_of(changed))
    )


@pytest.mark.parametrize("name", [n for n in LEARNED if n not in ("inverse_error",)])
def test_the_best_member_is_found_among_noise(name: str) -> None:
    pool = make_pool([0.0, 0.0, 0.4, 0.0], eras=25, rows=150, families=["a", "b", "c", "d"])
    weights = BUILT[name].fit(evidence_of(pool))
    if name == "best_of_category":
        np.testing.assert_allclose(weights, 0.25)
    else:
        assert weights.argmax() == 2
        assert weights[2] > 0.6


def test_the_best_of_each_family_is_kept() -> None:
    pool = make_pool(
        [0.05, 0.3, 0.2, 0.0], eras=25, rows=120, families=["net", "net", "trees", "trees"]
    )
    np.testing.assert_allclose(BestOfCategory().fit(evidence_of(pool)), [0, 0.5, 0.5, 0])


def test_errors_leave_noise_with_a_little_less() -> None:
    weights = BUILT["inverse_error"].fit(evidence_of(make_pool([0.5, 0.0], eras=20, rows=100)))
    assert 0.5 < weights[0] < 0.65


@pytest.mark.parametrize("name", ["score_proportional", "nnls", "mean_variance", "stacking_ridge"])
def test_members_that_are_wrong_leave_equal_weights(name: str) -> None:
    pool = make_pool([-0.3, -0.2], eras=20, rows=100)
    np.testing.assert_array_equal(BUILT[name].fit(evidence_of(pool)), [0.5, 0.5])


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("case", ["no target", "few rows", "constant members"])
def test_where_nothing_can_be_scored_weights_are_equal(name: str, case: str) -> None:
    pool = make_pool([0.2, 0.1, 0.0], eras=4, rows=9 if case == "few rows" else 40)
    if case == "no target":
        pool = replace(pool, targets=np.full_like(pool.targets, np.nan))
    if case == "constant members":
        pool = replace(pool, ranks=np.full_like(pool.ranks, 0.5))
    np.testing.assert_allclose(BUILT[name].fit(evidence_of(pool)), np.full(3, 1 / 3))


@pytest.mark.parametrize("method", [Greedy("mmc", 5), Greedy("mmc", 5, bags=4), Maximise("mmc")])
def test_mmc_of_eras_before_the_meta_model_is_unknown(method: Any) -> None:
    pool = make_pool([0.2, 0.1, 0.0, 0.1], eras=4, rows=40)
    blank = np.full_like(pool.targets, np.nan)
    pool = replace(pool, references={**pool.references, "meta": blank})
    found = method.fit(evidence_of(pool))
    assert found.sum() == pytest.approx(1)
    assert found.max() <= 0.5


def test_scores_are_proportions() -> None:
    evidence = evidence_of(make_pool([0.3, 0.1, -0.3], eras=30, rows=100))
    means = evidence.moments.scores.mean(axis=0).clip(0)
    np.testing.assert_allclose(ScoreProportional().fit(evidence), means / means.sum())


# The simplex.


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=7))
def test_the_projection_is_the_nearest_point(values: list[float]) -> None:
    point = np.array(values)
    ours = project(point)
    assert ours.sum() == pytest.approx(1)
    assert (ours >= 0).all()
    rng = np.random.default_rng(0)
    for other in (*rng.dirichlet(np.ones(len(point)), 50), *np.eye(len(point))):
        assert np.sum((ours - point) ** 2) <= np.sum((other - point) ** 2) + 1e-9


@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
@settings(max_examples=25)
def test_the_best_direction_has_the_highest_ratio(seed: int, members: int) -> None:
    rng = np.random.default_rng(seed)
    gain, root = rng.uniform(0.1, 1, members), rng.normal(size=(members, 2 * members))
    risk = root @ root.T

    def ratio(w: np.ndarray) -> float:
        return float(gain @ w / np.sqrt(w @ risk @ w))

    found = minimize(
        lambda w: -ratio(w),
        equal_weights(members),
        bounds=[(0, 1)] * members,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
    )
    assert ratio(best_direction(gain, risk)) >= -found.fun - 1e-6


def test_nothing_positive_is_equal_weights() -> None:
    np.testing.assert_array_equal(normalised(np.array([-1.0, np.nan, 0.0])), [1 / 3] * 3)


# Ascents.


@pytest.mark.parametrize("objective", ["corr", "sharpe", "mmc"])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_the_gradient_is_that_of_the_score(objective: Any, seed: int) -> None:
    pool = make_pool([0.2, 0.1, 0.3], eras=6, rows=60, seed=seed)
    moments = era_moments(pool)
    goal = LinearGoal.of(replace(moments, gram=moments.gram.astype(np.float64)), objective)
    weights = np.random.default_rng(seed).dirichlet(np.ones(3))
    step = 1e-3
    numeric = [
        (goal.value(weights + step * unit) - goal.value(weights - step * unit)) / (2 * step)
        for unit in np.eye(3)
    ]
    np.testing.assert_allclose(goal.gradient(weights), numeric, rtol=0.02, atol=2e-3)


def test_in_one_era_the_score_is_quasiconcave_and_the_optimum_known() -> None:
    """A ratio of a linear to a convex function has one peak: every start must reach it."""
    pool = make_pool([0.3, 0.2, 0.1, 0.25], eras=1, rows=400, common=0.8)
    evidence = evidence_of(pool)
    goal = LinearGoal.of(evidence.moments, "corr")
    best = goal.value(NonNegativeLeastSquares().fit(evidence))
    rng = np.random.default_rng(3)
    for start in (*rng.dirichlet(np.ones(4), 6), *np.eye(4)):
        assert goal.value(ascend(goal, start)) == pytest.approx(best, rel=1e-4)
    for one, other in rng.dirichlet(np.ones(4), (40, 2)):
        middle = goal.value((one + other) / 2)
        assert middle >= min(goal.value(one), goal.value(other)) - 1e-6


@pytest.mark.parametrize("objective", ["corr", "sharpe", "mmc"])
def test_no_point_of_a_fine_grid_is_better(objective: Any) -> None:
    pool = make_pool([0.25, 0.2, 0.1], eras=15, rows=100, common=0.6)
    evidence = evidence_of(pool)
    goal = LinearGoal.of(evidence.moments, objective)
    found = goal.value(Maximise(objective).fit(evidence))
    grid = [np.array([a, b, 20 - a - b]) / 20 for a in range(21) for b in range(21 - a)]
    assert found >= max(goal.value(point) for point in grid) - 1e-6


@pytest.mark.parametrize("method", [Maximise("mmc"), Greedy("mmc")])
def test_mmc_needs_a_meta_model(method: Any) -> None:
    with pytest.raises(ConfigError, match=r"ensemble\.objective = 'mmc' needs a meta model"):
        method.fit(evidence_of(make_pool(meta_model=False)))


# Greedy selection.


def plain_greedy(pool: Pool, rounds: int) -> np.ndarray:
    """Every candidate of every round rescored with numerai-tools, era by era."""
    import pandas as pd

    targets = [pd.Series(pool.targets[span], name="target") for span in pool.slices]
    total, picks, values = np.zeros(pool.slices.rows), [], []
    for _ in range(rounds):
        scores = []
        for member in range(pool.size):
            blend = ((total + pool.ranks[member]) / (len(picks) + 1)).astype(np.float32)
            each = [
                library.numerai_corr(pd.DataFrame({"p": blend[span]}), target)["p"]
                for span, target in zip(pool.slices, targets, strict=True)
            ]
            scores.append(np.mean(each))
        picks.append(int(np.argmax(np.round(scores, 12))))
        values.append(max(scores))
        total = total + pool.ranks[picks[-1]]
    kept = int(np.argmax(np.round(values, 12))) + 1
    return np.bincount(picks[:kept], minlength=pool.size) / kept


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("members", [3, 12])
def test_greedy_is_the_plain_loop(members: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    skills = rng.uniform(0, 0.3, members)
    pool = make_pool(skills, eras=3, rows=60, seed=seed, common=0.5)
    ours = Greedy(rounds=6).fit(evidence_of(pool))
    np.testing.assert_allclose(ours, plain_greedy(pool, 6), atol=1e-12)


def test_few_of_many_candidates_are_scored_and_little_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scored: list[int] = []
    exact = Evidence.exact

    def counted(self: Evidence, blends: np.ndarray, objective: Any) -> np.ndarray:
        scored.append(len(blends))
        return exact(self, blends, objective)

    monkeypatch.setattr(Evidence, "exact", counted)
    evidence = evidence_of(make_pool(np.linspace(0, 0.1, 60), eras=8, rows=200, common=0.5))
    ours = Greedy(rounds=10).fit(evidence)
    few = sum(scored)
    assert few < 10 * 60 / 2
    monkeypatch.setattr(greedy, "BATCH", 60)
    whole = Greedy(rounds=10).fit(evidence)
    assert sum(scored) - few == 600
    found, best = (
        float(exact(evidence, evidence.pool.blend(w)[None], "corr").mean()) for w in (ours, whole)
    )
    assert found > 0.98 * best


@pytest.mark.parametrize("objective", ["corr", "sharpe", "mmc"])
def test_no_single_member_beats_the_selection(objective: Any) -> None:
    evidence = evidence_of(make_pool([0.2, 0.15, 0.1, 0.05], eras=10, rows=80, common=0.5))
    weights = Greedy(objective, 20).fit(evidence)
    blends = np.stack([evidence.pool.blend(weights), *evidence.pool.ranks])
    scores = evidence.exact(blends, objective)
    mean = scores.mean(axis=0) / (scores.std(axis=0) if objective == "sharpe" else 1)
    assert mean[0] >= mean[1:].max() - 1e-9


def test_bags_spread_the_picks_and_depend_on_the_seed_alone() -> None:
    pool = make_pool([0.3, 0.28, 0.26, 0.24], eras=10, rows=80)
    one, again, other = (
        Greedy(rounds=10, bags=6).fit(evidence_of(pool, seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    plain = Greedy(rounds=10).fit(evidence_of(pool))
    assert (one > 0).sum() >= (plain > 0).sum()


# Stacking.


def test_trees_rise_with_every_member_and_return_from_their_file(tmp_path: Any) -> None:
    pool = make_pool([0.5, 0.3], eras=12, rows=150)
    evidence = evidence_of(pool)
    found = LightGBMStacking.learn(evidence.stretch(0, 8))
    late = pool.stretch(8, 12)
    values = found.blend(evidence, 8, 12)
    assert evidence.stretch(8, 12).exact(values[None], "corr").mean() > 0.3
    grid = np.linspace(0.01, 0.99, 40, dtype=np.float32)
    for member in range(2):
        ranks = np.full((2, 40), 0.5, dtype=np.float32)
        ranks[member] = grid
        block: Any = None
        assert (np.diff(found.live(ranks, block)) >= 0).all()
    entry = found.write(tmp_path)
    again = LightGBMStacking.read({**entry, "members": [{}, {}]}, tmp_path)
    np.testing.assert_array_equal(again.live(late.ranks, block), values)


def test_the_number_of_threads_changes_no_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    from ensemble import stacking

    monkeypatch.setattr(stacking, "FEW_CELLS", 0)
    evidence = evidence_of(make_pool([0.3, 0.2, 0.1], eras=8, rows=300))
    one, two = (LightGBMStacking.learn(evidence, threads) for threads in (1, 2))
    assert "[num_threads: 2]" in two.model
    trees = [found.model.partition("parameters:")[0] for found in (one, two)]
    assert trees[0] == trees[1]


def test_each_era_counts_alike_in_stacking() -> None:
    """An era told twice over in more rows does not outvote the others."""
    from ensemble.stacking import _rows

    pool = make_pool([0.2, 0.1], eras=3, rows=50)
    targets = pool.targets.copy()
    targets[:30] = np.nan
    _, _, weight = _rows(evidence_of(replace(pool, targets=targets)))
    assert len(weight) == 120
    np.testing.assert_allclose(
        [weight[:20].sum(), weight[20:70].sum()], weight[70:].sum(), rtol=1e-5
    )


def test_every_method_has_a_summary() -> None:
    assert set(BUILT) <= set(METHODS)
    assert all(method.summary for method in METHODS.values())
