from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from zoo import catalogue
from zoo.keras.elsewhere import try_elsewhere

MINE = Path(__file__).parent / "mine.py"


@pytest.mark.parametrize(
    "names", [("mlp", "tabm"), pytest.param(catalogue.names(), marks=pytest.mark.long)], ids=len
)
def test_the_zoo_works_in_a_new_process_and_on_two_devices(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    """One process for all: TensorFlow takes seconds to start. A user's own model is among them."""
    shutil.copy(MINE, tmp_path / "own_network.py")
    specs = [catalogue.get(name) for name in names]
    networks = [spec for spec in specs if spec.family == "keras"]
    assert len(networks) >= min(11, len(names))
    found = try_elsewhere([*networks, catalogue.get(str(tmp_path / "own_network.py"))])
    assert {name: reason for name, reason in found.items() if reason} == {}
    assert len(found) == len(networks) + 1
