"""How processes end."""

from __future__ import annotations

import subprocess
import sys

import pytest

ABORTS = """
import atexit, os, sys, types
sys.modules["tensorflow_io"] = types.ModuleType("tensorflow_io")
atexit.register(os.abort)
from erazoo.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("words", "code", "said"), [(["--version"], 0, "erazoo "), (["shardd"], 2, "unknown verb")]
)
def test_a_library_that_aborts_at_exit_does_not_hide_the_code(words, code, said) -> None:
    command = [sys.executable, "-c", ABORTS, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert said in done.stdout + done.stderr
