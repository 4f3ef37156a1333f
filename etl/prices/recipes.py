"""What the features of a price panel are: formulas over a symbol's bars up to a date.

Every formula is an expression over one run of one symbol, evaluated `.over("run")`; it looks
back `window` bars and never forward. Only the order of its values within a date matters, so
that logarithms and square roots are left out where they change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import polars as pl

REVERSAL_BARS = (1, 2, 3)
SHAPE_WINDOW = 10
CLOSE = pl.col("close")
LOG = pl.col("log_close")
RETURN = pl.col("log_return")
VOLUME = pl.col("volume")
DOLLARS = pl.col("close") * pl.col("volume")


@dataclass(frozen=True)
class Recipe:
    """One feature.

    Args:
        name: its column, `feature_FORMULA_WINDOW`.
        kind: its group: momentum, reversal, trend, volatility, shape, range or volume.
        window: the bars it looks back.
        value: the expression, to be evaluated over one run.
    """

    name: str
    kind: str
    window: int
    value: pl.Expr


@dataclass(frozen=True)
class Formula:
    """A family of features, one for each window.

    Args:
        name: the middle part of the features' names.
        kind: their group.
        build: from a window to the expression.
        needs: value columns besides the close.
        smallest: the shortest window for which the formula means something.
    """

    name: str
    kind: str
    build: Callable[[int], pl.Expr]
    needs: frozenset[str] = frozenset()
    smallest: int = 3


def base_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the columns that formulas share: `log_close`, `log_return` and the one before it."""
    frame = frame.with_columns(CLOSE.log().alias("log_close"))
    frame = frame.with_columns(LOG.diff().over("run").alias("log_return"))
    return frame.with_columns(RETURN.shift(1).over("run").alias("earlier_return"))


def recipes(windows: Sequence[int], columns: Collection[str]) -> tuple[Recipe, ...]:
    """All features that a table with `columns` allows over ascending `windows`."""
    formulas = [f for f in (*FORMULAS, _against_longest(windows[-1])) if f.needs <= set(columns)]
    found = [
        Recipe(f"feature_{f.name}_{window}", f.kind, window, f.build(window))
        for f in formulas
        for window in windows
        if window >= f.smallest and not (f.name == "volatility_ratio" and window == windows[-1])
    ]
    scale = windows[len(windows) // 2]
    reversals = [
        Recipe(f"feature_reversal_{bars}", "reversal", bars, _reversal(bars, scale))
        for bars in REVERSAL_BARS
    ]
    return tuple(reversals + found)


def feature_sets(found: Sequence[Recipe], windows: Sequence[int]) -> dict[str, list[str]]:
    """`small` (the middle window), `medium` (it and longer ones), `all`, and a set for each kind.

    Reversals count with the middle window; the shortest of them is in `small`.
    """
    middle = windows[len(windows) // 2]
    small = [r.name for r in found if r.window == (1 if r.kind == "reversal" else middle)]
    medium = [r.name for r in found if r.kind == "reversal" or r.window >= middle]
    kinds = {kind: [r.name for r in found if r.kind == kind] for kind in sorted(_kinds(found))}
    return {"small": small, "medium": medium, "all": [r.name for r in found], **kinds}


def _kinds(found: Sequence[Recipe]) -> set[str]:
    return {recipe.kind for recipe in found}


def _ratio(above: pl.Expr, below: pl.Expr) -> pl.Expr:
    """A quotient that is missing where its denominator is not above zero."""
    return pl.when(below > 0).then(above / below)


def _volatility(window: int) -> pl.Expr:
    return RETURN.rolling_std(window)


def _reversal(bars: int, scale: int) -> pl.Expr:
    """The last move turned round, in units of the volatility over `scale` bars."""
    return _ratio(-LOG.diff(bars), _volatility(scale))


def _against_longest(longest: int) -> Formula:
    """Volatility over a window as a share of that over the longest one."""
    return Formula(
        "volatility_ratio", "volatility", lambda w: _ratio(_volatility(w), _volatility(longest))
    )


def _trend_strength(window: int) -> pl.Expr:
    """Mean return in units of its deviation, both over the window."""
    return _ratio(RETURN.rolling_mean(window), _volatility(window))


def _downside(window: int) -> pl.Expr:
    """Mean square of the returns below zero."""
    return (RETURN.clip(upper_bound=0.0) ** 2).rolling_mean(window)


def _autocorrelation(window: int) -> pl.Expr:
    pair = pl.rolling_corr(
        RETURN, pl.col("earlier_return"), window_size=window - 1, min_samples=window - 1
    )
    both = pl.min_horizontal(
        RETURN.rolling_std(window - 1), pl.col("earlier_return").rolling_std(window - 1)
    )
    return pl.when(both > 0).then(pair)


def _skewness(window: int) -> pl.Expr:
    return pl.when(_volatility(window) > 0).then(RETURN.rolling_skew(window))


def _parkinson(window: int) -> pl.Expr:
    """Parkinson's (1980) variance from highs and lows, up to the constant 4 ln 2."""
    return ((pl.col("high") / pl.col("low")).log() ** 2).rolling_mean(window)


def _close_position(window: int) -> pl.Expr:
    """Where the close lies between the lowest low (0) and the highest high (1)."""
    low = pl.col("low").rolling_min(window)
    return _ratio(CLOSE - low, pl.col("high").rolling_max(window) - low)


def _body_share(window: int) -> pl.Expr:
    """Moves from open to close as a share of the moves from low to high."""
    body = (CLOSE - pl.col("open")).abs().rolling_sum(window)
    return _ratio(body, (pl.col("high") - pl.col("low")).rolling_sum(window))


def _volume_change(window: int) -> pl.Expr:
    """Volume of the shorter, newer half of the window against that of the whole window."""
    return _ratio(VOLUME.rolling_mean(max(window // 2, 1)), VOLUME.rolling_mean(window))


def _illiquidity(window: int) -> pl.Expr:
    """Amihud's (2002) price move for each unit of money traded, over the window as a whole.

    Sums before the division: a bar without trade then needs no exception.
    """
    return _ratio(RETURN.abs().rolling_sum(window), DOLLARS.rolling_sum(window))


_RANGE = frozenset({"high", "low"})
_VOLUME = frozenset({"volume"})
FORMULAS = (
    Formula("momentum", "momentum", LOG.diff),
    Formula("trend_strength", "momentum", _trend_strength),
    Formula("average_distance", "trend", lambda w: CLOSE / CLOSE.rolling_mean(w)),
    Formula("high_distance", "trend", lambda w: LOG - LOG.rolling_max(w)),
    Formula("low_distance", "trend", lambda w: LOG - LOG.rolling_min(w)),
    Formula("volatility", "volatility", _volatility),
    Formula("downside", "volatility", _downside),
    Formula("skewness", "shape", _skewness, smallest=SHAPE_WINDOW),
    Formula("autocorrelation", "shape", _autocorrelation, smallest=SHAPE_WINDOW),
    Formula("parkinson", "range", _parkinson, _RANGE),
    Formula("close_position", "range", _close_position, _RANGE),
    Formula("body_share", "range", _body_share, _RANGE | {"open"}),
    Formula("relative_volume", "volume", lambda w: _ratio(VOLUME, VOLUME.rolling_mean(w)), _VOLUME),
    Formula("volume_change", "volume", _volume_change, _VOLUME),
    Formula("money_traded", "volume", lambda w: DOLLARS.rolling_mean(w), _VOLUME),
    Formula("illiquidity", "volume", _illiquidity, _VOLUME),
)
