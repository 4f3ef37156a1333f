"""What travels inside a model pickle: a prediction without erazoo.

`predict/pickle.py` compiles this source by itself and pickles `prediction_function` by value.
It may import nothing but the standard library and what Numerai's image has, LightGBM and SciPy
where they are used.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

CENTRE = 2
OFF_GRID = "a feature is off the grid 0 to 4 that the model learned from: {}"
CUT = 1e-6
"""Singular values below this share of the largest are left out, as `numerai_tools` does."""


def prediction_function(plan: Mapping[str, Any]) -> Callable[..., pd.DataFrame]:
    """The function that Numerai calls.

    Args:
        plan: plain values and arrays, as `predict.pickle` describes a blend: `members`,
            `neutralize` (0 for none), `neutralizers` (features, as a member has them) and
            `benchmark`.
    """

    def predict(
        live_features: pd.DataFrame, live_benchmark_models: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Ranks within the era, in (0, 1), in the column `prediction` by id."""
        live = live_features.set_index("id") if "id" in live_features else live_features
        eras = live["era"].to_numpy() if "era" in live else np.zeros(len(live), dtype=int)
        values: NDArray[np.floating[Any]] = blended(plan["members"], live, eras)
        if plan["neutralize"]:
            others = neutralizers(plan, live, live_benchmark_models)
            values = neutral(values, others, eras, plan["neutralize"])
        ranks = double_ranks(values, eras) / (2 * counts(eras))
        return pd.DataFrame({"prediction": ranks}, index=live.index.rename("id"))

    return predict


def blended(
    members: Sequence[Mapping[str, Any]], live: pd.DataFrame, eras: NDArray[Any]
) -> NDArray[np.float32]:
    """The weighted mean of the members' ranks, (rows,); what is equal stays equal."""
    total, weights = np.zeros(len(live)), np.array([member["weight"] for member in members])
    for member in members:
        if member["weight"]:
            total += member["weight"] * double_ranks(member_values(member, live, eras), eras)
    return np.asarray(total / (2 * counts(eras) * weights.sum()), dtype=np.float32)


def member_values(
    member: Mapping[str, Any], live: pd.DataFrame, eras: NDArray[Any]
) -> NDArray[np.float32]:
    """One member's predictions (rows,): of its only fit, or the mean rank of several."""
    numbers = matrix(live, member["features"], member["fill"], member["quintiles"])
    fits = [fit_values(fit, numbers) for fit in member["fits"]]
    if len(fits) == 1:
        return fits[0]
    shares = [double_ranks(values, eras) / (2 * counts(eras)) for values in fits]
    return np.asarray(np.sum(shares, axis=0) / len(fits), dtype=np.float32)


def fit_values(fit: Mapping[str, Any], numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the trees of one fit predict, (rows,) float32; of classes the expected value."""
    import lightgbm

    total = np.zeros(0)
    for stage in fit["stages"]:
        trees = lightgbm.Booster(model_str=zlib.decompress(stage).decode())
        sums = np.asarray(trees.predict(numbers, raw_score=True, num_threads=1))
        total = sums if not total.size else total + sums
    if not fit["classes"]:
        return np.asarray(total, dtype=np.float32)
    from scipy.special import softmax

    return np.asarray(softmax(total, axis=1) @ np.asarray(fit["classes"]), dtype=np.float32)


def matrix(
    live: pd.DataFrame, names: Sequence[str], fill: Sequence[float], quintiles: bool
) -> NDArray[np.float32]:
    """Features by name (rows, F) float32, missing ones filled.

    Args:
        live: the rows.
        names: of the features, in the order that the model learned them in.
        fill: (F,) what takes the place of a missing value; NaN leaves it missing.
        quintiles: whether values are 0 to 4.

    Raises:
        ValueError: a feature is not there, or off its grid.
    """
    lacking = [name for name in names if name not in live.columns]
    if lacking:
        raise ValueError(f"live features lack {len(lacking)} of {len(names)}: {lacking[0]}")
    numbers = live[list(names)].to_numpy(dtype=np.float32, na_value=np.nan)
    if quintiles:
        wrong = (numbers < 0) | (numbers > 4) | (numbers != np.rint(numbers))
        wrong &= ~np.isnan(numbers)
        if wrong.any():
            raise ValueError(OFF_GRID.format(names[int(wrong.any(axis=0).argmax())]))
    return np.where(np.isnan(numbers), np.asarray(fill, dtype=np.float32), numbers)


def neutralizers(
    plan: Mapping[str, Any], live: pd.DataFrame, benchmarks: pd.DataFrame | None
) -> NDArray[np.float32]:
    """What predictions are neutralised to, (rows, columns): features or a benchmark.

    Raises:
        ValueError: the benchmark is not there, or lacks a row.
    """
    if not plan["benchmark"]:
        given = plan["neutralizers"]
        numbers = matrix(live, given["features"], given["fill"], given["quintiles"])
        return numbers - CENTRE if given["quintiles"] else numbers
    if benchmarks is None or plan["benchmark"] not in benchmarks:
        raise ValueError(f"live_benchmark_models lack {plan['benchmark']}")
    rows = benchmarks.set_index("id") if "id" in benchmarks else benchmarks
    column = rows[plan["benchmark"]].reindex(live.index).to_numpy(dtype=np.float32)
    if np.isnan(column).any():
        raise ValueError(f"{plan['benchmark']} lacks ids of the live features")
    return np.asarray(column[:, None])


def neutral(
    values: NDArray[np.float32],
    others: NDArray[np.float32],
    eras: NDArray[Any],
    proportion: float,
) -> NDArray[np.float64]:
    """Gaussianised ranks less a share of their least-squares fit on other columns and 1."""
    from numpy.linalg import lstsq  # np.linalg would bring along all that this numpy has there
    from scipy.special import ndtri

    normal: NDArray[np.float64] = ndtri(double_ranks(values, eras) / (2 * counts(eras)))
    for era in pd.unique(eras):
        rows = np.flatnonzero(eras == era)
        design = np.hstack([others[rows].astype(np.float64), np.ones((len(rows), 1))])
        fit = design @ lstsq(design, normal[rows], rcond=CUT)[0]
        normal[rows] -= proportion * fit
    return normal


def double_ranks(values: NDArray[Any], eras: NDArray[Any]) -> NDArray[np.float64]:
    """Twice the average rank within the era less one, which is a whole number, (rows,)."""
    return 2 * pd.Series(values).groupby(eras).rank().to_numpy() - 1


def counts(eras: NDArray[Any]) -> NDArray[np.int64]:
    """Rows in the era of each row, (rows,)."""
    return pd.Series(eras).groupby(eras).transform("size").to_numpy()
