"""The options of a model that mining may vary, checked by the model's own parameter type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from erazoo.errors import ConfigError
from erazoo.near import nearest
from zoo import catalogue
from zoo.boosting.params import BoostingParams

PLAIN: dict[str, Any] = {
    "kind": "regression",
    "early_stopping": 0,
    "boosting": "gbdt",
    "linear_tree": False,
    "booster": "gbtree",
}
"""Options that mining does not vary, with the one value that prefixes and shared bins allow."""
NEVER = ("emphasis", "device")


def resolve_options(model: str, params: Mapping[str, Any]) -> BoostingParams:
    """The whole options of a trial.

    Args:
        model: `lightgbm`, `xgboost` or `catboost`.
        params: some of them.

    Raises:
        ConfigError: an unknown name, or a value that the model refuses.
    """
    device = {"device": "cpu", **params}
    found = catalogue.resolve(catalogue.get(model), "", device)
    return cast(BoostingParams, found)


def check_names(model: str, names: Mapping[str, Any] | Iterable[str]) -> None:
    """Refuse names that are no options, and those that mining leaves as they are.

    Raises:
        ConfigError: one of them.
    """
    known = [n for n in catalogue.get(model).params.model_fields if n not in (*PLAIN, *NEVER)]
    for name in names:
        fixed = isinstance(names, Mapping) and name in PLAIN and names[name] == PLAIN[name]
        if name in known or fixed:
            continue
        if name in PLAIN or name in NEVER:
            raise ConfigError(
                f"mining does not vary {name!r}",
                received=name,
                expected=f"it to be {PLAIN[name]!r}"
                if name in PLAIN
                else "the CPU, all eras alike",
            )
        raise ConfigError(
            f"{model} has no such option", received=name, expected=nearest(name, known)
        )
