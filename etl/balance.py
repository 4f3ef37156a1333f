"""Making up for the rare outer bins of a target, in training rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.eras import EraAxis
from erazoo.errors import ConfigError

CYCLE = 4
MOST_BINS = 16


@dataclass(frozen=True)
class Balance:
    """Training weights of rows by era and target bin.

    Args:
        mode: `rows`: weights 1 and 0. Eras go in cycles of four: the first keeps every row, the
            second all but those of the central bin, the third and fourth those of the two
            outermost bins. `weights`: every row counts, in inverse proportion to its bin's share
            of the training rows; the mean weight there is 1.
        target: the target whose bins are balanced.
        bins: its values in training rows, in ascending order.
        counts: training rows of each bin.
        places: by era, its place in the cycle of four.
    """

    mode: str
    target: str
    bins: tuple[float, ...]
    counts: tuple[int, ...]
    places: Mapping[str, int]

    def weights(self, era: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Weights (n,) of the rows of an era; rows without a target have weight 1.

        A value that no training row had counts as the nearest bin.
        """
        table = np.append(self._of_bins(self.places[era]), np.float32(1))
        bins = np.array(self.bins, dtype=np.float32)
        known = np.isfinite(values)
        nearest = np.searchsorted((bins[1:] + bins[:-1]) / 2, values)
        return np.asarray(table[np.where(known, nearest, -1)])

    def to_json(self) -> dict[str, Any]:
        """As plain values, for a manifest."""
        return {
            "mode": self.mode,
            "target": self.target,
            "bins": list(self.bins),
            "training_rows": list(self.counts),
            "weights": {
                str(place): [float(w) for w in self._of_bins(place)] for place in range(CYCLE)
            }
            if self.mode == "rows"
            else [float(w) for w in self._of_bins(0)],
            "places": dict(self.places) if self.mode == "rows" else {},
        }

    def _of_bins(self, place: int) -> NDArray[np.float32]:
        if self.mode == "weights":
            counts = np.maximum(np.array(self.counts, dtype=np.float64), 1)
            return np.asarray(counts.sum() / (len(counts) * counts), dtype=np.float32)
        kept = np.ones(len(self.bins), dtype=np.float32)
        if place == 1:
            middle = len(self.bins) - 1
            kept[middle // 2 : middle - middle // 2 + 1] = 0
        elif place >= 2:
            kept[1:-1] = 0
        return kept


def fit_balance(
    mode: str,
    target: str,
    axis: EraAxis,
    counts: Mapping[str, Mapping[float, int]],
    fitting: Sequence[str],
) -> Balance:
    """The balance of a target over a panel.

    Args:
        mode: `rows` or `weights`.
        target: the target that models learn.
        axis: all eras.
        counts: by era, rows of each target value; of a target without bins some eras suffice.
        fitting: training eras, whose rows are counted.

    Raises:
        ConfigError: the target takes too many values, or too few, to have bins; or `rows` where
            every training era is the first of four, which keeps all its rows.
    """
    bins = sorted({value for era in fitting for value in counts.get(era, ())})
    if not 3 <= len(bins) <= MOST_BINS:
        several = f"more than {MOST_BINS}" if len(bins) > MOST_BINS else str(len(bins))
        raise ConfigError(
            "balance needs a target in bins",
            received=f"{target} with {several} values",
            expected=f"3 to {MOST_BINS}",
            hint="Set shards.balance = 'none' or choose another target",
        )
    totals = tuple(sum(counts[era].get(value, 0) for era in fitting) for value in bins)
    first = axis.position(axis.eras[0])
    places = {era: (axis.position(era) - first) % CYCLE for era in axis.eras}
    if mode == "rows" and not any(places[era] for era in fitting):
        raise ConfigError(
            "balance 'rows' thins the second to fourth of every four eras, and none is trained on",
            received=f"{len(fitting)} training eras, each the first of four",
            hint="Train on all eras (split.eras) or set shards.balance = 'weights'",
        )
    return Balance(mode, target, tuple(bins), totals, places)
