"""XGBoost: a QuantileDMatrix in each job's process, and Boosters grown round by round.

XGBoost predicts in float32, so that a prefix is predicted whole: parts that are added up would
differ from a separate training in the last digits.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from etl.shards.batches import ShardBatches
from etl.shards.rows import ShardRows
from search.rows import FoldColumns
from search.trees.base import PIECE, numbers
from zoo.boosting.params import BoostingParams
from zoo.boosting.xgboost import XGBoostParams, native_options


class XGBoostGrower:
    """A Booster on shared bins.

    Args:
        matrix: binned rows, whose labels this process may switch.
        labels: (n,) of its rows.
        options: of XGBoost.
        used: places of its features among those of the panel.
        offset: what is taken off its predictions.
    """

    def __init__(
        self,
        matrix: Any,
        labels: NDArray[np.float32],
        options: dict[str, Any],
        used: NDArray[np.int64],
        offset: float,
    ) -> None:
        import xgboost

        matrix.set_label(labels)
        self._matrix, self._used, self._offset = matrix, used, offset
        self._booster = xgboost.Booster(options, [matrix])
        self._rounds = 0

    def grow(self, trees: int) -> None:
        """Grow until there were so many rounds."""
        for number in range(self._rounds, trees):
            self._booster.update(self._matrix, number)
        self._rounds = max(self._rounds, trees)

    def predict(self, margins: NDArray[np.float64], columns: FoldColumns) -> None:
        """Predict anew with all trees."""
        for rows, piece in columns.pieces(PIECE):
            found = self._booster.inplace_predict(
                numbers(piece, self._used, columns.missing),
                iteration_range=(0, self._rounds),
                predict_type="margin",
                validate_features=False,
            )
            margins[rows] = found.astype(np.float64) - self._offset


class XGBoostLibrary:
    """See `search.trees.base.Library`."""

    switches = True

    def bin(self, rows: ShardRows, max_bin: int, sample_rows: int) -> Any:  # noqa: ARG002
        """A QuantileDMatrix; XGBoost sketches all rows."""
        return ShardBatches(rows).matrix(max_bin=max_bin, nthread=1)

    def grower(
        self,
        bins: Any,
        labels: NDArray[np.float32],
        params: BoostingParams,
        seed: int,
        used: NDArray[np.int64],
        offset: float,
    ) -> XGBoostGrower:
        """A Booster without trees."""
        options = {**native_options(cast(XGBoostParams, params), threads=1), "seed": seed}
        return XGBoostGrower(bins, labels, options, used, offset)


LIBRARY = XGBoostLibrary()
