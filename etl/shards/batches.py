"""Rows of a shard set for XGBoost, which takes them batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import xgboost

from erazoo.errors import ShardError
from erazoo.panel import OWN_CODE
from etl.shards.rows import ShardRows, as_floats


class ShardBatches(xgboost.DataIter):
    """Batches in era order for `QuantileDMatrix` and `ExtMemQuantileDMatrix`.

    XGBoost iterates four times on a CPU, each a pass over the files. Quintiles are handed over
    as int8; missing features that have a code of their own as NaN, so that batches are float32.

    Args:
        rows: their labels, weights and features.
        batch_rows: rows a batch; by default a batch of float32 takes 16 MB.
        cache_prefix: where `ExtMemQuantileDMatrix` keeps its pages; a page is a batch.
    """

    def __init__(
        self, rows: ShardRows, batch_rows: int | None = None, cache_prefix: str | None = None
    ) -> None:
        super().__init__(cache_prefix=cache_prefix, on_host=cache_prefix is None)
        self.rows, self._batch_rows = rows, batch_rows or rows.batch_rows
        self._parts: Iterator[slice] = iter(())
        self.reset()

    def reset(self) -> None:
        """Start from the first batch."""
        self._parts = self.rows.batches(self._batch_rows)

    def next(self, input_data: Callable[..., Any]) -> bool:
        """Hand over the next batch; whether there was one."""
        part = next(self._parts, None)
        if part is None:
            self.rows.close()
            return False
        features = self.rows[part]
        if self.rows.spec.missing == OWN_CODE:
            features = as_floats(features, self.rows.spec)
        weights = self.rows.weights
        input_data(
            data=features,
            label=self.rows.labels[part],
            weight=None if weights is None else weights[part],
            feature_names=list(self.rows.names),
        )
        return True

    def matrix(self, **options: Any) -> xgboost.DMatrix:
        """A `QuantileDMatrix`, or one in external memory where there is a `cache_prefix`.

        Args:
            options: of the matrix, such as `max_bin`, `nthread` and `ref`.

        Raises:
            ShardError: no row has a resolved target.
        """
        if not len(self.rows):
            raise ShardError("no row of these eras has a resolved target that counts")
        if self.cache_prefix is not None:
            return xgboost.ExtMemQuantileDMatrix(self, **options)
        return xgboost.QuantileDMatrix(self, **options)
