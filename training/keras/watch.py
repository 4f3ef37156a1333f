"""Who watches a fit without changing it: TensorBoard, the profiler, progress and the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from erazoo.logs import LOGGER
from etl.shards import ShardSet
from training.keras.best import BestEpoch
from training.keras.era_corr import EraCorr
from training.keras.gradients import GradientNorm
from training.keras.pace import Pace
from training.keras.progress import Progress
from training.keras.tensorboard import FOLDER, Profile, TensorBoard, flat
from training.task import FoldTask
from zoo.keras.params import NetworkParams


def watchers(
    data: ShardSet,
    task: FoldTask,
    params: NetworkParams,
    name: str,
    folder: Path,
    steps: int,
    *,
    eras: EraCorr | None,
    best: BestEpoch | None,
    done: int = 0,
) -> list[Any]:
    """Callbacks that read an epoch's results and add nothing to them.

    They stand behind `eras` and `best`, which they read, and before what saves the state of the
    last epoch: then an epoch whose state stands has its event files too.

    Args:
        data: the shards.
        task: the fit.
        params: of the network.
        name: of the network in the catalogue.
        folder: of the fit; event files go to `tensorboard` in it.
        steps: of an epoch.
        eras: measures CORR by era, None without monitor eras.
        best: keeps the best epoch, None where the length is fixed.
        done: epochs that a fit which goes on has behind it.
    """
    settings = task.settings
    pace = Pace(data.rows(task.fit, task.target, training=True))
    epochs = task.length or settings.epochs
    found: list[Any] = [pace]
    if settings.tensorboard != "off":
        norm = GradientNorm()
        board = TensorBoard(
            folder / FOLDER,
            done,
            pace=pace,
            norm=norm,
            eras=eras,
            hyperparameters=_hyperparameters(task, params, name),
            weights=settings.tensorboard == "weights",
        )
        found += [norm, board]
    if settings.profile is not None:
        found.append(Profile(folder / FOLDER, *settings.profile))
    progress = Progress(folder, task.name, epochs, steps, pace=pace, best=best)
    return [*found, progress, _debug_log(task.name)]


def _hyperparameters(
    task: FoldTask, params: NetworkParams, name: str
) -> dict[str, bool | float | str]:
    """The network's own options and those of the loop around it; equal for all folds."""
    loop = task.settings.model_dump(
        include={"epochs", "batch_size", "patience", "monitor", "shuffle_blocks"}
    )
    return {"model": name, "target": task.target, **flat(loop | params.model_dump(mode="json"))}


def _debug_log(name: str) -> Any:
    def line(logs: dict[str, float]) -> str:
        return ", ".join(f"{key} {value:.4f}" for key, value in logs.items())

    return keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: LOGGER.debug(
            "%s epoch %d: %s", name, epoch + 1, line(logs)
        )
    )
