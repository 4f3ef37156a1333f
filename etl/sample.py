"""A bounded sample of training rows, for everything that is learned before shards are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.eras import era_number
from etl.dataset import Dataset

MOST_ERAS = 64


@dataclass(frozen=True)
class Sample:
    """Raw rows that something is learned from.

    Args:
        eras: the eras that they come from.
        features: (n, F), free to be overwritten.
    """

    eras: tuple[str, ...]
    features: NDArray[Any]


def sample_rows(data: Dataset, eras: Sequence[str], rows: int, seed: int) -> Sample:
    """At most `rows` rows, drawn evenly from up to 64 of `eras`.

    The eras are spread over the whole span; equal seeds give equal rows.
    """
    places = np.unique(np.linspace(0, len(eras) - 1, min(MOST_ERAS, len(eras))).astype(int))
    chosen = tuple(eras[place] for place in places)
    share = -(-rows // len(chosen))
    parts = []
    for block in data.blocks(chosen):
        draw = np.random.default_rng([seed, era_number(block.era)])
        few = draw.permutation(len(block))[:share]
        parts.append(block.features[np.sort(few)])
    return Sample(chosen, np.concatenate(parts)[:rows])
