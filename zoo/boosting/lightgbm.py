"""LightGBM straight from shards."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from erazoo.errors import ConfigError
from erazoo.logs import LOGGER
from erazoo.machine import cores
from erazoo.panel import FeatureSpec
from erazoo.publish import atomic_file
from etl.shards.rows import as_floats
from zoo.boosting.base import Boosting, GrowTask, weights_of
from zoo.boosting.correlation import EraCorrelation
from zoo.boosting.params import BoostingParams
from zoo.boosting.presets import LIGHTGBM
from zoo.boosting.rows import LabelledRows
from zoo.boosting.watch import CORR, Watch
from zoo.catalogue import ModelSpec
from zoo.estimator import not_fitted

if TYPE_CHECKING:
    import lightgbm

MOST_ROWS = 10_000
"""Rows of an era that LightGBM ranks."""


class LightGBMParams(BoostingParams):
    """Ke et al. (2017); names and meanings are those of LightGBM's scikit-learn interface.

    Presets:
        example: Numerai's own example, 2,000 trees.
        standard: 20,000 slow trees of depth 6.
        deep: 30,000 slow trees of depth 10, leaves of 10,000 rows and more.
        ender60_small: 400 trees for a 60-day target.
        crypto: 400 shallow trees for few features.
        small: 300 trees of 12 leaves.
        demo: 120 trees for the generated tournament.

    Args:
        max_depth: depth of a tree, -1 for no limit.
        num_leaves: leaves of a tree.
        colsample_bytree: share of the features that a tree may use.
        min_child_samples: rows of a leaf, at least.
        reg_alpha: L1 penalty on leaf values.
        boosting: `gbdt`, or `dart`, which leaves a part of the earlier trees out of each new one's
            sight (Rashmi and Gilad-Bachrach 2015).
        drop_rate: the share of trees that `dart` leaves out.
        data_sample_strategy: how a tree's rows are drawn: `bagging`, a `subsample`; `goss`, those
            with large gradients and some of the others (the two rates below).
        top_rate: share of rows with the largest gradients that `goss` keeps.
        other_rate: share of rows among the others that `goss` draws.
        use_quantized_grad: gradients of few bits (Shi et al. 2022).
        num_grad_quant_bins: values that quantised gradients take.
        linear_tree: leaves that are linear in the features of their path (Shi et al. 2019); float32
            features are then held in memory.
        linear_lambda: L2 penalty on those.
        ranking: the objective of kind `rank`: `lambdarank` (Burges 2010) or `rank_xendcg` (Bruch
            2021).
    """

    max_depth: int = Field(5, ge=-1, le=64)
    num_leaves: int = Field(31, ge=2, le=131_072)
    colsample_bytree: float = Field(0.1, gt=0, le=1)
    min_child_samples: int = Field(20, ge=1)
    reg_alpha: float = Field(0.0, ge=0)
    boosting: Literal["gbdt", "dart"] = "gbdt"
    drop_rate: float = Field(0.1, ge=0, le=1)
    data_sample_strategy: Literal["bagging", "goss"] = "bagging"
    top_rate: float = Field(0.2, ge=0, le=1)
    other_rate: float = Field(0.1, ge=0, le=1)
    use_quantized_grad: bool = False
    num_grad_quant_bins: int = Field(4, ge=2, le=127)
    linear_tree: bool = False
    linear_lambda: float = Field(0.0, ge=0)
    ranking: Literal["lambdarank", "rank_xendcg"] = "lambdarank"

    @property
    @override
    def drops_trees(self) -> bool:
        return self.boosting == "dart"


class LightGBM(Boosting[LightGBMParams]):
    """Boosted trees grown by LightGBM.

    Memory: its bins, about a byte a value, and 20,000 rows as float64; features are read from the
    shards batch by batch.
    """

    library = "LightGBM"
    suffix = "txt"
    sample_rows: int | None = None
    """Rows that bins are found from, where these are not as many as usual."""

    @override
    def no_contributions(self) -> str:
        return "LightGBM has none of linear trees" if self.params.linear_tree else ""

    @override
    def no_gpu(self) -> str:
        return _no_gpu()

    @override
    def grower(self, task: GrowTask) -> _Grower:
        import lightgbm

        lightgbm.register_logger(LOGGER, "debug", "debug")
        own = {} if self.sample_rows is None else {"bin_construct_sample_cnt": self.sample_rows}
        return _Grower(self.params, task, own)

    @override
    def sum_of(self, stage: lightgbm.Booster, features: NDArray[Any]) -> NDArray[np.float64]:
        numbers = as_floats(features, self.spec)
        return np.asarray(stage.predict(numbers, raw_score=True, num_threads=cores()))

    @override
    def trees(self, stage: lightgbm.Booster) -> int:
        return int(stage.current_iteration())

    @override
    def first(self, stage: lightgbm.Booster, trees: int) -> lightgbm.Booster:
        import lightgbm

        return lightgbm.Booster(model_str=stage.model_to_string(num_iteration=trees))

    @override
    def write(self, stage: lightgbm.Booster, path: Path) -> None:
        with atomic_file(path) as temporary:
            text = stage.model_to_string(num_iteration=-1)
            temporary.write_text(text, encoding="utf-8")

    @override
    def read(self, path: Path) -> lightgbm.Booster:
        import lightgbm

        return lightgbm.Booster(model_file=str(path))

    @override
    def error(self) -> type[Exception]:
        import lightgbm

        failure: type[Exception] = lightgbm.basic.LightGBMError
        return failure

    @override
    def stage_contributions(
        self, stage: lightgbm.Booster, features: NDArray[Any]
    ) -> NDArray[np.float64]:
        numbers = as_floats(features, self.spec)
        return np.asarray(stage.predict(numbers, pred_contrib=True, num_threads=cores()))

    @override
    def stage_gain(self, stage: lightgbm.Booster) -> NDArray[np.float64]:
        return np.asarray(stage.feature_importance("gain"), dtype=np.float64)


class _Grower:
    """A binned Dataset of the fitted rows, and one of the watched rows in the same bins."""

    objectives: ClassVar = {"regression": "regression", "classes": "multiclass", "corr": "none"}

    def __init__(self, params: LightGBMParams, task: GrowTask, own: Mapping[str, Any]) -> None:
        self.params, self.task = params, task
        self.options = {**self._options(), **own}
        self.fitted = self._dataset(task.fitted, None)
        watched = task.watched
        self.watched = None if watched is None else self._dataset(watched, self.fitted)
        self.last: lightgbm.Booster | None = None

    def grow(
        self, trees: int, stage: int, eras: NDArray[np.float64] | None, watch: Watch | None
    ) -> lightgbm.Booster:
        import lightgbm

        weights = weights_of(self.task, eras)
        self.fitted.set_field("weight", weights)
        if self.last is not None:
            self._set_start(self.margins())
        own = {"objective": self._gradients(weights)} if self.task.goal.kind == "corr" else {}
        options = {**self.options, **own, "seed": self.task.seed + stage}
        self.last = lightgbm.train(
            options,
            self.fitted,
            trees,
            valid_sets=None if self.watched is None else [self.watched],
            feval=None if watch is None else lambda values, _: self._note(watch, values),
            callbacks=None if watch is None else [lambda env: _stop(env, watch)],
            keep_training_booster=True,
        )
        return self.last

    def margins(self) -> NDArray[np.float64]:
        return self._held("training")

    def _held(self, which: str) -> NDArray[np.float64]:
        """The sums that LightGBM holds for its own rows."""
        held: list[NDArray[np.float64]] = []

        def take(values: NDArray[Any], _: Any) -> tuple[str, float, bool]:
            held.append(np.array(values, dtype=np.float64))
            return "held", 0.0, True

        if self.last is None:
            raise not_fitted()
        evaluate = self.last.eval_train if which == "training" else self.last.eval_valid
        evaluate(take)
        # Probabilities differ from sums by a constant a row in their logarithm, which is no matter.
        return np.log(held[0]) if self.task.goal.columns > 1 else held[0]

    def _set_start(self, margins: NDArray[np.float64]) -> None:
        self.fitted.set_init_score(margins)
        if self.watched is not None:
            self.watched.set_init_score(self._held("watched"))

    def _note(self, watch: Watch, values: NDArray[Any]) -> tuple[str, float, bool]:
        goal = self.task.goal
        return CORR, watch.note(goal.expected(values) if goal.columns > 1 else values), True

    def _dataset(self, labelled: LabelledRows, reference: Any) -> lightgbm.Dataset:
        from etl.shards.sequence import ShardSequence

        if self.task.goal.kind == "rank" and max(labelled.slices.counts) > MOST_ROWS:
            raise ConfigError(
                "LightGBM ranks no larger eras",
                received=f"{max(labelled.slices.counts)} rows",
                expected=f"at most {MOST_ROWS}",
            )
        made = ShardSequence(labelled.rows).dataset(self.options, reference)
        made.set_label(labelled.labels)
        if self.task.goal.kind == "rank":
            made.set_group(labelled.slices.counts)
        if labelled.margins is not None:
            made.set_init_score(labelled.margins)
        return made

    def _gradients(self, weights: NDArray[np.float32] | None) -> Any:
        fitted = self.task.fitted
        gradients = EraCorrelation(fitted.labels, fitted.slices, weights)
        return lambda values, _: gradients(values)

    def _options(self) -> dict[str, Any]:
        task = self.task
        ranks = task.goal.kind == "rank"
        objective = self.params.ranking if ranks else self.objectives[task.goal.kind]
        return {
            **native_options(self.params, task.threads),
            "objective": objective,
            **({"num_class": task.goal.columns} if task.goal.columns > 1 else {}),
            **({} if task.gpu is None else {"device_type": "gpu", "gpu_device_id": task.gpu}),
        }


def native_options(params: LightGBMParams, threads: int) -> dict[str, Any]:
    """LightGBM's own options of a regression that is the same on every run.

    Args:
        params: of the model.
        threads: that it may use.
    """
    p = params
    bagging = p.data_sample_strategy == "bagging" and p.subsample < 1
    return {
        "metric": "none",
        "objective": "regression",
        "boosting": p.boosting,
        "drop_rate": p.drop_rate,
        "learning_rate": p.learning_rate,
        "max_depth": p.max_depth,
        "num_leaves": p.num_leaves,
        "feature_fraction": p.colsample_bytree,
        "min_data_in_leaf": p.min_child_samples,
        "data_sample_strategy": p.data_sample_strategy,
        "bagging_fraction": p.subsample if bagging else 1.0,
        "bagging_freq": 1 if bagging else 0,
        "top_rate": p.top_rate,
        "other_rate": p.other_rate,
        "lambda_l1": p.reg_alpha,
        "lambda_l2": p.reg_lambda,
        "max_bin": p.max_bin,
        "use_quantized_grad": p.use_quantized_grad,
        "num_grad_quant_bins": p.num_grad_quant_bins,
        "linear_tree": p.linear_tree,
        "linear_lambda": p.linear_lambda,
        "feature_pre_filter": False,
        "force_col_wise": True,
        "deterministic": True,
        "num_threads": threads,
        "verbosity": -1,
    }


def _stop(env: Any, watch: Watch) -> None:
    from lightgbm.callback import EarlyStopException

    if watch.over:
        raise EarlyStopException(env.iteration, env.evaluation_result_list)


@lru_cache(maxsize=1)
def _no_gpu() -> str:
    """What LightGBM says to a tree grown on a GPU."""
    import lightgbm

    lightgbm.register_logger(LOGGER, "debug", "debug")
    x = np.arange(64.0)[:, None]
    options = {"device_type": "gpu", "verbosity": -1, "min_data_in_leaf": 1}
    try:
        lightgbm.train(options, lightgbm.Dataset(x, x[:, 0]), 1)
    except lightgbm.basic.LightGBMError as error:
        return str(error).splitlines()[0]
    return ""


def build(params: LightGBMParams, spec: FeatureSpec) -> LightGBM:
    """The unfitted model."""
    return LightGBM(params, spec)


SPEC = ModelSpec(
    name="lightgbm",
    family="boosting",
    summary="Gradient-boosted trees (LightGBM)",
    params=LightGBMParams,
    presets=LIGHTGBM,
    takes_missing=True,
    build=build,
)
