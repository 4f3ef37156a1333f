"""What a model may learn: targets that the shards hold, within the purge of their folds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from erazoo.config.schema import ModelEntry
from erazoo.errors import ConfigError, LeakageError
from erazoo.folds import FoldPlan
from etl.shards import ShardSet
from zoo.catalogue import ModelSpec, Params


def check_learned(
    name: str, entry: ModelEntry, spec: ModelSpec, params: Params, data: ShardSet, plan: FoldPlan
) -> None:
    """Refuse a target that a model cannot or must not learn.

    Args:
        name: of the configured model.
        entry: of the configuration.
        spec: of the catalogue.
        params: its parameters.
        data: the shards.
        plan: their folds.

    Raises:
        ConfigError: the shards lack a target, or a head cannot reach its values.
        LeakageError: its labels reach further than those that the folds were purged for.
    """
    heads = _heads(spec, params)
    further = [target for target in _further(params) if target]
    for target in (*entry.learns(plan.target), *further):
        data.target_index(target)
        _check_reach(name, target, data, plan)
        if target in further:
            _check_head(name, target, heads.get(target, False), data, plan)
    for target in entry.learns(plan.target):
        _check_head(name, target, heads.get("", False), data, plan)


def _check_reach(name: str, target: str, data: ShardSet, plan: FoldPlan) -> None:
    if target == plan.target:
        return
    known = data.manifest.facts.get("horizons", {})
    reach = known.get(target)
    if reach is None:
        raise LeakageError(
            f"nothing says how far the labels that models.{name} learns reach",
            received=target,
            expected="a name such as target_ender_20, or data.horizon",
        )
    if reach > plan.label_eras:
        raise LeakageError(
            f"models.{name} learns a target that reaches further than the folds are purged for",
            received=f"{target}: {reach} eras",
            expected=f"at most {plan.label_eras}",
            hint=f"Enable models.{name} (the purge covers all enabled models), then shard again",
        )


def _heads(spec: ModelSpec, params: Params) -> Mapping[str, bool]:
    """By target (empty: the main one), whether its head's output ends at 0 and 1."""
    if spec.family != "keras":
        return {}
    from zoo.keras.heads import Labels, Regression
    from zoo.keras.params import NetworkParams

    if not isinstance(params, NetworkParams):
        return {}
    names = ["", *params.head.auxiliary]
    bound = dict.fromkeys(names, False)
    for head in params.heads():
        if isinstance(head, Regression):
            bound[names[head.column]] |= head.output == "sigmoid" and not head.per_era
        elif isinstance(head, Labels):
            bound[names[head.column]] = True
    return bound


def _further(params: Params) -> tuple[str, ...]:
    """The targets of a network's further heads."""
    head = getattr(params, "head", None)
    return tuple(getattr(head, "auxiliary", ()))


def _check_head(name: str, target: str, bound: bool, data: ShardSet, plan: FoldPlan) -> None:
    """Refuse a target outside [0, 1] to a head that ends there, by its newest resolved era."""
    if not bound:
        return
    column = data.target_index(target)
    for era in reversed(plan.development[-1].train):
        values = data.labels([era]).targets[:, column]
        known = values[np.isfinite(values)]
        if not known.size:
            continue
        least, most = float(known.min()), float(known.max())
        if least >= 0 and most <= 1:
            return
        raise ConfigError(
            f"the head of models.{name} ends at 0 and 1, its target does not",
            received=f"{target} from {least:.3g} to {most:.3g} in era {era}",
            expected="params.head.output = 'linear', or a target of transform 'rank'",
        )
