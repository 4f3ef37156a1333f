"""Folds over eras and the plan of an experiment: what the splitter makes and the rest reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class EraFold:
    """One fold: the eras learned from, the eras predicted, the eras left out between them."""

    name: str
    kind: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    purged: tuple[str, ...]


@dataclass(frozen=True)
class FoldPlan:
    """All folds of an experiment: development folds, and one for the held-out eras.

    Args:
        target: what is scored, and learned unless a model says otherwise.
        label_eras: eras that a label reaches past its own, the longest of all that are learned.
        purge: see `PurgedEraSplit`.
        embargo: see `PurgedEraSplit`.
        axis: every era of the panel.
        folds: development folds in order, the held-out fold last if there is one.
        final: eras of the fit that predicts live data: every resolved era.
    """

    target: str
    label_eras: int
    purge: int
    embargo: int
    axis: tuple[str, ...]
    folds: tuple[EraFold, ...]
    final: tuple[str, ...]

    @property
    def development(self) -> tuple[EraFold, ...]:
        """The folds that selection may look at."""
        return tuple(fold for fold in self.folds if fold.kind == "development")

    @property
    def held_out(self) -> EraFold | None:
        """The fold that only the final evaluation opens."""
        return next((fold for fold in self.folds if fold.kind == "held_out"), None)

    def to_json(self) -> dict[str, Any]:
        """Plain values for `folds.json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> FoldPlan:
        """The inverse of `to_json`."""
        folds = tuple(
            EraFold(
                fold["name"],
                fold["kind"],
                tuple(fold["train"]),
                tuple(fold["validation"]),
                tuple(fold["purged"]),
            )
            for fold in value["folds"]
        )
        sequences = {"axis": tuple(value["axis"]), "final": tuple(value["final"])}
        return cls(**{**value, **sequences, "folds": folds})
