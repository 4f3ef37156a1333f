"""`erazoo notebook`: Jupyter on the examples."""

from __future__ import annotations

import shlex
import subprocess
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from erazoo.checkout import CHECKOUT
from erazoo.commands.frame import Call, verb
from erazoo.errors import MissingExtraError

EXAMPLES = CHECKOUT / "examples"


def jupyter_command(arguments: list[str]) -> list[str]:
    """The command that opens Jupyter on the examples.

    Raises:
        MissingExtraError: Jupyter is not installed here.
    """
    if find_spec("jupyterlab") is None:
        raise MissingExtraError(
            "Jupyter is not installed in this environment",
            received=sys.prefix,
            hint="Run: pip install -r requirements-notebook.txt, or: bash shell/notebook.sh",
        )
    return [sys.executable, "-m", "jupyterlab", str(EXAMPLES), *arguments]


@verb
def notebook(
    call: Call,
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Options for Jupyter, after `--`.")
    ] = None,
) -> None:
    """Open Jupyter on the examples.

    For example: `erazoo notebook -- --no-browser --port 8890`.
    """
    command = jupyter_command(arguments or [])
    if call.dry_run:
        call.emit({"command": command, "dry_run": True}, f"would run {shlex.join(command)}")
        return
    code = subprocess.run(command, check=False).returncode
    call.emit({"command": command, "code": code}, "Jupyter has ended")
    if code != 0:
        raise typer.Exit(1)
