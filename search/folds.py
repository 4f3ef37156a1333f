"""The folds of mining, from the one splitter, and a drawing of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from erazoo.config import Config
from erazoo.errors import LeakageError
from erazoo.folds import FoldPlan
from etl.shards import ShardSet
from etl.splits import PurgedEraSplit, hold_out

SCHEMES = {
    "two": "kfold",
    "kfold": "kfold",
    "walk_forward": "expanding",
    "combinatorial": "combinatorial",
}
WIDTH = 72
MARKS = {"train": "#", "validation": "V", "test": "T", "purged": ".", "held out": "h"}
ORDER = ("test", "validation", "purged", "train", "held out")
"""Where a column of the drawing stands for several eras, the first of these that one of them is."""


@dataclass(frozen=True)
class MineFold:
    """One training of a trial.

    Attributes:
        name: of the fold.
        train: eras that are learned.
        predicted: eras that are predicted.
        purged: eras left out between them.
    """

    name: str
    train: tuple[str, ...]
    predicted: tuple[str, ...]
    purged: tuple[str, ...]


@dataclass(frozen=True)
class MineFolds:
    """All folds, and which of the predicted eras trials are chosen by.

    Attributes:
        folds: in order.
        validation: predicted eras that choose.
        test: predicted eras that are only shown.
        purge: eras left out next to predicted ones.
        embargo: further eras left out after them.
        label_eras: eras that a label reaches past its own.
        held_out: eras that mining never touches.
        axis: every era of the panel.
    """

    folds: tuple[MineFold, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    purge: int
    embargo: int
    label_eras: int
    held_out: tuple[str, ...]
    axis: tuple[str, ...]

    @property
    def predicted(self) -> tuple[str, ...]:
        """Every era that a fold predicts, in order."""
        return (*self.validation, *self.test)

    def chooses(self, fold: MineFold) -> bool:
        """Whether a fold predicts an era that trials are chosen by."""
        return not set(self.validation).isdisjoint(fold.predicted)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> MineFolds:
        """The inverse of `to_json`."""
        folds = tuple(
            MineFold(one["name"], *(tuple(one[key]) for key in ("train", "predicted", "purged")))
            for one in value["folds"]
        )
        eras = {key: tuple(value[key]) for key in ("validation", "test", "held_out", "axis")}
        return cls(**{**value, **eras, "folds": folds})


def mine_folds(config: Config, data: ShardSet, plan: FoldPlan, label_eras: int) -> MineFolds:
    """The folds of a configuration, inside the development eras.

    Training keeps the purge from the held-out eras as well, and takes the eras that `split.eras`
    selects.

    Args:
        config: the experiment.
        data: its shards.
        plan: the folds of training, which say what is held out.
        label_eras: the longest reach of the learned targets' labels.

    Raises:
        LeakageError: a fold without training eras, or a purge shorter than the labels reach.
    """
    section = config.mine.folds
    eras, held_out = _development(config, data, plan)
    purge = label_eras + config.split.margin if section.purge is None else section.purge
    splitter = PurgedEraSplit(
        SCHEMES[section.scheme],
        section.windows,
        label_eras,
        purge,
        section.embargo,
        section.first_train,
        section.test_folds,
    )
    allowed = set(data.axis.select(config.split.eras))
    folds = tuple(
        MineFold(one.name, _thinned(one.name, one.train, allowed), one.validation, one.purged)
        for one in splitter.split(data.axis, eras, held_out)
    )
    seen = {era for fold in folds for era in fold.predicted}
    predicted = tuple(era for era in eras if era in seen)
    cut = round((section.windows - section.test_windows) * len(predicted) / section.windows)
    return MineFolds(
        folds,
        predicted[:cut],
        predicted[cut:],
        purge,
        section.embargo,
        label_eras,
        held_out,
        data.eras(),
    )


def draw(folds: MineFolds, width: int = WIDTH) -> str:
    """The folds as text: a line a fold, a column one or more eras.

    Args:
        folds: to be drawn.
        width: columns, at most.
    """
    labels = ["", *(fold.name for fold in folds.folds)]
    space = max(map(len, labels))
    ends = f"{folds.axis[0]} to {folds.axis[-1]}: {len(folds.axis)} eras"
    lines = [f"{'':{space}}  {ends}"]
    for fold in folds.folds:
        bar = "".join(_mark(folds, fold, eras) for eras in _columns(folds.axis, width))
        lines.append(f"{fold.name:{space}}  {bar}")
    named = ", ".join(f"{mark} {name}" for name, mark in MARKS.items())
    lines.append(f"{'':{space}}  {named}; purge {folds.purge}, embargo {folds.embargo}")
    return "\n".join(lines)


def _development(
    config: Config, data: ShardSet, plan: FoldPlan
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Eras that may be mined, and those held out."""
    entries = data.manifest.eras
    resolved = [era for era in data.eras() if entries[era].resolved[plan.target]]
    if config.split.scheme == "fixed":
        held_out = plan.held_out.validation if plan.held_out else ()
        used = {era for f in plan.development for era in (*f.train, *f.purged, *f.validation)}
        return tuple(era for era in resolved if era in used), held_out
    return hold_out(resolved, config.split.held_out)


def _thinned(name: str, train: Sequence[str], allowed: set[str]) -> tuple[str, ...]:
    kept = tuple(era for era in train if era in allowed)
    if not kept:
        raise LeakageError(f"split.eras leaves {name} of mining without training eras")
    return kept


def _columns(axis: Sequence[str], width: int) -> list[Sequence[str]]:
    count = min(width, len(axis))
    edges = [round(place * len(axis) / count) for place in range(count + 1)]
    return [axis[low:high] for low, high in pairwise(edges)]


def _mark(folds: MineFolds, fold: MineFold, eras: Sequence[str]) -> str:
    predicted, kinds = set(fold.predicted), set[str]()
    for era in eras:
        if era in predicted:
            kinds.add("test" if era in folds.test else "validation")
        elif era in fold.train:
            kinds.add("train")
        elif era in fold.purged:
            kinds.add("purged")
        elif era in folds.held_out:
            kinds.add("held out")
    return next((MARKS[kind] for kind in ORDER if kind in kinds), " ")
