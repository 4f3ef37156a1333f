"""Which models of a grid are kept: the best set, and what adds to it on later eras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ensemble.comparison import compare_methods
from ensemble.evidence import Evidence, Objective, objective_value
from ensemble.methods import EQUAL, weighted
from ensemble.nested import LEAST, blocks_of
from ensemble.weights.average import Equal
from ensemble.weights.greedy import Greedy
from ensemble.weights.simplex import Weights
from erazoo.config import Config
from erazoo.errors import LeakageError
from erazoo.publish import fingerprint

BEST, GREEDY = "best_alone", "greedy"


@dataclass(frozen=True)
class Selection:
    """What is kept of a grid.

    Args:
        kept: names, the best one first.
        weights: (M,) the share of each model in greedy selection; zeros where nothing is added.
        judged: eras that the decision was judged on.
        difference: mean CORR of the selection beyond the best one alone on these; None without.
        error: the standard error of that difference.
        reason: why no more and no fewer are kept.
    """

    kept: tuple[str, ...]
    weights: NDArray[np.float64]
    judged: int
    difference: float | None
    error: float | None
    reason: str


@dataclass(frozen=True)
class BestAlone:
    """The model of the highest score by itself, among some.

    Args:
        names: that it may be.
        objective: the score.
    """

    names: Sequence[str]
    objective: Objective = "corr"

    def fit(self, evidence: Evidence) -> Weights:
        """(M,) 1 for the best one, the first of equals, and 0 for all others."""
        names = evidence.pool.names
        places = [names.index(name) for name in self.names]
        scores = evidence.moments.scores
        if self.objective == "mmc":
            scores = evidence.exact(evidence.pool.ranks, "mmc")
        values = np.nan_to_num(objective_value(scores, self.objective), nan=-np.inf)
        chosen = np.zeros(len(names))
        chosen[places[int(values[places].argmax())]] = 1.0
        return chosen


def select(
    config: Config, evidence: Evidence, leaders: Sequence[str], learned: int, folder: Path
) -> Selection:
    """Keep the best set, and what greedy selection adds to it, if that holds on later eras.

    Both are learned block by block from earlier, purged eras and judged on the later ones, as the
    ensemble's own methods are. What is kept is then learned from the first `learned` eras.

    Args:
        config: the experiment; objective, picks and blocks are those of its ensemble.
        evidence: of the models' pool.
        leaders: names among which the best one is sought: the sets, where there are any.
        learned: eras that what is kept may be learned from.
        folder: keeps what was judged.

    Raises:
        LeakageError: fewer than three eras to learn from.
        ConfigError: MMC without a meta model.
    """
    section, names = config.ensemble, evidence.pool.names
    known = evidence.stretch(0, learned)
    if learned < LEAST:
        raise LeakageError(
            "too few eras are left to select models of the grid from",
            received=f"{learned} of {len(evidence.pool.eras)}, purge {evidence.pool.purge}",
            expected=f"at least {LEAST}",
        )
    alone = BestAlone(tuple(leaders), section.objective)
    greedy = Greedy(section.objective, section.rounds, section.bags)
    best = names[int(alone.fit(known).argmax())]
    nothing = np.zeros(len(names))
    if len(names) == 1:
        return Selection((best,), nothing, 0, None, None, "there is one model")
    try:
        blocks = blocks_of(evidence.pool, section.judged, section.blocks)
    except LeakageError as why:
        return Selection((best,), nothing, 0, None, None, why.message.rstrip("."))
    learns = {EQUAL: weighted(Equal()), BEST: weighted(alone), GREEDY: weighted(greedy)}
    settings = fingerprint([section.objective, section.rounds, section.bags, leaders])
    compared = compare_methods(learns, evidence, blocks, folder, settings)
    mean, error = compared.difference(GREEDY, BEST)
    judged = len(compared.scores.eras)
    words = f"on later eras by more than one standard error: {mean:+.4f} CORR (s.e. {error:.4f})"
    if not mean > error:
        reason = f"greedy selection among all does not beat it {words}"
        if not np.isfinite(error):
            reason = f"{judged} judged eras are too few to tell whether greedy selection adds to it"
        return Selection((best,), nothing, judged, mean, error, reason)
    weights = greedy.fit(known)
    order = [names[j] for j in np.argsort(-weights, kind="stable") if weights[j] > 0]
    kept = (best, *(name for name in order if name != best))
    reason = f"greedy selection beats the best one alone {words}"
    return Selection(kept, weights, judged, mean, error, reason)
