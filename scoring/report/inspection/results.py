"""What `inspection.json` holds, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHARDS = "shards"


@dataclass(frozen=True)
class Span:
    """Some eras.

    Args:
        eras: how many, from the `first` to the `last`.
        rows: of all of them.
        rows_an_era: at least, in the middle and at most.
        files: that hold them, and their `bytes` on disk; 0 where these are not asked for.
        trained: rows that count in training; None where all do.
    """

    eras: int
    first: str
    last: str
    rows: int
    rows_an_era: tuple[float, float, float]
    files: int = 0
    bytes: int = 0
    trained: int | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Span:
        """Of plain values."""
        low, middle, high = value["rows_an_era"]
        return cls(**{**value, "rows_an_era": (low, middle, high)})


@dataclass(frozen=True)
class Column:
    """A target or a reference.

    Args:
        name: of the column.
        eras: in which it has values, the `first` and the `last`.
        rows: with a value.
        bins: the values of a target of bins, with `counts` of rows, over all and by era.
        mean: of other targets, with their standard deviation and `quantiles` by era at `levels`.
        resolved: rows with a value by era.
    """

    name: str
    eras: int
    first: str | None
    last: str | None
    rows: int
    bins: tuple[float, ...] | None = None
    counts: tuple[int, ...] = ()
    counts_by_era: tuple[tuple[int, ...], ...] = ()
    mean: float | None = None
    std: float | None = None
    levels: tuple[float, ...] = ()
    quantiles: tuple[tuple[float, ...], ...] = ()
    resolved: tuple[int, ...] = ()

    @classmethod
    def from_json(cls, name: str, value: Mapping[str, Any]) -> Column:
        """Of plain values."""
        by_era = value.get("by_era") or {}
        bins = value.get("bins")
        return cls(
            name=name,
            eras=int(value["resolved_eras"]),
            first=value["first"],
            last=value["last"],
            rows=int(value["resolved_rows"]),
            bins=None if bins is None else tuple(float(b) for b in bins),
            counts=tuple(value.get("rows") or ()),
            counts_by_era=tuple(tuple(era) for era in by_era.get("rows") or ()),
            mean=value.get("mean"),
            std=value.get("std"),
            levels=tuple(value.get("levels") or ()),
            quantiles=tuple(tuple(era) for era in by_era.get("quantiles") or ()),
            resolved=tuple(by_era.get("resolved") or ()),
        )


@dataclass(frozen=True)
class Features:
    """The features.

    Args:
        count: how many.
        dtype: of their values.
        missing_code: stands for a missing value, None where NaN does.
        filled: features whose missing values were filled and left no trace.
        fingerprint: of their specification.
        groups: features by group.
        offered: the same of a data set, features that are not used included.
    """

    count: int
    dtype: str
    missing_code: int | None
    filled: int
    fingerprint: str
    groups: Mapping[str, int]
    offered: Mapping[str, int]


@dataclass(frozen=True)
class Cleaned:
    """Features that were cleaned by the same rules.

    Args:
        name: of their group, empty for all that no other group names.
        features: how many.
        indicators: how many of them got an indicator of missing values.
        missing: what takes the place of missing values.
        outliers: how outlying values are found, and what is done with them; both empty where
            they are not looked for.
        action: see `outliers`.
    """

    name: str
    features: int
    indicators: int
    missing: str
    outliers: str = ""
    action: str = ""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Cleaned:
        """Of plain values."""
        rules = value["rules"]
        missing = str(rules["missing"])
        if missing == "constant":
            missing += f" {rules['constant']:g}"
        found = rules["outliers"] != "none"
        outliers = f"{rules['outliers'].replace('_', ' ')} beyond {rules['threshold']:g}"
        return cls(
            name=str(value["name"]),
            features=int(value["features"]),
            indicators=int(value["indicators"]),
            missing=missing,
            outliers=outliers if found else "",
            action=str(rules["action"]) if found else "",
        )


@dataclass(frozen=True)
class Balance:
    """How the bins of a target are balanced among training rows.

    Args:
        mode: `rows` or `weights`.
        target: whose bins these are.
        bins: its values.
        rows: training rows of each bin.
        weights: of each bin, one, or one an era of a cycle.
    """

    mode: str
    target: str
    bins: tuple[float, ...]
    rows: tuple[int, ...]
    weights: tuple[tuple[float, ...], ...]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Balance:
        """Of plain values."""
        weights = value["weights"]
        cycle = [*weights.values()] if isinstance(weights, dict) else [weights]
        return cls(
            mode=str(value["mode"]),
            target=str(value["target"]),
            bins=tuple(float(b) for b in value["bins"]),
            rows=tuple(int(n) for n in value["training_rows"]),
            weights=tuple(zip(*cycle, strict=True)),
        )


@dataclass(frozen=True)
class Inspection:
    """A data set or shard set.

    Args:
        name: of the experiment.
        kind: `shards` or `data`.
        place: where it lies.
        target: what models learn.
        alias: the named target that `target` stands for, if there is one.
        span: all eras.
        bytes: on disk.
        parts: splits, or files.
        features: of the panel.
        targets: by name, the learned one first.
        references: predictions that travel along.
        gaps: by measure and group, a share by era that was read.
        empty: by group, eras in which it tells nothing: how many, and their stretches.
        selection: the eras that were read, as they were chosen, and `read` their labels.
        eras: all labels, with the `part`, the `rows` and the rows `trained` on of each.
        storage: how it is stored.
        other_files: bytes of files beside it, by name.
        live_rows: rows to predict.
        cleaning: what was done to features, rules by rules.
        learned_rows: training rows that cleaning learned from.
        learned_eras: their eras.
        balance: how training rows are balanced.
    """

    name: str
    kind: str
    place: str
    target: str
    alias: str | None
    span: Span
    bytes: int
    parts: Mapping[str, Span]
    features: Features
    targets: tuple[Column, ...]
    references: tuple[Column, ...]
    gaps: Mapping[str, Mapping[str, tuple[float, ...]]]
    empty: Mapping[str, tuple[int, tuple[tuple[str, str], ...]]]
    selection: str
    read: tuple[str, ...]
    eras: tuple[str, ...]
    part: tuple[str, ...]
    rows: tuple[int, ...]
    trained: tuple[int, ...] | None
    storage: Mapping[str, Any]
    other_files: Mapping[str, int]
    live_rows: int | None
    cleaning: tuple[Cleaned, ...]
    learned_rows: int
    learned_eras: tuple[str, ...]
    balance: Balance | None

    @property
    def learned(self) -> Column:
        """The target that models learn."""
        return self.targets[0]

    @property
    def quintiles(self) -> bool:
        """Whether the features are codes from 0 to 4."""
        return self.features.dtype == "int8"

    @property
    def whole_group(self) -> str:
        """The first group that holds all features."""
        sizes = self.features.groups.items()
        return next(name for name, size in sizes if size == self.features.count)

    @property
    def whole(self) -> bool:
        """Whether the values of every era were read."""
        return len(self.read) == len(self.eras)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Inspection:
        """Of plain values; KeyError, TypeError or ValueError where they are others."""
        by_era, read, balance = value["by_era"], value["read"], value.get("balance")
        cleaning = value.get("cleaning") or {}
        learned = cleaning.get("learned_from") or {}
        trained = by_era["trained"]
        target = str(value["target"])
        targets = [Column.from_json(*item) for item in value["targets"].items()]
        return cls(
            name=str(value["name"]),
            kind=str(value["kind"]),
            place=str(value["place"]),
            target=target,
            alias=value["alias"],
            span=Span.from_json(value["span"]),
            bytes=int(value["bytes"]),
            parts={name: Span.from_json(part) for name, part in value["parts"].items()},
            features=Features(**value["features"], offered=value.get("offered") or {}),
            targets=tuple(sorted(targets, key=lambda column: column.name != target)),
            references=tuple(Column.from_json(*item) for item in value["references"].items()),
            gaps={m: {g: tuple(s) for g, s in of.items()} for m, of in value["gaps"].items()},
            empty={g: _empty(found) for g, found in value["empty"].items()},
            selection=str(read["selection"]),
            read=tuple(read["eras"]),
            eras=tuple(by_era["eras"]),
            part=tuple(by_era["part"]),
            rows=tuple(by_era["rows"]),
            trained=None if trained is None else tuple(trained),
            storage=dict(value["storage"]),
            other_files=dict(value["other_files"]),
            live_rows=value.get("live_rows"),
            cleaning=tuple(Cleaned.from_json(group) for group in cleaning.get("groups", ())),
            learned_rows=int(learned.get("rows", 0)),
            learned_eras=tuple(learned.get("eras", ())),
            balance=Balance.from_json(balance) if balance else None,
        )


def _empty(value: Mapping[str, Any]) -> tuple[int, tuple[tuple[str, str], ...]]:
    return int(value["eras"]), tuple((str(a), str(b)) for a, b in value["stretches"])
