"""How far the network may leave the static weights: tried on inner, later eras."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ensemble.evidence import Evidence
from ensemble.meta.scaling import Scaling
from ensemble.meta.statistics import scored_products
from ensemble.meta.trainings import Lesson, Trainer
from ensemble.nested import LEAST, eras_before
from ensemble.weights.registry import Weighting
from erazoo.config.schema import MetaSection
from scoring import series
from training.standards import overlap_of

CUTS = (0.5, 0.75, 1.0)
"""Where the training eras are cut: what lies before a cut is learned from, what follows judged."""
Table = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """A penalty, and what was seen of all.

    Args:
        penalty: None to stay with the static weights.
        gains: by penalty, the mean linear score beyond the static weights on inner, later eras,
            and its standard error.
    """

    penalty: float | None
    gains: dict[float, tuple[float, float]]


def choose_penalty(
    trainer: Trainer,
    evidence: Evidence,
    values: Table,
    static: Weighting,
    settings: MetaSection,
) -> Choice:
    """Try each penalty on later eras than it learned from, all within the training eras.

    The one of the highest mean gain is chosen, if that is more than one standard error above 0.

    Args:
        trainer: of the network.
        evidence: the training eras.
        values: (E, S) their statistics.
        static: what the static weights are learned by.
        settings: the penalties.
    """
    pieces = [
        _gains(trainer, evidence, values, static, settings, cut)
        for cut in _inner(evidence, settings)
    ]
    if not pieces:
        return Choice(None, {})
    beyond = np.concatenate(pieces)
    last = evidence.pool.eras[-len(beyond) :]
    overlap = overlap_of(evidence.pool.axis, last, evidence.pool.label_eras)
    means, errors = series.mean(beyond), series.standard_error(beyond, overlap)
    gains = {
        penalty: (float(mean), float(error))
        for penalty, mean, error in zip(settings.penalties, means, errors, strict=True)
    }
    best = max(gains, key=lambda penalty: gains[penalty][0])
    mean, error = gains[best]
    return Choice(best if mean > error else None, gains)


def _inner(evidence: Evidence, settings: MetaSection) -> Iterator[tuple[int, int, int]]:
    """How many eras are learned from, and which are judged, one inner fold after the other."""
    count = len(evidence.pool.eras)
    _, known = scored_products(evidence.moments, settings.objective)
    places = [round(cut * count) for cut in CUTS]
    for first, last in pairwise(places):
        learned = eras_before(evidence.pool, evidence.pool.eras[first])
        enough = known[:learned].sum() >= max(LEAST, settings.least // 3)
        if enough and known[first:last].any():
            yield learned, first, last


def _gains(
    trainer: Trainer,
    evidence: Evidence,
    values: Table,
    static: Weighting,
    settings: MetaSection,
    fold: Sequence[int],
) -> Table:
    """(eras, penalties) linear scores beyond the static weights in one inner fold."""
    learned, first, last = fold
    early, late = evidence.stretch(0, learned), evidence.moments.stretch(first, last)
    weights = static.fit(early)
    scaling = Scaling.fit(values[:learned], settings.components)
    inputs = scaling.apply(values)
    lesson = Lesson.of(inputs[:learned], early.moments, weights, settings.objective)
    score = late.mmc if settings.objective == "mmc" else late.corr
    usual = score(weights)
    found = []
    for penalty in settings.penalties:
        fitted = trainer.fit(lesson, penalty)
        found.append(score(trainer.weigh(fitted, inputs[first:last], weights)) - usual)
    return np.stack(found, axis=1)
