"""The rows of a pool with what is known beside them, era by era."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ensemble.pool import Pool
from ensemble.unique.view import EraView
from erazoo.errors import DataError
from erazoo.panel import EraBlock, FeatureSpec
from training.standards import META_MODEL_NAME


class Source(Protocol):
    """What holds the features and references of past rows, such as a shard set."""

    @property
    def spec(self) -> FeatureSpec:
        """The features."""

    @property
    def references(self) -> tuple[str, ...]:
        """Names of the reference columns."""

    def blocks(
        self, eras: Sequence[str] | None = None, *, with_features: bool = True
    ) -> Iterator[EraBlock]:
        """Blocks of some eras, in order."""


@dataclass(frozen=True)
class PastViews:
    """A re-iterable pass over the eras of a pool; features are read from the panel as they come.

    Args:
        pool: ids, eras and the members' ranks.
        panel: features and benchmarks of the same rows.

    Memory: one era.
    """

    pool: Pool
    panel: Source

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """The benchmark columns of the panel: every reference but the meta model."""
        meta = (self.pool.meta_model, META_MODEL_NAME)
        return tuple(name for name in self.panel.references if name not in meta)

    def of(self, eras: Sequence[str]) -> Iterator[EraView]:
        """The views of some eras, in their order.

        Raises:
            DataError: the panel lacks a row of the pool.
        """
        spans = dict(zip(self.pool.slices.labels, self.pool.slices, strict=True))
        found = 0
        for block in self.panel.blocks(eras):
            found += 1
            yield self._view(block, spans[block.era])
        if found < len(eras):
            raise DataError(
                "the panel lacks eras of the pool", received=f"{found} of {len(eras)} eras"
            )

    def covered(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """The eras of the pool (E,) in which every row has these benchmarks."""
        labels = self.pool.slices.labels
        places = [self.panel.references.index(name) for name in names]
        if not places:
            return np.ones(len(labels), dtype=np.bool_)
        spans = dict(zip(labels, self.pool.slices, strict=True))
        whole = set()
        for block in self.panel.blocks(labels, with_features=False):
            rows = _places(block, self.pool.ids[spans[block.era]])
            if np.isfinite(block.references[rows][:, places]).all():
                whole.add(block.era)
        return np.array([era in whole for era in labels])

    def _view(self, block: EraBlock, span: slice) -> EraView:
        block = block.take(_places(block, self.pool.ids[span]))
        columns = dict(zip(self.panel.references, block.references.T, strict=True))
        whole = {name: columns[name] for name in self.benchmarks}
        ranks = np.asarray(self.pool.ranks[:, span])
        return EraView(
            block.era,
            self.panel.spec,
            block.features,
            {name: values for name, values in whole.items() if np.isfinite(values).all()},
            dict(zip(self.pool.names, ranks, strict=True)),
        )


def _places(block: EraBlock, ids: NDArray[np.object_]) -> slice | NDArray[np.int64]:
    """Where the rows of a pool stand in a block."""
    if len(ids) == len(block) and bool((ids == block.ids).all()):
        return slice(None)
    found = pc.index_in(pa.array(ids, pa.string()), pa.array(block.ids, pa.string()))
    if found.null_count:
        raise DataError(
            f"the panel lacks rows of the pool in era {block.era}", received=found.null_count
        )
    return np.asarray(found.to_numpy())
