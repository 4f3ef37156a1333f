"""LightGBM: Datasets as binary files, and Boosters grown round by round."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from erazoo.logs import LOGGER
from erazoo.publish import atomic_file
from etl.shards.rows import ShardRows
from etl.shards.sequence import ShardSequence
from search.rows import FoldColumns
from search.trees.forest import add_trees, read_trees
from zoo.boosting.lightgbm import LightGBMParams, native_options
from zoo.boosting.params import BoostingParams


class LightGBMGrower:
    """A Booster on a shared Dataset.

    Args:
        dataset: binned rows, whose labels this process may switch.
        labels: (n,) of its rows.
        options: of LightGBM.
        used: places of its features among those of the panel.
    """

    def __init__(
        self,
        dataset: Any,
        labels: NDArray[np.float32],
        options: dict[str, Any],
        used: NDArray[np.int64],
    ) -> None:
        import lightgbm

        lightgbm.register_logger(LOGGER, "debug", "debug")
        dataset.set_label(labels)
        self._booster = lightgbm.Booster(options, dataset)
        self._used = used
        self._rounds = self._predicted = 0

    def grow(self, trees: int) -> None:
        """Grow until there were so many rounds; one that finds no split adds no tree."""
        for _ in range(trees - self._rounds):
            self._booster.update()
        self._rounds = max(self._rounds, trees)

    def predict(self, margins: NDArray[np.float64], columns: FoldColumns) -> None:
        """Add what the trees predict that grew since the last call."""
        count = self._booster.current_iteration()
        if count == self._predicted:
            return
        text = self._booster.model_to_string(
            start_iteration=self._predicted, num_iteration=count - self._predicted
        )
        trees = list(read_trees(text, columns.matrix.dtype))
        add_trees(margins, trees, columns, self._used, columns.missing)
        self._predicted = count


class LightGBMLibrary:
    """See `search.trees.base.Library`."""

    suffix = ".bin"
    switches = True

    def bin(self, rows: ShardRows, max_bin: int, sample_rows: int) -> Any:
        """Stream the rows into a Dataset; see `ShardSequence.dataset` for memory."""
        return ShardSequence(rows).dataset(_binning(max_bin, sample_rows))

    def save(self, bins: Any, path: Path) -> None:
        """Write LightGBM's binary form of a Dataset."""
        with atomic_file(path) as temporary:
            temporary.unlink()  # LightGBM leaves a file that stands as it is
            bins.save_binary(str(temporary))

    def load(self, path: Path, max_bin: int, sample_rows: int) -> Any:
        """A constructed Dataset."""
        import lightgbm

        lightgbm.register_logger(LOGGER, "debug", "debug")
        options = _binning(max_bin, sample_rows)
        return lightgbm.Dataset(str(path), params=options, free_raw_data=False).construct()

    def grower(
        self,
        bins: Any,
        labels: NDArray[np.float32],
        params: BoostingParams,
        seed: int,
        used: NDArray[np.int64],
        offset: float,  # noqa: ARG002
    ) -> LightGBMGrower:
        """A Booster without trees."""
        own = cast(LightGBMParams, params)
        options = {**native_options(own, threads=1), "seed": seed, **bins.get_params()}
        return LightGBMGrower(bins, labels, options, used)


def _binning(max_bin: int, sample_rows: int) -> dict[str, Any]:
    """Everything that bins depend on; a Booster on them takes the same."""
    return {
        "max_bin": max_bin,
        "bin_construct_sample_cnt": sample_rows,
        "data_random_seed": 1,
        "feature_pre_filter": False,
        "force_col_wise": True,
        "deterministic": True,
        "num_threads": 1,
        "verbosity": -1,
    }


LIBRARY = LightGBMLibrary()
