"""The trainer of models that are several models, whatever the families of these."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from erazoo.artefacts import open_sealed, seal
from erazoo.errors import ArtifactError
from erazoo.logs import LOGGER
from erazoo.panel import FeatureSpec
from erazoo.publish import make_dir
from etl.shards import ShardSet
from training.members import MeanRank
from training.progress import RECORD as PROGRESS
from training.task import STATE, FitResult, FoldTask, Trainer
from zoo.blend.base import BlendMember
from zoo.catalogue import ModelSpec, Params
from zoo.drawn import refuse_weights

if TYPE_CHECKING:
    from training.task import BlockPredictor


class BlendTrainer:
    """Fits every member by the trainer of its own family, in a subfolder of its name.

    Members are fitted one after the other, on the same eras and from the same seed, and each is
    sealed when it is finished: a fit that was killed goes on with the member that was not. They are
    told no length, because none of them watches eras. Memory: that of one member while it is
    fitted; all of them together when the blend predicts.

    Args:
        trainer_of: the trainer of a model.
    """

    def __init__(self, trainer_of: Callable[[ModelSpec], Trainer]) -> None:
        self._trainer_of = trainer_of

    def fit(
        self, spec: ModelSpec, params: Params, data: ShardSet, task: FoldTask, folder: Path
    ) -> FitResult:
        """Fit the members that are not finished.

        Returns:
            The time that the members took in all, with each one's own.

        Raises:
            MissingExtraError: the machine lacks what one of them needs; none is fitted then.
            ConfigError: rows count unequally, which one of them cannot take; likewise.
            ErazooError: what the trainer of a member raises.
        """
        members: tuple[BlendMember, ...] = spec.build(params, data.spec)
        for member in members:
            if member.spec.require is not None:
                member.spec.require()
        _check_weights(members, data, task)
        own = replace(task, length=None, start=None)
        found = [self._fitted(spec.name, member, data, own, folder) for member in members]
        return FitResult({}, None, None, sum(one["seconds"] for one in found), found)

    def load(
        self, spec: ModelSpec, params: Params, features: FeatureSpec, folder: Path
    ) -> BlockPredictor:
        """The mean rank of the members, called with one whole era at a time."""
        members: tuple[BlendMember, ...] = spec.build(params, features)
        return MeanRank(
            [
                self._trainer_of(one.spec).load(one.spec, one.params, features, folder / one.name)
                for one in members
            ]
        )

    def _fitted(
        self, blend: str, member: BlendMember, data: ShardSet, task: FoldTask, folder: Path
    ) -> Mapping[str, Any]:
        """What a member took, now or before the fit of the blend was killed."""
        place = make_dir(folder / member.name)
        record = _finished(place)
        if record is None:
            trainer = self._trainer_of(member.spec)
            result = trainer.fit(member.spec, member.params, data, task, place)
            head = {"member": member.name, "model": member.spec.name}
            record = {**head, "seconds": round(result.seconds, 3)}
            seal(place, record, (STATE, PROGRESS))
            LOGGER.info("%s %s: %s fitted", blend, task.name, member.name)
        else:
            LOGGER.info("%s %s: %s is done already", blend, task.name, member.name)
        shutil.rmtree(place / STATE, ignore_errors=True)
        (place / PROGRESS).unlink(missing_ok=True)
        return record


def _check_weights(members: Sequence[BlendMember], data: ShardSet, task: FoldTask) -> None:
    unable = [member.spec.name for member in members if not member.spec.takes_weights]
    if unable and data.manifest.form.weighted:
        rows = data.numbered((*task.fit, *task.monitor), task.target)
        rows.close()
        refuse_weights(unable[0], rows.weights)


def _finished(place: Path) -> Mapping[str, Any] | None:
    """The record of a member that is finished, None where it is not.

    The folder of the blend holds nothing but what this very fit has left there.
    """
    try:
        card = open_sealed(place)
    except ArtifactError:
        return None
    return {name: card[name] for name in ("member", "model", "seconds")}
