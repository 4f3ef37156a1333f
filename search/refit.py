"""A mined configuration as a model of the catalogue, trained as `erazoo train` trains one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from erazoo.config import Config
from erazoo.config.schema import ModelEntry
from erazoo.eras import EraAxis
from erazoo.folds import EraFold, FoldPlan
from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from etl.splits import PurgedEraSplit
from search.options import resolve_options
from search.plan import Plan, feature_words
from search.results import Configuration, Result
from search.space import TREES
from training.columns import narrowed_to
from training.job import Job
from zoo import catalogue
from zoo.boosting.lightgbm import LightGBM, LightGBMParams
from zoo.catalogue import ModelSpec

HELD_OUT = "held_out"
SETTINGS = {"eras": "all", "devices": "cpu", "scored_train_eras": 0}
"""Settings of [training] that are those of mining: its folds say which eras are learned."""


def refit_job(
    config: Config,
    plan: Plan,
    result: Result,
    one: Configuration,
    data: ShardSet,
    folds: FoldPlan,
    folder: Path,
) -> Job:
    """What trains a configuration on every fold of its study, and for live rows.

    Args:
        config: the experiment.
        plan: of the study.
        result: of the configuration's training.
        one: the configuration.
        data: the shards.
        folds: see `fold_record`.
        folder: of the fits.
    """
    name, values = f"{plan.name}.{one.id}", {**result.params, TREES: one.trees}
    words = feature_words(result.features)
    entry = ModelEntry(model=plan.model, params=values, target=result.target, features=words)
    seeded = config.run.model_copy(update={"seed": result.seed})
    settings = config.training.model_copy(update=SETTINGS)
    own = config.model_copy(update={"run": seeded, "training": settings})
    params = resolve_options(plan.model, values)
    narrowed = narrowed_to(name, entry, data)
    return Job(name, entry, _spec(plan), params, own, narrowed, folds, folder)


def fold_record(plan: Plan, run: FoldPlan) -> FoldPlan:
    """The folds of a study as those of a trained model, with a fit for the held-out eras.

    That fit keeps the purge of the study, which covers all its targets.

    Args:
        plan: of the study.
        run: the folds that `erazoo train` has.
    """
    mine = plan.folds
    folds = [
        EraFold(one.name, "development", one.train, one.predicted, one.purged) for one in mine.folds
    ]
    if run.held_out is not None:
        splitter = PurgedEraSplit("kfold", 1, mine.label_eras, mine.purge, mine.embargo)
        axis, fold = EraAxis(mine.axis), run.held_out
        made = splitter.fold(HELD_OUT, HELD_OUT, axis, fold.train, fold.validation)
        folds.append(replace(made, purged=(*made.purged, *fold.purged)))
    return FoldPlan(
        target=plan.target,
        label_eras=mine.label_eras,
        purge=mine.purge,
        embargo=mine.embargo,
        axis=mine.axis,
        folds=tuple(folds),
        final=run.final,
    )


def _spec(plan: Plan) -> ModelSpec:
    """The model of the catalogue, which finds its bins from as many rows as mining does."""
    spec = catalogue.get(plan.model)
    if plan.model != "lightgbm":
        return spec

    def build(params: Any, features: FeatureSpec) -> LightGBM:
        model = LightGBM(cast(LightGBMParams, params), features)
        model.sample_rows = plan.sample_rows
        return model

    return replace(spec, build=build)
