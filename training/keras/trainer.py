"""Fits one network on one fold, keeps its best epoch and saves it as a `.keras` file."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import keras
from typing_extensions import override

from erazoo.errors import ConfigError, DataError, LeakageError
from erazoo.logs import LOGGER
from erazoo.panel import FeatureSpec
from erazoo.publish import atomic_file, make_dir
from etl.shards import ShardSet
from etl.shards.allocator import keep_freed_memory
from training.keras import devices, predictor
from training.keras.batches import batches, is_packed
from training.keras.best import RECORD, BestEpoch
from training.keras.era_corr import EraCorr
from training.keras.finite import FiniteLoss
from training.keras.learner import Learner
from training.keras.monitor import Monitor
from training.task import FitResult, FoldTask, Trainer
from zoo.catalogue import ModelSpec, Params
from zoo.keras.learning import compile_network, targets
from zoo.keras.params import NetworkParams

TENSORBOARD = "tensorboard"


class KerasTrainer(Trainer):
    """The trainer of the family `keras`."""

    @override
    def fit(
        self, spec: ModelSpec, params: Params, data: ShardSet, task: FoldTask, folder: Path
    ) -> FitResult:
        """Fit a network on `task.fit` and save it as `folder/model.keras`.

        With monitor eras, the epoch with the best `task.settings.monitor` is kept and the fit
        stops after `patience` epochs without a better one; `task.length`, or without monitor eras
        the number of epochs in the settings, fixes the length. `folder/best_epoch.json` records the
        best epoch and `folder/tensorboard` holds the curves. Training weights of rows count in the
        loss of the fit and nowhere else.

        Raises:
            ConfigError: parameters of another family, or devices that cannot be had.
            DataError: eras without a resolved target, or a monitor era that is also fitted.
            TrainingError: a loss or a monitor that is not a number.
        """
        begun = time.monotonic()
        network = _checked(params, data, task)
        _clear(make_dir(folder))
        keep_freed_memory()
        strategy = devices.strategy(task.settings)
        with strategy.scope():
            model = spec.build(network, data.spec, task.seed)
            learner = Learner(model, targets(network), data.spec, packed=is_packed(data))
            compile_network(learner, network)
        best = _best(task, folder)
        replicas = strategy.num_replicas_in_sync
        history = learner.fit(
            batches(data, task.fit, task, network, training=True, replicas=replicas),
            validation_data=batches(
                data, task.monitor, task, network, training=False, replicas=replicas
            )
            if task.monitor
            else None,
            epochs=task.length or task.settings.epochs,
            callbacks=_callbacks(data, task, folder, best),
            shuffle=False,
            verbose=0,
        ).history
        if best is not None:
            best.restore()
        with atomic_file(folder / predictor.MODEL) as temporary:
            model.save(temporary)
        return FitResult(
            history={name: [float(v) for v in values] for name, values in history.items()},
            best_epoch=best.monitor.epoch if best else None,
            best_value=best.monitor.value if best else None,
            seconds=time.monotonic() - begun,
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


def _clear(folder: Path) -> None:
    """Remove an earlier fit, so that none of its files can pass for this one's."""
    (folder / RECORD).unlink(missing_ok=True)
    for path in (folder / predictor.MODEL, *folder.glob("epoch-*.weights.h5")):
        path.unlink(missing_ok=True)
    shutil.rmtree(folder / TENSORBOARD, ignore_errors=True)


def _best(task: FoldTask, folder: Path) -> BestEpoch | None:
    if not task.monitor or task.length:
        return None
    return BestEpoch(Monitor(task.settings.monitor), task.settings.patience, folder)


def _callbacks(data: ShardSet, task: FoldTask, folder: Path, best: BestEpoch | None) -> list[Any]:
    """In the order in which they read and add to an epoch's results."""
    callbacks: list[Any] = [FiniteLoss()]
    if task.monitor:
        callbacks.append(EraCorr(data, task.monitor, task.target))
    if best is not None:
        callbacks.append(best)
    return [
        *callbacks,
        keras.callbacks.TensorBoard(folder / TENSORBOARD, write_graph=False),
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: LOGGER.debug(
                "%s epoch %d: %s", task.name, epoch + 1, _line(logs)
            )
        ),
    ]


def _line(logs: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in logs.items())
