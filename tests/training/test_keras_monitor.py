from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erazoo.errors import TrainingError
from training.keras.monitor import Monitor

VALUES = st.lists(
    st.one_of(st.sampled_from([0.0, 0.1, math.nan]), st.floats(-1, 1)), min_size=1, max_size=12
)
HIGHER = ["val_corr", "val_sharpe"]


@given(values=VALUES, name=st.sampled_from(["val_loss", *HIGHER]))
def test_the_best_is_the_first_of_the_extreme_values(values: list[float], name: str) -> None:
    monitor = Monitor(name)
    for epoch, value in enumerate(values, start=1):
        monitor.better(epoch, value)
    signed = np.array(values) * (1 if name in HIGHER else -1)
    if np.isnan(signed).all():
        assert monitor.epoch is None
        assert monitor.value is None
    else:
        assert monitor.epoch == int(np.nanargmax(signed)) + 1
        assert monitor.value == values[monitor.epoch - 1]


@pytest.mark.parametrize(
    ("values", "epoch"),
    [([1.0, 1.0, 1.0], 1), ([1.0, 2.0, 3.0, 0.5], 4), ([math.nan, math.nan, 5.0], 3)],
    ids=["constant", "improves only at the end", "a number only at the end"],
)
def test_adversarial_losses(values: list[float], epoch: int) -> None:
    monitor = Monitor("val_loss")
    improved = [monitor.better(number, value) for number, value in enumerate(values, start=1)]
    assert monitor.epoch == epoch
    assert improved[epoch - 1]


def test_a_missing_monitor_is_an_error_that_says_what_was_measured() -> None:
    with pytest.raises(TrainingError, match=r"Received: loss, val_loss\. Expected: val_corr"):
        Monitor("val_corr").read({"val_loss": 1.0, "loss": 2.0})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["val_loss", *HIGHER])
def test_what_is_no_number_is_never_the_best(name: str, value: float) -> None:
    monitor = Monitor(name)
    assert not monitor.better(1, value)
    assert monitor.better(2, 0.3)
    assert not monitor.better(3, value)
    assert (monitor.epoch, monitor.value) == (2, 0.3)


def test_the_smallest_improvement_is_the_best_and_only_a_large_one_is_progress() -> None:
    monitor = Monitor("val_corr", threshold=0.1)
    stale = []
    for epoch, value in enumerate([0.5, 0.55, 0.59, 0.601, 0.65, math.nan], start=1):
        monitor.better(epoch, value)
        stale.append(monitor.stale(epoch))
    assert (monitor.epoch, monitor.value) == (5, 0.65)
    assert stale == [0, 1, 2, 0, 1, 2]


def test_creeping_improvements_add_up_to_progress() -> None:
    monitor = Monitor("val_loss", threshold=0.1)
    for epoch in range(1, 9):
        monitor.better(epoch, 1 - 0.03 * epoch)
    assert monitor.progress == pytest.approx((5, 0.85))


def test_all_epochs_are_stale_where_none_is_a_number() -> None:
    monitor = Monitor("val_corr")
    monitor.better(1, math.nan)
    assert monitor.stale(1) == 1


@given(values=VALUES, threshold=st.sampled_from([0.0, 0.2]), cut=st.integers(0, 12))
def test_a_monitor_that_is_told_the_past_goes_on_alike(
    values: list[float], threshold: float, cut: int
) -> None:
    whole, resumed = Monitor("val_corr", threshold), Monitor("val_corr", threshold)
    whole.replay(values)
    resumed.replay(values[:cut])
    for epoch, value in enumerate(values[cut:], start=len(values[:cut]) + 1):
        resumed.better(epoch, value)
    assert vars(resumed) == vars(whole)
