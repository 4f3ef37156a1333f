"""One era of predictions, reference and target, and its way into numerai-tools."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from numpy.typing import NDArray

from scoring.eras import EraSlices

BINS = np.array([0, 0.25, 0.5, 0.75, 1])
EXACT = {"rtol": 0, "atol": 1e-9, "equal_nan": True}

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Era:
    """Rows of one era; with few decimals nearly all values tie, but no column is constant."""

    predictions: Array
    reference: Array
    target: Array
    rng: np.random.Generator

    @property
    def slices(self) -> EraSlices:
        return EraSlices.from_labels(np.array(["0001"] * len(self.target)))


@st.composite
def eras(draw: st.DrawFn) -> Era:
    """Eras of any size, with no ties, some, or hardly anything else."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, columns = draw(st.integers(12, 60)), draw(st.integers(1, 3))
    return make_era(rng, rows, columns, draw(st.sampled_from([0, 1, 15])))


def make_era(rng: np.random.Generator, rows: int, columns: int, decimals: int = 15) -> Era:
    predictions = np.round(rng.normal(size=(rows, columns)), decimals)
    predictions[:2] = [[-5], [5]]
    reference = np.round(rng.normal(size=rows) + predictions[:, 0], decimals)
    reference[:2] = -4, 4
    target = rng.choice(BINS, size=rows)
    target[:2] = 0, 1
    return Era(predictions, reference, target, rng)


def frame(values: Array) -> pd.DataFrame:
    """Columns p0, p1, ... of rows whose ids are in order."""
    index = pd.Index([f"n{i:05d}" for i in range(len(values))], name="id")
    return pd.DataFrame(values, index=index, columns=[f"p{j}" for j in range(values.shape[1])])


def series(values: Array, name: str = "target") -> pd.Series:
    return frame(values[:, None])["p0"].rename(name)
