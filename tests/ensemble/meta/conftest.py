"""Two small tournaments: eras of two regimes, and eras that are all alike."""

from __future__ import annotations

import pytest
from contracts.metas import MetaCase, meta_case


@pytest.fixture(scope="session")
def moving(tmp_path_factory: pytest.TempPathFactory) -> MetaCase:
    """Another member is right in each of two regimes."""
    return meta_case(tmp_path_factory.mktemp("moving"), "regimes", 2)


@pytest.fixture(scope="session")
def still(tmp_path_factory: pytest.TempPathFactory) -> MetaCase:
    """One regime: nothing depends on the era."""
    return meta_case(tmp_path_factory.mktemp("still"), "balanced", 1)
