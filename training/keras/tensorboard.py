"""What TensorBoard shows of a fit, in event files that survive a resume."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from typing_extensions import override

from erazoo.logs import LOGGER
from erazoo.publish import atomic_file, fingerprint
from training.keras.era_corr import EraCorr
from training.keras.gradients import GradientNorm
from training.keras.pace import Pace
from zoo.options import dotted

FOLDER = "tensorboard"
TRAIN, VALIDATION = "train", "validation"
_VERSION = "brain.Event:2"


class TensorBoard(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes one complete event file an epoch, in Keras' folders `train` and `validation`.

    A fit that goes on after epoch `done` drops the files of later epochs and writes them again, so
    that no epoch is there twice and none is missing. Steps are epochs, from 1. It must stand behind
    the callbacks that it reads.

    Args:
        folder: of the event files.
        done: epochs that the fit has behind it already.
        pace: gives the throughput.
        norm: gives the size of gradients.
        eras: gives CORR by monitor era, None where there are none.
        hyperparameters: plain values by name, `model` among them; fits of equal ones are a trial.
        weights: whether every weight is drawn as a histogram after every epoch.
    """

    def __init__(
        self,
        folder: Path,
        done: int,
        *,
        pace: Pace,
        norm: GradientNorm,
        eras: EraCorr | None,
        hyperparameters: Mapping[str, bool | float | str],
        weights: bool = False,
    ) -> None:
        super().__init__()
        self.folder, self.pace, self.norm, self.eras = folder, pace, norm, eras
        self.hyperparameters, self.weights = dict(hyperparameters), weights
        _drop_after(folder, done)

    @override
    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the epoch's files, and before the first what is known from the start."""
        number, measured = epoch + 1, dict(logs or {})
        if not (self.folder / TRAIN / _name(0)).is_file():
            self._begin()
        watched = {n.removeprefix("val_"): v for n, v in measured.items() if n.startswith("val_")}
        fitted = {name: v for name, v in measured.items() if not name.startswith("val_")}
        fitted["learning_rate"] = float(
            keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        )
        train = [scalar_pb(f"epoch_{name}", value) for name, value in fitted.items()]
        train.append(scalar_pb("rows_per_second", self.pace.rows_per_second))
        train.append(scalar_pb("gradient_norm", self.norm.mean))
        if self.weights:
            train += _histograms(self.model.network)
        validation = [scalar_pb(f"epoch_{name}", value) for name, value in watched.items()]
        if self.eras is not None:
            validation += _by_era(self.eras)
        # The run that has no monitor eras has no second folder.
        if validation:
            _write(self.folder / VALIDATION / _name(number), number, validation)
        _write(self.folder / TRAIN / _name(number), number, train)

    @override
    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Say in the table of hyperparameters that the fit ended."""
        self._session(ended=True)

    def _begin(self) -> None:
        self._session(ended=False)
        _write(self.folder / TRAIN / _name(0), 0, [], graph=_graph(self.model.network))

    def _session(self, *, ended: bool) -> None:
        print_of = fingerprint(self.hyperparameters)[:8]
        trial = f"{self.hyperparameters['model']} {print_of}"
        said = [hparams.hparams_pb(self.hyperparameters, trial_id=trial)]
        if ended:
            said.append(_session_end())
        _write(self.folder / "hparams.tfevents", 0, said)


class Profile(keras.callbacks.Callback):  # type: ignore[misc]
    """Watches steps `first` to `last` of a fit, counted from 1, with TensorFlow's profiler.

    TensorBoard shows the result where the package `tensorboard-plugin-profile` is installed.
    """

    def __init__(self, folder: Path, first: int, last: int) -> None:
        super().__init__()
        self.folder, self.first, self.last = folder, first, last
        self._step, self._running = 0, False

    @override
    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Start before the first step."""
        self._step += 1
        if self._step == self.first:
            tf.profiler.experimental.start(str(self.folder))
            self._running = True

    @override
    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Stop after the last one."""
        if self._running and self._step == self.last:
            self._stop()

    @override
    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Stop where the fit was shorter."""
        if self._running:
            self._stop()
        if self._step < self.first:
            LOGGER.warning("no profile: the fit had %d steps, not %d", self._step, self.first)

    def _stop(self) -> None:
        tf.profiler.experimental.stop()
        self._running = False


def flat(values: Mapping[str, Any]) -> dict[str, bool | float | str]:
    """Nested options as one level of plain values, `head.kind` for `kind` inside `head`."""
    return {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in dotted(values).items()
        if value is not None
    }


def _name(epoch: int) -> str:
    return f"epoch-{epoch:06d}.tfevents"


def _drop_after(folder: Path, done: int) -> None:
    for path in folder.glob("*/epoch-*.tfevents"):
        if path.name > _name(done):
            path.unlink()


def _by_era(eras: EraCorr) -> list[Summary]:
    """CORR by era: their distribution, and a curve an era; eras without CORR are left out."""
    known = ~np.isnan(eras.scores)
    if not known.any():
        return []
    pairs = zip(np.asarray(eras.labels)[known], eras.scores[known], strict=True)
    curves = [scalar_pb(f"era_corr/{era}", value) for era, value in pairs]
    return [histogram_pb("era_corr", eras.scores[known]), *curves]


def _histograms(network: Any) -> list[Summary]:
    return [histogram_pb(f"weights/{w.path}", w.numpy()) for w in network.weights]


def _graph(network: Any) -> bytes:
    """The forward pass as a graph, whose scopes are the names of the layers."""
    rows = tf.TensorSpec((None, *network.input_shape[1:]), network.inputs[0].dtype)
    forward = tf.function(lambda features: network(features, training=False), reduce_retracing=True)
    definition = forward.get_concrete_function(rows).graph.as_graph_def(add_shapes=True)
    return bytes(definition.SerializeToString())


def _session_end() -> Summary:
    from tensorboard.plugins.hparams.api_pb2 import STATUS_SUCCESS
    from tensorboard.plugins.hparams.summary import session_end_pb

    # TensorFlow's own class of the same message.
    return Summary.FromString(session_end_pb(STATUS_SUCCESS).SerializeToString())


def _write(
    path: Path, step: int, summaries: Iterable[Summary], *, graph: bytes | None = None
) -> None:
    now = time.time()
    events = [Event(wall_time=now, file_version=_VERSION)]
    if graph is not None:
        events.append(Event(wall_time=now, step=step, graph_def=graph))
    events += [Event(wall_time=now, step=step, summary=summary) for summary in summaries]
    with (
        atomic_file(path, durable=False) as temporary,
        tf.io.TFRecordWriter(str(temporary)) as writer,
    ):
        for event in events:
            writer.write(event.SerializeToString())
