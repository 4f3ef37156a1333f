"""What the demo world plants: identity, overlap, regimes, the signal and its observers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from erazoo.config.schema import DemoSection
from etl.demo.blocks import make_blocks
from etl.demo.latent import equal_counts
from etl.demo.names import Identifiers
from etl.demo.profiles import Plan
from etl.demo.regimes import LONGEST_RUN, SHORTEST_RUN, comovement, regime_path
from etl.demo.targets import BIN_SHARES, TARGETS, NoiseStream, binned, horizon
from etl.demo.world import DemoEra, DemoWorld
from scoring.corr import numerai_corr
from scoring.eras import EraSlices


def world(**options: object) -> DemoWorld:
    return DemoWorld(Plan.of(DemoSection.model_validate(options)))


@pytest.fixture(scope="module")
def balanced() -> tuple[DemoWorld, list[DemoEra]]:
    made = world()
    return made, list(made.eras())


@given(st.integers(50, 400), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_classes_have_equal_counts_and_keep_the_order(rows: int, seed: int) -> None:
    latent = np.random.default_rng(seed).standard_normal((3, rows)).astype(np.float32)
    classes = equal_counts(latent)
    for line, values in zip(classes, latent, strict=True):
        counts = np.bincount(line, minlength=5)
        assert counts.max() - counts.min() <= 1
        assert (np.diff(line[np.argsort(values)]) >= 0).all()


@given(st.integers(50, 2000), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_bins_have_their_shares_and_keep_the_order(rows: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal(rows)
    bins = binned(values)
    counts = [np.count_nonzero(bins == level) for level in (0, 0.25, 0.5, 0.75, 1)]
    assert np.abs(np.array(counts) - np.array(BIN_SHARES) * rows).max() <= 1
    assert (np.diff(bins[np.argsort(values)]) >= 0).all()


@given(st.integers(1, 8), st.integers(60, 400), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_regimes_last_several_eras_and_come_about_as_often(
    regimes: int, eras: int, seed: int
) -> None:
    path = regime_path(eras, regimes, np.random.default_rng(seed))
    assert len(path) == eras
    starts = np.flatnonzero(np.diff(path)) + 1
    runs = np.diff(np.concatenate([[0], starts]))
    if regimes == 1:
        assert set(path) == {0}
        return
    assert ((runs >= SHORTEST_RUN) & (runs <= LONGEST_RUN)).all()
    visits = np.bincount(path[np.concatenate([[0], starts])], minlength=regimes)
    assert visits.max() - visits.min() <= 1


@given(st.integers(2, 8), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_every_two_regimes_move_differently(regimes: int, seed: int) -> None:
    signs = comovement(regimes, 6 + regimes, np.random.default_rng(seed))
    pairs = np.abs(signs @ signs.T) / signs.shape[1]
    assert (pairs[~np.eye(regimes, dtype=bool)] <= 0.6).all()


@given(st.lists(st.integers(1, 500), min_size=2, max_size=5), st.integers(0, 999))
@settings(max_examples=25, deadline=None)
def test_identifiers_never_repeat(counts: list[int], seed: int) -> None:
    ids = Identifiers(np.random.default_rng(seed))
    taken = np.concatenate([ids.take(count) for count in counts])
    assert len(np.unique(taken)) == sum(counts)
    assert all(len(name) == 16 and name[0] == "n" and int(name[1:], 16) >= 0 for name in taken)


@pytest.mark.parametrize(("features", "regimes"), [(24, 4), (60, 3), (120, 8), (1000, 1)])
def test_blocks_share_out_every_column_once(features: int, regimes: int) -> None:
    plan = Plan.of(DemoSection(features=features, regimes=regimes))
    blocks = make_blocks(plan, np.random.default_rng(0))
    columns = np.concatenate([block.columns for block in blocks])
    assert np.array_equal(np.sort(columns), np.arange(features))
    assert all(((b.style**2 + b.spread**2) < 1).all() for b in blocks)
    assert [b.number for b in blocks if b.kind == "regime"] == list(range(regimes))


def test_a_longer_history_continues_the_same_world() -> None:
    short = list(world(eras=60, rows=60, features=30).eras())[20:60]
    long = list(world(eras=90, rows=60, features=30).eras())[20:60]
    for a, b in zip(short, long, strict=True):
        assert np.array_equal(a.features, b.features)
        assert np.array_equal(a.ids, b.ids)
        assert all(np.array_equal(a.truth[t], b.truth[t]) for t in TARGETS)


def test_rows_say_nothing_of_the_asset(balanced: tuple[DemoWorld, list[DemoEra]]) -> None:
    eras = balanced[1]
    places = [np.argsort(era.assets)[:300] for era in eras[:40]]
    ranks = [
        np.argsort(np.argsort(era.ids))[place] for era, place in zip(eras, places, strict=False)
    ]
    for series in (places, ranks):
        likeness = [np.corrcoef(a, b)[0, 1] for a, b in pairwise(series)]
        assert abs(np.mean(likeness)) < 4 / np.sqrt(300 * len(likeness))


def test_assets_look_alike_in_neighbouring_eras_and_leave_slowly(
    balanced: tuple[DemoWorld, list[DemoEra]],
) -> None:
    eras = balanced[1]

    def likeness(gap: int) -> float:
        found = []
        for era in range(60, 100):
            left, right = _aligned(eras[era], eras[era + gap])
            found.append(np.corrcoef(left.ravel(), right.ravel())[0, 1])
        return float(np.mean(found))

    near, next_but_one, far = likeness(1), likeness(2), likeness(20)
    assert near > 0.5
    assert near**2 - 0.1 < next_but_one < near - 0.1
    assert abs(far) < 0.05
    stayed = [len(np.intersect1d(a.assets, b.assets)) / 500 for a, b in pairwise(eras)]
    assert np.mean(stayed) == pytest.approx(0.99, abs=0.002)


def test_noise_overlaps_by_the_weeks_that_horizons_share() -> None:
    stream = NoiseStream(40_000, np.random.default_rng(2))
    start, nobody = stream.now, np.zeros(40_000, dtype=np.bool_)
    for gap in range(1, 14):
        stream.advance(nobody)
        for target in TARGETS:
            expected = max(0.0, 1 - gap / horizon(target))
            seen = np.corrcoef(start.over(target), stream.now.over(target))[0, 1]
            assert seen == pytest.approx(expected, abs=0.025), (target, gap)
    assert stream.now.over("target_ender_60").std() == pytest.approx(1, abs=0.02)


def test_a_new_asset_shares_no_noise_with_the_one_before() -> None:
    stream = NoiseStream(40_000, np.random.default_rng(2))
    before, arrived = stream.now.over("target_ender_60"), np.arange(40_000) < 20_000
    stream.advance(arrived)
    after = stream.now.over("target_ender_60")
    assert abs(np.corrcoef(before[arrived], after[arrived])[0, 1]) < 0.03
    assert np.corrcoef(before[~arrived], after[~arrived])[0, 1] > 0.85


def test_binned_targets_of_an_asset_overlap_between_eras() -> None:
    eras = list(world(profile="noise", eras=80).eras())

    def overlap(target: str, gap: int) -> float:
        pairs = [_aligned(eras[k], eras[k + gap], target) for k in range(60)]
        return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs]))

    assert overlap("target_ender_20", 1) == pytest.approx(0.66, abs=0.06)
    assert overlap("target_ender_60", 1) == pytest.approx(0.84, abs=0.06)
    assert overlap("target_ender_60", 8) > 0.2
    assert abs(overlap("target_ender_20", 4)) < 0.03
    assert abs(overlap("target_ender_60", 12)) < 0.03


def test_the_relative_is_a_noisy_copy_of_the_main_target(
    balanced: tuple[DemoWorld, list[DemoEra]],
) -> None:
    for bars in (20, 60):
        pairs = [
            (e.truth[f"target_ender_{bars}"], e.truth[f"target_cyrusd_{bars}"]) for e in balanced[1]
        ]
        assert 0.65 < np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs]) < 0.85


def test_regimes_show_in_comovement_and_not_in_margins(
    balanced: tuple[DemoWorld, list[DemoEra]],
) -> None:
    made, eras = balanced
    seen = eras[made.missing_eras : -1]
    regimes = np.array([era.regime for era in seen])
    moves = np.array([_group_correlations(made, era) for era in seen])
    half = len(seen) // 2
    centres = np.stack([moves[:half][regimes[:half] == r].mean(axis=0) for r in range(3)])
    nearest = np.argmin(((moves[half:, None] - centres) ** 2).sum(axis=2), axis=1)
    assert (nearest == regimes[half:]).mean() > 0.95
    for era in seen:
        assert all(np.bincount(line, minlength=5).tolist() == [100] * 5 for line in era.features)


def test_the_parts_have_their_shares_and_stand_apart(
    balanced: tuple[DemoWorld, list[DemoEra]],
) -> None:
    made, eras = balanced
    found = [made.signal.parts(era.features, era.regime) for era in eras]
    rows = np.array(
        [
            np.concatenate([getattr(p, name) for p in found])
            for name in ("linear", "pairs", "regime")
        ]
    )
    np.testing.assert_allclose(rows.var(axis=1), 1, atol=0.06)
    assert np.abs(np.corrcoef(rows) - np.eye(3)).max() < 0.05
    assert np.concatenate([era.signal for era in eras]).var() == pytest.approx(1, abs=0.06)
    inactive = [
        np.corrcoef(p.regime, made.signal.regimes[(e.regime + 1) % 3].of(e.features))[0, 1]
        for p, e in zip(found, eras, strict=True)
    ]
    assert abs(np.mean(inactive)) < 0.03


def test_a_single_regime_makes_its_part_constant() -> None:
    for era in world(regimes=1, eras=60, rows=100).eras():
        np.testing.assert_allclose(era.signal, era.blind)


@pytest.mark.parametrize(
    ("profile", "low", "high"),
    [("balanced", 0.12, 0.20), ("interactions", 0.25, 0.35), ("regimes", 0.15, 0.25)],
)
@pytest.mark.parametrize("seed", [7, 8])
def test_the_achievable_score_of_a_profile(
    profile: str, low: float, high: float, seed: int
) -> None:
    scores = _mean_scores(world(profile=profile, seed=seed))
    assert low < scores["signal"] < high
    assert 0.6 * scores["signal"] < scores["blind"] < 0.97 * scores["signal"]
    assert 0.25 * scores["signal"] < scores["benchmark"] < 0.6 * scores["signal"]
    assert 0.25 * scores["signal"] < scores["meta_model"] < 0.7 * scores["signal"]


@pytest.mark.parametrize("profile", ["noise", "memory"])
def test_a_profile_without_signal(profile: str) -> None:
    made = world(profile=profile)
    scores = [_scores(era) for era in made.eras()]
    for name in ("benchmark", "meta_model"):
        series = np.array([score[name] for score in scores])[::4]
        assert abs(series.mean()) < 3 * series.std() / np.sqrt(len(series)) * np.sqrt(2)
    assert all(np.isnan(score["signal"]) for score in scores)


def test_no_reference_and_no_feature_knows_the_noise() -> None:
    one, other = world(eras=60, rows=100, features=40), world(eras=60, rows=100, features=40)
    other._seeds["noise"] = np.random.SeedSequence(12345)
    for a, b in zip(one.eras(), other.eras(), strict=True):
        assert np.array_equal(a.features, b.features)
        assert np.array_equal(a.signal, b.signal)
        assert np.array_equal(a.benchmark, b.benchmark)
        assert np.array_equal(a.meta_model, b.meta_model)
        assert not np.array_equal(a.truth["target_ender_20"], b.truth["target_ender_20"])


def test_a_linear_model_finds_the_linear_part_and_no_pairs(
    balanced: tuple[DemoWorld, list[DemoEra]],
) -> None:
    made, eras = balanced
    gram, cross = np.zeros((120, 120)), np.zeros(120)
    for era in eras[:120]:
        x, y = (era.features - 2.0) / np.sqrt(2), era.truth["target_ender_20"] - 0.5
        gram, cross = gram + x @ x.T, cross + x @ y
    weights = np.linalg.solve(gram + 5000 * np.eye(120), cross)
    scores, likeness = [], []
    for era in eras[130:230]:
        parts, prediction = made.signal.parts(era.features, era.regime), weights @ era.features
        scores.append((_score(prediction, era), _score(era.signal, era)))
        likeness.append([np.corrcoef(prediction, p)[0, 1] for p in (parts.linear, parts.pairs)])
    reached, best = np.mean(scores, axis=0)
    assert 0.4 * best < reached < 0.7 * best
    linear, pairs = np.mean(likeness, axis=0)
    assert linear > 0.6
    assert abs(pairs) < 0.03


def _aligned(
    left: DemoEra, right: DemoEra, target: str | None = None
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    _, a, b = np.intersect1d(left.assets, right.assets, return_indices=True)
    if target is None:
        return left.features[:, a], right.features[:, b]
    return left.truth[target][a], right.truth[target][b]


def _group_correlations(made: DemoWorld, era: DemoEra) -> NDArray[np.float64]:
    means = np.stack([era.features[block.columns].mean(axis=0) for block in made.blocks])
    return np.corrcoef(means)[np.triu_indices(len(means), 1)]


def _score(prediction: NDArray[np.floating], era: DemoEra) -> float:
    whole = EraSlices((era.era,), np.array([0, len(prediction)]))
    return float(numerai_corr(prediction, era.truth["target_ender_20"], whole)[0, 0])


def _scores(era: DemoEra) -> Mapping[str, float]:
    names = ("signal", "blind", "benchmark", "meta_model")
    return {name: _score(getattr(era, name), era) for name in names}


def _mean_scores(made: DemoWorld) -> dict[str, float]:
    scores = [_scores(era) for era in made.eras()]
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
