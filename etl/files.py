"""The files of a panel: their names in a data folder, and what their columns mean."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from erazoo.eras import LIVE_ERA
from erazoo.tournament import CLASSIC, Tournament

if TYPE_CHECKING:
    from etl.tables import EraTable

FEATURES = "features.json"
HISTORY = ("train.parquet", "validation.parquet")
LIVE = "live.parquet"
INT8 = "_int8"
"""Ends the stems of files of quintiles where a version offers floating-point files beside them."""
REFERENCE_FILES = (
    "meta_model.parquet",
    "train_benchmark_models.parquet",
    "validation_benchmark_models.parquet",
)
LIVE_REFERENCES = ("live_benchmark_models.parquet",)
SOURCE_RECORD = "source.json"
DOWNLOAD_RECORD = "download.json"
PRICE_RECORD = "prices.json"


@dataclass(frozen=True)
class DataFiles:
    """Where a panel lies and how its tables are to be read.

    Args:
        place: the folder or files, for messages.
        history: tables of the past, in chronological order.
        live: the table of the rows to predict.
        features: features.json, None where features are found by their names.
        references: tables of the meta model's and benchmarks' predictions, joined by id.
        live_references: the same for the live rows.
        era: the column of eras.
        id: the column of rows or assets.
        ids: `rows` where an id names one row, `assets` where it returns in every era.
        values: `quintile`, `unit` or `float`.
    """

    place: str
    history: tuple[Path, ...]
    live: Path | None
    features: Path | None
    references: tuple[Path, ...] = ()
    live_references: tuple[Path, ...] = ()
    era: str = "era"
    id: str = "id"
    ids: str = "rows"
    values: str = "quintile"

    @classmethod
    def folder(
        cls, folder: Path, tournament: Tournament | None = None, values: str = ""
    ) -> DataFiles:
        """The files of a data folder, laid out as `tournament` does (default: as Classic).

        Up to v4.3 the quintiles lie in files of their own, such as `train_int8.parquet`; `values`
        (default: those of the tournament) decides which of the two is read where both stand.
        """
        layout = tournament or CLASSIC
        values = values or layout.values
        held = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        return cls(
            place=str(folder),
            history=_present(folder, [offered(name, held, values) for name in HISTORY]),
            live=folder / offered(LIVE, held, values),
            features=folder / FEATURES,
            references=_present(folder, REFERENCE_FILES),
            live_references=_present(folder, LIVE_REFERENCES),
            era=layout.era_column,
            id=layout.id_column,
            ids=layout.ids,
            values=values,
        )

    def open(self, path: Path) -> EraTable:
        """One of these files as a table; live rows without a column of eras are one era."""
        from etl.tables import open_table

        sole = LIVE_ERA if path == self.live else None
        return open_table(path, self.era, (self.id,), sole)

    @property
    def features_stand(self) -> bool:
        """Whether there is a features.json."""
        return self.features is not None and self.features.is_file()

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files that shards are made from, as far as they are there."""
        first = (self.features,) if self.features and self.features_stand else ()
        return (*first, *self.history, *self.references)


def _present(folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    return tuple(folder / name for name in names if (folder / name).is_file())


def offered(name: str, names: Collection[str], values: str) -> str:
    """The name of a table among the `names` of a version's files.

    >>> offered("live.parquet", ["live.parquet", "live_int8.parquet"], "quintile")
    'live_int8.parquet'
    """
    stem, _, suffix = name.partition(".")
    both = [f"{stem}{INT8}.{suffix}", name]
    wanted = both if values == "quintile" else both[::-1]
    return next((found for found in wanted if found in names), name)
