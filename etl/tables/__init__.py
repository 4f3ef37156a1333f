"""Tables on disk, parquet or CSV, read era by era in batches of bounded size."""

from etl.tables.base import Cut, EraRun, EraTable
from etl.tables.open import open_table

__all__ = ["Cut", "EraRun", "EraTable", "open_table"]
