"""History, one era after the other: predict, blend, and learn what is resolved by then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ensemble.walk.known import Known
from ensemble.walk.models import WalkedModel
from ensemble.walk.plan import WalkPlan
from ensemble.walk.steps import Step, Steps
from ensemble.walk.weigher import Weigher
from erazoo.errors import DataError
from erazoo.logs import progress
from erazoo.panel import EraBlock
from etl.shards import ShardSet
from etl.shards.held import HeldEras

if TYPE_CHECKING:
    from training.task import BlockPredictor

Prepare = Callable[[HeldEras], Weigher]


class Replay:
    """A walk; see `run`.

    Args:
        plan: of the walk.
        models: that walk.
        shards: whose eras arrive.
        known: fills as eras pass.
        steps: keeps what was lived through.
        weigher: makes what blends the models, from the eras in memory.
    """

    def __init__(
        self,
        plan: WalkPlan,
        models: Sequence[WalkedModel],
        shards: ShardSet,
        known: Known,
        steps: Steps,
        weigher: Prepare,
    ) -> None:
        self._plan, self._models, self._known, self._steps = plan, tuple(models), known, steps
        self._shards, self._prepare = shards, weigher
        self._open: dict[int, list[BlockPredictor]] = {}

    def run(self) -> None:
        """Live through the eras that are not done.

        At each era t, in this order: what is resolved at t becomes known; t arrives, without
        targets; models learn, if an update is due; they predict t; weights are learned, if that
        is due; the blend is made; all of it is written at once.

        Memory: the features of `WalkPlan.held`, the fitted models, and what `Known` holds.
        """
        done = self._steps.done
        for place, step in enumerate(self._steps.load(done)):
            self._known.resolve(self._plan.scored[place], step.resolved)
            self._known.arrive(place, step.predictions, step.gram)
        left = range(done, len(self._plan.eras))
        if not left:
            return
        data = self._data(done)
        weigher = None
        for place in progress(left, "walk", len(left)):
            block = self._arrive(place, data)
            weigher = weigher or self._prepare(data)
            self._steps.save(place, self._live(place, block, data, weigher))
            if block.era not in self._plan.learnable:
                data.forget(block.era)

    def _data(self, done: int) -> HeldEras:
        """The eras in memory at the first era that is not done, from where they are read."""
        first = self._plan.arriving.index(self._plan.held(done)[0])
        return HeldEras.of(self._shards, self._plan.arriving[first:], self._plan.keep)

    def _arrive(self, place: int, data: HeldEras) -> EraBlock:
        data.resolve(self._plan.learnable[: self._plan.borders[place]])
        return data.arrive(self._plan.eras[place])

    def _live(self, place: int, block: EraBlock, data: HeldEras, weigher: Weigher) -> Step:
        known = self._known
        resolved = known.resolve(self._plan.scored[place])
        number = self._plan.update_of(place)
        now, first = self._predictors(number, data)
        span = slice(*known.pool.slices.bounds[place : place + 2])
        rows = _rows(block, known.pool.ids[span])
        predictions = _predicted(now, block, rows)
        static = predictions if number == 0 else _predicted(first, block, rows)
        gram = known.arrive(place, predictions)
        weights, blend = weigher.blend(place, known)
        return Step(predictions, static, blend, weights, gram, resolved)

    def _predictors(
        self, number: int, data: HeldEras
    ) -> tuple[list[BlockPredictor], list[BlockPredictor]]:
        """The models as an update left them, and as they were first fitted."""
        for wanted in (0, number):
            if wanted not in self._open:
                for model in self._models:
                    model.learn(wanted, self._plan.updates, data)
                self._open = {n: held for n, held in self._open.items() if n == 0}
                self._open[wanted] = [model.open(wanted, data) for model in self._models]
        return self._open[number], self._open[0]


def _predicted(
    predictors: Sequence[BlockPredictor], block: EraBlock, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(M, r) predictions of the pool's rows of an era."""
    return np.stack([np.asarray(predict(block.features), "f4")[rows] for predict in predictors])


def _rows(block: EraBlock, ids: NDArray[np.object_]) -> NDArray[np.int64]:
    """Where the pool's rows stand in an era; its order is that of the shards."""
    rows = np.flatnonzero(np.isin(block.ids.astype(str), ids.astype(str)))
    if len(rows) != len(ids) or not (block.ids[rows] == ids).all():
        raise DataError(
            "the rows of a walk are not those of the pool",
            received=f"{len(rows)} of {len(ids)} rows of era {block.era}",
            hint="Run `erazoo ensemble --force`",
        )
    return rows
