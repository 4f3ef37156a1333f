"""What made a result: this program, its commit, the interpreter and the libraries."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from importlib import metadata
from typing import Any

import erazoo
from erazoo.checkout import CHECKOUT

LIBRARIES = (
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "scikit-learn",
    "lightgbm",
    "xgboost",
    "catboost",
    "keras",
    "tensorflow",
    "numerai-tools",
)
"""Distributions that figures depend on."""


@functools.cache
def provenance() -> dict[str, Any]:
    """Versions of everything that a result depends on, as plain JSON values.

    Returns:
        `erazoo`, `commit` (ends in `-dirty` where the checkout was changed; None without git),
        `python`, `platform`, and `libraries`: version by name, absent ones left out.
    """
    return {
        "erazoo": erazoo.__version__,
        "commit": commit(),
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def commit() -> str | None:
    """The checkout's commit, with `-dirty` behind it where tracked files differ from it."""
    git = ["git", f"--git-dir={CHECKOUT / '.git'}", f"--work-tree={CHECKOUT}"]
    words = [*git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        ended = subprocess.run(
            words, capture_output=True, text=True, timeout=20, check=True, env=quiet
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ended.stdout.strip() or None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
