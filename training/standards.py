"""What a configuration asks of an evaluation: references, limits, reach and training boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from erazoo.config import Config
from erazoo.eras import EraAxis
from erazoo.errors import ConfigError
from erazoo.folds import FoldPlan
from erazoo.near import nearest
from erazoo.publish import read_json
from erazoo.tournament import TOURNAMENTS, target_bars
from etl.files import PRICE_RECORD
from etl.shards import ShardSet
from etl.splits import era_runs
from scoring.alarms import CEILINGS, Alarm, Limits, listed
from training.feature_pass import NONE, FeatureChoice

META_MODEL_NAME = "numerai_meta_model"
DEMO_RECORD = "demo.json"


@dataclass(frozen=True)
class Roles:
    """The references of an evaluation.

    Args:
        meta_model: that MMC is taken against.
        benchmark: that BMC is taken against.
        names: all that candidates are compared with.
        others: references of the data that they are not compared with.
    """

    meta_model: str | None
    benchmark: str | None
    names: tuple[str, ...]
    others: tuple[str, ...] = ()

    def note(self) -> tuple[Alarm, ...]:
        """What is said where a copy of another reference would not be noticed."""
        if not self.others:
            return ()
        words = (
            f"Likeness to {listed(self.others)} was not looked at; --against names the references "
            "that predictions are compared with."
        )
        return (Alarm("note", "references", words),)


def reference_roles(config: Config, references: Sequence[str]) -> Roles:
    """The meta model and the benchmarks among the references of the data.

    Raises:
        ConfigError: a configured name that the data do not carry.
    """
    section, against = config.data, config.evaluate.against
    for name in (*against, section.meta_model, section.benchmark):
        if name and name not in references:
            raise ConfigError(
                "the data carry no such reference",
                received=name,
                expected=nearest(name, references),
            )
    meta = section.meta_model or META_MODEL_NAME
    if against:
        others = [name for name in against if name != meta]
        found = meta if meta in against else None
        left = tuple(name for name in references if name not in against)
        return Roles(found, others[0] if others else None, against, left)
    found = meta if meta in references else None
    others = [name for name in references if name not in (found, META_MODEL_NAME)]
    benchmark = section.benchmark or (others[0] if others else None)
    names = tuple(name for name in (found, benchmark) if name)
    return Roles(found, benchmark, names, tuple(n for n in references if n not in names))


def reach_of(config: Config, target: str, plan: FoldPlan, shards: ShardSet) -> int:
    """Eras that the labels of `target` reach past their own.

    That of `plan` is the longest of all that models learn, and serves where the shards do not say.
    """
    known = shards.manifest.facts.get("horizons", {}).get(target)
    if known is not None:
        return int(known)
    if target == plan.target:
        return plan.label_eras
    return TOURNAMENTS[config.data.tournament].label_eras(target_bars(target))


def limits_of(config: Config, folder: Path) -> Limits:
    """From where on scores on the data in `folder` are suspicious."""
    section, generated = config.data, (folder / DEMO_RECORD).is_file()
    priced = section.source == "prices" or (folder / PRICE_RECORD).is_file()
    kind = "prices" if priced or section.tournament == "none" else "tournament"
    return Limits(config.evaluate.clone, config.evaluate.ceiling or CEILINGS[kind], generated)


def feature_note(choice: FeatureChoice) -> tuple[Alarm, ...]:
    """What is said where FNC and exposures are not taken without having been switched off."""
    if choice.names or NONE in choice.why_none:
        return ()
    return (Alarm("note", "features", f"FNC and exposures are not taken: {choice.why_none}."),)


def overlap_of(axis: EraAxis, eras: Sequence[str], label_eras: int) -> int:
    """How many scored eras a label reaches past its own: fewer than `label_eras` of thinned ones.

    Args:
        axis: all eras of the data.
        eras: scored ones, in order.
        label_eras: how far a label reaches, in original eras.
    """
    places = np.array([axis.position(era) for era in eras])
    reached = np.searchsorted(places, places + label_eras, side="right")
    return int((reached - np.arange(1, len(places) + 1)).max(initial=0))


def near_training(plan: FoldPlan, label_eras: int, *, held_out: bool = False) -> frozenset[str]:
    """The scored eras that labels of training eras would reach if nothing were purged.

    These are the first `label_eras` behind a training era, and the last before one.

    Args:
        plan: the folds.
        label_eras: how far a label reaches, in original eras.
        held_out: of the held-out fold instead of the development folds.
    """
    axis = EraAxis(plan.axis)
    folds = [plan.held_out] if held_out and plan.held_out else list(plan.development)
    near: set[str] = set()
    for fold in folds:
        oldest, newest = axis.position(fold.train[0]), axis.position(fold.train[-1])
        for first, last in era_runs(axis, fold.validation):
            begin, end = axis.position(first), axis.position(last)
            for era in fold.validation:
                place = axis.position(era)
                behind = oldest < begin <= place < begin + label_eras
                before = end - label_eras < place <= end < newest
                if behind or before:
                    near.add(era)
    return frozenset(near)


def after_boundaries(
    axis: EraAxis, eras: Sequence[str], boundaries: Sequence[str], label_eras: int
) -> frozenset[str]:
    """The scored eras that labels of a stranger's training eras reach.

    Args:
        axis: all eras of the data.
        eras: scored ones, in order.
        boundaries: the last training era before each stretch of scored ones.
        label_eras: how many eras behind the first scored one count.

    Raises:
        ConfigError: a boundary that is no era of the data, or has no scored era behind it.
    """
    near: set[str] = set()
    for boundary in boundaries:
        if boundary not in axis.eras:
            raise ConfigError(
                "a training boundary is no era of the data",
                received=boundary,
                expected=nearest(boundary, axis.eras),
            )
        places = [p for p in map(axis.position, eras) if p > axis.position(boundary)]
        if not places:
            raise ConfigError("no scored era lies behind a training boundary", received=boundary)
        near |= {e for e in eras if places[0] <= axis.position(e) < places[0] + label_eras}
    return frozenset(near)


def achievable(folder: Path, target: str, eras: Sequence[str]) -> dict[str, float] | None:
    """What the noiseless signal scores in these eras, where the data in `folder` are generated."""
    path = folder / DEMO_RECORD
    if not path.exists():
        return None
    per_era = read_json(path)["achievable"].get(target, {}).get("per_era", {})
    known = [per_era[era] for era in eras if per_era.get(era) is not None]
    return {"corr": float(np.mean(known))} if known else None
