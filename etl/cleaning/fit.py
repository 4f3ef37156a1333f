"""Learning a cleaning from training rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.config.schema import CleanSection
from erazoo.errors import DataError
from erazoo.panel import FeatureSpec
from etl.cleaning.cleaning import Cleaning
from etl.cleaning.fitted import FittedGroup
from etl.cleaning.missing import Values, fit_fill, missing_mask
from etl.cleaning.outliers import fit_detector, fit_limits
from etl.cleaning.rules import LEARNED, RuleGroup, rule_groups
from etl.sample import Sample


def fit_cleaning(
    section: CleanSection, raw: FeatureSpec, sample: Callable[[], Sample], seed: int = 0
) -> Cleaning:
    """The cleaning that a configuration asks for.

    Outliers are learned first, and missing values from rows whose outliers are treated. Memory:
    the sample, 128 of its columns as float64, and what `knn` and `isolation_forest` hold.

    Args:
        section: the rules.
        raw: the features as they are read.
        sample: gives rows of training eras; called once, and only where rules learn.
        seed: of isolation forests.

    Raises:
        ConfigError: rules that do not fit the features.
        DataError: a feature, of which something is to be learned, without a value in the sample.
    """
    groups = rule_groups(section, raw)
    if not any(group.learns for group in groups):
        empty = np.empty((0, len(raw.names)), dtype=raw.dtype)
        return Cleaning(raw, tuple(_filled(_untouched(group), empty) for group in groups))
    rows = sample()
    features = rows.features
    _check_values([g for g in groups if g.learns], raw, features)
    found = [_detected(group, features, seed) for group in groups]
    kept = _treated(found, features)
    _check_values([g for g in groups if g.rules.missing in LEARNED], raw, kept)
    facts = {"eras": list(rows.eras), "rows": len(features)}
    return Cleaning(raw, tuple(_filled(group, kept) for group in found), facts)


def _untouched(group: RuleGroup) -> FittedGroup:
    return FittedGroup(group, Values(np.full(len(group.columns), np.nan)))


def _detected(group: RuleGroup, features: NDArray[Any], seed: int) -> FittedGroup:
    """The group with its outliers learned; missing values are left as they are."""
    part = features[:, group.selection]
    detector = fit_detector(group.rules, part, seed)
    gaps = missing_mask(part).any(axis=0) if group.rules.indicators else np.zeros(0, dtype=bool)
    return replace(
        _untouched(group),
        detector=detector,
        limits=fit_limits(group.rules, detector, part),
        indicated=group.columns[np.flatnonzero(gaps)],
    )


def _treated(groups: Sequence[FittedGroup], features: NDArray[Any]) -> NDArray[Any]:
    """The sample after its outliers: set to their limits in place, or left out."""
    removed = np.zeros(len(features), dtype=bool)
    for group in groups:
        if group.removes:
            removed |= group.outlying(features)
    for group in groups:
        group.clean(features)
    if removed.all():
        raise DataError(
            "cleaning would leave no training row",
            received="outlying values in every row of the sample",
            hint="Raise clean.threshold or clean.outlying_share",
        )
    return features[~removed] if removed.any() else features


def _filled(group: FittedGroup, features: NDArray[Any]) -> FittedGroup:
    return replace(group, fill=fit_fill(group.group.rules, features[:, group.group.selection]))


def _check_values(groups: Sequence[RuleGroup], raw: FeatureSpec, features: NDArray[Any]) -> None:
    empty = missing_mask(np.fmax.reduce(features, axis=0))
    names = [raw.names[column] for g in groups for column in g.columns if empty[column]]
    if names:
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise DataError(
            "nothing can be learned of a feature without a value in the training rows",
            received=names[0] + others,
            hint="Leave it out of data.features, or in clean.groups to rules that learn nothing",
        )
