"""The contract finds what it is there to find."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from pydantic import ConfigDict

from zoo.catalogue import ModelSpec, get
from zoo.keras import check
from zoo.keras.check import CHECKS, CheckError, run_checks
from zoo.keras.network import network
from zoo.keras.params import NetworkParams

GOOD = get("linear")


def made(body: Any, **changes: Any) -> ModelSpec:
    def build(params: NetworkParams, spec: Any, seed: int) -> Any:
        return network("made", params, spec, seed, body)

    return replace(GOOD, name="made", build=build, presets={"small": {}}, **changes)


def unseeded(inputs: Any) -> Any:
    law = keras.initializers.RandomNormal(seed=int(np.random.SeedSequence().entropy % 2**31))
    return keras.layers.Dense(4, kernel_initializer=law, name="hidden")(inputs.flat)


def of_constants(inputs: Any) -> Any:
    return keras.layers.Dense(4, kernel_initializer="ones", name="hidden")(0 * inputs.flat)


def sees_codes(inputs: Any) -> Any:
    return keras.ops.cast(inputs.features, "float32")


def infinite(inputs: Any) -> Any:
    return keras.ops.log(inputs.flat * 0)


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        (
            "every preset builds, every layer is named",
            lambda inputs: keras.layers.Dense(4)(inputs.flat),
            "a layer without a name of its own. Received: .'dense",
        ),
        ("every preset builds, every layer is named", infinite, "not finite"),
        ("a seed repeats, another differs", unseeded, "two networks of one seed differ"),
        ("rows are learned by heart", of_constants, "cannot learn 256 rows by heart"),
        (
            "floats, missing codes and packed features are taken",
            sees_codes,
            "missing value is not the centre",
        ),
    ],
)
def test_a_broken_network_is_told(name: str, body: Any, reason: str) -> None:
    with pytest.raises(CheckError, match=reason):
        CHECKS[name](made(body))


def test_an_option_without_limits_is_no_breach_but_one_that_takes_anything_is() -> None:
    class Loose(NetworkParams):
        """Anything goes."""

        model_config = ConfigDict(extra="ignore")

    with pytest.raises(CheckError, match="no_such_option takes a value out of range"):
        CHECKS["bad options are refused by name"](replace(GOOD, params=Loose))


def test_every_check_is_told_of_and_none_stops_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(spec: ModelSpec) -> None:
        raise ZeroDivisionError("by nothing")

    def holds(spec: ModelSpec) -> None:
        return None

    monkeypatch.setattr(check, "CHECKS", {"first": fails, "second": holds})
    found = [(outcome.name, outcome.reason) for outcome in run_checks(GOOD)]
    assert found == [("first", "ZeroDivisionError: by nothing"), ("second", None)]
