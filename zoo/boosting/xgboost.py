"""XGBoost straight from shards."""

from __future__ import annotations

import json
import warnings
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from erazoo.machine import cores
from erazoo.panel import FeatureSpec
from erazoo.publish import atomic_file
from etl.shards.rows import as_floats
from zoo.boosting.base import Boosting, GrowTask, refuse_row_weights, weights_of
from zoo.boosting.correlation import EraCorrelation
from zoo.boosting.params import BoostingParams
from zoo.boosting.presets import XGBOOST
from zoo.boosting.rows import LabelledRows
from zoo.boosting.watch import CORR, Watch
from zoo.catalogue import ModelSpec
from zoo.estimator import not_fitted

if TYPE_CHECKING:
    import xgboost


class XGBoostParams(BoostingParams):
    """Chen and Guestrin (2016); names and meanings are those of XGBoost's scikit-learn interface.

    Presets:
        example: 2,000 trees of depth 5, as LightGBM's of the same name.
        standard: 20,000 slow trees of depth 6.
        deep: 30,000 slow trees of depth 10 and at most 1,024 leaves.
        ender60_small: 400 trees for a 60-day target.
        crypto: 400 shallow trees for few features.
        small: 300 trees of depth 4.
        demo: 120 trees for the generated tournament.

    Args:
        max_leaves: leaves of a tree, 0 for no limit.
        grow_policy: `depthwise`, level by level, or `lossguide`, where the loss falls most.
        colsample_bytree: share of the features that a tree may use.
        colsample_bynode: share of these that a split may use.
        min_child_weight: second derivatives of a leaf, at least; rows for squared errors.
        reg_lambda: L2 penalty on leaf values.
        reg_alpha: L1 penalty on leaf values.
        gamma: what a split must gain.
        booster: `gbtree`, or `dart`, which leaves a part of the earlier trees out of each new one's
            sight.
        rate_drop: the share of trees that `dart` leaves out.
        ranking: the objective of kind `rank`: `ndcg` (LambdaMART) or `pairwise`.
    """

    max_bin: int = Field(256, ge=2, le=65_535)
    max_leaves: int = Field(0, ge=0, le=131_072)
    grow_policy: Literal["depthwise", "lossguide"] = "depthwise"
    colsample_bytree: float = Field(0.1, gt=0, le=1)
    colsample_bynode: float = Field(1.0, gt=0, le=1)
    min_child_weight: float = Field(1.0, ge=0)
    reg_lambda: float = Field(1.0, ge=0)
    reg_alpha: float = Field(0.0, ge=0)
    gamma: float = Field(0.0, ge=0)
    booster: Literal["gbtree", "dart"] = "gbtree"
    rate_drop: float = Field(0.1, ge=0, le=1)
    ranking: Literal["ndcg", "pairwise"] = "ndcg"

    @property
    @override
    def drops_trees(self) -> bool:
        return self.booster == "dart"


class XGBoost(Boosting[XGBoostParams]):
    """Boosted trees grown by XGBoost on a `QuantileDMatrix`.

    Memory: its bins, about a byte a value, and two batches of rows; never the matrix.
    """

    library = "XGBoost"
    suffix = "ubj"

    @override
    def no_gpu(self) -> str:
        return _no_gpu()

    @override
    def grower(self, task: GrowTask) -> _Grower:
        return _Grower(self.params, task)

    @override
    def sum_of(self, stage: xgboost.Booster, features: NDArray[Any]) -> NDArray[np.float64]:
        stage.set_param({"nthread": cores(), "device": "cpu"})
        numbers = as_floats(features, self.spec)
        found = stage.inplace_predict(numbers, predict_type="margin", validate_features=False)
        return np.asarray(found, dtype=np.float64)

    @override
    def trees(self, stage: xgboost.Booster) -> int:
        return int(stage.num_boosted_rounds())

    @override
    def first(self, stage: xgboost.Booster, trees: int) -> xgboost.Booster:
        return stage[:trees]

    @override
    def write(self, stage: xgboost.Booster, path: Path) -> None:
        with atomic_file(path) as temporary:
            temporary.write_bytes(stage.save_raw(raw_format="ubj"))

    @override
    def read(self, path: Path) -> xgboost.Booster:
        import xgboost

        return xgboost.Booster(model_file=bytearray(path.read_bytes()))

    @override
    def error(self) -> type[Exception]:
        import xgboost

        failure: type[Exception] = xgboost.core.XGBoostError
        return failure

    @override
    def stage_contributions(
        self, stage: xgboost.Booster, features: NDArray[Any]
    ) -> NDArray[np.float64]:
        import xgboost

        numbers = as_floats(features, self.spec)
        matrix = xgboost.DMatrix(numbers, feature_names=stage.feature_names, nthread=cores())
        return np.asarray(stage.predict(matrix, pred_contribs=True), dtype=np.float64)

    @override
    def stage_gain(self, stage: xgboost.Booster) -> NDArray[np.float64]:
        found = stage.get_score(importance_type="total_gain")
        return np.array([found.get(name, 0.0) for name in self.spec.names], dtype=np.float64)


class _Grower:
    """A `QuantileDMatrix` of the fitted rows, and one of the watched rows in the same bins."""

    objectives: ClassVar = {
        "regression": "reg:squarederror",
        "corr": "reg:squarederror",
        "classes": "multi:softprob",
    }

    def __init__(self, params: XGBoostParams, task: GrowTask) -> None:
        self.params, self.task = params, task
        if task.goal.kind == "rank":
            refuse_row_weights("XGBoost", task)
        self.fitted = self._matrix(task.fitted, None)
        watched = task.watched
        self.watched = None if watched is None else self._matrix(watched, self.fitted)
        self.last: xgboost.Booster | None = None

    def grow(
        self, trees: int, stage: int, eras: NDArray[np.float64] | None, watch: Watch | None
    ) -> xgboost.Booster:
        import xgboost

        if self.last is not None:
            self._set_start()
        self._set_weights(eras)
        self.last = xgboost.train(
            self._options(stage),
            self.fitted,
            trees,
            evals=None if self.watched is None else [(self.watched, "watched")],
            obj=self._objective(eras),
            custom_metric=None if watch is None else lambda v, _: self._note(watch, v),
            callbacks=None if watch is None else [_stopping(watch)],
            verbose_eval=False,
        )
        return self.last

    def margins(self) -> NDArray[np.float64]:
        return self._held(self.fitted)

    def _held(self, matrix: xgboost.DMatrix) -> NDArray[np.float64]:
        """The sums of all trees so far on the rows of a matrix, its base margin included."""
        if self.last is None:
            raise not_fitted()
        return np.asarray(self.last.predict(matrix, output_margin=True), dtype=np.float64)

    def _set_start(self) -> None:
        for matrix in (self.fitted, self.watched):
            if matrix is not None:
                matrix.set_base_margin(self._held(matrix))

    def _set_weights(self, eras: NDArray[np.float64] | None) -> None:
        if self.task.goal.kind == "rank":
            if eras is not None:
                self.fitted.set_weight(eras)
        elif (weights := weights_of(self.task, eras)) is not None:
            self.fitted.set_weight(weights)

    def _note(self, watch: Watch, values: NDArray[Any]) -> tuple[str, float]:
        goal = self.task.goal
        if goal.columns > 1:
            return CORR, watch.note(goal.expected(values.reshape(-1, goal.columns)))
        return CORR, watch.note(values)

    def _matrix(self, labelled: LabelledRows, reference: Any) -> xgboost.DMatrix:
        from etl.shards.batches import ShardBatches

        made = ShardBatches(labelled.rows).matrix(
            max_bin=self.params.max_bin, nthread=self.task.threads, ref=reference
        )
        made.set_label(labelled.labels)
        if self.task.goal.kind == "rank":
            made.set_group(labelled.slices.counts)
        if labelled.margins is not None:
            made.set_base_margin(labelled.margins)
        return made

    def _objective(self, eras: NDArray[np.float64] | None) -> Any:
        if self.task.goal.kind != "corr":
            return None
        fitted = self.task.fitted
        gradients = EraCorrelation(fitted.labels, fitted.slices, weights_of(self.task, eras))
        return lambda values, _: gradients(values)

    def _options(self, stage: int) -> dict[str, Any]:
        p, task = self.params, self.task
        kind = task.goal.kind
        fresh = stage == 0 and kind != "corr"
        return {
            **native_options(p, task.threads),
            "objective": f"rank:{p.ranking}" if kind == "rank" else self.objectives[kind],
            **({"num_class": task.goal.columns} if task.goal.columns > 1 else {}),
            **({} if fresh else {"base_score": 0.0}),
            "seed": task.seed + stage,
            "device": "cpu" if task.gpu is None else f"cuda:{task.gpu}",
        }


def native_options(params: XGBoostParams, threads: int) -> dict[str, Any]:
    """XGBoost's own options of a regression on a CPU.

    Args:
        params: of the model.
        threads: that it may use.
    """
    p = params
    return {
        "objective": "reg:squarederror",
        "disable_default_eval_metric": True,
        "booster": p.booster,
        **({"rate_drop": p.rate_drop} if p.drops_trees else {}),
        "tree_method": "hist",
        "learning_rate": p.learning_rate,
        "max_depth": p.max_depth,
        "max_leaves": p.max_leaves,
        "grow_policy": p.grow_policy,
        "subsample": p.subsample,
        "colsample_bytree": p.colsample_bytree,
        "colsample_bynode": p.colsample_bynode,
        "min_child_weight": p.min_child_weight,
        "reg_lambda": p.reg_lambda,
        "reg_alpha": p.reg_alpha,
        "gamma": p.gamma,
        "max_bin": p.max_bin,
        "nthread": threads,
        "device": "cpu",
        "verbosity": 0,
    }


def _stopping(watch: Watch) -> xgboost.callback.TrainingCallback:
    import xgboost

    class Stopping(xgboost.callback.TrainingCallback):
        """Ends the fit when the watch is over."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
            return watch.over

    return Stopping()


@lru_cache(maxsize=1)
def _no_gpu() -> str:
    """What XGBoost says of the device that it grew a tree on."""
    import xgboost

    if not xgboost.build_info()["USE_CUDA"]:
        return "XGBoost was built without CUDA"
    x = np.arange(64.0)[:, None]
    options = {"device": "cuda", "tree_method": "hist", "verbosity": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            model = xgboost.train(options, xgboost.DMatrix(x, x[:, 0]), 1)
        except xgboost.core.XGBoostError as error:
            return str(error).splitlines()[0]
    used = json.loads(model.save_config())["learner"]["generic_param"]["device"]
    return "" if used.startswith("cuda") else "XGBoost sees no GPU"


def build(params: XGBoostParams, spec: FeatureSpec) -> XGBoost:
    """The unfitted model."""
    return XGBoost(params, spec)


SPEC = ModelSpec(
    name="xgboost",
    family="boosting",
    summary="Gradient-boosted trees (XGBoost)",
    params=XGBoostParams,
    presets=XGBOOST,
    takes_missing=True,
    build=build,
)
