"""The mean per-era CORR on the monitor eras, measured after every epoch."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from typing_extensions import override

from etl.shards import ShardSet
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from training.keras.predictor import Predictor


class EraCorr(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds a `Learner`'s `val_corr` to an epoch's results, before whatever reads it.

    Eras in which CORR does not exist (a constant prediction or target, too few rows) are left
    out of the mean; without any other era it is NaN.
    """

    def __init__(self, data: ShardSet, eras: Sequence[str], target: str) -> None:
        super().__init__()
        self.data, self.eras, self.column = data, tuple(eras), data.target_index(target)
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
        scores = numerai_corr(np.concatenate(predictions), np.concatenate(targets), slices)
        known = scores[~np.isnan(scores)]
        logs["val_corr"] = float(known.mean()) if len(known) else float("nan")
