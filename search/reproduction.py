"""Whether a configuration that is trained again predicts what was mined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ArtifactError, DataError
from search.results import Configuration, Result
from search.rows import id_digests
from search.scores import Mined
from training.predictions import Predictions

TOLERANCE = 1e-6
BLUR = 0.01
"""Of the spread of predictions, the share from which on a difference hides their order."""


def check_reproduced(
    mined: Mined, result: Result, one: Configuration, parts: Sequence[Predictions]
) -> float:
    """How far predictions are from those that mining kept, at most.

    Targets beyond 1 are told apart to 1e-6 of the largest, which is what float32 can hold.

    Args:
        mined: the study.
        result: of the configuration's training.
        one: the configuration.
        parts: what it predicts now, fold by fold.

    Raises:
        ArtifactError: further than `TOLERANCE`, or too near to one another for float32.
        DataError: they are of other rows.
    """
    kept = mined.predictions([one.id])[:, 0].astype(np.float64)
    largest = 0.0
    for made, span, offset in zip(parts, mined.rows.fold_spans, result.offsets, strict=True):
        if not np.array_equal(id_digests(made.ids), mined.rows.arrays["ids"][span]):
            raise DataError(f"{made.folds[0]} predicts other rows than when {one.id} was mined")
        expected = kept[span] + offset
        difference = float(np.abs(made.values - expected).max())
        _check_alike(f"{one.id} in {made.folds[0]}", difference, expected)
        largest = max(largest, difference)
    return largest


def _check_alike(place: str, difference: float, expected: NDArray[np.float64]) -> None:
    """Refuse a difference that shows, or that hides the order of predictions which hardly vary."""
    if not difference <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise ArtifactError(
            f"{place} is not reproduced: it predicts something else than was mined",
            received=f"differences of up to {difference:.3g}",
            expected=f"at most {TOLERANCE:g}",
            hint="The data, the libraries or the machine have changed; mine it again",
        )
    spread = float(expected.std())
    if difference > BLUR * spread:
        raise ArtifactError(
            f"{place} moves its predictions so little that float32 cannot tell rows apart",
            received=f"a standard deviation of {spread:.3g}",
            expected=f"at least {difference / BLUR:.3g}",
            hint="Choose one with more trees or a higher learning rate",
        )
