"""What a price panel holds and what was left out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from erazoo.config.schema import PricesSection
from etl.prices.bars import Bars
from etl.prices.clean import CleanPrices
from etl.prices.eras import EraPlan
from etl.prices.read import VALUE_COLUMNS
from etl.prices.recipes import Recipe
from etl.prices.table import LIVE, TRAIN, VALIDATION
from etl.prices.targets import target_name

SURVIVORSHIP = (
    "symbols are those of the files; where these hold only survivors, returns look better than "
    "they were, and a delisted symbol's last labels are missing, not zero"
)


@dataclass(frozen=True)
class PricesSummary:
    """A built panel in figures; `prices.json` beside the data holds the same.

    Args:
        symbols: symbols with at least one usable quote.
        ended_symbols: symbols without a quote on the newest date.
        bars: dates of the common calendar.
        first_date: the oldest date, ISO.
        last_date: the newest date, that of the live era.
        columns: the value columns that were found.
        eras: eras in train, validation (of which `test` are not fully resolved) and live.
        resolved_eras: for each target, the history eras whose label is complete.
        rows: rows of each file.
        unlabelled: for each target, rows of resolved eras without a label (a gap, a delisting).
        dropped_rows: input rows left out, by reason.
        blanked_rows: input rows of which a range or a volume was set to missing, by reason.
        dropped_eras: dates that would be eras, left out, by reason.
        features: number of features of each kind.
        targets: names of the target columns.
        label_bars: for each target, the bars after its era that a label reaches (lag + horizon).
        label_eras: the same in eras, the most that was found.
        files: the sha256 of each input file.
        notes: what a reader must know, in sentences.
    """

    symbols: int
    ended_symbols: int
    bars: int
    first_date: str
    last_date: str
    columns: tuple[str, ...]
    eras: dict[str, int]
    resolved_eras: dict[str, int]
    rows: dict[str, int]
    unlabelled: dict[str, int]
    dropped_rows: dict[str, int]
    blanked_rows: dict[str, int]
    dropped_eras: dict[str, int]
    features: dict[str, int]
    targets: tuple[str, ...]
    label_bars: dict[str, int]
    label_eras: dict[str, int]
    files: dict[str, str]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The summary as plain JSON values."""
        plain = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}


def summarise(
    section: PricesSection,
    bars: Bars,
    eras: EraPlan,
    found: Sequence[Recipe],
    cleaned: CleanPrices,
    table: pl.DataFrame,
    files: dict[str, str],
) -> PricesSummary:
    """The figures of a panel whose rows are `table` (see `etl.prices.table`)."""
    reach = {target_name(h): section.lag + h for h in section.horizons}
    ends = bars.frame.group_by("symbol").agg(pl.col("bar").max())["bar"]
    rows = table["file"]
    return PricesSummary(
        symbols=len(ends),
        ended_symbols=int((ends < bars.last).sum()),
        bars=bars.calendar.height,
        first_date=bars.calendar["date"][0].isoformat(),
        last_date=bars.calendar["date"][-1].isoformat(),
        columns=tuple(name for name in VALUE_COLUMNS if name in bars.frame.columns),
        eras={
            "train": eras.train.height,
            "validation": eras.validation.height,
            "test": eras.history.height - eras.resolved(max(reach.values())).height,
            "live": 1,
        },
        resolved_eras={name: eras.resolved(bars_on).height for name, bars_on in reach.items()},
        rows={name: int((rows == name).sum()) for name in (TRAIN, VALIDATION, LIVE)},
        unlabelled={name: _unlabelled(table, name, eras.newest - r) for name, r in reach.items()},
        dropped_rows=cleaned.dropped,
        blanked_rows=cleaned.blanked,
        dropped_eras=eras.dropped,
        features=_kinds(found),
        targets=tuple(reach),
        label_bars=reach,
        label_eras={name: eras.label_eras(bars_on) for name, bars_on in reach.items()},
        files=files,
        notes=(*_reach_notes(section), SURVIVORSHIP),
    )


def _unlabelled(table: pl.DataFrame, target: str, newest_resolved: int) -> int:
    resolved = table.filter(pl.col("bar") <= newest_resolved)
    return int(resolved[target].is_nan().sum())


def _kinds(found: Sequence[Recipe]) -> dict[str, int]:
    names = [recipe.kind for recipe in found]
    return {kind: names.count(kind) for kind in sorted(set(names))}


def _reach_notes(section: PricesSection) -> tuple[str, ...]:
    return tuple(
        f"{target_name(h)} reaches {section.lag + h} bars past its era: "
        f"{section.lag} of lag and {h} of return"
        for h in section.horizons
    )
