"""The Java program of H2O, which the library h2o brings."""

from __future__ import annotations

from pathlib import Path

from erazoo.errors import MissingExtraError


def h2o_jar() -> Path:
    """Its file, as servers and MOJO scorers run it.

    Raises:
        MissingExtraError: h2o is not installed.
    """
    try:
        import h2o
    except ImportError:
        raise MissingExtraError(
            "h2o is not installed", hint="Run: pip install -r requirements.txt"
        ) from None
    return Path(h2o.__file__).parent / "backend" / "bin" / "h2o.jar"
