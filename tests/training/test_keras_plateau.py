from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.keras.monitor import Monitor
from training.keras.plateau import Plateau


def rates(values: list[float], every: int, cut: int = 0, threshold: float = 0.0) -> list[float]:
    """The learning rate after each epoch; after `cut` epochs the fit is interrupted."""
    optimizer = SimpleNamespace(learning_rate=1.0)

    def begin() -> Plateau:
        plateau = Plateau(Monitor("val_loss", threshold), 0.5, every)
        plateau.set_model(SimpleNamespace(optimizer=optimizer))
        return plateau

    plateau, found = begin(), []
    for epoch, value in enumerate(values):
        if epoch == cut:
            plateau = begin()
            plateau.resume(values[:cut])
        plateau.on_epoch_end(epoch, {"val_loss": value})
        found.append(optimizer.learning_rate)
    return found


@pytest.mark.parametrize(
    ("values", "every", "expected"),
    [
        ([3.0, 2.0, 1.0], 1, [1, 1, 1]),
        ([1.0, 1.0, 1.0], 1, [1, 0.5, 0.25]),
        ([1.0, 1.0, 1.0, 1.0, 1.0], 2, [1, 1, 0.5, 0.5, 0.25]),
        ([1.0, 2.0, 0.5, 0.6, 0.7], 2, [1, 1, 1, 1, 0.5]),
        ([math.nan, math.nan, 1.0, 1.0], 2, [1, 0.5, 0.5, 0.5]),
    ],
)
def test_the_rate_falls_when_the_monitor_stands_still(
    values: list[float], every: int, expected: list[float]
) -> None:
    assert rates(values, every) == expected


def test_less_than_the_threshold_is_standing_still() -> None:
    assert rates([1.0, 0.95, 0.8], 1, threshold=0.1) == [1, 0.5, 0.5]


@given(
    values=st.lists(st.sampled_from([1.0, 0.9, 0.8, math.nan]), min_size=1, max_size=10),
    every=st.integers(1, 3),
    cut=st.integers(0, 9),
)
def test_an_interruption_changes_no_rate(values: list[float], every: int, cut: int) -> None:
    assert rates(values, every, cut) == rates(values, every)
