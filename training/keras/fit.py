"""One fit of one network: how it is built, begun or gone on with, and run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras

import zoo.keras.layers  # noqa: F401  (registers what saved networks are made of)
from erazoo.logs import LOGGER
from erazoo.publish import fingerprint, sha256
from etl.shards import ShardSet
from training.keras import devices, predictor
from training.keras.averages import Averages
from training.keras.batches import batches, is_packed, steps
from training.keras.best import RECORD, BestEpoch
from training.keras.era_corr import EraCorr
from training.keras.finite import FiniteLoss
from training.keras.last import FILE, LastEpoch, State
from training.keras.learner import Learner
from training.keras.monitor import Monitor
from training.keras.plateau import Plateau
from training.keras.tensorboard import FOLDER as TENSORBOARD
from training.keras.watch import watchers
from training.task import STATE, UNFITTING, FoldTask
from zoo.catalogue import ModelSpec
from zoo.keras.learning import compile_network, targets
from zoo.keras.params import NetworkParams
from zoo.plugin import PLUGIN


@dataclass(frozen=True)
class Fit:
    """What a fit is made of, its parameters being those for its eras."""

    spec: ModelSpec
    params: NetworkParams
    data: ShardSet
    task: FoldTask
    folder: Path

    @property
    def epochs(self) -> int:
        """Its length, if nothing stops it before."""
        return self.task.length or self.task.settings.epochs

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return steps(self.data, self.task.fit, self.task, self.params)

    @property
    def key(self) -> str:
        """What the course of the fit depends on."""
        task = asdict(self.task) | {
            "settings": self.task.settings.model_dump(exclude=set(UNFITTING))
        }
        task["start"] = self.task.start and sha256(self.task.start / predictor.MODEL)
        files = [(entry.path, entry.checksum) for entry in self.data.manifest.files]
        params = self.params.identity()
        return fingerprint([self.spec.name, params, task, self.data.spec.fingerprint, files])

    def learner(self) -> tuple[Learner, int]:
        """A compiled network with its optimizer's variables, and its number of replicas."""
        settings = self.task.settings
        strategy = devices.strategy(settings, "batch_eras" if self.params.batch_eras else "")
        with strategy.scope(), devices.precision(settings):
            learner = Learner(
                self._network(), targets(self.params), self.data.spec, packed=is_packed(self.data)
            )
            compile_network(
                learner, self.params, steps=self.steps, epochs=settings.epochs, jit=settings.jit
            )
            learner.optimizer.build(learner.trainable_variables)
        return learner, strategy.num_replicas_in_sync

    def begin(self, learner: Learner) -> tuple[BestEpoch | None, LastEpoch]:
        """The keepers of a fit's best and last epoch, at its beginning or where it was killed."""
        path = self.folder / STATE / FILE
        averages = Averages(self.params.average, learner.network)
        averages.set_model(learner)
        best, last = self._best(learner), LastEpoch(path, self.key, averages)
        state = State.load(path, self.key)
        if state is not None and (best is None or best.resume(state.history)):
            with learner.distribute_strategy.scope():
                last.resume(state, learner)
            LOGGER.info("%s goes on after epoch %d", self.task.name, last.epochs)
            return best, last
        _clear(self.folder)
        return self._best(learner), last

    def run(self, learner: Learner, replicas: int, best: BestEpoch | None, last: LastEpoch) -> None:
        """Train the epochs that are left."""
        data, task, params = self.data, self.task, self.params
        first, parts = last.epochs, {"replicas": replicas}
        rows = batches(data, task.fit, task, params, training=True, first_epoch=first, **parts)
        watched = None
        if task.monitor:
            watched = batches(data, task.monitor, task, params, training=False, **parts)
        learner.fit(
            rows,
            validation_data=watched,
            initial_epoch=first,
            epochs=self.epochs,
            steps_per_epoch=self.steps,
            callbacks=self._callbacks(best, last),
            shuffle=False,
            verbose=0,
        )

    def _network(self) -> Any:
        if self.task.start is None:
            return self.spec.build(self.params, self.data.spec, self.task.seed)
        keras.utils.set_random_seed(self.task.seed)
        return keras.saving.load_model(self.task.start / predictor.MODEL, compile=False)

    def _best(self, learner: Learner) -> BestEpoch | None:
        settings = self.task.settings
        if not self.task.monitor or self.task.length:
            return None
        monitor = Monitor(settings.monitor, settings.threshold)
        return BestEpoch(monitor, settings.patience, self.folder, learner.network)

    def _callbacks(self, best: BestEpoch | None, last: LastEpoch) -> list[Any]:
        """In the order in which they read and add to an epoch's results.

        What changes the next epoch comes behind what judges this one, and what saves comes last.
        """
        task = self.task
        eras = EraCorr(self.data, task.monitor, task.target) if task.monitor else None
        found = [FiniteLoss(), eras, best]
        found += watchers(
            self.data,
            task,
            self.params,
            self.spec.name,
            self.folder,
            self.steps,
            eras=eras,
            best=best,
            done=last.epochs,
        )
        averages = last.averages if self.params.average.kind != "none" else None
        return [c for c in (*found, self._plateau(last.history), averages, last) if c is not None]

    def _plateau(self, history: Mapping[str, Sequence[float]]) -> Plateau | None:
        options, settings = self.params.schedule, self.task.settings
        if options.kind != "plateau":
            return None
        monitor = Monitor(settings.monitor if self.task.monitor else "loss", settings.threshold)
        plateau = Plateau(monitor, options.factor, options.every)
        plateau.resume(history.get(monitor.name, ()))
        return plateau


def _clear(folder: Path) -> None:
    """Remove an earlier fit, so that none of its files can pass for this one's."""
    for name in (RECORD, PLUGIN, predictor.MODEL):
        (folder / name).unlink(missing_ok=True)
    for path in folder.glob("epoch-*.weights.h5"):
        path.unlink(missing_ok=True)
    for name in (STATE, TENSORBOARD):
        shutil.rmtree(folder / name, ignore_errors=True)
