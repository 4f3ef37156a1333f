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


@given(values=VALUES, name=st.sampled_from(["val_loss", "val_corr"]))
def test_the_best_is_the_first_of_the_extreme_values(values: list[float], name: str) -> None:
    monitor = Monitor(name)
    for epoch, value in enumerate(values, start=1):
        monitor.better(epoch, value)
    signed = np.array(values) * (1 if name == "val_corr" else -1)
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
