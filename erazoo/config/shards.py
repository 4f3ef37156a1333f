"""How rows are cleaned and laid into shards."""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from erazoo.config.base import Section


class ShardsSection(Section):
    """How rows are laid into TFRecord files (`etl/shards`).

    `layout` is `era` (files of one era, named after it) or `flat` (files of up to `shard_rows`,
    eras not in their names). `codec` is `raw` (a byte a quintile) or `packed` (three quintiles a
    byte). `shuffle` puts the rows of each era in an order drawn from `run.seed`. `balance` makes
    up for the rare outer bins of the target among training rows: `rows` keeps every row of the
    first of four eras, leaves the central bin out of the second and all but the outermost bins
    out of the third and fourth; `weights` keeps all rows and weighs each bin by its rarity.
    `workers` processes write at a time; 0 is one a core. `remote` is a URI such as
    `s3://bucket/name`: `erazoo shard` publishes the set there as well, and a run without data and
    shards of its own takes it from there.
    """

    layout: Literal["era", "flat"] = "era"
    block_rows: int = Field(1024, ge=1, le=1 << 20)
    shard_rows: int = Field(65536, ge=1)
    codec: Literal["raw", "packed"] = "raw"
    compression: Literal["none", "gzip", "zlib"] = "none"
    shuffle: bool = False
    balance: Literal["none", "rows", "weights"] = "none"
    workers: int = Field(0, ge=0, le=256)
    remote: str = ""

    @field_validator("remote")
    @classmethod
    def _uri(cls, value: str) -> str:
        where = urlsplit(value)
        if value and not (where.scheme and "://" in value and (where.netloc or where.path)):
            raise ValueError("this is not a URI such as s3://bucket/name")
        if where.password or where.query or where.fragment:
            raise ValueError("the URI of a store is a plain place, without secrets or options")
        return value.rstrip("/")


class CleanRules(Section):
    """What is done to missing and outlying values of a group of features (`etl/cleaning`).

    `missing`: `auto` (quintiles: the centre; other numbers: left as NaN), `centre` and `own` (the
    code 2, or a code of their own; quintiles only), `constant`, or a value learned from training
    eras: `mean`, `median`, `mode`, `knn` (from `neighbours` rows alike). `indicators` adds a
    feature `NAME_missing`, 0 or 1, for each feature with a missing value in the training sample.
    `outliers` are found column by column (`zscore`: more than `threshold` standard deviations
    from the mean; `iqr`: more than `threshold` interquartile ranges beyond the quartiles; a
    column whose spread is 0 has none) or row by row (`isolation_forest`: rows whose anomaly score
    lies more than `threshold` standard deviations above the mean score). `action` sets what was
    found to the column's bound (`clip`), to the nearer of the 1 % and 99 % quantiles of training
    rows where it lies beyond them (`winsorise`), or leaves rows out of training (`remove`: those
    with a share of such values above `outlying_share`, or those that the forest found).
    """

    missing: Literal["auto", "centre", "own", "constant", "mean", "median", "mode", "knn"] = "auto"
    constant: float = Field(0.0, allow_inf_nan=False)
    neighbours: int = Field(5, ge=1, le=1000)
    indicators: bool = False
    outliers: Literal["none", "zscore", "iqr", "isolation_forest"] = "none"
    threshold: float = Field(3.0, gt=0, allow_inf_nan=False)
    action: Literal["clip", "winsorise", "remove"] = "clip"
    outlying_share: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _rules_agree(self) -> Self:
        if self.missing == "own" and self.indicators:
            raise ValueError("missing 'own' tells missing values apart already, without indicators")
        if self.outliers == "isolation_forest" and self.action == "clip":
            raise ValueError(
                "isolation_forest finds rows, which have no bound to clip to; "
                "choose the action 'winsorise' or 'remove'"
            )
        by_column = self.outliers in ("zscore", "iqr")
        if self.outlying_share and not (by_column and self.action == "remove"):
            raise ValueError("outlying_share belongs to zscore or iqr with the action 'remove'")
        return self


class CleanSection(CleanRules):
    """Cleaning of features, learned from training eras only.

    The rules here hold for all features; `clean.groups.NAME` are rules for one feature set or
    group instead, from the defaults on (a feature in several is cleaned by the first). What is
    learned comes from at most `sample_rows` rows, drawn evenly from the eras that every fold
    trains on.
    """

    sample_rows: int = Field(20_000, ge=100)
    groups: dict[str, CleanRules] = Field(default_factory=dict)
