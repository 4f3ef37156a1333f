"""Weights that trade CORR for MMC, and then MMC for distance to the meta model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.moments import EraMoments
from ensemble.pool import Pool
from ensemble.weights.maximise import LinearGoal, ascend
from ensemble.weights.simplex import equal_weights
from erazoo.errors import DataError
from scoring.contribution import mmc
from scoring.corr import cwmm, numerai_corr
from scoring.series import mean
from scoring.summary import json_number

Floats = NDArray[np.float64]
_LEG = 8
CORR, MMC, DISTANCE = "corr", "mmc", "distance"


def mixtures() -> list[dict[str, float]]:
    """What is maximised at each point: shares of CORR, MMC and distance, which sum to 1."""
    up = np.linspace(0.0, 1.0, _LEG + 1)
    first = [{CORR: 1 - s, MMC: s, DISTANCE: 0.0} for s in up.tolist()]
    return first + [{CORR: 0.0, MMC: 1 - s, DISTANCE: s} for s in up[1:].tolist()]


def frontier(moments: EraMoments, known: NDArray[np.bool_]) -> Floats:
    """Weights (P, M) on the simplex, one for each of `mixtures`.

    Scores are the linear ones of the moments. Each counts in parts of what a single member has of
    it on average, so that shares between 0 and 1 matter alike. Every point but the first is
    reached from the one before, so that neighbours are near one another.

    Args:
        moments: of the members.
        known: (E,) the eras whose targets may be looked at.

    Raises:
        DataError: no such era has a target and a meta model.
    """
    tables = (moments.signal, moments.contribution, moments.meta)
    rows = known & np.isfinite(tables).all(axis=(0, 2))
    if not rows.any():
        raise DataError(
            "weights cannot trade CORR for MMC",
            received="no era with a resolved target and a meta model",
        )
    gram = moments.gram[rows]
    signal, beyond, meta = (_scaled(table[rows], gram) for table in tables)
    members = gram.shape[1]
    start = LinearGoal(signal, gram, "corr")
    vertices = np.eye(members)
    single = vertices[int(np.argmax([start.value(vertex) for vertex in vertices]))]
    ends = [ascend(start, one) for one in (equal_weights(members), single)]
    found = [max(ends, key=start.value)]
    for mix in mixtures()[1:]:
        products = mix[CORR] * signal + mix[MMC] * beyond - mix[DISTANCE] * meta
        found.append(ascend(LinearGoal(products, gram, "corr"), found[-1]))
    return np.array(found)


def frontier_points(pool: Pool, weights: Floats) -> list[dict[str, Any]]:
    """The exact scores of blends along the frontier.

    Args:
        pool: of the eras that are scored.
        weights: (P, M) as `frontier` gives them.

    Returns:
        By point its mixture, and the means of CORR, MMC and correlation with the meta model.
    """
    blends = np.stack([pool.blend(row) for row in weights], axis=1)
    reference = pool.references[str(pool.meta_model)]
    columns = {
        "corr": mean(numerai_corr(blends, pool.targets, pool.slices)),
        "mmc": mean(mmc(blends, reference, pool.targets, pool.slices)),
        "correlation": mean(cwmm(blends, reference, pool.slices)),
    }
    return [
        {"mixture": mix, **{k: json_number(float(v[j])) for k, v in columns.items()}}
        for j, mix in enumerate(mixtures())
    ]


def _scaled(products: Floats, gram: NDArray[np.float32]) -> Floats:
    """In parts of the mean size of a single member's mean score."""
    spread = np.sqrt(np.diagonal(gram, axis1=1, axis2=2).astype(np.float64))
    size = np.abs((products / spread).mean(axis=0)).mean()
    return products / size if size > 0 else products
