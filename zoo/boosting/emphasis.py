"""How much each era counts for the next trees: by its age, or by its score so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.eras import EraAxis
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from zoo.boosting.params import EmphasisOptions


def by_age(axis: EraAxis, eras: Sequence[str], half_life: float) -> NDArray[np.float64]:
    """The weight of each era (E,): 1 for the newest, half of it `half_life` eras before.

    Age is counted on the whole axis, so that eras which are left out take their time too.
    """
    places = np.array([axis.position(era) for era in eras], dtype=np.float64)
    return np.asarray(0.5 ** ((places.max() - places) / half_life), dtype=np.float64)


def by_score(
    options: EmphasisOptions,
    predictions: NDArray[Any],
    target: NDArray[np.float32],
    slices: EraSlices,
) -> NDArray[np.float64]:
    """The weight of each era (E,) from the CORR of the trees so far.

    Eras that have no CORR, such as those in which all predictions are equal, count as the worst.

    Args:
        options: `era_boost` gives 1 to the worst `share`, at least one era, and 0 to the others;
            `score` gives 2 to the worst, evenly down to 0 for the best.
        predictions: (n,) of the rows that are fitted.
        target: (n,) of these rows.
        slices: their eras.
    """
    scores = np.nan_to_num(numerai_corr(predictions, target, slices)[:, 0], nan=-np.inf)
    places = np.empty(len(scores))
    places[np.argsort(scores, kind="stable")] = np.arange(len(scores))
    if options.by == "era_boost":
        kept = max(1, round(options.share * len(scores)))
        return np.asarray(places < kept, dtype=np.float64)
    return 2.0 - 2.0 * places / max(1, len(scores) - 1)


def of_rows(
    rows: NDArray[np.float32] | None, eras: NDArray[np.float64] | None, slices: EraSlices
) -> NDArray[np.float32] | None:
    """The weight of each row (n,): its own times its era's; None where all count alike."""
    if eras is None:
        return rows
    spread = np.repeat(eras, slices.counts).astype(np.float32)
    return spread if rows is None else spread * rows
