"""The pipelines that a search may build: a selector, a transformer and a regressor, one of each.

Only scikit-learn's own classes take part, so that a pipeline that was found is loaded and predicts
without TPOT. None of them divides its rows by itself: the folds are those of eras.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

Selector = Literal["none", "percentile"]
Transformer = Literal["none", "scale", "pca", "nystroem"]
Regressor = Literal[
    "ridge", "elastic_net", "pls", "extra_trees", "random_forest", "hist_gradient_boosting"
]
Values = dict[str, Any]


def search_space(
    selectors: Sequence[Selector],
    transformers: Sequence[Transformer],
    regressors: Sequence[Regressor],
    seed: int,
) -> Any:
    """TPOT's space of all pipelines of three such steps.

    Args:
        selectors: of features.
        transformers: of the features that are left.
        regressors: of what the transformer makes of them.
        seed: of every step that draws.
    """
    from tpot.search_spaces.pipelines import ChoicePipeline, SequentialPipeline

    steps = (
        [_selectors()[name] for name in selectors],
        [_transformers(seed)[name] for name in transformers],
        [_regressors(seed)[name] for name in regressors],
    )
    return SequentialPipeline([ChoicePipeline(step) for step in steps])


def _selectors() -> dict[Selector, Any]:
    from ConfigSpace import Float
    from sklearn.feature_selection import SelectPercentile

    share = Float("percentile", (5.0, 80.0), log=True)
    return {
        "none": _nothing(),
        "percentile": _node(SelectPercentile, {"percentile": share}, _by_correlation),
    }


def _transformers(seed: int) -> dict[Transformer, Any]:
    from ConfigSpace import Categorical, Float, Integer
    from sklearn.decomposition import PCA
    from sklearn.kernel_approximation import Nystroem
    from sklearn.preprocessing import StandardScaler

    kernel = {
        "kernel": Categorical("kernel", ["rbf", "cosine", "sigmoid"]),
        "gamma": Float("gamma", (1e-4, 1e-1), log=True),
        "n_components": Integer("n_components", (20, 300), log=True),
        "random_state": seed,
    }
    parts = {
        "n_components": Float("n_components", (0.5, 0.999)),
        "svd_solver": "full",
        "random_state": seed,
    }
    return {
        "none": _nothing(),
        "scale": _node(StandardScaler, {}),
        "pca": _node(PCA, parts),
        "nystroem": _node(Nystroem, kernel, _kernel),
    }


def _regressors(seed: int) -> dict[Regressor, Any]:
    from ConfigSpace import Float, Integer
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.ensemble import (
        ExtraTreesRegressor,
        HistGradientBoostingRegressor,
        RandomForestRegressor,
    )
    from sklearn.linear_model import ElasticNet, Ridge

    leaf = Integer("min_samples_leaf", (5, 500), log=True)
    forest = {
        "n_estimators": Integer("n_estimators", (30, 150), log=True),
        "max_depth": Integer("max_depth", (3, 12)),
        "max_features": Float("max_features", (0.05, 0.6), log=True),
        "min_samples_leaf": leaf,
        "random_state": seed,
    }
    boosting = {
        "max_iter": Integer("max_iter", (30, 300), log=True),
        "learning_rate": Float("learning_rate", (0.01, 0.3), log=True),
        "max_leaf_nodes": Integer("max_leaf_nodes", (4, 64), log=True),
        "max_features": Float("max_features", (0.05, 1.0), log=True),
        "l2_regularization": Float("l2_regularization", (1e-6, 100.0), log=True),
        "min_samples_leaf": leaf,
        "random_state": seed,
    }
    mix = {
        "alpha": Float("alpha", (1e-5, 1e-1), log=True),
        "l1_ratio": Float("l1_ratio", (0.05, 1.0)),
    }
    drawn, whole = partial(_with, max_samples=0.3), partial(_with, early_stopping=False)
    return {
        "ridge": _node(Ridge, {"alpha": Float("alpha", (1.0, 1e5), log=True)}),
        "elastic_net": _node(ElasticNet, mix),
        "pls": _node(PLSRegression, {"n_components": Integer("n_components", (1, 8))}),
        "extra_trees": _node(ExtraTreesRegressor, forest),
        "random_forest": _node(RandomForestRegressor, forest, drawn),
        "hist_gradient_boosting": _node(HistGradientBoostingRegressor, boosting, whole),
    }


def _node(
    kind: type, space: Mapping[str, Any], read: Callable[[Values], Values] | None = None
) -> Any:
    """One kind of step: the values that may be drawn, and how arguments are read from them."""
    from ConfigSpace import ConfigurationSpace
    from tpot.search_spaces.nodes import EstimatorNode

    return EstimatorNode(kind, ConfigurationSpace(dict(space)), read or _with)


def _nothing() -> Any:
    from sklearn.preprocessing import FunctionTransformer

    return _node(FunctionTransformer, {})


def _with(values: Values, **more: Any) -> Values:
    """Python's own numbers and words, which files hold, in place of numpy's."""
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in values.items()}
    return {**plain, **more}


def _by_correlation(values: Values) -> Values:
    from sklearn.feature_selection import f_regression

    return _with(values, score_func=f_regression)


def _kernel(values: Values) -> Values:
    """The cosine kernel has no width."""
    plain = _with(values)
    return {**plain, "gamma": None} if plain["kernel"] == "cosine" else plain
