"""From price files to a data folder: the one call behind a price experiment."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from erazoo.config.schema import PricesSection
from erazoo.logs import LOGGER
from erazoo.publish import make_dir, sha256, write_json
from etl.layout import rows_schema
from etl.prices.bars import place
from etl.prices.clean import CleanPrices, clean
from etl.prices.eras import check_horizons, plan
from etl.prices.layout import write_rows
from etl.prices.read import VALUE_COLUMNS, read_table, resolve
from etl.prices.recipes import feature_sets, recipes
from etl.prices.summary import PricesSummary, summarise
from etl.prices.table import LIVE, TRAIN, VALIDATION, panel_table

SUMMARY_FILE = "prices.json"


def build(section: PricesSection, folder: Path, root: Path) -> PricesSummary:
    """Turn price files into features.json, train, validation and live parquet in `folder`.

    The files have the layout of a tournament's data set: `id` (the pandas index), `era`,
    `data_type`, int8 features 0..4 (2 where missing), float32 targets in {0, .25, .5, .75, 1}
    (NaN where unresolved or unknown). Eras are ISO dates; train holds the older half of them,
    validation the newer; a history era whose longest target is unresolved has the data type
    `test`. The live era "X" is the newest date, with the symbols as ids. `prices.json` is
    written last: a folder without it is not complete. The same input rows in any order give the
    same bytes.

    Args:
        section: files, columns, eras, windows and horizons.
        folder: where the data set is written.
        root: the folder that relative input files are taken from.

    Raises:
        ConfigError: a file that is missing or of an unknown kind.
        SchemaError: a file or a column that cannot be read as prices.
        DataError: too few symbols, eras or resolved labels.
    """
    paths = resolve(section, root)
    cleaned = _read(paths, section)
    bars = place(cleaned.frame, section.max_gap)
    eras = plan(bars, section)
    check_horizons(eras, section)
    columns = tuple(name for name in VALUE_COLUMNS if name in bars.frame.columns)
    found = recipes(section.windows, columns)
    table = panel_table(bars, eras, found, section)
    summary = summarise(section, bars, eras, found, cleaned, table, _checksums(section, paths))
    _publish(folder, table, feature_sets(found, section.windows), summary)
    LOGGER.info(
        "prices: %d symbols, %d eras from %s, %d features, live %s",
        summary.symbols,
        eras.history.height,
        summary.first_date,
        len(found),
        summary.last_date,
    )
    return summary


def _read(paths: tuple[Path, ...], section: PricesSection) -> CleanPrices:
    cleaned = clean(pl.concat([read_table(path, section) for path in paths], how="diagonal"))
    for reason, count in (cleaned.dropped | cleaned.blanked).items():
        LOGGER.info("prices: %d rows with %s", count, reason)
    return cleaned


def _checksums(section: PricesSection, paths: tuple[Path, ...]) -> dict[str, str]:
    return {name: sha256(path) for name, path in zip(section.files, paths, strict=True)}


def _publish(
    folder: Path, table: pl.DataFrame, sets: dict[str, list[str]], summary: PricesSummary
) -> None:
    make_dir(folder)
    (folder / SUMMARY_FILE).unlink(missing_ok=True)
    write_json(folder / "features.json", {"feature_sets": sets, "targets": list(summary.targets)})
    wanted = rows_schema(sets["all"], summary.targets)
    for file in (TRAIN, VALIDATION, LIVE):
        write_rows(folder / f"{file}.parquet", table.filter(pl.col("file") == file), wanted)
    write_json(folder / SUMMARY_FILE, summary.to_json())
