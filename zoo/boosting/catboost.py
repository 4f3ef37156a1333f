"""CatBoost straight from shards."""

from __future__ import annotations

import tempfile
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
from zoo.boosting.base import Boosting, GrowTask, refuse_row_weights, weights_of
from zoo.boosting.params import BoostingParams
from zoo.boosting.presets import CATBOOST
from zoo.boosting.rows import LabelledRows
from zoo.boosting.watch import Watch
from zoo.catalogue import ModelSpec
from zoo.estimator import not_fitted

if TYPE_CHECKING:
    import catboost

LARGEST_SEED = 2**31


class CatBoostParams(BoostingParams):
    """Prokhorenkova et al. (2018); names are those of CatBoost's scikit-learn interface.

    Trees are grown by plain boosting. CatBoost shows an objective no whole eras, so that there is
    no kind `corr`.

    Presets:
        example: 2,000 trees of depth 5, as LightGBM's of the same name.
        standard: 20,000 slow trees of depth 6.
        deep: 30,000 slow trees of depth 10, leaves of 10,000 rows and more.
        ender60_small: 400 trees for a 60-day target.
        crypto: 400 shallow trees for few features.
        small: 300 trees of depth 4.
        demo: 120 trees for the generated tournament.

    Args:
        kind: `regression`, squared errors; `classes`, a softmax over the target's values, whose
            expected value is the prediction; `rank`, the order of the rows within each era.
        grow_policy: `SymmetricTree`, one split a level; `Depthwise` or `Lossguide`, as others do.
        colsample_bylevel: share of the features that a split may use; below 1 on a CPU alone.
        min_child_samples: rows of a leaf, at least; not for `SymmetricTree`.
        reg_lambda: L2 penalty on leaf values.
        random_strength: noise in the scores of splits, less as trees go on.
        ranking: the objective of kind `rank`: `YetiRank` (Gulin et al. 2011) or `YetiRankPairwise`,
            slower and often better.
    """

    kind: Literal["regression", "classes", "rank"] = "regression"
    max_depth: int = Field(5, ge=1, le=16)
    max_bin: int = Field(254, ge=2, le=254)
    grow_policy: Literal["SymmetricTree", "Depthwise", "Lossguide"] = "SymmetricTree"
    colsample_bylevel: float = Field(0.1, gt=0, le=1)
    min_child_samples: int = Field(1, ge=1)
    reg_lambda: float = Field(3.0, ge=0)
    random_strength: float = Field(1.0, ge=0)
    ranking: Literal["YetiRank", "YetiRankPairwise"] = "YetiRank"


class CatBoost(Boosting[CatBoostParams]):
    """Boosted trees grown by CatBoost on a quantised pool.

    CatBoost reads no pool piece by piece in bounded memory: rows are streamed into a column-wise
    temporary file, which it quantises through a memory map. A missing quintile with a code of its
    own is one value more, above the others. Memory: CatBoost's bins, about a byte a value; the
    file takes a byte a quintile, four a float (in TMPDIR), and its pages may stay in memory while
    there is room.
    """

    library = "CatBoost"
    suffix = "cbm"

    @override
    def no_contributions(self) -> str:
        if self.params.grow_policy == "SymmetricTree":
            return ""
        return f"CatBoost's of trees grown {self.params.grow_policy} do not sum up to predictions"

    @override
    def no_gpu(self) -> str:
        if self.params.colsample_bylevel < 1:
            return "CatBoost takes colsample_bylevel below 1 on a CPU alone"
        return _no_gpu()

    @override
    def grower(self, task: GrowTask) -> _Grower:
        return _Grower(self.params, task)

    @override
    def sum_of(self, stage: catboost.CatBoost, features: NDArray[Any]) -> NDArray[np.float64]:
        return _sums(stage, features.astype(np.float32), cores())

    @override
    def trees(self, stage: catboost.CatBoost) -> int:
        return int(stage.tree_count_)

    @override
    def first(self, stage: catboost.CatBoost, trees: int) -> catboost.CatBoost:
        copied = stage.copy()
        copied.shrink(ntree_end=trees)
        return copied

    @override
    def write(self, stage: catboost.CatBoost, path: Path) -> None:
        with atomic_file(path) as temporary:
            stage.save_model(str(temporary), format="cbm")

    @override
    def read(self, path: Path) -> catboost.CatBoost:
        import catboost

        return catboost.CatBoost().load_model(str(path), format="cbm")

    @override
    def error(self) -> type[Exception]:
        import catboost

        failure: type[Exception] = catboost.CatBoostError
        return failure

    @override
    def stage_contributions(
        self, stage: catboost.CatBoost, features: NDArray[Any]
    ) -> NDArray[np.float64]:
        import catboost

        pool = catboost.Pool(features.astype(np.float32))
        found = stage.get_feature_importance(pool, type="ShapValues", thread_count=cores())
        return np.asarray(found, dtype=np.float64)

    @override
    def summed_gain(self) -> NDArray[np.float64]:
        """That of all stages as one model: CatBoost counts each model's in parts of its own 100."""
        import catboost

        return self.stage_gain(catboost.sum_models(self.stages))

    @override
    def stage_gain(self, stage: catboost.CatBoost) -> NDArray[np.float64]:
        """How much predictions change with a feature, CatBoost's own measure of splits."""
        found = stage.get_feature_importance(type="PredictionValuesChange", thread_count=cores())
        return np.asarray(found, dtype=np.float64)


class _Grower:
    """A quantised pool of the fitted rows, and the watched rows as they are."""

    losses: ClassVar = {"regression": "RMSE", "classes": "MultiClass"}

    def __init__(self, params: CatBoostParams, task: GrowTask) -> None:
        self.params, self.task = params, task
        if task.goal.kind == "rank":
            refuse_row_weights("CatBoost", task)
        self.fitted = self._pool(task.fitted)
        self.fitted.quantize(border_count=params.max_bin, task_type="CPU")
        self.watched = None if task.watched is None else self._pool(task.watched)
        self._fitted_sums = task.fitted.margins
        self._watched_sums = None if task.watched is None else task.watched.margins

    def grow(
        self, trees: int, stage: int, eras: NDArray[np.float64] | None, watch: Watch | None
    ) -> catboost.CatBoost:
        """As many trees at a time as the watch has patience for; they become one model."""
        import catboost

        self._set_weights(eras)
        each = trees if watch is None else min(trees, watch.patience)
        parts: list[catboost.CatBoost] = []
        for done in range(0, trees, each):
            model = catboost.CatBoost(self._options(min(each, trees - done), stage, done))
            if self._fitted_sums is not None:
                self.fitted.set_baseline(_columns(self._fitted_sums))
            model.fit(self.fitted)
            parts.append(model)
            self._fitted_sums = _sums(model, self.fitted, self.task.threads)
            if watch is not None:
                self._note(watch, model)
                if watch.over:
                    break
        return parts[0] if len(parts) == 1 else catboost.sum_models(parts)

    def margins(self) -> NDArray[np.float64]:
        if self._fitted_sums is None:
            raise not_fitted()
        return self._fitted_sums

    def _note(self, watch: Watch, model: catboost.CatBoost) -> None:
        for tree in range(model.tree_count_):
            if watch.over:
                return
            step = _sums(model, self.watched, self.task.threads, tree)
            before = self._watched_sums
            self._watched_sums = step if before is None else before + step
            watch.note(self.task.goal.predicted(self._watched_sums))

    def _set_weights(self, eras: NDArray[np.float64] | None) -> None:
        weights = weights_of(self.task, eras)
        if weights is None:
            return
        if self.task.goal.kind == "rank":
            self.fitted.set_group_weight(weights)
        else:
            self.fitted.set_weight(weights)

    def _pool(self, labelled: LabelledRows) -> catboost.Pool:
        import catboost

        rows, slices = labelled.rows, labelled.slices
        shape = (len(rows.names), len(rows))
        with tempfile.TemporaryFile() as file:
            matrix = np.memmap(file, dtype=rows.spec.dtype, mode="w+", shape=shape).T
            for part in rows.batches(rows.batch_rows):
                matrix[part] = rows[part]
            rows.close()
            eras = np.repeat(np.arange(len(slices)), slices.counts)
            return catboost.Pool(
                matrix,
                labelled.labels,
                feature_names=list(rows.names),
                group_id=eras if self.task.goal.kind == "rank" else None,
                thread_count=self.task.threads,
            )

    def _options(self, trees: int, stage: int, done: int) -> dict[str, Any]:
        p, task = self.params, self.task
        rank = task.goal.kind == "rank"
        fresh = self._fitted_sums is None and task.goal.kind == "regression"
        options = {
            **native_options(p, task.threads),
            "loss_function": p.ranking if rank else self.losses[task.goal.kind],
            **({"classes_count": task.goal.columns} if task.goal.columns > 1 else {}),
            "boost_from_average": fresh,
            "iterations": trees,
            "random_seed": (task.seed + 1_000 * stage + done) % LARGEST_SEED,
        }
        if task.goal.kind != "regression":
            del options["boost_from_average"]
        if task.gpu is not None:
            del options["rsm"]
            options |= {"task_type": "GPU", "devices": str(task.gpu)}
        return options


def native_options(params: CatBoostParams, threads: int) -> dict[str, Any]:
    """CatBoost's own options of a regression on a CPU.

    Args:
        params: of the model.
        threads: that it may use.
    """
    p = params
    symmetric = p.grow_policy == "SymmetricTree"
    return {
        "loss_function": "RMSE",
        "boosting_type": "Plain",
        "learning_rate": p.learning_rate,
        "depth": p.max_depth,
        "grow_policy": p.grow_policy,
        **({} if symmetric else {"min_data_in_leaf": p.min_child_samples}),
        "rsm": p.colsample_bylevel,
        "l2_leaf_reg": p.reg_lambda,
        "random_strength": p.random_strength,
        "bootstrap_type": "Bernoulli" if p.subsample < 1 else "No",
        **({"subsample": p.subsample} if p.subsample < 1 else {}),
        "thread_count": threads,
        "task_type": "CPU",
        "allow_writing_files": False,
        "logging_level": "Silent",
    }


def _sums(
    model: catboost.CatBoost, data: Any, threads: int, tree: int | None = None
) -> NDArray[np.float64]:
    """What a model's trees, or one of them, sum up to, a baseline of the data included."""
    span = {} if tree is None else {"ntree_start": tree, "ntree_end": tree + 1}
    found = model.predict(data, prediction_type="RawFormulaVal", thread_count=threads, **span)
    return np.asarray(found, dtype=np.float64)


def _columns(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return sums if sums.ndim == 2 else sums[:, None]


@lru_cache(maxsize=1)
def _no_gpu() -> str:
    """Whether CatBoost counts a GPU."""
    from catboost.utils import get_gpu_device_count

    return "" if get_gpu_device_count() else "CatBoost sees no GPU"


def build(params: CatBoostParams, spec: FeatureSpec) -> CatBoost:
    """The unfitted model."""
    return CatBoost(params, spec)


SPEC = ModelSpec(
    name="catboost",
    family="boosting",
    summary="Gradient-boosted symmetric trees (CatBoost)",
    params=CatBoostParams,
    presets=CATBOOST,
    takes_missing=True,
    build=build,
)
