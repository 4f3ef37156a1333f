"""CORR by monitor era, measured after every epoch: its mean and its Sharpe ratio."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from etl.shards import ShardSet
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from training.keras.predictor import Predictor


class EraCorr(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds a `Learner`'s `val_corr` and `val_sharpe` to an epoch's results, before others read it.

    They are the mean of the eras' CORR, and the mean over the standard deviation (ddof 0). Eras in
    which CORR does not exist (a constant prediction or target, too few rows) are left out; without
    any other era both are NaN, and the Sharpe ratio also where eras do not differ.

    Attributes:
        labels: the eras of the last epoch's scores, in order.
        scores: the CORR of each (E,), NaN where it does not exist.
    """

    def __init__(self, data: ShardSet, eras: Sequence[str], target: str) -> None:
        super().__init__()
        self.data, self.eras, self.column = data, tuple(eras), data.target_index(target)
        self.labels: tuple[str, ...] = ()
        self.scores: NDArray[np.float64] = np.empty(0)
        self._predict: Predictor | None = None

    @override
    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Predict the monitor eras one by one and score them."""
        if logs is None:
            return
        self._predict = self._predict or Predictor(self.model.network, self.data.spec)
        labels, predictions, targets = [], [], []
        for block in self.data.blocks(self.eras):
            labels.append(np.full(len(block), block.era, dtype=object))
            predictions.append(self._predict(block.features))
            targets.append(block.targets[:, self.column])
        slices = EraSlices.from_labels(np.concatenate(labels))
        self.labels = tuple(map(str, slices.labels))
        scores = numerai_corr(np.concatenate(predictions), np.concatenate(targets), slices)
        self.scores = scores[:, 0]
        known = self.scores[~np.isnan(self.scores)]
        mean, spread = (known.mean(), known.std()) if len(known) else (np.nan, np.nan)
        logs["val_corr"] = float(mean)
        logs["val_sharpe"] = float(mean / spread) if spread > 0 else float("nan")
