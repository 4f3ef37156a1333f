"""The meta-learner lived forward: it finds planted regimes, else it stays with what it has."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contracts.demo_pool import PURGE
from contracts.metas import FIRST, MetaCase
from numpy.typing import NDArray

from ensemble.combination import FixedWeights
from ensemble.evidence import Evidence
from ensemble.meta.combination import NETWORK, EraWeights
from ensemble.meta.forward import Walk, turnover, walk_forward
from ensemble.meta.regimes import describe, purity, to_json
from ensemble.moments import era_moments
from ensemble.nested import blocks_of
from ensemble.recipe import READERS
from erazoo.errors import ArtifactError, ConfigError, DataError
from erazoo.publish import json_text, write_json


@pytest.fixture(scope="module")
def lived(moving: MetaCase) -> Walk:
    return walk_forward(moving.evidence, moving.learning(every=40), 0.5)


@pytest.fixture(scope="module")
def learned(moving: MetaCase) -> EraWeights:
    found = moving.learning().learn(moving.evidence)
    assert isinstance(found, EraWeights)
    return found


def test_planted_regimes_are_found_and_beat_static_weights(lived: Walk) -> None:
    mean, error = lived.gain
    assert lived.better
    assert mean > 2 * error
    assert lived.verdict().startswith("better than the static weights that it starts from: +")
    assert lived.weights.shape == lived.static.shape == (len(lived.eras), 4)
    np.testing.assert_allclose(lived.weights.sum(axis=1), 1, atol=1e-6)
    assert np.isclose(np.nanmean(lived.scores) - np.nanmean(lived.usual), mean)


@pytest.mark.long
def test_without_regimes_it_falls_back_to_the_static_weights(still: MetaCase) -> None:
    walk = walk_forward(still.evidence, still.learning(every=40), 0.5)
    assert not walk.better
    assert walk.verdict().startswith("no better than the static weights")
    assert walk.verdict().endswith("use static weights")
    assert np.nanmean(walk.scores) > 0.99 * np.nanmean(walk.usual)


def test_too_few_eras_leave_the_static_weights(moving: MetaCase) -> None:
    learning = moving.learning(least=60)
    found = learning.learn(moving.evidence.stretch(0, 59))
    assert isinstance(found, FixedWeights)
    assert learning.choice is None
    np.testing.assert_array_equal(
        found.weights, learning.static.fit(moving.evidence.stretch(0, 59))
    )


def test_mmc_needs_a_meta_model(moving: MetaCase) -> None:
    pool = replace(moving.evidence.pool, meta_model=None)
    with pytest.raises(ConfigError, match="'mmc' needs a meta model"):
        moving.learning(objective="mmc").learn(replace(moving.evidence, pool=pool))


def test_mmc_is_raised_where_there_is_a_meta_model(moving: MetaCase) -> None:
    evidence = moving.evidence
    learning = moving.learning(objective="mmc", static="equal", penalties=(0.3,))
    early, late = evidence.stretch(0, 112), evidence.moments.stretch(120, 155)
    found = learning.learn(early)
    assert isinstance(found, EraWeights)
    weights = found.era_weights(found.statistics(evidence))[120:155]
    assert late.mmc(weights).mean() > late.mmc(found.static).mean()


def test_a_worse_meta_learner_is_not_recommended(lived: Walk) -> None:
    worse = replace(lived, scores=lived.usual - 0.01 * np.arange(len(lived.usual)) % 3)
    assert not worse.better
    assert worse.verdict().startswith("no better than the static weights that it starts from: -")
    short = replace(lived, overlap=len(lived.scores))
    assert short.verdict() == "judged on too few eras to tell; use static weights"
    assert not short.better
    never = replace(lived, scores=lived.usual, penalties=(None,) * len(lived.penalties))
    assert "never left them" in never.verdict()
    assert never.gain == (0.0, 0.0)


def test_the_walk_is_plain_values(lived: Walk) -> None:
    told = lived.to_json(("a", "b", "c", "d"))
    assert json.loads(json_text(told))["eras"] == list(lived.eras)
    assert told["gain"]["mean"] == pytest.approx(told["mean"] - told["static_mean"])
    assert turnover(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])) == 0.5
    assert turnover(np.ones((1, 2))) is None


def disturbed(evidence: Evidence, first: int) -> Evidence:
    """The same evidence with other targets from the era at `first` on."""
    pool = evidence.pool
    rows = int(pool.slices.bounds[first])
    targets = pool.targets.copy()
    targets[rows:] = np.random.default_rng(1).permutation(targets[rows:])
    other = replace(pool, targets=targets)
    return Evidence(other, era_moments(other), evidence.seed)


@pytest.mark.parametrize("training", ["gradient", "reward"])
def test_targets_not_yet_resolved_change_no_bit(moving: MetaCase, training: str) -> None:
    """At era t nothing is used of targets of eras later than t - reach - lag."""
    evidence = moving.evidence
    block = blocks_of(evidence.pool, 0.2, 1)[0]
    place = block.first + 10
    unresolved = place - PURGE
    assert evidence.pool.axis.position(evidence.pool.eras[place]) == FIRST + place + 1
    seen: list[NDArray[np.float32]] = []
    for held in (evidence, disturbed(evidence, unresolved), disturbed(evidence, unresolved - 1)):
        learning = moving.learning(training=training, penalties=(0.3,), steps=40)
        combination = learning.learn(held.stretch(0, block.learned))
        assert isinstance(combination, EraWeights)
        seen.append(combination.blend(held, block.first, place + 1))
    assert not np.array_equal(evidence.moments.scores, disturbed(evidence, place).moments.scores)
    span = (
        evidence.pool.slices.bounds[[block.first, place, place + 1]]
        - (evidence.pool.slices.bounds[block.first])
    )
    np.testing.assert_array_equal(seen[0], seen[1])
    # One era more was resolved, and changes what is seen of the members' recent scores.
    assert (seen[0][span[1] :] != seen[2][span[1] :]).any()


@pytest.mark.long
def test_a_recipe_gives_the_same_live_weights_in_a_new_process(
    moving: MetaCase, learned: EraWeights, tmp_path: Path
) -> None:
    case = moving.case
    live = case.panel.live
    ranks = np.array([case.member(n, live) for n in case.pool.names], np.float32)
    recipe = {
        "kind": learned.kind,
        "members": [{"name": name} for name in case.pool.names],
        **learned.write(tmp_path),
    }
    write_json(tmp_path / "recipe.json", recipe)
    np.savez(tmp_path / "live.npz", ranks=ranks, features=live.features, ids=live.ids.astype(str))
    code = (
        "import sys, json, numpy as np\n"
        "from pathlib import Path\n"
        "from ensemble.recipe import READERS\n"
        "from erazoo.panel import EraBlock\n"
        "folder = Path(sys.argv[1])\n"
        "held = np.load(folder / 'live.npz')\n"
        "none = np.empty((len(held['ids']), 0), np.float32)\n"
        "block = EraBlock('X', held['ids'].astype(object), held['features'], none, none)\n"
        "recipe = json.loads((folder / 'recipe.json').read_text())\n"
        "found = READERS['meta'](recipe, folder)\n"
        "np.save(folder / 'weights.npy', found.live_weights(held['ranks'], block))\n"
        "np.save(folder / 'blend.npy', found.live(held['ranks'], block))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True)
    ours = learned.live_weights(ranks, live)
    np.testing.assert_array_equal(np.load(tmp_path / "weights.npy"), ours)
    np.testing.assert_array_equal(np.load(tmp_path / "blend.npy"), learned.live(ranks, live))
    np.testing.assert_allclose(learned.live(ranks, live), ours @ ranks, rtol=1e-6)
    assert (tmp_path / NETWORK).is_file()


def test_a_past_era_as_a_live_one_gets_the_weights_that_it_had(
    moving: MetaCase, learned: EraWeights
) -> None:
    """The same era by the shards and by its live rows."""
    pool = moving.evidence.pool
    era = pool.eras[-1]
    block = moving.case.panel.held[era]
    ranks = pool.ranks[:, int(pool.slices.bounds[-2]) :]
    statistics = learned.statistics(moving.evidence)
    seen = learned.live_statistics(ranks, block)
    assert seen.names == statistics.names
    features = len(seen.names) - 1 - pool.size
    np.testing.assert_allclose(
        seen.values[0, :features], statistics.values[-1, :features], rtol=1e-5, atol=1e-7
    )


def test_a_recipe_of_other_members_is_refused(learned: EraWeights, tmp_path: Path) -> None:
    recipe = {"members": [{"name": "x"}], **learned.write(tmp_path)}
    with pytest.raises(ArtifactError, match="other members"):
        READERS["meta"](recipe, tmp_path)


def test_a_recipe_holds_no_past_eras(moving: MetaCase, learned: EraWeights) -> None:
    with pytest.raises(DataError, match="live eras alone"):
        replace(learned, meter=None).blend(moving.evidence, 0, 1)


def test_blank_later_eras_are_blended(moving: MetaCase, learned: EraWeights) -> None:
    """Held-out eras come without targets; recent scores are those that were learned from."""
    pool = moving.case.pool.stretch(100, 120)
    blank = replace(pool, targets=np.full_like(pool.targets, np.nan))
    evidence = Evidence(blank, era_moments(blank))
    values = learned.blend(evidence, 0, 20)
    assert values.shape == pool.targets.shape
    assert np.isfinite(values).all()


def test_regimes_are_the_planted_ones_and_named(moving: MetaCase, learned: EraWeights) -> None:
    statistics = learned.statistics(moving.evidence)
    assigned = learned.regimes(statistics)
    assert purity(assigned, moving.true) > 0.95
    weights = learned.era_weights(statistics)
    found = describe(assigned, statistics, learned.scaling, weights)
    assert sum(regime.eras for regime in found) == len(statistics.eras)
    assert [r.eras for r in found] == sorted((r.eras for r in found), reverse=True)
    assert all(" with " in regime.name for regime in found)
    for regime in found:
        own = assigned == regime.number
        np.testing.assert_allclose(regime.weights, weights[own].mean(axis=0))
    told = to_json(statistics.eras, assigned, found, moving.true)
    assert json.loads(json_text(told))["purity"] > 0.95


def test_purity_by_hand() -> None:
    found = np.array([0, 0, 0, 1, 1, 2])
    true = np.array([5, 5, 7, 7, 7, 5])
    assert purity(found, true) == pytest.approx(5 / 6)
