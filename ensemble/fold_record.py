"""Whether predictions are out of sample, by the record of the folds that they come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ensemble.members import Member
from erazoo.artefacts import CARD
from erazoo.eras import EraAxis
from erazoo.errors import ArtifactError, LeakageError
from erazoo.folds import EraFold, FoldPlan
from erazoo.publish import fingerprint, read_json, sha256
from training.job import PREDICTIONS
from training.predictions import Predictions, gather


def open_out_of_sample(member: Member, kind: str, reach: int = 0) -> Predictions:
    """A member's predictions, once it is proven that none of them is in sample.

    Three records must agree. The folds of its run: each era comes from a fold that validates on
    it, and whose training eras keep further away than a label reaches. The card of each fold's
    fit: no era that it has learned from or watched is nearer either. The predictions that were
    sealed with that fit: the file holds these and no others.

    Args:
        member: whose predictions are read.
        kind: `out_of_fold` or `held_out`.
        reach: eras that the labels reach which the predictions are scored on, where these are
            others than the member has learned.

    Raises:
        LeakageError: one of them does not hold.
        ArtifactError: a record or file is missing or damaged.
    """
    path = member.file(kind)
    made = Predictions.load(path)
    if made.kind != kind:
        raise LeakageError(
            f"the predictions of {member.name!r} are of another origin",
            received=made.kind,
            expected=kind,
        )
    plan = _plan(member, made)
    _check_named(member, made, plan)
    parts = []
    for fold in _folds(plan, kind):
        card, part = _fit(member, fold)
        eras = np.unique(part.eras.astype(str)).tolist()
        for learned in (fold.train, (*card["fit"], *card["monitor"], *card["known"])):
            _check_apart(member, plan, fold, learned, eras, reach)
        parts.append(part)
    if not _same(made, parts):
        raise LeakageError(
            f"the predictions of {member.name!r} are not those that its folds made",
            received=str(path),
            expected=f"what lies in {member.folder / 'folds'}",
            hint=member.again,
        )
    return made


def _plan(member: Member, made: Predictions) -> FoldPlan:
    path = member.record
    try:
        plan = FoldPlan.from_json(read_json(path))
    except FileNotFoundError:
        raise LeakageError(
            f"there is no fold record for the predictions of {member.name!r}",
            expected=str(path),
            hint="Run `erazoo shard` and `erazoo train` again",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ArtifactError("a fold record is damaged", received=str(path)) from None
    if made.facts.get("plan") != fingerprint(plan.to_json()):
        raise LeakageError(
            f"the predictions of {member.name!r} come from other folds than the record beside them",
            received=made.facts.get("plan"),
            expected=f"{fingerprint(plan.to_json())} of {path}",
            hint=member.again,
        )
    return plan


def _folds(plan: FoldPlan, kind: str) -> list[EraFold]:
    wanted = "held_out" if kind == "held_out" else "development"
    return [fold for fold in plan.folds if fold.kind == wanted]


def _check_named(member: Member, made: Predictions, plan: FoldPlan) -> None:
    """Each era comes from a fold that validates on it."""
    validated = {fold.name: set(fold.validation) for fold in _folds(plan, made.kind)}
    for name in np.unique(made.folds.astype(str)).tolist():
        eras = np.unique(made.eras[made.folds == name].astype(str)).tolist()
        strange = [era for era in eras if era not in validated.get(name, ())]
        if strange:
            raise LeakageError(
                f"in-sample predictions: {member.name!r} predicts eras that its folds do not "
                "validate on",
                received=f"era {strange[0]} from {name!r}, {len(strange)} such eras",
                expected="out-of-fold predictions as `erazoo train` writes them",
            )


def _check_apart(
    member: Member,
    plan: FoldPlan,
    fold: EraFold,
    learned: Iterable[str],
    eras: Iterable[str],
    reach: int,
) -> None:
    """No label of a learned era reaches a predicted one, nor the reverse."""
    axis = EraAxis(plan.axis)
    places = np.array(sorted(axis.position(era) for era in learned))
    for era in eras:
        place = axis.position(era)
        after = max(plan.label_eras, reach)
        low, high = np.searchsorted(places, [place - plan.label_eras, place + after + 1])
        if low < high:
            raise LeakageError(
                f"in-sample predictions: the model behind {member.name!r} has learned from eras "
                "whose labels touch those that it predicts",
                received=f"{fold.name}: era {era}, {high - low} learned eras up to "
                f"{plan.label_eras} before and {after} after it",
                expected="a purge of at least the reach of a label",
            )


def _fit(member: Member, fold: EraFold) -> tuple[dict[str, Any], Predictions]:
    """The card of a fold's fit, and the predictions that were sealed with it."""
    folder = member.folder / "folds" / fold.name
    path = folder / PREDICTIONS
    try:
        card = dict(read_json(folder / CARD))
        sealed = card["files"][PREDICTIONS]
        _ = card["fit"], card["monitor"], card["known"]
        found = sha256(path)
    except FileNotFoundError:
        raise LeakageError(
            f"the fit behind the predictions of {member.name!r} is missing",
            expected=f"{CARD} and {PREDICTIONS} in {folder}",
            hint=member.again,
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ArtifactError("the card of a fit is damaged", received=str(folder)) from None
    if found != sealed:
        raise ArtifactError(
            "the predictions of a fit have changed since they were sealed",
            received=str(path),
            hint="Train the model again or restore the file",
        )
    return card, Predictions.load(path)


def _same(made: Predictions, parts: Sequence[Predictions]) -> bool:
    """Whether a file is what the predictions of its folds give together."""
    eras = [set(part.eras) for part in parts]
    if len(set().union(*eras)) < sum(map(len, eras)):
        parts = [gather(made.name, made.kind, parts, made.facts)]
    if sum(len(part.ids) for part in parts) != len(made.ids):
        return False
    for part in parts:
        rows = np.isin(made.folds.astype(str), np.unique(part.folds.astype(str)))
        for field in ("ids", "eras"):
            if not np.array_equal(getattr(made, field)[rows], getattr(part, field)):
                return False
        if not np.array_equal(made.values[rows], part.values, equal_nan=True):
            return False
    return True
