"""TPOT imported so that it works here and asks nobody."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from erazoo.errors import MissingExtraError

OLD = "pkg_resources"


def import_tpot() -> Any:
    """The module `tpot`, imported quietly.

    Raises:
        MissingExtraError: the extra is not installed.
    """
    find_tpot()
    with _one_that_asks_nobody(), _versions():
        import tpot
    return tpot


def find_tpot() -> None:
    """Nothing, where TPOT is installed.

    Raises:
        MissingExtraError: it is not.
    """
    if find_spec("tpot") is None:
        raise MissingExtraError(
            "tpot is not installed in this environment",
            received=sys.prefix,
            hint="Run: pip install -e '.[tpot]'",
        )


@contextmanager
def _one_that_asks_nobody() -> Iterator[None]:
    """TPOT looks for a newer version of itself over the network when it is imported."""
    import update_checker

    asks, update_checker.update_check = update_checker.update_check, lambda *_, **__: None
    try:
        yield
    finally:
        update_checker.update_check = asks


@contextmanager
def _versions() -> Iterator[None]:
    """Its dependency stopit asks for its own version by a module that setuptools has given up."""
    if find_spec(OLD) is not None:
        yield
        return
    stand_in = ModuleType(OLD)
    stand_in.get_distribution = metadata.distribution  # type: ignore[attr-defined]
    sys.modules[OLD] = stand_in
    try:
        yield
    finally:
        del sys.modules[OLD]
