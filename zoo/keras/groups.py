"""Features in the order of their groups, for networks to which neighbours matter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from erazoo.panel import FeatureSpec

Positions = NDArray[np.int64]


def by_group(spec: FeatureSpec) -> list[Positions]:
    """Positions of all features, each in the smallest of the groups that hold it.

    Groups keep the order of the panel and features their order in it; features of no group are
    the last part. Sets overlap: a trait holds fewer features than the sets that combine traits.
    """
    sizes = {name: len(members) for name, members in spec.groups.items()}
    home: dict[str, str] = {}
    for name in sorted(sizes, key=lambda group: sizes[group]):
        for feature in spec.groups[name]:
            home.setdefault(feature, name)
    parts: dict[str, list[int]] = {name: [] for name in (*spec.groups, "")}
    for position, feature in enumerate(spec.names):
        parts[home.get(feature, "")].append(position)
    return [np.array(part, dtype=np.int64) for part in parts.values() if part]


def group_order(spec: FeatureSpec) -> Positions:
    """Positions of all features, group by group, (F,)."""
    return np.concatenate(by_group(spec))


def in_tokens(spec: FeatureSpec, most: int) -> Positions:
    """Positions of the features of each token, (T, m), no token across groups.

    A group is cut into tokens of as equal a size as can be, `most` features at the most; a token
    that is smaller than the largest repeats its last feature.
    """
    tokens = [
        piece for part in by_group(spec) for piece in np.array_split(part, -(-len(part) // most))
    ]
    width = max(map(len, tokens))
    return np.stack([np.pad(token, (0, width - len(token)), mode="edge") for token in tokens])
