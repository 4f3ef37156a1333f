"""Whether an option of a model has an effect: what its fit hands to the library, and what it says.

The library's doors are watched while a small model is fitted by its own trainer. An option counts
where another value of it makes other calls, other predictions, another course, or a refusal.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
from contracts.planted import TARGET, planted_shards
from pydantic import BaseModel

from erazoo.config.schema import TrainingSection
from erazoo.errors import ConfigError, ErazooError
from etl.shards import ShardSet
from training.families import trainer_of
from training.task import FoldTask
from zoo import catalogue
from zoo.catalogue import ModelSpec, Params, merged
from zoo.estimator import Estimator
from zoo.options import nested, options

FAMILIES = ("linear", "trees", "neighbours", "boosting", "h2o", "sparkling")
DOORS = {
    "lightgbm": ("lightgbm.train", "lightgbm.Dataset.__init__"),
    "xgboost": ("xgboost.train", "xgboost.QuantileDMatrix.__init__"),
    "catboost": ("catboost.CatBoost.__init__", "catboost.Pool.quantize"),
}
SMALL: dict[str, dict[str, Any]] = {
    "linear": {"rows": 150, "n_components": 5},
    "trees": {"rows": 150, "n_estimators": 4, "max_iter": 4, "min_samples_leaf": 20},
    "neighbours": {"rows": 150, "n_neighbors": 20, "optimise": False},
    "boosting": {"n_estimators": 4, "learning_rate": 0.3, "colsample_bylevel": 1.0},
    "h2o": {"folds": 2, "splines": 3},
}
"""Options of small fits, by family, where the model has them."""
BESIDE: dict[str, dict[str, Any]] = {
    "drop_rate": {"boosting": "dart"},
    "rate_drop": {"booster": "dart"},
    "ranking": {"kind": "rank"},
    "catboost.min_child_samples": {"grow_policy": "Depthwise"},
    "emphasis.by": {"emphasis": {"every": 2}},
    "emphasis.half_life": {"emphasis": {"by": "age"}},
    "emphasis.every": {"emphasis": {"by": "era_boost", "every": 2}},
    "emphasis.share": {"emphasis": {"by": "era_boost", "every": 2}},
    "h2o_stacked.hidden": {"members": ["glm", "deeplearning"]},
}
"""What an option needs beside it to act at all."""
ERAS = tuple(f"{number:04d}" for number in range(1, 25))


class NoServerError(Exception):
    """The library's last door was reached: a fit there needs a server, which no test here has."""


def watched_options() -> list[tuple[str, str]]:
    """Every model of the families above, with each of its options."""
    specs = [catalogue.get(name) for name in catalogue.names()]
    own = [spec for spec in specs if spec.family in FAMILIES]
    return [(spec.name, option.name) for spec in own for option in options(spec.params)]


def of_small_fit(spec: ModelSpec, option: str) -> dict[str, Any]:
    """Values under which a fit is small and the option acts."""
    known = spec.params.model_fields
    small = {k: v for k, v in SMALL.get(spec.family, {}).items() if k in known}
    beside = BESIDE.get(f"{spec.name}.{option}", BESIDE.get(option, {}))
    return merged(small, beside)


def other_value(spec: ModelSpec, option: str, values: dict[str, Any]) -> Any:
    """Another value of an option that its model takes beside `values`.

    Raises:
        AssertionError: none was found.
    """
    params, annotation = catalogue.resolve(spec, "", values), spec.params.model_fields
    current: Any = params
    for part in option.split("."):
        kind = annotation[part].annotation
        current = getattr(current, part)
        annotation = kind.model_fields if _is_group(kind) else annotation
    for candidate in _candidates(current, kind):
        try:
            changed = catalogue.resolve(spec, "", merged(values, nested(option, candidate)))
        except ConfigError:
            continue
        if changed != params:
            return candidate
    raise AssertionError(f"no other value of {spec.name}.{option} than {current!r}")


def has_effect(spec: ModelSpec, option: str, data: ShardSet, folder: Path) -> bool:
    """Whether a fit differs with another value of an option, or refuses that in words."""
    values = of_small_fit(spec, option)
    changed = merged(values, nested(option, other_value(spec, option, values)))
    before = traces(spec, values, data, folder / "before")
    assert before
    try:
        return traces(spec, changed, data, folder / "after") != before
    except ErazooError:
        return True


def traces(spec: ModelSpec, values: dict[str, Any], data: ShardSet, folder: Path) -> list[Any]:
    """What a fit handed on, and what came of it.

    Args:
        spec: of the model.
        values: its options.
        data: the shards.
        folder: of the fit.
    """
    params = catalogue.resolve(spec, "", values)
    monitor = ERAS[18:21] if params.watches else ()
    settings = TrainingSection(threads=1)
    task = FoldTask("fold-0", ERAS[:16], monitor, TARGET, 3, settings, purge=1)
    calls: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        door = {"h2o": _watch_h2o, "sparkling": _watch_spark}.get(spec.family, _watch_library)
        door(spec, patch, calls.append)
        try:
            result = trainer_of(spec).fit(spec, params, data, task, folder)
        except NoServerError:
            return calls
    return [*calls, _plain(result.history), _predictions(spec, params, data, folder)]


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _candidates(current: Any, kind: Any) -> Iterator[Any]:
    """Values that might be another one of an option, from the likeliest on."""
    if isinstance(current, bool):
        yield not current
    elif isinstance(current, tuple):
        yield current[:-1]
        yield (*current, *_words(kind))[-1:]
        yield (*current, *current[-1:])
    elif isinstance(current, str):
        yield from reversed(_words(kind))
        yield f"{current}x"
    elif isinstance(current, dict):
        yield {**current, "other": "1"}
    elif current is None:
        yield from (0.5, 2)
    else:
        yield from (current * 2, current / 2, current + 1, current // 2, current - 1, 0.5, 1)


def _words(kind: Any) -> list[str]:
    """The words that a Literal, or a tuple of one, may be."""
    found = [kind] if isinstance(kind, str) else []
    return [*found, *(word for part in get_args(kind) for word in _words(part))]


def _watch_library(spec: ModelSpec, patch: pytest.MonkeyPatch, note: Callable[..., None]) -> None:
    from sklearn.base import BaseEstimator

    for place in DOORS.get(spec.name, ()):
        _notice(patch, place, note)
    checked = BaseEstimator._validate_params

    def check(estimator: Any) -> None:
        note([type(estimator).__name__, _plain(estimator.get_params())])
        checked(estimator)

    patch.setattr(BaseEstimator, "_validate_params", check)


def _notice(patch: pytest.MonkeyPatch, place: str, note: Callable[..., None]) -> None:
    """Note the arguments of a function, by its dotted name, and call it."""
    from pydoc import locate

    inner: Any = locate(place)

    @functools.wraps(inner)
    def noted(*args: Any, **options: Any) -> Any:
        note([place, _plain(args), _plain(options)])
        return inner(*args, **options)

    patch.setattr(place, noted)


def _watch_h2o(spec: ModelSpec, patch: pytest.MonkeyPatch, note: Callable[..., None]) -> None:
    """A server that takes down what it is asked for; the rows that it is given count by content."""
    import h2o.automl
    from h2o import estimators
    from h2o.estimators.estimator_base import H2OEstimator

    class Search:
        """What is asked of H2O's AutoML, which cannot even be made without a server."""

        def __init__(self, **asked: Any) -> None:
            note(_plain(asked))

        def train(self, **columns: Any) -> None:
            note(_plain(columns))
            raise NoServerError

    @contextmanager
    def server(folder: Path, log: Path, memory_mb: int, threads: int) -> Iterator[Any]:
        note([memory_mb, threads])
        yield SimpleNamespace(working=nullcontext)

    def train(estimator: Any, **columns: Any) -> None:
        note([type(estimator).__name__, _plain(estimator._parms), _plain(columns)])
        if not estimator._parms.get("keep_cross_validation_predictions"):
            raise NoServerError

    patch.setattr("training.h2o.trainer.find_java", lambda: None)
    patch.setattr("training.h2o.trainer.server_for", server)
    patch.setattr(h2o, "import_file", _digest)
    patch.setattr(h2o, "remove_all", lambda: None)
    patch.setattr("zoo.h2o.gam.strongest", lambda frames, count: list(frames.features[:count]))
    patch.setattr(h2o.automl, "H2OAutoML", Search)
    patch.setattr(estimators.H2OXGBoostEstimator, "available", lambda _: True)
    for kind in (H2OEstimator, estimators.H2OStackedEnsembleEstimator):
        patch.setattr(kind, "train", train)


def _watch_spark(spec: ModelSpec, patch: pytest.MonkeyPatch, note: Callable[..., None]) -> None:
    """A driver whose order is read in its place."""

    def drive(trainer: Any, java: Path, work: Path, log: Path) -> None:
        from erazoo.publish import read_json

        order = read_json(work / "order.json")
        note({name: value for name, value in order.items() if name not in ("name", "training")})
        note(_digest(order["training"]))
        raise NoServerError

    patch.setattr("training.h2o.sparkling.SparklingTrainer._drive", drive)
    patch.setattr("training.h2o.sparkling.SparklingTrainer._java", lambda trainer: Path("java"))


def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _predictions(spec: ModelSpec, params: Params, data: ShardSet, folder: Path) -> bytes:
    model: Estimator = spec.build(params, data.spec)
    model.load(folder)
    features, _ = data.to_numpy(ERAS[21:])
    return np.asarray(model.predict(features)).tobytes()


def _plain(value: Any) -> Any:
    """A value that can be compared: plain ones as they are, others by their type."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return value.tobytes()
    return value if isinstance(value, str | int | float | bool | None) else type(value).__name__


def planted(folder: Path) -> ShardSet:
    """Small shards."""
    return planted_shards(folder, eras=len(ERAS), rows=24)
