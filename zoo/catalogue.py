"""The catalogue: every model by name, with its family, parameters and presets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from erazoo.errors import ConfigError, UnknownModelError
from erazoo.near import nearest
from erazoo.publish import read_json

MODULES = {
    "ridge": "zoo.linear.ridge",
    "lasso": "zoo.linear.lasso",
    "elastic_net": "zoo.linear.elastic_net",
    "bayesian_ridge": "zoo.linear.bayesian_ridge",
    "huber": "zoo.linear.huber",
    "sgd": "zoo.linear.sgd",
    "pls": "zoo.linear.pls",
    "nystroem_ridge": "zoo.linear.nystroem_ridge",
    "decision_tree": "zoo.trees.decision_tree",
    "random_forest": "zoo.trees.random_forest",
    "extra_trees": "zoo.trees.extra_trees",
    "hist_gradient_boosting": "zoo.trees.hist_gradient_boosting",
    "knn": "zoo.neighbours.knn",
    "gaussian_process": "zoo.neighbours.gaussian_process",
    "lightgbm": "zoo.boosting.lightgbm",
    "xgboost": "zoo.boosting.xgboost",
    "catboost": "zoo.boosting.catboost",
    "tpot": "zoo.search.tpot",
    "h2o_automl": "zoo.h2o.automl",
    "h2o_gbm": "zoo.h2o.gbm",
    "h2o_xgboost": "zoo.h2o.xgboost",
    "h2o_drf": "zoo.h2o.drf",
    "h2o_glm": "zoo.h2o.glm",
    "h2o_gam": "zoo.h2o.gam",
    "h2o_deeplearning": "zoo.h2o.deeplearning",
    "h2o_stacked": "zoo.h2o.stacked",
    "sparkling_automl": "zoo.h2o.sparkling",
    "gpu_boosting_ensemble": "zoo.blend.gpu_boosting",
    "h2o_tpot_ensemble": "zoo.blend.h2o_tpot",
    "high_memory": "zoo.blend.high_memory",
    "linear": "zoo.keras.linear",
    "mlp": "zoo.keras.mlp",
    "resnet": "zoo.keras.resnet",
    "realmlp": "zoo.keras.realmlp",
    "tabm": "zoo.keras.tabm",
    "dcn": "zoo.keras.dcn",
    "cnn1d": "zoo.keras.cnn1d",
    "ft_transformer": "zoo.keras.ft_transformer",
    "autoencoder": "zoo.keras.autoencoder",
    "ae_mlp": "zoo.keras.ae_mlp",
    "ae_classifier": "zoo.keras.ae_classifier",
}


class Params(BaseModel):
    """Base of a model's parameters: frozen, and an unknown name is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @property
    def watches(self) -> bool:
        """Whether a fit with these parameters wants eras to watch for early stopping."""
        return False

    def reads(self, fold: str = "") -> tuple[Path, ...]:  # noqa: ARG002
        """Cards of the trained models that a fit reads beside the data; most read none.

        Args:
            fold: whose fit it is; empty for those of all folds.
        """
        return ()

    def identity(self) -> dict[str, Any]:
        """What a fit depends on, as plain values; what it reads counts by content, not by place."""
        return self.model_dump(mode="json")


@dataclass(frozen=True)
class ModelSpec:
    """One member of the catalogue.

    Args:
        name: the catalogue's name.
        family: `keras`, `boosting`, `h2o`, `sparkling`, `linear`, `trees`, `neighbours`, `search`
            or `blend`; it chooses the trainer.
        summary: one line on what it is, with its source.
        params: the type of its parameters.
        presets: named parameter values, applied before a user's own.
        takes_missing: whether NaN in float features says something to it.
        takes_weights: whether rows may count unequally.
        needs: what it wants beyond the default installation and a CPU, such as `GPU advised`.
        memorise: values that switch its regularisation off, with which it learns a few rows by
            heart; on top of its first preset.
        source: the file of a model that is not the catalogue's own; see `zoo.plugin`.
        build: makes the untrained model; its signature is the family's. For `keras` it is
            `build(params, features, seed)`, for the others `build(params, features)`; that of a
            `blend` gives its members.
        require: raises MissingExtraError where the machine lacks what a fit needs, so that a blend
            can ask before its first member is fitted; None where the default installation will do.
    """

    name: str
    family: str
    summary: str
    params: type[Params]
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    takes_missing: bool = False
    takes_weights: bool = True
    needs: tuple[str, ...] = ()
    memorise: Mapping[str, Any] = field(default_factory=dict)
    source: Path | None = None
    build: Callable[..., Any] = field(kw_only=True)
    require: Callable[[], object] | None = field(default=None, kw_only=True)


def names() -> tuple[str, ...]:
    """All names of the catalogue."""
    return tuple(MODULES)


def known_weights() -> tuple[int, dict[str, dict[str, int]]]:
    """Features, and by network and preset its number of weights with so many features.

    They are those that building the networks gives, which takes TensorFlow and half a minute.
    """
    table = read_json(Path(__file__).parent / "keras" / "weights.json")
    return int(table["features"]), table["weights"]


def get(name: str) -> ModelSpec:
    """One member by name, or a user's own model by the path of its file, which ends in `.py`.

    Raises:
        UnknownModelError: the catalogue has no such name.
        ConfigError: a file that holds no model.
    """
    if name.endswith(".py"):
        from zoo.plugin import load_plugin

        return load_plugin(Path(name))
    if name not in MODULES:
        raise UnknownModelError(
            "the catalogue has no such model", received=name, expected=nearest(name, MODULES)
        )
    spec: ModelSpec = import_module(MODULES[name]).SPEC
    return spec


def resolve(spec: ModelSpec, preset: str, overrides: Mapping[str, Any]) -> Params:
    """The parameters of a preset with a user's own values on top.

    Raises:
        ConfigError: an unknown preset or parameter, or a value out of range.
    """
    if preset and preset not in spec.presets:
        raise ConfigError(
            f"{spec.name} has no such preset",
            received=preset,
            expected=nearest(preset, spec.presets),
        )
    values = merged(spec.presets[preset] if preset else {}, overrides)
    try:
        return spec.params.model_validate(values)
    except ValidationError as error:
        raise _refused(spec, error) from None


def merged(values: Mapping[str, Any], on_top: Mapping[str, Any]) -> dict[str, Any]:
    """Values with others on top, option by option also within groups of options.

    >>> merged({"head": {"kind": "classes", "classes": 5}}, {"head": {"classes": 7}})
    {'head': {'kind': 'classes', 'classes': 7}}
    """
    result = dict(values)
    for name, value in on_top.items():
        below = result.get(name)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[name] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result


def _refused(spec: ModelSpec, error: ValidationError) -> ConfigError:
    """The first complaint in words, with the option's name as it is written in a configuration."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        group: type[BaseModel] = spec.params
        for part in first["loc"][:-1]:
            inner = group.model_fields[str(part)].annotation
            if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
                break
            group = inner
        expected = nearest(str(first["loc"][-1]), group.model_fields)
        return ConfigError(f"{spec.name} has no parameter {name!r}", expected=expected)
    words = str(first["msg"]).replace("valid tuple", "list in square brackets")
    return ConfigError(
        f"{spec.name} parameter {name!r}: {words[0].lower()}{words[1:]}",
        received=repr(first["input"]),
    )
