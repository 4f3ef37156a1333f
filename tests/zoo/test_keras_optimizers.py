"""Optimizers and step sizes of a recipe, each against its formula."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from erazoo.errors import ConfigError
from zoo.catalogue import resolve
from zoo.keras.mlp import SPEC
from zoo.keras.optimizers import optimizer
from zoo.keras.params import NetworkParams
from zoo.keras.schedules import OneCycle, learning_rate

START = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], dtype=np.float32)
GRADIENTS = [
    np.array([[0.3, -0.4, 0.0], [1.2, 0.0, -0.5]], dtype=np.float32),
    np.array([[-0.1, 0.2, 0.3], [0.4, -0.6, 0.8]], dtype=np.float32),
]
RATE = 0.1


def stepped(gradients: list[np.ndarray] = GRADIENTS, **recipe: Any) -> tuple[np.ndarray, ...]:
    """A kernel and a bias after steps with these gradients, both from the same start."""
    params = NetworkParams(learning_rate=RATE, **recipe)
    layer = keras.layers.Dense(3, name="hidden")
    layer.build((None, 2))
    layer.kernel.assign(START)
    layer.bias.assign(START[0])
    model = SimpleNamespace(
        trainable_variables=layer.trainable_variables,
        dtype_policy=keras.dtype_policies.DTypePolicy("float32"),
    )
    made = optimizer(model, params, RATE)
    for gradient in gradients:
        made.apply([gradient, gradient[0]], layer.trainable_variables)
    return np.asarray(layer.kernel), np.asarray(layer.bias)


def adam(weight: np.ndarray, gradients: list[np.ndarray], decay: float = 0.0) -> np.ndarray:
    m = v = np.zeros_like(weight)
    for step, gradient in enumerate(gradients, start=1):
        weight = weight * (1 - RATE * decay)
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        moved = (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-7)
        weight = weight - RATE * moved
    return weight


def sgd(weight: np.ndarray, gradients: list[np.ndarray], momentum: float, nesterov: bool) -> Any:
    velocity = np.zeros_like(weight)
    for gradient in gradients:
        velocity = momentum * velocity - RATE * gradient
        weight = weight + (momentum * velocity - RATE * gradient if nesterov else velocity)
    return weight


def lion(weight: np.ndarray, gradients: list[np.ndarray]) -> np.ndarray:
    m = np.zeros_like(weight)
    for gradient in gradients:
        weight = weight - RATE * np.sign(0.9 * m + 0.1 * gradient)
        m = 0.99 * m + 0.01 * gradient
    return weight


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({"optimizer": "adam"}, adam),
        ({"optimizer": "adamw"}, adam),
        ({"optimizer": "sgd"}, lambda w, g: sgd(w, g, 0.9, False)),
        ({"optimizer": "sgd", "momentum": 0.0}, lambda w, g: sgd(w, g, 0.0, False)),
        ({"optimizer": "sgd", "nesterov": True}, lambda w, g: sgd(w, g, 0.9, True)),
        ({"optimizer": "lion"}, lion),
    ],
)
def test_each_optimizer_is_its_formula(recipe: dict[str, Any], expected: Any) -> None:
    kernel, bias = stepped(**recipe)
    np.testing.assert_allclose(kernel, expected(START, GRADIENTS), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        bias, expected(START[0], [g[0] for g in GRADIENTS]), rtol=1e-4, atol=1e-6
    )


def test_muon_moves_kernels_by_orthogonal_matrices_and_biases_by_adam() -> None:
    """The step of a 2 by 3 kernel has singular values near 1, times 0.2 sqrt(3) of the rate."""
    kernel, bias = stepped(GRADIENTS[:1], optimizer="muon")
    moved = np.linalg.svd((START - kernel) / (RATE * 0.2 * math.sqrt(3)), compute_uv=False)
    assert ((moved > 0.6) & (moved < 1.3)).all()
    np.testing.assert_allclose(bias, adam(START[0], [GRADIENTS[0][0]]), rtol=1e-4)


def test_muon_leaves_the_heads_to_adam() -> None:
    params = resolve(SPEC, "small", {"optimizer": "muon"})
    assert isinstance(params, NetworkParams)
    made = optimizer(
        SimpleNamespace(dtype_policy=keras.dtype_policies.DTypePolicy("float32")), params, RATE
    )
    variables = {}
    for name in ("hidden", "main_head"):
        layer = keras.layers.Dense(2, name=name)
        layer.build((None, 4))
        variables[name] = layer.kernel
    made.build(list(variables.values()))
    velocities = [velocity is not None for velocity in made.adam_velocities]
    assert velocities == [False, True]


@pytest.mark.parametrize("name", ["adamw", "sgd", "lion", "muon"])
def test_decay_shrinks_kernels_and_nothing_else(name: str) -> None:
    still = [np.zeros_like(START)] * 2
    kernel, bias = stepped(still, optimizer=name, weight_decay=0.5)
    np.testing.assert_allclose(kernel, START * (1 - RATE * 0.5) ** 2, rtol=1e-6)
    np.testing.assert_allclose(bias, START[0])


def test_the_norm_of_the_whole_gradient_is_limited() -> None:
    """Kernel and bias together, in their own direction; a short gradient stays as it is."""
    gradient = GRADIENTS[0]
    norm = math.sqrt((gradient**2).sum() + (gradient[0] ** 2).sum())
    plain = {"optimizer": "sgd", "momentum": 0.0}
    kernel, bias = stepped([gradient], clip_norm=norm / 4, **plain)
    np.testing.assert_allclose(START - kernel, RATE * gradient / 4, atol=1e-6)
    np.testing.assert_allclose(START[0] - bias, RATE * gradient[0] / 4, atol=1e-6)
    kernel, _ = stepped([gradient], clip_norm=norm * 1.01, **plain)
    np.testing.assert_allclose(START - kernel, RATE * gradient, atol=1e-6)


def test_each_component_of_the_gradient_is_limited() -> None:
    kernel, _ = stepped(GRADIENTS[:1], optimizer="sgd", momentum=0.0, clip_value=0.35)
    np.testing.assert_allclose(START - kernel, RATE * GRADIENTS[0].clip(-0.35, 0.35), atol=1e-6)


def rates(steps: int, epochs: int, points: list[int], **schedule: Any) -> list[float]:
    params = NetworkParams(learning_rate=RATE, schedule=schedule)
    rate = learning_rate(params, steps, epochs)
    if isinstance(rate, float):
        return [rate] * len(points)
    rate = type(rate).from_config(rate.get_config())
    return [float(rate(point)) for point in points]


@pytest.mark.parametrize("kind", ["constant", "plateau"])
def test_a_rate_without_a_schedule_is_a_number(kind: str) -> None:
    assert rates(10, 5, [0, 30], kind=kind) == [RATE, RATE]


def test_a_cosine_falls_over_exactly_the_epochs() -> None:
    found = rates(10, 4, [0, 10, 20, 40, 50], kind="cosine", final=0.1)
    middle = [0.1 + 0.9 * (1 + math.cos(math.pi * share)) / 2 for share in (0, 0.25, 0.5, 1, 1)]
    assert found == pytest.approx([RATE * share for share in middle], rel=1e-5)


def test_a_warm_up_rises_in_a_line_before_the_cosine() -> None:
    found = rates(10, 4, [0, 4, 8, 24, 40], kind="cosine", warmup=0.2)
    assert found == pytest.approx([0, RATE / 2, RATE, RATE / 2, 0], abs=1e-7)


def test_a_warm_up_leaves_a_step_for_the_cosine_however_few_there_are() -> None:
    assert rates(1, 2, [0, 1, 2], kind="cosine", warmup=0.9) == pytest.approx([0, RATE, 0])
    assert rates(1, 1, [0, 1], kind="cosine", warmup=0.9) == pytest.approx([RATE, 0])


def test_an_exponential_falls_by_its_factor_an_epoch() -> None:
    found = rates(10, 4, [0, 5, 10, 20], kind="exponential", factor=0.25)
    assert found == pytest.approx([RATE, RATE / 2, RATE / 4, RATE / 16], rel=1e-5)


def test_steps_fall_after_whole_epochs() -> None:
    found = rates(10, 9, [0, 19, 20, 39, 40], kind="step", every=2, factor=0.1)
    assert found == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001], rel=1e-5)


@pytest.mark.parametrize(("given", "rise"), [({}, 0.3), ({"warmup": 0.5}, 0.5)])
def test_one_cycle_rises_and_falls(given: dict[str, float], rise: float) -> None:
    top = round(rise * 100)
    found = rates(101, 1, [0, top // 2, top, 100, 500], kind="one_cycle", **given)
    share = (1 - math.cos(math.pi * (top // 2) / top)) / 2
    assert found[:2] == pytest.approx([RATE / 25, RATE * (1 + 24 * share) / 25], rel=1e-4)
    assert found[2] == pytest.approx(RATE, rel=1e-3)
    assert found[3:] == pytest.approx([RATE * 1e-4] * 2, rel=1e-3)


def test_a_cycle_of_one_step_has_a_rate() -> None:
    assert float(OneCycle(0.1, 1)(0)) == pytest.approx(0.004)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"optimizer": "adam", "weight_decay": 0.1}, "adam has none"),
        ({"optimizer": "adamw", "nesterov": True}, "nesterov is for sgd, not for adamw"),
        ({"optimizer": "lion", "momentum": 0.5}, "momentum is for sgd and muon, not for lion"),
        ({"clip_norm": 1.0, "clip_value": 1.0}, "two ways to clip"),
        ({"clip_norm": 0.0}, "greater than 0"),
        ({"schedule": {"kind": "step", "warmup": 0.1}}, "warmup is for cosine and one_cycle"),
        ({"schedule": {"kind": "one_cycle", "final": 0.1}}, "final is for cosine"),
        ({"schedule": {"factor": 0.1}}, "factor is for exponential, step, plateau"),
        ({"schedule": {"kind": "cosine", "every": 2}}, "every is for step and plateau"),
        ({"average": {"kind": "swa", "epochs": 1}}, "greater than or equal to 2"),
        ({"average": {"kind": "swa", "momentum": 0.9}}, "momentum is for ema, not for swa"),
        ({"average": {"epochs": 3}}, "epochs are for swa, not for none"),
    ],
)
def test_options_that_do_not_go_together_are_refused(recipe: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        NetworkParams(**recipe)
    with pytest.raises(ConfigError, match=message):
        resolve(SPEC, "small", recipe)


def test_loss_is_scaled_in_float16_alone() -> None:
    def made(policy: str) -> Any:
        model = SimpleNamespace(dtype_policy=keras.dtype_policies.DTypePolicy(policy))
        return optimizer(model, NetworkParams(), RATE)

    assert isinstance(made("mixed_float16"), keras.optimizers.LossScaleOptimizer)
    assert not isinstance(made("mixed_bfloat16"), keras.optimizers.LossScaleOptimizer)
    assert not isinstance(made("float32"), keras.optimizers.LossScaleOptimizer)
