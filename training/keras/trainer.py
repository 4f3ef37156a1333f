"""The trainer of networks: a fit, its best epoch, and what is saved of it."""

from __future__ import annotations

from pathlib import Path

from typing_extensions import override

from erazoo.errors import ConfigError, DataError, LeakageError
from erazoo.panel import FeatureSpec
from erazoo.publish import atomic_file, make_dir
from etl.shards import ShardSet
from etl.shards.allocator import keep_freed_memory
from training.keras import predictor
from training.keras.fit import Fit
from training.task import FitResult, FoldTask, Trainer
from zoo.catalogue import ModelSpec, Params
from zoo.keras.params import NetworkParams
from zoo.plugin import keep_plugin


class KerasTrainer(Trainer):
    """The trainer of the family `keras`."""

    @override
    def fit(
        self, spec: ModelSpec, params: Params, data: ShardSet, task: FoldTask, folder: Path
    ) -> FitResult:
        """Fit a network on `task.fit` and save it as `folder/model.keras`.

        With monitor eras, the epoch with the best `task.settings.monitor` is kept and the fit
        stops after `patience` epochs without progress; `task.length`, or without monitor eras
        the number of epochs in the settings, fixes the length. `folder/best_epoch.json` records the
        best epoch and `folder/tensorboard` holds the curves. Training weights of rows count in the
        loss of the fit and nowhere else.

        After every epoch `folder/state` holds all that is needed to go on. A fit that finds the
        state of its own beginning there does so, and ends as it would have without the
        interruption; whatever lies there of another fit is removed.

        Raises:
            ConfigError: parameters of another family, or devices that cannot be had.
            DataError: eras without a resolved target, or a monitor era that is also fitted.
            TrainingError: a loss or a monitor that is not a number.
        """
        network = _checked(params, data, task)
        network = network.for_fit(task.name, (*task.fit, *task.monitor))
        keep_freed_memory()
        fit = Fit(spec, network, data, task, make_dir(folder))
        learner, replicas = fit.learner()
        best, last = fit.begin(learner)
        if not last.stopped and last.epochs < fit.epochs:
            fit.run(learner, replicas, best, last)
        if best is not None:
            best.restore()
        else:
            last.averages.finish()
        with atomic_file(folder / predictor.MODEL) as temporary:
            learner.network.save(temporary)
        keep_plugin(spec, folder)
        return FitResult(
            history=last.history,
            best_epoch=best.monitor.epoch if best else None,
            best_value=best.monitor.value if best else None,
            seconds=last.seconds,
        )

    @override
    def load(
        self, spec: ModelSpec, params: Params, features: FeatureSpec, folder: Path
    ) -> predictor.Predictor:
        """The saved network as a function of raw features (rows, F) -> (rows,) float32."""
        return predictor.load(folder, features)


def _checked(params: Params, data: ShardSet, task: FoldTask) -> NetworkParams:
    if not isinstance(params, NetworkParams):
        raise ConfigError("these are no parameters of a network", received=type(params).__name__)
    if both := sorted(set(task.fit) & set(task.monitor)):
        raise LeakageError("an era is both fitted and monitored", received=both[0])
    for role, eras in (("fit", task.fit), ("monitor", task.monitor)):
        training = role == "fit"
        if not data.rows(eras, task.target, training=training) and (eras or training):
            raise DataError(
                f"{task.name}: no row of the {role} eras has a resolved {task.target}",
                received=f"{len(eras)} eras",
            )
    return params
