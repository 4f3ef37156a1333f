"""Walk-forward: the meta-learner as it would have been lived, beside the static weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.evidence import Evidence
from ensemble.meta.combination import EraWeights
from ensemble.meta.method import MetaLearning
from ensemble.nested import Block, blocks_of
from scoring import series
from scoring.significance import paired_difference
from scoring.summary import json_number
from training.standards import overlap_of

Table = NDArray[np.float64]


@dataclass(frozen=True)
class Walk:
    """Both on the same later eras; J judged eras, B blocks.

    Args:
        eras: (J,) labels.
        weights: (J, M) of the meta-learner.
        static: (J, M) those that it started from, learned from the same earlier eras.
        scores: (J,) exact CORR (or MMC, where this is the objective) of the meta-learner.
        usual: (J,) the same of the static weights.
        penalties: (B,) that were chosen, None where the weights stayed static.
        tried: blocks before which there were eras enough to learn from.
        blocks: what was learned from and judged.
        overlap: judged eras that a label reaches past its own.
    """

    eras: tuple[str, ...]
    weights: Table
    static: Table
    scores: Table
    usual: Table
    penalties: tuple[float | None, ...]
    tried: int
    blocks: tuple[Block, ...]
    overlap: int

    @property
    def gain(self) -> tuple[float, float]:
        """Mean score beyond the static weights, era by era, and its standard error."""
        return paired_difference(self.scores, self.usual, self.overlap)

    @property
    def better(self) -> bool:
        """Whether the meta-learner beats the static weights by more than the standard error."""
        mean, error = self.gain
        return mean > error

    def verdict(self) -> str:
        """What was found, in words."""
        mean, error = self.gain
        if not self.tried:
            return "not tried, because too few eras are resolved; use static weights"
        if not any(penalty is not None for penalty in self.penalties):
            return (
                "no better than the static weights: on inner, later eras nothing that depends on "
                "the era helped, so it never left them; use static weights"
            )
        if not np.isfinite(error):
            return "judged on too few eras to tell; use static weights"
        size = f"{mean:+.4f} a judged era, standard error {error:.4f}"
        if self.better:
            return f"better than the static weights that it starts from: {size}"
        return f"no better than the static weights that it starts from: {size}; use static weights"

    def to_json(self, members: Sequence[str]) -> dict[str, Any]:
        """Plain values."""
        mean, error = self.gain
        return {
            "members": list(members),
            "eras": list(self.eras),
            "weights": self.weights.tolist(),
            "static": self.static.tolist(),
            "scores": [json_number(value) for value in self.scores],
            "static_scores": [json_number(value) for value in self.usual],
            "mean": json_number(float(series.mean(self.scores)[0])),
            "static_mean": json_number(float(series.mean(self.usual)[0])),
            "gain": {"mean": json_number(mean), "standard_error": json_number(error)},
            "turnover": turnover(self.weights),
            "penalties": list(self.penalties),
            "better": self.better,
            "verdict": self.verdict(),
        }


def walk_forward(evidence: Evidence, learning: MetaLearning, judged: float) -> Walk:
    """Learn before each block of `every` eras, from eras resolved by then, and score the block.

    Args:
        evidence: of the whole pool.
        learning: the meta-learner.
        judged: the newest share of eras that is judged.

    Raises:
        LeakageError: fewer than three eras are left to learn from.
    """
    pool, settings = evidence.pool, learning.settings
    count = math.ceil(len(pool.eras) * judged / settings.every)
    blocks = blocks_of(pool, judged, count)
    weights, static, choices = [], [], []
    for block in blocks:
        earlier = evidence.stretch(0, block.learned)
        found, length = learning.learn(earlier), block.last - block.first
        static.append(np.tile(learning.static.fit(earlier), (length, 1)))
        weights.append(static[-1])
        if isinstance(found, EraWeights):
            weights[-1] = found.era_weights(found.statistics(evidence))[block.first : block.last]
        choices.append(learning.choice)
    late = evidence.stretch(blocks[0].first, blocks[-1].last)
    table, usual = np.concatenate(weights), np.concatenate(static)
    blends = np.stack([late.pool.blend(table), late.pool.blend(usual)])
    exact = late.exact(blends, settings.objective)
    overlap = overlap_of(pool.axis, late.pool.eras, pool.label_eras)
    return Walk(
        late.pool.eras,
        table,
        usual,
        exact[:, 0],
        exact[:, 1],
        tuple(None if choice is None else choice.penalty for choice in choices),
        sum(choice is not None for choice in choices),
        blocks,
        overlap,
    )


def turnover(weights: Table) -> float | None:
    """The mean share of weight that moves from one era to the next; None of a single era."""
    if len(weights) < 2:
        return None
    return float(np.abs(np.diff(weights, axis=0)).sum(axis=1).mean() / 2)
