"""The meta-learner as a way to combine members: what it learns from some eras."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ensemble.combination import Combination, FixedWeights
from ensemble.evidence import Evidence
from ensemble.meta.combination import EraWeights, Reading
from ensemble.meta.scaling import Scaling
from ensemble.meta.start import start_tensorflow
from ensemble.meta.statistics import EraMeter, Results, scored_products
from ensemble.pool import Pool
from ensemble.weights.registry import WEIGHTINGS, Weighting
from erazoo.config import Config
from erazoo.config.schema import MetaSection
from erazoo.errors import ConfigError
from erazoo.logs import LOGGER
from erazoo.near import nearest
from erazoo.rundir import RunDir

if TYPE_CHECKING:
    from ensemble.meta.selection import Choice
    from ensemble.meta.trainings import Trainer

FOLDER = ("ensemble", "meta")
MOST_BASIS = 64
"""Eras that the directions of co-movement are learned from."""
Open = Callable[[Pool], EraMeter]


class MetaLearning:
    """Learns weights by era; where nothing of the kind helps, the static weights.

    Args:
        settings: of the meta-learner.
        static: learns the weights that it starts from.
        open_meter: opens what measures eras, for a pool.
    """

    def __init__(self, settings: MetaSection, static: Weighting, open_meter: Open) -> None:
        self.settings, self.static = settings, static
        self._open = open_meter
        self._meter: EraMeter | None = None
        self._trainers: dict[tuple[int, int, int], Trainer] = {}
        self.choice: Choice | None = None
        """What the last call of `learn` saw of the penalties, None where it tried none."""

    def learn(self, evidence: Evidence) -> Combination:
        """What the eras of some evidence teach.

        Fixed, static weights are returned where fewer than `least` eras are resolved, or where no
        penalty makes the network better than them on inner, later eras.

        Raises:
            ConfigError: MMC without a meta model.
        """
        settings, pool, self.choice = self.settings, evidence.pool, None
        if settings.objective == "mmc" and pool.reference(pool.meta_model) is None:
            raise ConfigError(
                "ensemble.meta.objective = 'mmc' needs a meta model",
                received="data without one",
                hint="Name a reference in data.meta_model, or choose 'corr'",
            )
        resolved = int(scored_products(evidence.moments, settings.objective)[1].sum())
        static = self.static.fit(evidence)
        if resolved < settings.least:
            LOGGER.info("meta-learner: %d of %d eras, weights stay", resolved, settings.least)
            return FixedWeights(static)
        return self._choose(evidence, static)

    def _choose(self, evidence: Evidence, static: np.ndarray) -> Combination:
        from ensemble.meta.selection import choose_penalty
        from ensemble.meta.trainings import Lesson

        pool, settings, meter = evidence.pool, self.settings, self.meter(evidence.pool)
        results = Results.of(pool.axis, pool.eras, evidence.moments.scores)
        reading = Reading(pool.names, settings.recent, results)
        values = reading.table(evidence, meter).values
        scaling = Scaling.fit(values, settings.components)
        trainer = self._trainer(scaling.directions.shape[1], pool.size, evidence.seed)
        self.choice = choose_penalty(trainer, evidence, values, self.static, settings)
        if self.choice.penalty is None:
            return FixedWeights(static)
        lesson = Lesson.of(scaling.apply(values), evidence.moments, static, settings.objective)
        learned = trainer.fit(lesson, self.choice.penalty)
        return EraWeights(
            trainer.copy(learned),
            scaling,
            static,
            settings.top_k,
            meter.gauge,
            meter.columns,
            reading,
            learned.prototypes,
            meter,
        )

    def meter(self, pool: Pool) -> EraMeter:
        """What measures eras; opened once."""
        if self._meter is None:
            self._meter = self._open(pool)
        return self._meter

    def _trainer(self, inputs: int, members: int, seed: int) -> Trainer:
        from ensemble.meta.trainings import Trainer

        key = (inputs, members, seed)
        if key not in self._trainers:
            self._trainers[key] = Trainer(inputs, members, self.settings, seed)
        return self._trainers[key]


def meta_learning(config: Config, run: RunDir, open_meter: Open | None = None) -> MetaLearning:
    """The meta-learner of a configuration.

    Args:
        config: the experiment.
        run: its run directory.
        open_meter: opens what measures eras; None for one on the shards of the run.

    Raises:
        ConfigError: an unknown method for the static weights.
    """
    section = config.ensemble
    name = section.meta.static
    if name not in WEIGHTINGS:
        raise ConfigError(
            "the meta-learner cannot start from this method",
            received=f"ensemble.meta.static = {name!r}",
            expected=nearest(name, WEIGHTINGS),
        )
    start_tensorflow(config.training)
    static = WEIGHTINGS[name].build(section)
    return MetaLearning(
        section.meta, static, open_meter or (lambda pool: _open_meter(config, run, pool))
    )


def _open_meter(config: Config, run: RunDir, pool: Pool) -> EraMeter:
    """A meter whose directions come from the newest eras before the pool, else its first ones."""
    from etl.build import content_of, open_shards

    shards, _ = open_shards(config, run)
    section = config.ensemble.meta
    first = shards.eras().index(pool.eras[0])
    before = shards.eras()[:first][-MOST_BASIS:]
    eras = before or pool.eras[: section.least]
    return EraMeter.open(shards, eras, section.directions, run.path(*FOLDER), content_of(run))
