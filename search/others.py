"""`--others RUN[:STUDY]`: how alike configurations are to what other mining has found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ConfigError, DataError
from scoring.eras import EraSlices
from scoring.similarity import rank_correlation
from search.folder import MINE, MineDir
from search.predictions import PredictionFile, stretches
from search.scores import Mined, score

if TYPE_CHECKING:
    import polars as pl

FINDS = 20
"""Best configurations of another study that are compared with."""
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Finds:
    """The best of another study.

    Attributes:
        name: `RUN:STUDY`, as the table names them.
        mined: the study.
        ids: of its best configurations by its own objective on its validation eras.
    """

    name: str
    mined: Mined
    ids: tuple[str, ...]


def open_finds(text: str) -> list[Finds]:
    """What `RUN` or `RUN:STUDY` names: a run directory, and one of its studies or all of them.

    Raises:
        ConfigError: there is no such run or study.
        StaleDataError: the benchmark of a study is not trained yet.
    """
    whole = Path(text)
    name = "" if whole.is_dir() else text.rpartition(":")[2]
    run = whole if whole.is_dir() else Path(text.rpartition(":")[0])
    folders = [MineDir(path.parent) for path in sorted((run / MINE).glob("*/plan.json"))]
    found = [folder for folder in folders if name in ("", folder.root.name)]
    if not found:
        raise ConfigError(
            "there is no such mining",
            received=text,
            expected="RUN or RUN:STUDY, a run directory and the name of a study in it",
        )
    return [_finds(f"{run.resolve().name}:{folder.root.name}", folder) for folder in found]


def with_others(mined: Mined, table: pl.DataFrame, others: Sequence[Finds]) -> pl.DataFrame:
    """A table with the highest correlation of each configuration with any of the finds.

    Correlations are means over eras of those of ranks, over the rows that both predict; a row that
    several folds predict counts as the first of them does. Memory: 512 MB of predictions.

    Args:
        mined: the study of the table.
        table: with `id` and `slot`.
        others: finds of other mining.

    Returns:
        With `others_correlation`, and `others_nearest` which says whose it is; null where no row is
        predicted by both.

    Raises:
        DataError: a study that has no row in common with this one.
    """
    import polars as pl

    highest = np.full(len(table), np.nan)
    nearest = np.full(len(table), None, dtype=object)
    for one in others:
        alike = _alike(mined, list(table["slot"]), one)
        alike[np.equal.outer(list(table["id"]), list(one.ids)) & _same(mined, one)] = np.nan
        known = np.where(np.isnan(alike), -np.inf, alike)
        for row, (value, place) in enumerate(
            zip(known.max(axis=1), known.argmax(axis=1), strict=True)
        ):
            if np.isfinite(value) and not value <= highest[row]:
                highest[row], nearest[row] = value, f"{one.name}:{one.ids[place]}"
    return table.with_columns(
        pl.Series("others_correlation", highest).fill_nan(None),
        pl.Series("others_nearest", list(nearest), dtype=pl.String),
    )


def _finds(name: str, folder: MineDir) -> Finds:
    import polars as pl

    mined = Mined.open(folder)
    column = f"validation_{mined.plan.objective}"
    known = pl.col("id").is_in([one.id for _, one in mined.configurations])
    table = score(folder).filter(known & ~pl.col("benchmark") & pl.col(column).is_not_null())
    best = table.sort([column, "id"], descending=[True, False]).head(FINDS)
    return Finds(name, mined, tuple(best["id"]))


def _same(mined: Mined, other: Finds) -> bool:
    """Whether the finds are of this very study, in which nothing is alike to itself."""
    return mined.folder.root.resolve() == other.mined.folder.root.resolve()


def _alike(mined: Mined, slots: Sequence[int], other: Finds) -> NDArray[np.float64]:
    """Correlations (len(slots), finds)."""
    ours, theirs, slices = _common_rows(mined, other)
    slot = {one.id: one.slot for _, one in other.mined.configurations}
    finds = _read(other.mined, [slot[i] for i in other.ids], theirs)
    parts = []
    for chunk in stretches(slots, len(ours)):
        columns = np.hstack([_read(mined, chunk, ours), finds])
        parts.append(rank_correlation(columns, slices)[: len(chunk), len(chunk) :])
    return np.concatenate(parts)


def _common_rows(mined: Mined, other: Finds) -> tuple[Places, Places, EraSlices]:
    """The places of the rows that both predict, era by era as this study has them."""
    own, first = np.unique(mined.rows.arrays["ids"], return_index=True)
    _, mine, theirs = np.intersect1d(own, other.mined.rows.arrays["ids"], return_indices=True)
    if not len(mine):
        raise DataError(
            "mining is compared with other mining by rows, and there is none in common",
            received=other.name,
            hint="Both must be mined on the same data, on folds that overlap",
        )
    places = first[mine]
    order = np.lexsort((places, mined.rows.arrays["eras"][places]))
    eras = mined.rows.arrays["eras"][places][order]
    edges = np.flatnonzero(np.diff(eras)) + 1
    bounds = np.concatenate(([0], edges, [len(eras)])).astype(np.int64)
    labels = tuple(str(mined.rows.arrays["era_labels"][code]) for code in eras[bounds[:-1]])
    return places[order], theirs[order], EraSlices(labels, bounds)


def _read(mined: Mined, slots: Sequence[int], rows: Places) -> NDArray[np.float32]:
    file = PredictionFile(mined.folder.predictions, len(mined.rows))
    return file.read(slots, rows)


def all_finds(texts: Sequence[str]) -> Iterator[Finds]:
    """The finds of several mining runs; see `open_finds`."""
    for text in texts:
        yield from open_finds(text)
