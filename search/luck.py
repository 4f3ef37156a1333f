"""How many independent tries the configurations of a study amount to.

Configurations are alike: prefixes of one training, neighbours in the space. Counted one by one
they make the best look luckier than it is; counted as trainings they hide tries. What counts is how
high the best of them comes where there is nothing to find. So all of them are scored on targets of
pure noise. Such scores have the correlations of the configurations' ranks, and the number of
independent draws with the same expected highest one (`scoring.significance.expected_best`) is the
number of tries. It is taken for two questions: whether a configuration has any skill, and whether
it is better than the benchmark, where what counts is how alike the differences to it are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.eras import EraSlices
from scoring.ranks import era_ranks
from scoring.series import divide
from scoring.significance import expected_best
from search.folder import MineDir
from search.plan import Plan
from search.predictions import PredictionFile, stretches
from search.results import Result, read_results
from search.scores import Mined

DRAWS = 500
"""Noise targets."""
ROWS = 20_000
"""Rows that ranks are taken from, evenly over all validation eras."""
LEAST_ROWS = 10
"""Rows of an era, where it has as many."""
CLONE = 1e-4
"""A configuration whose unit ranks are nearer than this to the benchmark's is the benchmark."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tries:
    """What was tried.

    Attributes:
        trainings: that have ended, pruned ones included, without the benchmark and failed ones.
        configurations: that were scored, prefixes included.
        pruned: trainings that ended early; a try each.
        elsewhere: configurations and pruned trainings of the other studies in the run that were
            mined on the same data for the same target.
        independent: tries that all of these amount to, where any skill is asked for.
        independent_gains: the same, where more than the benchmark is asked for.
    """

    trainings: int
    configurations: int
    pruned: int
    elsewhere: int
    independent: float
    independent_gains: float


def count_tries(mined: Mined) -> Tries:
    """The tries of a study. Memory: 200 MB of ranks and noise.

    Those that left no predictions (pruned, or of other studies) count as so many more like these.

    Args:
        mined: the study; its benchmark is trained.
    """
    trained = [result for result in mined.results.values() if not result.is_benchmark]
    slots = [one.slot for result in trained for one in result.configurations]
    pruned = sum(result.state == "pruned" for result in trained)
    elsewhere = sum(_tried(folder) for folder in _others(mined))
    found = [effective_number(z, len(slots)) for z in highest_by_luck(mined, slots)]
    more = 1 + (pruned + elsewhere) / max(len(slots), 1)
    return Tries(
        trainings=sum(result.state != "failed" for result in trained),
        configurations=len(slots),
        pruned=pruned,
        elsewhere=elsewhere,
        independent=found[0] * more,
        independent_gains=found[1] * more,
    )


def effective_number(highest: float, most: int) -> float:
    """The independent draws whose expected highest is `highest`, between 1 and `most`.

    >>> round(effective_number(expected_best(40), 1000))
    40
    """
    low, high = 1.5, float(max(most, 1))
    if high <= low or highest <= expected_best(low):
        return 1.0
    if highest >= expected_best(high):
        return high
    while high / low > 1 + 1e-6:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if expected_best(middle) < highest else (low, middle)
    return low


def highest_by_luck(mined: Mined, slots: Sequence[int]) -> tuple[float, float]:
    """The mean highest score on noise targets, in standard deviations of one score.

    Args:
        mined: the study.
        slots: of the configurations.

    Returns:
        Of the configurations, and of their differences to the benchmark.
    """
    rows, slices = _some_rows(mined)
    file = PredictionFile(mined.folder.predictions, len(mined.rows))
    draw = np.random.default_rng(mined.plan.seed)
    noise = draw.standard_normal((len(rows), DRAWS), dtype=np.float32)
    beaten = _unit_ranks(file.read([mined.benchmark.slot], rows), slices)
    highest = np.full((2, DRAWS), -np.inf)
    for chunk in stretches(slots, len(rows)):
        units = _unit_ranks(file.read(chunk, rows), slices)
        for place, columns in enumerate((units, units - beaten)):
            np.maximum(highest[place], _scores(columns, noise).max(axis=0), out=highest[place])
    found = highest.mean(axis=1) if slots else np.zeros(2)
    return float(found[0]), float(found[1])


def _scores(columns: Floats, noise: NDArray[np.float32]) -> Floats:
    """The score (M, DRAWS) of each column on each noise target; 0 where it does not vary."""
    norms = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    known = np.where(norms > CLONE, norms, 0.0)
    products = columns.T.astype(np.float32) @ noise
    return np.nan_to_num(divide(products, np.broadcast_to(known[:, None], products.shape)))


def _unit_ranks(values: NDArray[np.float32], slices: EraSlices) -> Floats:
    """Centred ranks (n, M), of length 1 in each era over the root of the number of eras."""
    ranks = era_ranks(values, slices) - 0.5
    for span in slices:
        era = ranks[span]
        norms = np.sqrt(np.einsum("ij,ij->j", era, era) * len(slices))
        ranks[span] = np.nan_to_num(divide(era, np.broadcast_to(norms, era.shape)))
    return ranks


def _some_rows(mined: Mined) -> tuple[NDArray[np.int64], EraSlices]:
    """Some rows of every validation era, and where each era begins among them."""
    places, slices = mined.rows.validation
    step = max(1, slices.rows // ROWS)
    parts = []
    for span in slices:
        count = max(min(LEAST_ROWS, span.stop - span.start), (span.stop - span.start) // step)
        chosen = np.linspace(span.start, span.stop - 1, count).round().astype(np.int64)
        parts.append(places[chosen])
    bounds = np.cumsum([0, *map(len, parts)]).astype(np.int64)
    return np.concatenate(parts), EraSlices(slices.labels, bounds)


def _others(mined: Mined) -> Iterator[MineDir]:
    """The other studies of the run that were mined on the same data for the same target."""
    for path in sorted(mined.folder.root.parent.glob("*/plan.json")):
        folder = MineDir(path.parent)
        if folder.root.name != mined.folder.root.name:
            plan = Plan.read(folder)
            if (plan.content, plan.target) == (mined.plan.content, mined.plan.target):
                yield folder


def _tried(folder: MineDir) -> int:
    return sum(map(_tries_of, read_results(folder.results).values()))


def _tries_of(result: Result) -> int:
    return 0 if result.is_benchmark else len(result.configurations) + (result.state == "pruned")
