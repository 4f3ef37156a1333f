"""Stand-ins for the meta model as they would have been lived: each learned from earlier eras."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.unique.stand_in import Inputs, StandIn
from ensemble.unique.view import EraView, gaussian
from erazoo.errors import DataError
from scoring.blocks import MIN_OVERLAP, MIN_ROWS
from scoring.corr import spearman
from scoring.eras import EraSlices
from zoo.linear.moments import Moments
from zoo.linear.ridge import ridge_weights

LEAST_ERAS, REFITS = 12, 8
PENALTY = 0.01
"""Of the ridge regression, in parts of the rows that it is fitted on."""


@dataclass(frozen=True)
class Walk:
    """Stand-ins of a walk through the eras.

    Args:
        by_era: (E,) the one that an era may use, None where too few eras came before.
        last: learned from all eras, for rows that come after them.
    """

    by_era: tuple[StandIn | None, ...]
    last: StandIn


def walk(
    views: Iterable[EraView],
    meta_model: NDArray[Any],
    slices: EraSlices,
    places: Sequence[int],
    inputs: Inputs,
    *,
    lag: int,
    least: int = LEAST_ERAS,
    refits: int = REFITS,
) -> Walk:
    """Ridge regressions of the meta model's ranks, in one pass over the eras.

    An era's stand-in is learned from eras more than `lag` before it; no target is looked at. It
    is learned anew at `refits` eras, evenly spaced.

    Args:
        views: the eras of `slices`, in order.
        meta_model: (n,), NaN where it has no prediction.
        slices: the eras of the rows.
        places: (E,) of the eras among all eras of the data, ascending.
        inputs: what stand-ins read.
        lag: original eras that pass before an era's meta model may be used.
        least: eras with a meta model that a stand-in needs.
        refits: how often it is learned anew.

    Memory: four (K, K) float64 matrices and one era.

    Raises:
        DataError: fewer than `least` eras have a meta model.
    """
    known = covered(meta_model, slices)
    cuts = _cuts(known, np.asarray(places), lag, least, refits)
    moments, learned = Moments(len(inputs)), dict[int, StandIn]()
    for era, (view, span) in enumerate(zip(views, slices, strict=True)):
        if era in cuts.values():
            learned[era] = _fitted(moments, inputs)
        if known[era]:
            _add(moments, inputs, view, meta_model[span])
    if known.sum() < least:
        raise DataError(
            "the meta model is known in too few eras to learn a stand-in for it",
            received=f"{int(known.sum())} eras",
            expected=f"{least} or more",
            hint="Neutralise to benchmarks or features instead: ensemble.unique.to",
        )
    by_era: list[StandIn | None] = []
    for era in range(len(slices)):
        now = learned[cuts[era]] if era in cuts else by_era[-1] if by_era else None
        by_era.append(now)
    return Walk(tuple(by_era), _fitted(moments, inputs))


def likeness(
    stand_in: NDArray[Any], meta_model: NDArray[Any], slices: EraSlices
) -> dict[str, float | int]:
    """How well stand-ins did on eras that they had not learned from.

    Args:
        stand_in: (n,) their predictions.
        meta_model: (n,) the real one.
        slices: the eras of the rows.

    Returns:
        `mean` and `lowest` rank correlation with the meta model over `eras`.
    """
    scores = spearman(stand_in, meta_model, slices)[:, 0]
    known = scores[~np.isnan(scores)]
    if not len(known):
        raise DataError("no era has both a stand-in and the meta model")
    return {"mean": float(known.mean()), "lowest": float(known.min()), "eras": len(known)}


def covered(reference: NDArray[Any], slices: EraSlices) -> NDArray[np.bool_]:
    """The eras (E,) whose rows have a reference's prediction, as far as scores ask for it."""
    present = [np.isfinite(reference[span]) for span in slices]
    return np.array([one.sum() >= MIN_ROWS and one.mean() >= MIN_OVERLAP for one in present])


def _cuts(
    known: NDArray[np.bool_], places: NDArray[np.int64], lag: int, least: int, refits: int
) -> dict[int, int]:
    """By era at which a stand-in is learned anew, the first era that it may not look at."""
    ends = np.searchsorted(places, places - lag)
    before = np.concatenate(([0], np.cumsum(known)))[ends]
    usable = np.flatnonzero(before >= least)
    if not len(usable):
        return {}
    chosen = usable[np.unique(np.arange(refits) * len(usable) // refits)]
    return {int(era): int(ends[era]) for era in chosen}


def _add(moments: Moments, inputs: Inputs, view: EraView, meta_model: NDArray[Any]) -> None:
    present = np.isfinite(meta_model)
    columns = inputs.of(view)[present]
    moments.add(columns - columns.mean(axis=0), gaussian(meta_model[present]), None)


def _fitted(moments: Moments, inputs: Inputs) -> StandIn:
    weights = ridge_weights(moments, PENALTY * moments.count)
    return StandIn(inputs, tuple(float(weight) for weight in weights))
