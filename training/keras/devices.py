"""Devices, threads and precision, from `[training]` to a distribution strategy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from erazoo.config.schema import TrainingSection
from erazoo.errors import ConfigError
from erazoo.logs import LOGGER
from erazoo.machine import cores


def strategy(settings: TrainingSection, single: str = "") -> tf.distribute.Strategy:
    """Claim the devices and threads that the settings name, and the strategy to build under.

    One device, or none but the CPU, gives the default strategy; several GPUs are mirrored, each
    taking its share of a batch. GPU memory grows as it is needed.

    Args:
        settings: of the loop.
        single: why a fit is for one device, such as "whole eras a batch"; `jit` is another
            reason, since XLA cannot reach mirrored variables. `auto` then takes the first GPU.

    Raises:
        ConfigError: a GPU that TensorFlow does not see, several GPUs by name for a fit that is for
            one, or TensorFlow already runs otherwise.
    """
    single = single or ("training.jit" if settings.jit else "")
    gpus = _fewer(settings, _chosen(settings.devices, _present()), single)
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


BFLOAT16 = (8, 0)
"""Compute capability from which a GPU calculates in bfloat16."""


@contextmanager
def precision(settings: TrainingSection) -> Iterator[str]:
    """Build layers that calculate as `[training] precision` says; yields keras' name for it.

    Weights stay float32, and so do the heads. `auto` is bfloat16 where every GPU in use has it,
    and float32 otherwise. Call it after `strategy`, which says which GPUs are in use.
    """
    before = keras.config.dtype_policy()
    gpus = tf.config.get_visible_devices("GPU")
    keras.config.set_dtype_policy(policy(settings.precision, gpus))
    try:
        yield keras.config.dtype_policy().name
    finally:
        keras.config.set_dtype_policy(before)


def policy(wanted: str, gpus: list[Any]) -> str:
    """The name of keras' dtype policy for a precision on these GPUs."""
    if wanted == "auto":
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        able = [found.get("compute_capability", (0, 0)) >= BFLOAT16 for found in details]
        wanted = "bfloat16" if able and all(able) else "float32"
    return wanted if wanted == "float32" else f"mixed_{wanted}"


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


def _present() -> list[Any]:
    return list(tf.config.list_physical_devices("GPU"))


def _fewer(settings: TrainingSection, gpus: list[Any], single: str) -> list[Any]:
    """Those GPUs, or the first of them where a fit is for one device."""
    if not single or len(gpus) < 2:
        return gpus
    if settings.devices != "auto":
        raise ConfigError(
            f"{single} is for one device",
            received=f"training.devices {settings.devices}, {len(gpus)} GPUs",
            expected="auto, or one of them such as gpu:0",
        )
    LOGGER.info("one of %d GPUs is used: %s is for one device", len(gpus), single)
    return gpus[:1]


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
