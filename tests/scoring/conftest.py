"""A plausible run directory."""

from __future__ import annotations

from pathlib import Path

import pytest
from contracts.runs import write_run


@pytest.fixture(scope="session")
def example_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with four models, one that failed, an ensemble and both references."""
    return write_run(tmp_path_factory.mktemp("runs") / "example")
