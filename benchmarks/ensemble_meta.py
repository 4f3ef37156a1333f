"""The meta-learner against the best static weights, on ten generated worlds of each kind.

Base models are ridge regressions of one feature group each, out of purged walk-forward folds. All
weights of a judged era come from earlier, purged eras: those of the meta-learner, those of every
static method, and those fitted for each true regime. The best static method is the one that turns
out best on the judged eras of the world, which favours it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.figure import UNJUDGED, Figure
from ensemble.evidence import Evidence
from ensemble.meta.combination import EraWeights
from ensemble.meta.forward import walk_forward
from ensemble.meta.gauge import telling_groups
from ensemble.meta.method import meta_learning
from ensemble.meta.regimes import purity
from ensemble.methods import weighted
from ensemble.moments import era_moments
from ensemble.nested import Block, judge
from ensemble.pool import Pool
from ensemble.weights.maximise import LinearGoal, ascend
from ensemble.weights.registry import WEIGHTINGS
from ensemble.weights.simplex import equal_weights
from erazoo.config import Config, load
from erazoo.config.schema import EnsembleSection
from erazoo.folds import FoldPlan
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.build import open_shards, shard
from etl.demo import generate
from etl.demo.generate import RECORD
from etl.shards import ShardSet
from scoring.eras import EraSlices
from scoring.ranks import era_ranks

TARGET = "target_ender_20"
SETTINGS = (
    f"data.target={TARGET}",
    "split.scheme=expanding",
    "split.folds=4",
    "split.first_train=0.3",
    "split.held_out=0",
)
SEEDS = tuple(range(1, 11))
QUICK = (
    "demo.eras=160",
    "demo.rows=100",
    "demo.features=48",
    "ensemble.meta.least=30",
    "ensemble.meta.every=60",
    "ensemble.meta.steps=30",
    "ensemble.meta.penalties=[1.0]",
)
ALPHA = 100.0
JUDGED = 0.5


@dataclass(frozen=True)
class World:
    """Mean exact CORR over the judged eras of one world.

    Args:
        meta: of the meta-learner.
        start: of the static weights that it starts from.
        static: of the static method that is best there.
        informed: of weights fitted for each true regime.
        purity: of the regimes found, against the true ones; None where weights stayed static.
    """

    meta: float
    start: float
    static: float
    informed: float
    purity: float | None


def figures(quick: bool) -> Iterator[Figure]:
    """What the meta-learner gains where regimes are, and loses where none is."""
    seeds, settings = (SEEDS[:1], QUICK) if quick else (SEEDS, ())
    told = [measured("demo.profile=regimes", seed, settings) for seed in seeds]
    yield _ratio("meta-learner to best static weights, 3 regimes", told, ">= 1.04")
    gained = [(w.meta - w.static) / (w.informed - w.static) for w in told]
    yield Figure(
        "the way from best static weights to those of each true regime",
        float(np.mean([w.meta - w.static for w in told])),
        float(np.mean([w.informed - w.static for w in told])),
        "corr",
        ">= 0.4",
        facts={"seeds": list(seeds), "by seed": _rounded(gained), "95 %": interval(gained)}
        | {"purity": [w.purity for w in told]},
    )
    one = ("demo.regimes=1", *settings)
    plain = [measured("demo.profile=balanced", seed, one) for seed in seeds]
    yield _ratio("meta-learner to best static weights, 1 regime", plain, ">= 0.99")
    yield _ratio("meta-learner to the weights that it starts from, 1 regime", plain, to="start")


def _ratio(name: str, worlds: Sequence[World], goal: str = UNJUDGED, to: str = "static") -> Figure:
    ratios = [world.meta / getattr(world, to) for world in worlds]
    facts = {"by seed": _rounded(ratios), "95 %": interval(ratios)}
    ours, baseline = (float(np.mean([getattr(w, k) for w in worlds])) for k in ("meta", to))
    return Figure(name, ours, baseline, "corr", goal, facts=facts)


def interval(values: Sequence[float]) -> list[float]:
    """The 95 % interval of the mean over worlds, by Student's t."""
    if len(values) < 2:
        return []
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return _rounded([np.mean(values) - half, np.mean(values) + half])


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(float(value), 4) for value in values]


def measured(profile: str, seed: int, settings: Sequence[str] = ()) -> World:
    """Generate a world and walk through it.

    Args:
        profile: the setting that names it.
        seed: of the world.
        settings: further ones.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = RunDir(Path(folder))
        wanted = (*SETTINGS, f"data.dir={run.path('data')}", profile, f"demo.seed={seed}")
        config = load(overrides=[*wanted, *settings], variables={})
        generate(config.demo, run.path("data"))
        shard(config, run)
        pool = grouped_pool(config, run)
        true = true_regimes(run, pool.eras)
        return _walked(Evidence(pool, era_moments(pool), config.run.seed), config, run, true)


def _walked(evidence: Evidence, config: Config, run: RunDir, true: NDArray[np.int64]) -> World:
    learning = meta_learning(config, run)
    walk = walk_forward(evidence, learning, JUDGED)
    final, found = learning.learn(evidence), None
    if isinstance(final, EraWeights):
        found = round(purity(final.regimes(final.statistics(evidence)), true), 4)
    late = evidence.stretch(walk.blocks[0].first, walk.blocks[-1].last)
    informed = late.exact(late.pool.blend(_informed(evidence, walk.blocks, true))[None], "corr")
    return World(
        float(np.nanmean(walk.scores)),
        float(np.nanmean(walk.usual)),
        max(_static(evidence, walk.blocks, name) for name in WEIGHTINGS),
        float(np.nanmean(informed)),
        found,
    )


def _static(evidence: Evidence, blocks: Sequence[Block], name: str) -> float:
    """The mean CORR of a static method on the judged blocks."""
    learn = weighted(WEIGHTINGS[name].build(EnsembleSection()))
    late = evidence.stretch(blocks[0].first, blocks[-1].last)
    values = judge(learn, evidence, blocks).values
    return float(np.nanmean(late.exact(values[None], "corr")))


def _informed(
    evidence: Evidence, blocks: Sequence[Block], true: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(eras, M) weights of each judged era's true regime, from earlier eras of that regime."""
    rows = []
    for block in blocks:
        moments = evidence.moments.stretch(0, block.learned)
        by_regime = {}
        for regime in np.unique(true[: block.learned]):
            own = true[: block.learned] == regime
            goal = LinearGoal(moments.signal[own], moments.gram[own], "corr")
            starts = [equal_weights(moments.size), *np.eye(moments.size)]
            by_regime[regime] = max((ascend(goal, start) for start in starts), key=goal.value)
        rows += [by_regime[regime] for regime in true[block.first : block.last]]
    return np.stack(rows)


def true_regimes(run: RunDir, eras: Sequence[str]) -> NDArray[np.int64]:
    """(E,) the planted regime of each era."""
    planted = read_json(run.path("data") / RECORD)["regime_by_era"]
    return np.array([planted[era] for era in eras], dtype=np.int64)


def grouped_pool(config: Config, run: RunDir) -> Pool:
    """Ridge regressions of each feature group, out of the purged folds, as a pool."""
    shards, plan = open_shards(config, run)
    groups = {name: shards.spec.columns(shards.spec.groups[name]) for name in _traits(shards)}
    weights = _ridges(shards, plan, groups)
    spans, targets, predicted, ids = [], [], [], []
    for fold in plan.development:
        for block in shards.blocks(fold.validation):
            centred = shards.spec.centred(block.features)
            columns = [centred[:, p] @ weights[fold.name, n] for n, p in groups.items()]
            predicted.append(np.array(columns).T)
            targets.append(block.targets[:, shards.target_index(plan.target)])
            spans.append(np.full(len(block), block.era, dtype=object))
            ids.append(block.ids)
    slices = EraSlices.from_labels(np.concatenate(spans))
    ranks = era_ranks(np.concatenate(predicted), slices).astype(np.float32)
    return Pool(
        names=tuple(groups),
        families=tuple("linear" for _ in groups),
        ids=np.concatenate(ids),
        slices=slices,
        ranks=np.ascontiguousarray(ranks.T),
        targets=np.concatenate(targets),
        axis=shards.axis,
        label_eras=plan.label_eras,
        purge=plan.purge,
    )


def _traits(shards: ShardSet) -> Sequence[str]:
    return [name for name in telling_groups(shards.spec) if name != "small"]


def _ridges(
    shards: ShardSet, plan: FoldPlan, groups: Mapping[str, NDArray[np.int64]]
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Weights by fold and group, from products that each era is read for once."""
    column = shards.target_index(plan.target)
    products = {}
    for block in shards.blocks(sorted({e for f in plan.development for e in f.train})):
        x = shards.spec.centred(block.features).astype(np.float64)
        y = block.targets[:, column].astype(np.float64)
        products[block.era] = x.T @ x, x.T @ (y - y.mean())
    found = {}
    for fold in plan.development:
        gram = np.sum([products[era][0] for era in fold.train], axis=0)
        goal = np.sum([products[era][1] for era in fold.train], axis=0)
        for name, places in groups.items():
            own = gram[np.ix_(places, places)] + ALPHA * np.eye(len(places))
            found[fold.name, name] = np.linalg.solve(own, goal[places])
    return found
