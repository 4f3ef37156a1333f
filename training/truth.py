"""What predictions are scored against: ids, target and references of some eras, leanly held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from erazoo.errors import DataError
from etl.dataset import Dataset
from etl.ids import id_digests
from etl.shards import ShardSet
from scoring.eras import EraSlices

LabelSource = ShardSet | Dataset


@dataclass(frozen=True)
class Truth:
    """The labels of some eras, row by row in era order; ids are held as eight-byte digests.

    Args:
        slices: the eras of the rows.
        digests: (n,) of the ids.
        assets: (n,) of what returns in every era; None where ids name rows of one era.
        target: (n,) float32, NaN where unresolved.
        references: (n,) float32 by name, NaN where absent.
        ids: (n,) the ids themselves, where they were asked for.
    """

    slices: EraSlices
    digests: NDArray[np.uint64]
    assets: NDArray[np.uint64] | None
    target: NDArray[np.float32]
    references: dict[str, NDArray[np.float32]]
    ids: NDArray[np.object_] | None = None

    @classmethod
    def read(
        cls,
        source: LabelSource,
        eras: Sequence[str],
        target: str,
        references: Sequence[str] = (),
        *,
        keep_ids: bool = False,
    ) -> Truth:
        """The labels of `eras`; features are not read.

        Args:
            source: shards, or the tables themselves.
            eras: in chronological order.
            target: the column that is scored on.
            references: columns of the meta model and of benchmarks.
            keep_ids: whether the ids themselves are held too.

        Raises:
            DataError: no row.
        """
        column = source.targets.index(target)
        places = [source.references.index(name) for name in references]
        bounds, labels = [0], []
        ids, digests, assets, targets = [], [], [], []
        joined: list[NDArray[np.float32]] = []
        for block in source.blocks(eras, with_features=False):
            labels.append(block.era)
            bounds.append(bounds[-1] + len(block))
            ids += [block.ids] if keep_ids else []
            digests.append(digests_of(block.ids))
            assets.append(assets_of(block.ids, block.era))
            targets.append(block.targets[:, column].copy())
            joined.append(block.references[:, places])
        if not labels:
            raise DataError("there is no row to score", received=f"{len(eras)} eras")
        together = np.concatenate(joined)
        known = [part for part in assets if part is not None]
        return cls(
            EraSlices(tuple(labels), np.array(bounds, dtype=np.int64)),
            np.concatenate(digests),
            np.concatenate(known) if len(known) == len(labels) else None,
            np.concatenate(targets),
            {name: together[:, j].copy() for j, name in enumerate(references)},
            np.concatenate(ids) if keep_ids else None,
        )

    def only(self, kept: NDArray[np.bool_]) -> Truth:
        """The labels of some of the eras, kept (E,)."""
        counts = self.slices.counts
        rows = np.repeat(kept, counts)
        bounds = np.concatenate(([0], np.cumsum(counts[kept]))).astype(np.int64)
        labels = tuple(e for e, keep in zip(self.slices.labels, kept, strict=True) if keep)
        return Truth(
            EraSlices(labels, bounds),
            self.digests[rows],
            None if self.assets is None else self.assets[rows],
            self.target[rows],
            {name: values[rows] for name, values in self.references.items()},
            None if self.ids is None else self.ids[rows],
        )

    def aligned(self, digests: NDArray[np.uint64], values: NDArray[Any]) -> NDArray[Any]:
        """Predictions (m,) of the ids `digests` (m,) in the rows here (n,), NaN where none is."""
        return take(values, places_of(self.digests, digests))


def places_of(wanted: NDArray[np.uint64], digests: NDArray[np.uint64]) -> NDArray[np.int32] | None:
    """Where each wanted id (n,) stands among the ids of a file (m,), -1 where it does not.

    None where both are the same ids in the same order.
    """
    if np.array_equal(wanted, digests):
        return None
    order = np.argsort(digests)
    found = np.searchsorted(digests, wanted, sorter=order)
    found = order[np.minimum(found, len(order) - 1)]
    return np.where(digests[found] == wanted, found, -1).astype(np.int32)


def take(values: NDArray[Any], places: NDArray[np.int32] | None) -> NDArray[Any]:
    """The values (m,) at some places (n,), NaN at -1."""
    return values if places is None else np.where(places >= 0, values[places], np.nan)


def digests_of(ids: NDArray[np.object_]) -> NDArray[np.uint64]:
    """The digests of ids that are held as objects."""
    return id_digests(pa.array(ids, pa.large_string()))


def assets_of(ids: NDArray[np.object_], era: str) -> NDArray[np.uint64] | None:
    """Digests of the assets where every id of an era is `ASSET_ERA`, None elsewhere."""
    tail = f"_{era}"
    if not all(name.endswith(tail) for name in ids):
        return None
    return id_digests(pa.array([name[: -len(tail)] for name in ids], pa.large_string()))
