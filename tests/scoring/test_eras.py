from __future__ import annotations

import numpy as np
import pytest

from erazoo.errors import DataError
from scoring.eras import EraSlices


def test_slices_of_sorted_labels() -> None:
    eras = np.array(["0001"] * 3 + ["0002"] + ["0007"] * 2, dtype=object)
    slices = EraSlices.from_labels(eras)
    assert slices.labels == ("0001", "0002", "0007")
    assert list(slices) == [slice(0, 3), slice(3, 4), slice(4, 6)]
    assert slices.counts.tolist() == [3, 1, 2]
    assert (slices.rows, len(slices)) == (6, 3)


def test_dates_are_eras_too() -> None:
    slices = EraSlices.from_labels(np.array(["2024-01-05", "2024-01-12", "2024-01-12"]))
    assert slices.bounds.tolist() == [0, 1, 3]


def test_the_live_era_alone_needs_no_order() -> None:
    assert EraSlices.from_labels(np.array(["X", "X"])).labels == ("X",)


@pytest.mark.parametrize(
    "eras",
    [
        ["0002", "0001"],
        ["0001", "0002", "0001"],
        ["0001", "X"],
        ["0001", "2024-01-05"],
        [],
        [["0001"]],
    ],
)
def test_other_layouts_are_refused(eras: list[str]) -> None:
    with pytest.raises(DataError):
        EraSlices.from_labels(np.array(eras, dtype=object))
