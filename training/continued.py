"""Fits that go on from those of an earlier run, on the eras that came since."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erazoo.artefacts import CARD
from erazoo.config.schema import ModelEntry
from erazoo.eras import EraAxis
from erazoo.errors import ArtifactError, ConfigError, LeakageError, SchemaError
from etl.shards import ShardSet
from training.members import Member
from training.task import FoldTask
from zoo.catalogue import ModelSpec


@dataclass(frozen=True)
class Earlier:
    """A fit of an earlier run.

    Args:
        folder: of the fitted model.
        learned: every era that it, or a fit that it went on from, was fitted on or stopped by.
    """

    folder: Path
    learned: frozenset[str]


def earlier_fit(
    name: str,
    entry: ModelEntry,
    spec: ModelSpec,
    data: ShardSet,
    member: Member,
    fold: str,
    eras: Sequence[str],
    opened: Callable[[Path], Mapping[str, Any]],
) -> Earlier:
    """The earlier fit that has learned most of a fold's training eras, and no other era.

    What validates a fold, or lies within its purge, is no training era of it: an earlier fit that
    has seen it does not qualify, whatever fold it was made for.

    Args:
        name: of the configured model.
        entry: of the configuration; its `continue_from` is the folder of the earlier model.
        spec: of the catalogue.
        data: the shards.
        member: which of the model's fits.
        fold: for messages.
        eras: that the fold may learn from.
        opened: the card of a folder, checked against its files.

    Raises:
        ConfigError: the earlier model is another one, or learned another target.
        SchemaError: it takes other features.
        ArtifactError: there is none, or it is damaged.
        LeakageError: every earlier fit has seen eras that this fold must not learn from, or there
            are no eras left to learn.
    """
    cards = cards_of(Path(entry.continue_from))
    mine = [card.parent for card in cards if _of_member(card.parent, member)]
    found = {folder: card for folder in mine if "members" not in (card := opened(folder))}
    for card in found.values():
        _check(entry, spec, data, member, card)
    fits = [Earlier(folder.absolute(), _seen(card)) for folder, card in found.items()]
    allowed = frozenset(eras)
    if not fits:
        raise ArtifactError(
            f"there is no model for models.{name} to go on from",
            received=f"{entry.continue_from} {member.name}".strip(),
            expected="the folder of a trained model, such as runs/demo/models/lightgbm",
        )
    clean = [one for one in fits if one.learned <= allowed]
    if not clean:
        raise LeakageError(
            f"every fit in continue_from has learned eras that {fold} of models.{name} must not",
            received=entry.continue_from,
            expected=f"a fit on some of the eras from {eras[0]} to {eras[-1]}",
        )
    older = [one for one in clean if one.learned < allowed]
    if not older:
        raise LeakageError(
            f"{fold} of models.{name} has no eras that the earlier model does not know",
            received=str(clean[0].folder),
            expected="shards with newer eras",
        )
    return max(older, key=lambda one: len(one.learned))


def cards_of(folder: Path) -> Iterator[Path]:
    """The cards of all fits of a trained model, in a fixed order."""
    yield from sorted(folder.glob(f"folds/*/**/{CARD}"))
    yield from sorted(folder.glob(f"final/**/{CARD}"))


def check_continued(name: str, entry: ModelEntry, spec: ModelSpec, folder: Path) -> None:
    """Refuse `continue_from` where a model cannot go on.

    Args:
        name: of the configured model.
        entry: of the configuration.
        spec: of the catalogue.
        folder: of all models of the run, whose fits training replaces.

    Raises:
        ConfigError: it is no boosted model, or it would go on from itself or one beside it.
    """
    if entry.continue_from and spec.family != "boosting":
        raise ConfigError(
            f"models.{name} cannot go on from an earlier fit",
            received=f"continue_from for {spec.name}",
            expected="lightgbm, xgboost or catboost",
        )
    start = Path(entry.continue_from).resolve()
    if entry.continue_from and start.is_relative_to(folder.resolve()):
        raise ConfigError(
            f"models.{name} cannot go on from a model of its own run, whose fits training replaces",
            received=entry.continue_from,
            expected="a model of another run directory",
            hint="Train with another --run-dir",
        )


def apart_from_known(name: str, axis: EraAxis, task: FoldTask, purge: int) -> tuple[str, ...]:
    """The eras that a continued fit may stop by: those that no learned label reaches into.

    An earlier fit may have learned eras among the newest ones, such as every fourth. The trees that
    are there already know what lies beside them.

    Args:
        name: of the configured model.
        axis: the whole sequence of eras, in which the purge is counted.
        task: of the fit, with its watched eras and those that the earlier fit has learned.
        purge: eras that a label may touch on either side.

    Raises:
        LeakageError: there are none.
    """
    known = [axis.position(era) for era in task.known]
    apart = tuple(
        era
        for era in task.monitor
        if all(abs(axis.position(era) - place) > purge for place in known)
    )
    if not apart:
        raise LeakageError(
            f"{task.name} of models.{name} has no eras to stop by that the earlier model does not "
            "know",
            received=f"{len(task.monitor)} watched eras, each within {purge} of a learned one",
            hint="Set early_stopping = 0, or use more new eras",
        )
    return apart


def _of_member(folder: Path, member: Member) -> bool:
    return not member.name or folder.name == member.name


def _seen(card: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(era for part in ("fit", "monitor", "known") for era in card.get(part, ()))


def _check(
    entry: ModelEntry, spec: ModelSpec, data: ShardSet, member: Member, card: Mapping[str, Any]
) -> None:
    if card["model"] != spec.name:
        raise ConfigError(
            "a fit goes on from a model of another kind",
            received=f"{card['model']} in {entry.continue_from}",
            expected=spec.name,
        )
    if card["fingerprint"] != data.spec.fingerprint:
        raise SchemaError(
            "a fit goes on from a model of other features",
            received=f"fingerprint {card['fingerprint']} in {entry.continue_from}",
            expected=data.spec.fingerprint,
        )
    if card.get("learns") != [member.target]:
        raise ConfigError(
            "a fit goes on from a model of another target",
            received=f"{', '.join(card.get('learns', ()))} in {entry.continue_from}",
            expected=member.target,
        )
