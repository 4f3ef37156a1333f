"""Whether trees are grown on a GPU: as asked, or where the library can use one."""

from __future__ import annotations

from collections.abc import Callable

from erazoo.engine.limits import visible_gpus
from erazoo.errors import ConfigError
from erazoo.logs import LOGGER


def gpu_of(library: str, own: str, general: str, why_not: Callable[[], str]) -> int | None:
    """The number of the GPU to use, None for the CPU.

    Args:
        library: its name, for messages.
        own: what the model asks for: `auto`, `cpu` or `gpu`.
        general: what `training.devices` asks for, which counts where `own` is `auto`; of several
            GPUs by number the first is taken.
        why_not: why the library cannot use a GPU, empty where it can; asked only where one stands.

    Raises:
        ConfigError: a GPU is asked for and cannot be used.
    """
    wanted = own if own != "auto" else general
    if wanted == "cpu":
        return None
    obstacle = why_not() if visible_gpus() else "this machine shows no GPU"
    if not obstacle:
        _, _, numbers = wanted.partition(":")
        return int(numbers.split(",")[0]) if numbers else 0
    if wanted == "auto":
        LOGGER.debug("%s uses the CPU: %s", library, obstacle)
        return None
    raise ConfigError(
        f"{library} cannot use a GPU", received=wanted, expected="auto or cpu", hint=obstacle
    )
