"""What features are worth to a model, as its `importance.json` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

KINDS = ("features", "groups")


@dataclass(frozen=True)
class Worth:
    """What one thing is worth, with the standard error where it has one."""

    name: str
    value: float
    error: float | None = None


Importance = Mapping[str, Mapping[str, tuple[Worth, ...]]]
"""By measure and kind (`features`, `groups`), the most worth first."""
