"""What a tournament is, as typed objects: columns, horizons, rounds.

Only what the services fix in their protocol stands here; names, versions, payout targets and
terms change and are asked for or read from the data.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass

from erazoo.errors import ConfigError

TARGET_ALIAS = "target"


@dataclass(frozen=True)
class Tournament:
    """The fixed facts of a tournament.

    Args:
        name: `classic`, `crypto` or `none` (a panel that is not submitted anywhere).
        number: its number in the service's protocol, None where there is no service.
        id_column: the column that names a row in a submission.
        prediction_column: the column that holds the prediction.
        minimum_rows: the smallest submission that the service accepts.
        whole_universe: whether every live id must be predicted.
        bars_per_era: trading bars from one era to the next.
        era_column: the column of eras in its data files.
        ids: `rows` where an id names one row of the history, `assets` where it returns each era.
        values: how its features are written (`data.values`).
        stretch: calendar days that a bar in a target's name may stand for.
        lag: bars between the era and the start of the return.
        has_feature_sets: whether its data come with a features.json.
    """

    name: str
    number: int | None
    id_column: str
    prediction_column: str
    minimum_rows: int
    whole_universe: bool
    bars_per_era: int
    era_column: str = "era"
    ids: str = "rows"
    values: str = "quintile"
    stretch: float = 1.0
    lag: int = 0
    has_feature_sets: bool = True

    def label_eras(self, bars: int) -> int:
        """Eras that a label of `bars` reaches past its own.

        The rules of Crypto name 20 bars with 2 days' lag in one place and 30 days in another;
        the longer with the lag is taken.

        >>> CLASSIC.label_eras(60), CRYPTO.label_eras(20)
        (12, 32)
        """
        return label_eras(math.ceil(bars * self.stretch) + self.lag, self.bars_per_era)


CLASSIC = Tournament("classic", 8, "id", "prediction", 1, True, 5)
CRYPTO = Tournament(
    "crypto", 12, "symbol", "prediction", 100, False, 1, "date", "assets", "unit", 1.5, 2, False
)
UNSUBMITTED = Tournament("none", None, "id", "prediction", 1, True, 1)
TOURNAMENTS = {t.name: t for t in (CLASSIC, CRYPTO, UNSUBMITTED)}


def target_bars(target: str) -> int:
    """The horizon of a target in bars, from its name.

    >>> target_bars("target_ender_60")
    60

    Raises:
        ConfigError: the name does not end in a horizon (the alias `target` does not).
    """
    match = re.fullmatch(r"target\w*_(\d+)", target)
    if match is None:
        raise ConfigError(
            "the horizon of a target cannot be read from its name",
            received=target,
            expected="a name such as target_ender_20; `target` alone is an alias that moves",
            hint="Name the target in [data]",
        )
    return int(match[1])


def label_eras(bars: int, bars_per_era: int) -> int:
    """Eras that a label reaches past its own: `bars` forward at `bars_per_era` bars an era.

    >>> label_eras(20, 5), label_eras(61, 5)
    (4, 13)
    """
    return math.ceil(bars / bars_per_era)


@dataclass(frozen=True)
class Round:
    """One round of a tournament; times are UTC."""

    number: int
    opens: dt.datetime
    closes: dt.datetime

    def is_open(self, now: dt.datetime) -> bool:
        """Whether a submission at `now` would be staked."""
        return self.opens <= now < self.closes
