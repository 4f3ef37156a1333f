"""One era of a shard set as a data frame, for a look at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from erazoo.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from erazoo.panel import EraBlock
    from etl.shards.reader import ShardSet

KINDS = ("polars", "pandas")


def era_frame(
    data: ShardSet, era: str, kind: str, features: Sequence[str] | None
) -> pl.DataFrame | pd.DataFrame:
    """The frame behind `ShardSet.frame`."""
    if kind not in KINDS:
        raise ConfigError("unknown kind of frame", received=kind, expected=" or ".join(KINDS))
    columns = slice(None) if features is None else data.spec.columns(features)
    names = data.spec.names if features is None else tuple(features)
    [block] = data.blocks([era])
    parts = [
        (names, block.features[:, columns]),
        (data.targets, block.targets),
        (data.references, block.references),
    ]
    if block.weights is not None:
        parts.append((("weight",), block.weights[:, None]))
    return _polars(block, parts) if kind == "polars" else _pandas(block, parts)


def _polars(block: EraBlock, parts: list[tuple[tuple[str, ...], Any]]) -> pl.DataFrame:
    import polars as pl
    import polars.selectors as cs

    keys = pl.DataFrame({"id": block.ids.tolist(), "era": [block.era] * len(block)})
    columns = [
        pl.Series(name, np.ascontiguousarray(values[:, j]))
        for names, values in parts
        for j, name in enumerate(names)
    ]
    return keys.hstack(columns).with_columns(cs.float().fill_nan(None))


def _pandas(block: EraBlock, parts: list[tuple[tuple[str, ...], Any]]) -> pd.DataFrame:
    import pandas as pd

    index = pd.Index(block.ids, name="id")
    era = pd.DataFrame({"era": [block.era] * len(block)}, index=index)
    frames = [pd.DataFrame(values, index=index, columns=list(names)) for names, values in parts]
    return pd.concat([era, *frames], axis=1)
