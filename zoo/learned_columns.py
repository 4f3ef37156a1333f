"""The features that a trained model learned from, among those that it is given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from erazoo.errors import SchemaError
from erazoo.panel import FeatureSpec

COLUMNS = "columns"
"""In a card: the features that a model learned from, where these were not all of the shards."""


def own_features(card: Mapping[str, Any], features: FeatureSpec, folder: Path) -> FeatureSpec:
    """What a model learned from, of the features that it is given.

    Args:
        card: of the model.
        features: that it is given.
        folder: of the model, for messages.

    Raises:
        SchemaError: one that it learned from is not among them.
    """
    names = card.get(COLUMNS)
    if not names:
        return features
    given = set(features.names)
    if lacking := [name for name in names if name not in given]:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise SchemaError(
            f"the model in {folder} learned from a feature that it is not given",
            received=f"{len(given)} features without {lacking[0]}{more}",
            expected=f"all of its {len(names)} features",
        )
    return features.narrowed(names)
