"""Successive halving without waiting: a trial is compared with those that came to a rung so far.

Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020 (ASHA). A rung is a
share of a trial's own trees, and what is compared is the objective on validation eras. The models
that only predict test eras are not trained by then.
"""

from __future__ import annotations

import math
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

from search.results import Lines, add_line


class Halving:
    """The rungs of a study.

    Args:
        path: of `rungs.jsonl`, in which every look is noted.
        shares: of the trees, ascending.
        reduction: of so many trials one goes on.
    """

    def __init__(self, path: Path, shares: tuple[float, ...], reduction: int) -> None:
        self.shares, self.reduction = shares, reduction
        self._path, self._lines = path, Lines(path)
        self._scores: defaultdict[float, dict[int, float | None]] = defaultdict(dict)

    def refresh(self) -> None:
        """Read what was noted since the last time; the newest score of a trial counts."""
        for line in self._lines.more():
            with suppress(TypeError, KeyError):
                self._scores[line["share"]][line["trial"]] = line["score"]

    def stops(self, trees: int) -> dict[int, float]:
        """The share that each look at a trial of so many trees stands for, by the trees then."""
        stops: dict[int, float] = {}
        for share in self.shares:
            count = max(1, math.ceil(share * trees))
            if count < trees:
                stops[count] = share
        return stops

    def look(self, trial: int, share: float, trees: int, score: float | None) -> dict[str, Any]:
        """Note a trial's score at a rung, and say whether it goes on.

        Returns:
            `share`, `trees`, `score`, `among` (trials that came to the rung, this one included) and
            `kept`.
        """
        add_line(self._path, {"trial": trial, "share": share, "trees": trees, "score": score})
        self.refresh()
        others = [told for one, told in self._scores[share].items() if one != trial]
        kept = goes_on(score, others, self.reduction)
        found = {"share": share, "trees": trees, "score": score}
        return {**found, "among": len(others) + 1, "kept": kept}


def goes_on(score: float | None, others: list[float | None], reduction: int) -> bool:
    """Whether a score is among the best of every `reduction` that came so far.

    Args:
        score: None where it is undefined, which is below every number.
        others: of the trials before.
        reduction: with fewer than so many trials in all, every one goes on.

    >>> [goes_on(score, [0.1, 0.2, 0.3, 0.4, 0.5], 3) for score in (0.6, 0.45, 0.35)]
    [True, True, False]
    """
    if len(others) + 1 < reduction:
        return True
    mine = -math.inf if score is None else score
    better = sum((-math.inf if one is None else one) > mine for one in others)
    return better < (len(others) + 1) // reduction
