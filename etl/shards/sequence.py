"""Rows of a shard set for LightGBM, which bins them without ever holding them whole."""

from __future__ import annotations

import numbers
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ShardError
from etl.shards.rows import ShardRows, as_floats

BIN_SAMPLE_ROWS = 20_000
"""Rows that bins are found from; LightGBM's own 200,000 would be held as float64."""
NEAR_ROWS = 1_024
"""Rows that are fetched together where they are asked for one by one."""


class ShardSequence(lightgbm.Sequence):
    """Random access to rows whose features stay on disk.

    LightGBM samples single rows in ascending order and then reads all in slices: three passes
    over the files with that of the labels. Missing features that have a code of their own are
    NaN; those coded as the centre are the centre. Memory: the sample as float64 and one batch.

    Args:
        rows: their labels, weights and features.
    """

    def __init__(self, rows: ShardRows) -> None:
        self.rows = rows
        self.batch_size = rows.batch_rows
        self._near: tuple[int, NDArray[Any]] = (0, rows[:0])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int | slice | Sequence[int]) -> NDArray[Any]:
        """One row (F,) float64, which the sample must be, or several (n, F) float32."""
        if isinstance(index, numbers.Integral):
            return as_floats(self._one(operator.index(index)), self.rows.spec, np.float64)
        return as_floats(self.rows[index], self.rows.spec, np.float32)

    def _one(self, index: int) -> NDArray[Any]:
        """A row by way of its neighbours, which are asked for next."""
        low, near = self._near
        if not low <= index < low + len(near):
            if not -len(self) <= index < len(self):
                raise IndexError(f"row {index} of {len(self)}")
            low = index % len(self) // NEAR_ROWS * NEAR_ROWS
            near = self.rows[low : low + NEAR_ROWS]
            self._near = low, near
        return np.asarray(near[index % len(self) - low])

    def dataset(
        self, params: Mapping[str, Any] | None = None, reference: lightgbm.Dataset | None = None
    ) -> lightgbm.Dataset:
        """A constructed Dataset with labels, weights and names.

        Args:
            params: LightGBM's. Where not given, `bin_construct_sample_cnt` is `BIN_SAMPLE_ROWS`,
                and `feature_pre_filter` off, so that models of any leaf size share a Dataset.
            reference: the training Dataset, whose bins and parameters a validation Dataset takes.

        Raises:
            ShardError: no row has a resolved target.
        """
        if not len(self):
            raise ShardError("no row of these eras has a resolved target that counts")
        own = {"bin_construct_sample_cnt": BIN_SAMPLE_ROWS, "feature_pre_filter": False}
        held = own if reference is None else reference.get_params()
        made = lightgbm.Dataset(
            self,
            label=self.rows.labels,
            weight=self.rows.weights,
            reference=reference,
            feature_name=list(self.rows.names),
            params={**held, **(params or {})},
        )
        try:
            made.construct()
        finally:
            self.rows.close()
        if self.rows.weights is None:
            # A sequence with a weighted reference starts with weights of 0.
            made.set_field("weight", None)
        return made
