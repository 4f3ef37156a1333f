"""CatBoost: quantised Pools as files, and models grown at once.

CatBoost cannot go on with a model step by step, so that it grows all trees at the first step; those
of a prefix are the first of them. Labels are part of a quantised Pool. A missing quintile is one
more value to it, as in `zoo.boosting.catboost`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from erazoo.publish import atomic_file
from etl.shards.rows import ShardRows
from search.rows import FoldColumns
from search.trees.base import PIECE, numbers
from zoo.boosting.catboost import LARGEST_SEED, CatBoostParams, native_options
from zoo.boosting.params import BoostingParams


class CatBoostGrower:
    """A model on a shared Pool.

    Args:
        pool: quantised rows with their labels.
        options: of CatBoost, all trees among them.
        used: places of its features among those of the panel.
        offset: what is taken off its predictions.
    """

    def __init__(
        self, pool: Any, options: dict[str, Any], used: NDArray[np.int64], offset: float
    ) -> None:
        import catboost

        self._pool, self._used = pool, used
        self._model = catboost.CatBoost(options)
        self._rounds = self._predicted = 0
        self._offset = offset

    def grow(self, trees: int) -> None:
        """Grow everything at the first call; count so many as grown."""
        if not self._model.is_fitted():
            self._model.fit(self._pool)
        self._rounds = max(self._rounds, trees)

    def predict(self, margins: NDArray[np.float64], columns: FoldColumns) -> None:
        """Add what the trees predict that count since the last call."""
        first, last = self._predicted, min(self._rounds, self._model.tree_count_)
        if first >= last:
            return
        for rows, piece in columns.pieces(PIECE):
            margins[rows] += self._model.predict(
                numbers(piece, self._used, missing=None),
                prediction_type="RawFormulaVal",
                ntree_start=first,
                ntree_end=last,
                thread_count=1,
            )
        self._predicted = last


class CatBoostLibrary:
    """See `search.trees.base.Library`."""

    suffix = ".pool"
    switches = False

    def bin(self, rows: ShardRows, max_bin: int, sample_rows: int) -> Any:  # noqa: ARG002
        """A quantised Pool, by way of a temporary file of the features."""
        import catboost

        shape = (len(rows.names), len(rows))
        with tempfile.TemporaryFile() as file:
            matrix = np.memmap(file, dtype=rows.spec.dtype, mode="w+", shape=shape).T
            for part in rows.batches(rows.batch_rows):
                matrix[part] = rows[part]
            rows.close()
            pool = catboost.Pool(
                matrix,
                rows.labels,
                weight=rows.weights,
                feature_names=list(rows.names),
                thread_count=1,
            )
        pool.quantize(border_count=max_bin, task_type="CPU")
        return pool

    def save(self, bins: Any, path: Path) -> None:
        """Write the quantised Pool."""
        with atomic_file(path) as temporary:
            temporary.unlink()
            bins.save(str(temporary))

    def load(self, path: Path, max_bin: int, sample_rows: int) -> Any:  # noqa: ARG002
        """Read the quantised Pool."""
        import catboost

        return catboost.Pool(f"quantized://{path.absolute()}", thread_count=1)

    def grower(
        self,
        bins: Any,
        labels: NDArray[np.float32],  # noqa: ARG002
        params: BoostingParams,
        seed: int,
        used: NDArray[np.int64],
        offset: float,
    ) -> CatBoostGrower:
        """A model without trees."""
        own = cast(CatBoostParams, params)
        options = {
            **native_options(own, threads=1),
            "iterations": own.n_estimators,
            "random_seed": seed % LARGEST_SEED,
        }
        return CatBoostGrower(bins, options, used, offset)


LIBRARY = CatBoostLibrary()
