"""What boosted trees learn of a target, and what their sums say about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from erazoo.errors import ConfigError
from scoring.corr import powered_target
from scoring.eras import EraSlices
from scoring.ranks import double_ranks
from zoo.boosting.params import Kind

MOST_CLASSES = 31
"""Values of a target that may be classes, and grades of a ranking in LightGBM."""
GRADES = 5


@dataclass(frozen=True)
class Goal:
    """The labels of one kind of model.

    Args:
        kind: of the model.
        values: the target's values in ascending order, one a class; empty for other kinds.
    """

    kind: Kind
    values: tuple[float, ...] = ()

    @classmethod
    def of(cls, kind: Kind, labels: NDArray[np.float32]) -> Goal:
        """The goal of a model for a target's labels (n,), without NaN.

        Raises:
            ConfigError: classes of a target with too many values, or with only one.
        """
        if kind != "classes":
            return cls(kind)
        values = np.unique(labels)
        if not 2 <= len(values) <= MOST_CLASSES:
            raise ConfigError(
                "the target's values cannot be classes",
                received=f"{len(values)} values",
                expected=f"2 to {MOST_CLASSES}",
                hint="Choose kind 'regression', 'rank' or 'corr'",
            )
        return cls(kind, tuple(map(float, values)))

    @property
    def columns(self) -> int:
        """Sums that a row has, one a class."""
        return max(1, len(self.values))

    def encoded(self, labels: NDArray[np.float32], slices: EraSlices) -> NDArray[np.float32]:
        """The labels (n,) as a library takes them: classes and grades are whole numbers from 0.

        Raises:
            ConfigError: a value that is none of the classes.
        """
        if self.kind == "rank":
            return grades(labels, slices)
        if self.kind == "corr":
            return powered_target(labels.astype(np.float64), slices).astype(np.float32)
        if self.kind != "classes":
            return labels
        codes = np.searchsorted(self.values, labels).clip(max=len(self.values) - 1)
        foreign = labels[np.asarray(self.values, np.float32)[codes] != labels]
        if len(foreign):
            raise ConfigError(
                "the target has a value that is none of the model's classes",
                received=foreign[0],
                expected=", ".join(map(str, self.values)),
            )
        return codes.astype(np.float32)

    def predicted(self, margins: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions (n,) from sums of leaf values (n,), or (n, classes)."""
        if self.kind != "classes":
            return np.asarray(margins, dtype=np.float32)
        return self.expected(softmax(np.asarray(margins, dtype=np.float64), axis=1))

    def expected(self, probabilities: NDArray[Any]) -> NDArray[np.float32]:
        """The expected target (n,) of class probabilities (n, classes)."""
        return np.asarray(probabilities @ np.asarray(self.values), dtype=np.float32)

    def first_order(self, parts: NDArray[np.float64]) -> NDArray[np.float64]:
        """What parts of the classes' scores add to the expected target, to first order.

        The expected target changes with the score of class c by p_c (v_c - E), where p are the
        probabilities and E the expected target at the scores in the last column, which features add
        to. What is common to all classes' scores changes nothing.

        Args:
            parts: (rows, classes, F + 1), the last column the same in every row.

        Returns:
            (rows, F + 1), the last column E.
        """
        values = np.asarray(self.values)
        chances = softmax(parts[:, :, -1], axis=1)
        expected = chances @ values
        slopes = chances * (values - expected[:, None])
        found: NDArray[np.float64] = np.einsum("rc,rcf->rf", slopes, parts)
        found[:, -1] = expected
        return found


def grades(labels: NDArray[np.float32], slices: EraSlices) -> NDArray[np.float32]:
    """How relevant each row is in its era: whole numbers from 0, in the order of the target.

    A target of few values has a grade a value; one of many has `GRADES` equal ones an era.
    """
    values = np.unique(labels)
    if len(values) <= MOST_CLASSES:
        return np.searchsorted(values, labels).astype(np.float32)
    found = np.empty(len(labels), dtype=np.float32)
    for span in slices:
        ranks = double_ranks(labels[None, span])[0] / 2
        found[span] = np.floor(ranks * GRADES / (span.stop - span.start))
    return found
