"""The contract of a network: what each one of the zoo, and a user's own, must do.

`erazoo models check FILE` runs these checks and prints them; the tests of the zoo run the same
ones. A check is a function of a model that raises `CheckError` in words.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ConfigError, ErazooError, TrainingError
from erazoo.panel import OWN_CODE, FeatureSpec
from etl.shards.packed import base_of, pack
from zoo.catalogue import ModelSpec, resolve
from zoo.keras.heads import PREDICTION
from zoo.keras.learning import compile_network, targets
from zoo.keras.params import NetworkParams
from zoo.keras.unpack import Unpack
from zoo.options import nested, options

FEATURES = FeatureSpec(
    tuple(f"feature_{j}" for j in range(12)),
    {"all": tuple(f"feature_{j}" for j in range(12)), "odd": ("feature_1", "feature_3")},
)
OWN_CODES = FeatureSpec(FEATURES.names, FEATURES.groups, missing=OWN_CODE)
FLOATS = FeatureSpec(FEATURES.names, FEATURES.groups, np.dtype(np.float32), None)
MANY = FeatureSpec(tuple(f"feature_{j}" for j in range(512)))
ROWS = 256
OTHER_TARGET = "target_other_20"
DEFAULT_NAME = re.compile(
    r"^(dense|batch_normalization|layer_normalization|activation|(spatial_|alpha_)?dropout\w*"
    r"|concatenate|rescaling|gaussian_noise|input_layer|embedding|reshape|flatten|add|multiply"
    r"|einsum_dense|conv1d|identity|lambda|functional|sequential|multi_head_attention"
    r"|global_(average|max)_pooling1d|permute|softmax|re_lu|layer)(_\d+)?$"
)
HEADS: Mapping[str, Mapping[str, Any]] = {
    "huber on a line": {"head": {"kind": "regression", "loss": "huber", "output": "linear"}},
    "CORR of whole eras": {"head": {"kind": "regression", "loss": "corr"}, "batch_eras": 2},
    "smoothed classes": {"head": {"kind": "classes", "label_smoothing": 0.1}},
    "boundaries": {"head": {"kind": "multilabel", "classes": 7}},
    "ordinal, a second target and reconstruction": {
        "head": {"kind": "ordinal", "auxiliary": {OTHER_TARGET: 0.5}, "reconstruction": 0.5}
    },
}


class CheckError(TrainingError):
    """A network that does not keep the contract."""


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Args:
        name: of the check, as a sentence about the model.
        reason: why it fails, None where it holds.
        seconds: it took.
    """

    name: str
    reason: str | None
    seconds: float


def run_checks(spec: ModelSpec) -> Iterator[Outcome]:
    """Run every check of `CHECKS` on a model, one after the other, whatever came before."""
    for name, check in CHECKS.items():
        begun = time.monotonic()
        reason = None
        try:
            check(spec)
        except ErazooError as error:
            reason = error.message
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        yield Outcome(name, reason, time.monotonic() - begun)


def quintiles(rows: int = ROWS, spec: FeatureSpec = FEATURES, seed: int = 3) -> NDArray[np.int8]:
    """Random quintiles (rows, F)."""
    shape = (rows, len(spec.names))
    return np.random.default_rng(seed).integers(0, 5, shape, dtype=np.int8)


def five_values(rows: int = ROWS, seed: int = 4) -> NDArray[np.float32]:
    """A random target in five values (rows,)."""
    return (np.random.default_rng(seed).integers(0, 5, rows) / 4).astype(np.float32)


def first_preset(spec: ModelSpec) -> str:
    """The preset that checks build on, by convention the smallest."""
    return next(iter(spec.presets), "")


def built(
    spec: ModelSpec,
    preset: str | None = None,
    features: FeatureSpec = FEATURES,
    seed: int = 1,
    **overrides: Any,
) -> tuple[Any, NetworkParams]:
    """A compiled network and its parameters; it runs eagerly, which small steps are faster in."""
    params = resolve(spec, first_preset(spec) if preset is None else preset, overrides)
    if not isinstance(params, NetworkParams):
        raise CheckError("the parameters are no NetworkParams", received=f"{type(params).__name__}")
    model = spec.build(params, features, seed)
    compile_network(model, params)
    model.run_eagerly = True
    return model, params


def predictions(model: Any, features: NDArray[Any]) -> NDArray[np.float32]:
    """What a network predicts for raw features, as it gives it."""
    return np.asarray(model(features, training=False)[PREDICTION])


def fit_a_step(model: Any, params: NetworkParams, features: NDArray[Any]) -> dict[str, float]:
    """The losses of one step on random targets of two eras, a third of the second one unknown."""
    rows = len(features)
    target = np.stack([five_values(rows), five_values(rows, seed=8)], axis=1)
    target[::3, 1] = np.nan
    places = np.arange(rows) * 2 // rows
    labels = targets(params)(features, target, places)
    history = model.fit(features, labels, batch_size=rows, shuffle=False, verbose=0).history
    return {name: float(values[0]) for name, values in history.items()}


def presets_are_data(spec: ModelSpec) -> None:
    """Presets are plain values that the parameters take."""
    for preset, values in spec.presets.items():
        json.dumps(values)
        resolve(spec, preset, {})


def every_preset_builds(spec: ModelSpec) -> None:
    """Layers have names of their own; an untrained prediction is a column of finite floats."""
    for preset in spec.presets or ("",):
        model, _ = built(spec, preset)
        unnamed = [layer.name for layer in model.layers if DEFAULT_NAME.match(layer.name)]
        _hold(not unnamed, f"preset {preset}: a layer without a name of its own", unnamed)
        found = predictions(model, quintiles())
        shape = (found.shape, found.dtype.name)
        _hold(shape == ((ROWS, 1), "float32"), f"preset {preset}: no column of floats", shape)
        _hold(np.isfinite(found).all(), f"preset {preset}: untrained predictions not finite")


def a_seed_repeats(spec: ModelSpec) -> None:
    """The same seed gives the same weights and the same fit, another seed others."""
    x = quintiles()
    found = [built(spec, seed=seed) for seed in (1, 1, 2)]
    first, again, other = (predictions(model, x) for model, _ in found)
    _hold(np.array_equal(first, again), "two networks of one seed differ")
    _hold(np.abs(first - other).max() > 1e-5, "two seeds give the same network")
    fitted = []
    for _ in range(2):
        model, params = built(spec, seed=1)
        losses = fit_a_step(model, params, x)
        _hold(np.isfinite(list(losses.values())).all(), "a loss is not finite", losses)
        fitted.append(predictions(model, x))
    _hold(np.abs(fitted[0] - first).max() > 1e-6, "a step moves no prediction")
    difference = np.abs(fitted[0] - fitted[1]).max()
    _hold(difference <= 1e-6, "two fits of one seed differ", difference)


def rows_are_learned_by_heart(spec: ModelSpec) -> None:
    """With `memorise` on top of its first preset it fits 256 rows of noise."""
    overrides = dict(spec.memorise)
    model, params = built(spec, features=MANY, **overrides)
    model.run_eagerly = False
    x, y = quintiles(spec=MANY), five_values()
    for _ in range(8):
        many, target = np.tile(x, (50, 1)), np.tile(y, 50)
        model.fit(many, targets(params)(many, target), batch_size=ROWS, shuffle=False, verbose=0)
        found = _correlation(predictions(model, x)[:, 0], y)
        if found > 0.95:
            return
    _hold(False, "it cannot learn 256 rows by heart", f"a correlation of {found:.3f}", "0.95")


def _correlation(values: NDArray[np.float32], target: NDArray[np.float32]) -> float:
    """0 where the values are constant, or no numbers."""
    if not np.isfinite(values).all() or np.ptp(values) == 0:
        return 0.0
    return float(np.corrcoef(values, target)[0, 1])


def every_head_fits(spec: ModelSpec) -> None:
    """Each kind of head takes a step with finite losses and predicts inside the target's range."""
    for name, overrides in HEADS.items():
        model, params = built(spec, **overrides)
        losses = fit_a_step(model, params, quintiles())
        _hold(np.isfinite(list(losses.values())).all(), f"{name}: a loss is not finite", losses)
        names = {f"{head.name}_loss" for head in params.heads()}
        _hold(len(names) == 1 or names <= set(losses), f"{name}: a head without a loss", losses)
        found = predictions(model, quintiles())
        _hold(found.shape == (ROWS, 1), f"{name}: no column of predictions", found.shape)
        _hold(np.isfinite(found).all(), f"{name}: predictions are not finite")
        if params.head.kind != "regression":
            inside = bool(((found >= 0) & (found <= 1)).all())
            _hold(inside, f"{name}: an expected target outside [0, 1]", found.max())


def other_inputs_are_taken(spec: ModelSpec) -> None:
    """Floats, missing values with a code of their own, packed bytes and learned codes."""
    floats = np.random.default_rng(1).normal(size=(ROWS, len(FLOATS.names))).astype(np.float32)
    floats[:, 1] = 1e3 * floats[:, 1] + 1e4
    model, params = built(spec, features=FLOATS)
    losses = fit_a_step(model, params, floats)
    _hold(np.isfinite(list(losses.values())).all(), "float features: a loss not finite", losses)
    _hold(np.isfinite(predictions(model, floats)).all(), "float features: no finite predictions")
    x = quintiles()
    plain = predictions(built(spec)[0], x)
    for features in (FEATURES, OWN_CODES):
        own, _ = built(spec, features=features)
        unpacked = Unpack.of(features)(pack(x, base_of(features)))
        same = np.abs(predictions(own, unpacked) - plain).max()
        _hold(same <= 1e-6, "packed features predict otherwise", same)
    _missing_codes(spec, x)


def _missing_codes(spec: ModelSpec, x: NDArray[np.int8]) -> None:
    holes = np.where(np.random.default_rng(2).random(x.shape) < 0.2, OWN_CODE, x).astype(np.int8)
    centre = np.where(holes == OWN_CODE, 2, holes).astype(np.int8)
    own, params = built(spec, features=OWN_CODES)
    same = np.abs(predictions(own, holes) - predictions(own, centre)).max()
    _hold(same <= 1e-6, "a missing value is not the centre", same)
    labels, others = (targets(params)(codes, five_values()) for codes in (holes, centre))
    for name, values in labels.items():
        _hold(np.array_equal(values, others[name]), f"{name} sees the code of a missing value")
    for told in ({"indicator": True}, {"embedding": 3}):
        model, params = built(spec, features=OWN_CODES, inputs=told)
        fit_a_step(model, params, holes)
        apart = np.abs(predictions(model, holes) - predictions(model, centre)).max()
        _hold(apart > 1e-6, f"inputs {told} do not tell missing values apart", apart)


def bad_options_are_refused(spec: ModelSpec) -> None:
    """A value out of range, or an unknown name, is an error that names the option."""
    refused = {option.name: option.bad for option in options(spec.params) if option.bad is not None}
    for name, value in {**refused, "no_such_option": 1}.items():
        try:
            resolve(spec, first_preset(spec), nested(name, value))
        except ConfigError as error:
            _hold(name in error.message, f"the error of {name} does not name it", error.message)
        else:
            raise CheckError(f"{name} takes a value out of range", received=repr(value))


def half_precision_trains(spec: ModelSpec) -> None:
    """Under mixed_bfloat16 a step is finite and predictions stay float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model, params = built(spec)
        losses = fit_a_step(model, params, quintiles())
        found = predictions(model, quintiles())
    finally:
        keras.config.set_dtype_policy(before)
    _hold(np.isfinite(list(losses.values())).all(), "a loss is not finite", losses)
    _hold(found.dtype == np.float32, "predictions are not float32", found.dtype)
    _hold(np.isfinite(found).all(), "predictions are not finite")


def it_works_elsewhere(spec: ModelSpec) -> None:
    """Saved, loaded in a new process it predicts the same; there it trains on two devices."""
    from zoo.keras.elsewhere import try_elsewhere

    for reason in try_elsewhere([spec]).values():
        _hold(reason is None, reason or "")


def _hold(holds: object, what: str, received: object = None, expected: object = None) -> None:
    if not holds:
        raise CheckError(what, received=received, expected=expected)


CHECKS: dict[str, Callable[[ModelSpec], None]] = {
    "presets are plain data": presets_are_data,
    "every preset builds, every layer is named": every_preset_builds,
    "a seed repeats, another differs": a_seed_repeats,
    "rows are learned by heart": rows_are_learned_by_heart,
    "every head fits": every_head_fits,
    "floats, missing codes and packed features are taken": other_inputs_are_taken,
    "bad options are refused by name": bad_options_are_refused,
    "mixed precision trains": half_precision_trains,
    "a new process predicts the same and trains on two devices": it_works_elsewhere,
}
