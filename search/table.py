"""`erazoo mine results`: the best configurations, sorted by what they may be chosen by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from erazoo.errors import ConfigError
from erazoo.near import nearest
from erazoo.publish import atomic_file
from search.folder import MineDir
from search.others import Finds, with_others
from search.scores import FIGURES, Mined, score
from search.unique import unique_subset

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

ALIKE = ("benchmark_correlation", "meta_model_correlation")
SORTS = (*(f"validation_{name}" for name in FIGURES), *ALIKE, "trees", "trial")
"""What a table may be sorted by: nothing that test eras have a part in but how alike ranks are."""
RISING = ("validation_std", "validation_drawdown", *ALIKE, "trees", "trial")
"""Where less is better, or comes first."""
FORMATS = (".csv", ".parquet")


def best_table(
    folder: MineDir,
    sort: str | None = None,
    limit: int | None = None,
    unique_below: float | None = None,
    others: Sequence[Finds] = (),
) -> pl.DataFrame:
    """The best configurations of a study, which may be mined at the time; the benchmark is first.

    Args:
        folder: of the study.
        sort: one of `SORTS`; the study's objective where None.
        limit: how many beside the benchmark.
        unique_below: keep only such as are less alike than this; see `search.unique`.
        others: finds of other mining that each is compared with; see `search.others`.

    Returns:
        Rows of `scores.parquet`; with `others` also `others_correlation` and `others_nearest`.

    Raises:
        ConfigError: something that nothing may be chosen by, or a limit out of range.
        StaleDataError: nothing was mined there, or the benchmark is not trained yet.
    """
    import polars as pl

    mined = Mined.open(folder)
    column = sort or f"validation_{mined.plan.objective}"
    check_sort(column)
    known = pl.col("id").is_in([one.id for _, one in mined.configurations])
    table = score(folder).filter(known)
    falling = column not in RISING
    order = table.filter(~pl.col("benchmark")).sort(
        [column, "id"], descending=[falling, False], nulls_last=True
    )
    if unique_below is not None:
        scored = order.filter(pl.col(column).is_not_null())
        kept = unique_subset(mined, list(scored["id"]), unique_below, limit).kept
        order = scored.filter(pl.col("id").is_in(kept))
    own = table.filter(pl.col("id") == mined.benchmark.id)
    found = pl.concat([own, order if limit is None else order.head(limit)])
    return with_others(mined, found, others) if others else found


def check_sort(column: str) -> None:
    """Refuse to sort by what nothing may be chosen by.

    Raises:
        ConfigError: it is not one of `SORTS`.
    """
    if column.startswith(("test_", "whole_")):
        raise ConfigError(
            "test eras are only shown, and nothing is chosen by them",
            received=f"--sort {column}",
            expected=f"such as validation_{column.partition('_')[2]}",
        )
    if column not in SORTS:
        raise ConfigError(
            "nothing can be sorted by this", received=column, expected=nearest(column, SORTS)
        )


def write_table(table: pl.DataFrame, path: Path) -> None:
    """Write a table as CSV or parquet, by the ending of its name.

    Raises:
        ConfigError: another ending, or the folder cannot be made.
    """
    check_target_file(path)
    with atomic_file(path) as temporary:
        if path.suffix == ".csv":
            table.write_csv(temporary)
        else:
            table.write_parquet(temporary)


def check_target_file(path: Path | None) -> None:
    """Refuse a file that `write_table` would refuse, before any work is done.

    Raises:
        ConfigError: it has another ending.
    """
    if path is not None and path.suffix not in FORMATS:
        raise ConfigError(
            "a table is written as CSV or parquet",
            received=str(path),
            expected=" or ".join(FORMATS),
        )
