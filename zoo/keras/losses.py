"""Losses of rows and losses of whole eras; labels that are unknown add nothing.

A loss of rows is the mean over all rows of a batch, those without a label counted as 0: each known
label weighs the same in every batch and on every device. All take outputs of members too,
(n, k, c), whose losses are averaged.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import ops
from typing_extensions import override

TINY = 1e-12
CONSTANT = 1e-10
"""Variance below which predictions count as constant, so that no gradient explodes."""


def _conditional(labels: Any, probabilities: Any, label_smoothing: float = 0.0) -> Any:
    """Cross-entropy of each boundary on the rows that lie above the boundary below it."""
    met = ops.concatenate([ops.ones_like(labels[..., :1]), labels[..., :-1]], axis=-1)
    smooth = labels * (1 - label_smoothing) + label_smoothing / 2
    inside = ops.clip(probabilities, keras.backend.epsilon(), 1 - keras.backend.epsilon())
    values = -smooth * ops.log(inside) - (1 - smooth) * ops.log(1 - inside)
    return ops.mean(met * values, axis=-1)


MEASURES: dict[str, Callable[..., Any]] = {
    "mse": keras.losses.mean_squared_error,
    "mae": keras.losses.mean_absolute_error,
    "huber": keras.losses.huber,
    "log_cosh": keras.losses.log_cosh,
    "cross_entropy": keras.losses.categorical_crossentropy,
    "binary": keras.losses.binary_crossentropy,
    "conditional": _conditional,
}


@keras.saving.register_keras_serializable(package="erazoo")
class RowLoss(keras.losses.Loss):  # type: ignore[misc]
    """The mean of a measure over rows.

    Args:
        measure: one of `MEASURES`.
        options: of the measure, such as `delta` or `label_smoothing`.
    """

    def __init__(self, measure: str, name: str | None = None, **options: Any) -> None:
        super().__init__(name=name or measure)
        self.measure, self.options = measure, options
        self._of_rows = partial(MEASURES[measure], **options)

    @override
    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss a row, (n,), from labels (n, c) and outputs (n, c) or (n, k, c)."""
        known = ops.logical_not(ops.any(ops.isnan(y_true), axis=-1))
        labels = ops.where(known[:, None], y_true, 0.0)
        if len(y_pred.shape) == 3:
            labels = ops.broadcast_to(labels[:, None], ops.shape(y_pred))
            values = ops.mean(self._of_rows(labels, y_pred), axis=1)
        else:
            values = self._of_rows(labels, y_pred)
        return ops.where(known, values, 0.0)

    @override
    def get_config(self) -> dict[str, Any]:
        """Its arguments."""
        return {"measure": self.measure, "name": self.name, **self.options}


@keras.saving.register_keras_serializable(package="erazoo")
class EraLoss(keras.losses.Loss):  # type: ignore[misc]
    """1 - the mean over a batch's eras of the correlation of predictions with the target.

    Plainly Pearson's, or `ranked` the tournament's CORR (`scoring.corr.numerai_corr`): the
    predictions' ranks within the era, made normal, and both sides to the power 1.5. Its value is
    CORR exactly, with ties kept. Ranks have no gradient; in the backward pass the standardised
    predictions stand for the normal scores, which they are where predictions are normal within
    an era: each prediction moves on its own, at the slope of the power where its rank is.

    Rows of weight 0 or without a target are left out, other weights weigh the correlation. An era
    with fewer than two rows, or with a constant target, does not count; a constant prediction has
    the correlation 0. Labels are (n, 2): the target, and the place of the row's era in the batch.

    Args:
        eras: the most eras that a batch holds.
        ranked: CORR in place of Pearson's correlation.
    """

    def __init__(self, eras: int, ranked: bool = False, name: str = "era_loss") -> None:
        super().__init__(name=name)
        self.eras, self.ranked = eras, ranked

    @override
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of a batch, a scalar; weights are (n,)."""
        target, places = y_true[:, 0], ops.cast(y_true[:, 1], "int32")
        known = ops.logical_not(ops.isnan(target))
        weights = ops.cast(known, "float32")
        if sample_weight is not None:
            weights = weights * ops.reshape(ops.cast(sample_weight, "float32"), (-1,))
        places = ops.where(weights > 0, places, -1)
        target = ops.where(known, ops.cast(target, "float32"), 0.0)
        scores, counts = self._correlations(target, y_pred, places, weights)
        return 1 - ops.sum(scores * counts) / ops.maximum(ops.sum(counts), 1.0)

    @override
    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch without weights."""
        return self(y_true, y_pred)

    @override
    def get_config(self) -> dict[str, Any]:
        """Its arguments."""
        return {"eras": self.eras, "ranked": self.ranked, "name": self.name}

    def _correlations(self, target: Any, y_pred: Any, places: Any, weights: Any) -> Any:
        """The mean over members of each era's correlation, and whether the era counts, (E,)."""
        members = ops.cast(y_pred[:, :, 0] if len(y_pred.shape) == 3 else y_pred, "float32")
        rows = ops.one_hot(places, self.eras, dtype="float32")
        if self.ranked:
            here = ops.matmul(rows, _means(rows, target[:, None]))
            target = _power((target[:, None] - here) * ops.sum(rows, 1, keepdims=True))[:, 0]
            members = _power(self._normal(members, rows, places, weights))
        weighted = rows * weights[:, None]
        x, y = _centred(weighted, rows, members), _centred(weighted, rows, target[:, None])
        spread = ops.matmul(ops.transpose(weighted), ops.square(x))
        other = ops.matmul(ops.transpose(weighted), ops.square(y))
        total = ops.sum(weighted, axis=0)[:, None]
        scale = ops.maximum(spread, CONSTANT * total) * ops.maximum(other, CONSTANT * total)
        # Where no row counts the root is of 0, whose slope is not a number.
        scores = ops.matmul(ops.transpose(weighted), x * y) * ops.rsqrt(ops.maximum(scale, TINY**2))
        enough = (ops.sum(rows, axis=0) > 1) & (other[:, 0] > CONSTANT * total[:, 0])
        return ops.mean(scores, axis=1), ops.cast(enough, "float32")

    def _normal(self, members: Any, rows: Any, places: Any, weights: Any) -> Any:
        """Normal scores of the ranks (n, k), with the slope of the standardised predictions."""
        weighted = rows * weights[:, None]
        centred = _centred(weighted, rows, members)
        variance = ops.matmul(rows, _means(weighted, ops.square(centred)))
        smooth = centred * ops.rsqrt(ops.maximum(variance, CONSTANT))
        scores = math.sqrt(2) * ops.erfinv(2 * _ranks(members, places) - 1)
        return smooth + ops.stop_gradient(scores - smooth)


def _means(weighted: Any, values: Any) -> Any:
    """Mean of each era, (E, k), of values (n, k), by the weights (n, E) of rows in eras."""
    total = ops.maximum(ops.sum(weighted, axis=0)[:, None], TINY)
    return ops.matmul(ops.transpose(weighted), values) / total


def _centred(weighted: Any, rows: Any, values: Any) -> Any:
    return values - ops.matmul(rows, _means(weighted, values))


def _power(values: Any) -> Any:
    """sign(x) |x|^1.5, with a slope of 0 at 0."""
    return values * ops.sqrt(ops.abs(values) + TINY)


def _ranks(members: Any, places: Any) -> Any:
    """(average rank - 0.5) / rows within the era, (n, k) inside (0, 1), ties kept.

    All columns are ranked in one sort: a column of an era is a stretch of sorted keys.
    """
    n, k = ops.shape(members)[0], members.shape[1]
    values = ops.reshape(members, (-1,))
    size = ops.cast(n * k, "int64")
    # Rows that do not count have the place -1, and so a stretch of their own.
    group = ops.cast(places + 1, "int64")[:, None] * k + ops.arange(k, dtype="int64")[None, :]
    start = ops.reshape(group, (-1,)) * size
    key = start + ops.cast(ops.searchsorted(ops.sort(values), values), "int64")
    keys = ops.sort(key)
    first, last, below, above = (
        ops.cast(ops.searchsorted(keys, value, side=side), "float32")
        for value, side in ((start, "left"), (start + size, "left"), (key, "left"), (key, "right"))
    )
    return ops.reshape((below + above - 2 * first) / (2 * (last - first)), (n, k))
