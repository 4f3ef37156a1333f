"""Where the panel comes from: data sets, the generated tournament, prices, made targets."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from erazoo.config.base import Section


class DataSection(Section):
    """Where the panel comes from and which columns of it are used.

    `dir` holds the data files (default: `data` in the run directory). With `source = "files"` the
    panel is any parquet or CSV: `files` are its history (files, or folders of them, relative to
    `ERAZOO_DATA` unless absolute) and `live` the rows to predict. `era` and `id` name the columns
    of eras and rows (empty: those of the tournament); `ids` says whether an id names one row of
    the whole history (`rows`) or an asset that returns in every era (`assets`). `feature_set` is a
    set or group of features.json; `features` names sets, groups, columns or patterns instead.
    `values` says how features are written: `quintile` (integers 0 to 4), `unit` (0, 0.25, 0.5,
    0.75 and 1), `float` (any number, kept as float32); empty, it is what the tournament uses.
    `sort` puts rows that do not stand era by era in order first. `target` is what models are
    trained and scored on; `extra_targets` (names or patterns) travel along into the shards.
    `horizon` is the target's reach in eras where its name does not say it. `meta_model` and
    `benchmark` name the columns that MMC and BMC are taken against; empty, they are
    `numerai_meta_model` and the first benchmark found.
    """

    source: Literal["demo", "numerai", "prices", "files"] = "demo"
    tournament: Literal["classic", "crypto", "none"] = "classic"
    dir: str = ""
    version: str = "latest"
    files: tuple[str, ...] = ()
    live: str = ""
    era: str = ""
    id: str = ""
    ids: Literal["", "rows", "assets"] = ""
    values: Literal["", "quintile", "unit", "float"] = ""
    sort: bool = False
    feature_set: str = "all"
    features: tuple[str, ...] = ()
    target: str = "target_ender_20"
    extra_targets: tuple[str, ...] = ()
    horizon: int | None = Field(None, ge=1)
    meta_model: str = ""
    benchmark: str = ""


class DemoSection(Section):
    """The generated tournament (`etl/demo`)."""

    profile: Literal["balanced", "interactions", "regimes", "noise", "memory"] = "balanced"
    eras: int | None = Field(None, ge=60, le=5000)
    rows: int | None = Field(None, ge=50, le=20000)
    features: int | None = Field(None, ge=24, le=5000)
    regimes: int | None = Field(None, ge=1, le=8)
    seed: int = Field(7, ge=0, lt=2**31)


class PricesSection(Section):
    """A table of prices turned into a panel (`etl/prices`).

    `files` are relative to `ERAZOO_DATA` unless absolute. `layout` is `long` (one row a symbol
    and bar) or `wide` (a date column and one close column a symbol). `date_format` is a strptime
    pattern for dates in text, empty for ISO dates. `every` says which bars become eras. `lag`
    bars pass between an era's date and the entry price. A symbol without a bar for more than
    `max_gap` bars starts afresh.
    """

    files: tuple[str, ...] = ()
    layout: Literal["long", "wide"] = "long"
    date: str = Field("date", min_length=1)
    date_format: str = ""
    symbol: str = Field("symbol", min_length=1)
    every: Literal["week", "day"] = "day"
    horizons: tuple[Annotated[int, Field(ge=1, le=2000)], ...] = Field((5, 10), min_length=1)
    lag: int = Field(1, ge=0, le=100)
    windows: tuple[Annotated[int, Field(ge=3, le=2000)], ...] = Field((5, 10, 20, 60), min_length=1)
    min_symbols: int = Field(10, ge=5)
    max_gap: int = Field(5, ge=0)

    @field_validator("files", "horizons", "windows")
    @classmethod
    def _once(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(value)) != len(value):
            raise ValueError("an entry stands twice")
        return value

    @field_validator("horizons", "windows")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(value))


class TargetEntry(Section):
    """A target made of others, era by era, which travels in the shards under its table's name.

    `of` names columns of the data; with several the target is their mean by `weights` (empty:
    equal ones), and missing where one of them is. `transform`: `raw` leaves it, `rank` takes its
    ranks within the era, in (0, 1), `gaussian` their normal quantiles, `residual` what is left of
    it within the era after least squares on a constant and the gaussianised predictions of `to`,
    a benchmark or the meta model. Its horizon is the longest of `of`.
    """

    of: tuple[str, ...] = Field(min_length=1)
    weights: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = ()
    transform: Literal["raw", "rank", "gaussian", "residual"] = "raw"
    to: str = ""

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if len(set(self.of)) != len(self.of):
            raise ValueError("a target of `of` stands twice")
        if self.weights and len(self.weights) != len(self.of):
            raise ValueError("weights are one a target of `of`, or none")
        if (self.transform == "residual") != bool(self.to):
            raise ValueError(
                "`to` names what a residual is taken to; the transform 'residual' needs it"
            )
        return self
