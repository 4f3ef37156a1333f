"""The configuration page lists exactly the options that exist, with their defaults."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from erazoo.config.mine import MineFolds, MinePruning, MineSection
from erazoo.config.schema import (
    Config,
    EnsembleSection,
    GridSection,
    MetaSection,
    ModelEntry,
    ModelNeeds,
    Section,
    SegmentEntry,
    TargetEntry,
    UniqueSection,
    WalkSection,
)

NAMED: dict[str, list[tuple[str, type[Section]]]] = {
    "models": [("models.NAME", ModelEntry), ("models.NAME.needs", ModelNeeds)],
    "targets": [("targets.NAME", TargetEntry)],
    "mine": [
        ("mine", MineSection),
        ("mine.folds", MineFolds),
        ("mine.pruning", MinePruning),
    ],
    "ensemble": [
        ("ensemble", EnsembleSection),
        ("ensemble.unique", UniqueSection),
        ("ensemble.unique.segments", SegmentEntry),
        ("ensemble.meta", MetaSection),
        ("ensemble.grid", GridSection),
        ("ensemble.walk", WalkSection),
    ],
}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def shown(field: Any) -> str:
    """The default as it would stand in a TOML file."""
    default = field.get_default(call_default_factory=True)
    if field.is_required():
        return "required"
    if isinstance(default, BaseModel):
        return "a table"
    return "unset" if default is None else json.dumps(default)


def table(name: str, section: type[BaseModel]) -> str:
    rows = [f"| `{key}` | `{shown(field)}` |" for key, field in section.model_fields.items()]
    kinds = [k for k in reversed(section.__mro__) if issubclass(k, Section) and k is not Section]
    about = "\n\n".join(inspect.cleandoc(kind.__doc__ or "") for kind in kinds)
    return "\n".join([f"### {name}", "", about, "", "| key | default |", "|---|---|", *rows])


def expected() -> str:
    parts = []
    for name, field in Config.model_fields.items():
        alone: Any = field.annotation
        parts += [table(f"[{key}]", kind) for key, kind in NAMED.get(name, [(name, alone)])]
    return "\n\n".join(parts)


def test_the_page_lists_every_option() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.endswith(expected() + "\n"), f"the end of {PAGE.name} should be:\n{expected()}"
