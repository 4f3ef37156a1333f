"""Models of a user's own that misbehave in the process that fits them, by their parameters."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

from erazoo.errors import MissingExtraError
from zoo.catalogue import ModelSpec, Params

EATS = (
    "import time; held = []\nwhile True: held.append(bytearray(b'x' * (32 << 20))); time.sleep(.05)"
)


class UnrulyParams(Params):
    """What happens when a fit begins.

    Args:
        way: to misbehave.
    """

    way: Literal[
        "eats memory", "its child eats memory", "never ends", "lacks a library", "dies"
    ] = "dies"

    def reads(self, fold: str = "") -> tuple[Path, ...]:
        """Misbehave in a fit; the question what all fits read is answered."""
        if not fold:
            return ()
        if self.way == "lacks a library":
            raise MissingExtraError("nothing is installed", hint="Install it")
        if self.way == "its child eats memory":
            subprocess.run([sys.executable, "-c", EATS])
        held = []
        while self.way != "dies":
            if self.way == "eats memory":
                held.append(bytearray(b"x" * (32 << 20)))
            time.sleep(0.05)
        raise SystemExit(3)


def build(*_: Any) -> None:
    """Never reached."""


SPEC = ModelSpec(
    name="unruly",
    family="keras",
    summary="Misbehaves",
    params=UnrulyParams,
    build=build,
)
