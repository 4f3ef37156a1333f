"""Which fits wait for a GPU."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest

from training import gpus
from training.gpus import obstacle, takes_gpu
from zoo import catalogue
from zoo.options import nested


def killed(model: str, options: str) -> str:
    """What a driver that crashes does to the process that asks."""
    os.kill(os.getpid(), signal.SIGKILL)
    return model + options


def takes(name: str, devices: str = "auto", **params: Any) -> bool:
    spec = catalogue.get(name)
    return takes_gpu(spec, catalogue.resolve(spec, "", params), devices)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The libraries that are asked for a GPU; only XGBoost can use one."""
    names: list[str] = []

    def answer(model: str, options: str) -> str:
        names.append(model)
        return "" if model == "xgboost" else "No OpenCL device found"

    monkeypatch.setattr(gpus, "_asked", answer)
    return names


def test_trees_wait_for_a_gpu_that_their_library_can_use(asked: list[str]) -> None:
    assert takes("xgboost")
    assert not takes("lightgbm")
    assert asked == ["xgboost", "lightgbm"]


def test_an_order_is_not_asked_about(asked: list[str]) -> None:
    assert takes("lightgbm", device="gpu")
    assert takes("lightgbm", "cpu", device="gpu")
    assert takes("lightgbm", "gpu:0")
    assert not takes("xgboost", "cpu")
    assert not takes("xgboost", "gpu", device="cpu")
    assert asked == []


def test_a_blend_waits_where_one_of_its_members_does(asked: list[str]) -> None:
    assert takes("high_memory")
    assert not takes("high_memory", **nested("xgboost.device", "cpu"))
    assert asked == ["lightgbm", "xgboost", "lightgbm"]


@pytest.mark.parametrize(
    ("devices", "backend", "expected"),
    [
        ("auto", "auto", True),
        ("auto", "cpu", False),
        ("cpu", "auto", False),
        ("cpu", "gpu", True),
    ],
)
def test_xgboost_on_an_h2o_server_counts(devices: str, backend: str, expected: bool) -> None:
    assert takes("h2o_xgboost", devices, backend=backend) is expected


@pytest.mark.parametrize(
    ("name", "devices", "expected"),
    [("mlp", "auto", True), ("mlp", "cpu", False), ("ridge", "auto", False)],
)
def test_networks_do_and_linear_models_do_not(name: str, devices: str, expected: bool) -> None:
    assert takes(name, devices) is expected


def test_libraries_are_asked_in_a_process_of_their_own() -> None:
    why = "CatBoost takes colsample_bylevel below 1 on a CPU alone"
    assert obstacle("catboost", "{}") == why
    before = set(sys.modules)
    assert gpus._asked("catboost", '{"subsample": 0.9}') == why
    assert "catboost" not in set(sys.modules) - before


def test_a_library_that_ends_its_process_cannot_use_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "obstacle", killed)
    assert "ended when it looked" in gpus._asked("lightgbm", '{"subsample": 0.8}')
