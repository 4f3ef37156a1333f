"""The checkout that this package is imported from, and what is looked up in it."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def places(path: Path) -> tuple[Path, Path]:
    """Where a path of the checkout is looked up: in the working folder, then in the checkout."""
    return path, CHECKOUT / path
