"""Devices and threads, from the text of `[training] devices` to a distribution strategy."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from erazoo.config.schema import TrainingSection
from erazoo.errors import ConfigError
from erazoo.machine import cores


def strategy(settings: TrainingSection) -> tf.distribute.Strategy:
    """Claim the devices and threads that the settings name, and the strategy to build under.

    One device, or none but the CPU, gives the default strategy; several GPUs are mirrored, each
    taking its share of a batch. GPU memory grows as it is needed.

    Raises:
        ConfigError: a GPU that TensorFlow does not see, or TensorFlow already runs otherwise.
    """
    gpus = _chosen(settings.devices, tf.config.list_physical_devices("GPU"))
    _limit_threads(settings.threads)
    try:
        if tf.config.get_visible_devices("GPU") != gpus:
            tf.config.set_visible_devices(gpus, "GPU")
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:
        raise _started("devices", settings.devices) from None
    return mirrored(tf.config.list_logical_devices("GPU"))


def mirrored(devices: list[Any]) -> tf.distribute.Strategy:
    """A mirrored strategy over several logical devices, the default one over fewer."""
    if len(devices) > 1:
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def _chosen(devices: str, present: list[Any]) -> list[Any]:
    if devices == "cpu":
        return []
    if devices == "auto":
        return present
    if not present:
        raise ConfigError(
            "there is no GPU that TensorFlow can use", received=devices, expected="auto or cpu"
        )
    _, _, numbers = devices.partition(":")
    if not numbers:
        return present
    wanted = [int(number) for number in numbers.split(",")]
    if max(wanted) >= len(present):
        raise ConfigError(
            "a GPU that does not exist",
            received=devices,
            expected=f"numbers from 0 to {len(present) - 1}",
        )
    return [present[number] for number in wanted]


def _limit_threads(threads: int) -> None:
    """Take `threads`, or every core where it is 0 and TensorFlow does not run yet."""
    wanted = threads or cores()
    if tf.config.threading.get_intra_op_parallelism_threads() == wanted:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(wanted)
        tf.config.threading.set_inter_op_parallelism_threads(wanted)
    except RuntimeError:
        if threads:
            raise _started("threads", threads) from None


def _started(option: str, value: object) -> ConfigError:
    return ConfigError(
        f"training.{option} cannot change once TensorFlow runs in this process",
        received=value,
        hint="Train in a new process",
    )
