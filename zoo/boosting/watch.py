"""Early stopping on the mean CORR of watched eras, the same for every library."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import TrainingError
from scoring.corr import mean_corr
from scoring.eras import EraSlices
from zoo.estimator import Course

CORR = "val_corr"


class Watch:
    """Notes the watched eras' CORR after each tree, and says when no better one comes.

    Args:
        target: (n,) of the watched rows.
        slices: their eras.
        patience: trees without a better score after which a fit is over.

    Attributes:
        scores: mean CORR after each tree; NaN while predictions are constant.
        best: the tree, from 1, with the highest score; 0 while there is none.
    """

    def __init__(self, target: NDArray[np.float32], slices: EraSlices, patience: int) -> None:
        self.target, self.slices, self.patience = target, slices, patience
        self.scores: list[float] = []
        self.best = 0

    def note(self, predictions: NDArray[Any]) -> float:
        """Score the predictions (n,) of the watched rows after one tree more."""
        score = mean_corr(predictions, self.target, self.slices)
        self.scores.append(score)
        if not np.isnan(score) and (not self.best or score > self.scores[self.best - 1]):
            self.best = len(self.scores)
        return score

    @property
    def over(self) -> bool:
        """Whether `patience` trees have brought nothing better."""
        return len(self.scores) - self.best >= self.patience

    def course(self) -> Course:
        """What was noted.

        Raises:
            TrainingError: no tree could be scored.
        """
        if not self.best:
            raise TrainingError(
                "the watched eras have no CORR to stop by",
                received=f"{len(self.slices)} eras, {len(self.scores)} trees",
                expected="10 resolved rows an era, and predictions that differ",
                hint="Set early_stopping = 0 to grow a fixed number of trees",
            )
        return Course({CORR: self.scores}, self.best, self.scores[self.best - 1])
