"""What a round's terms would have paid for scores, where the terms are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erazoo.config import Config
from erazoo.eras import EraAxis, era_number
from erazoo.errors import ConfigError
from erazoo.terms import RoundTerms
from erazoo.tournament import TOURNAMENTS
from scoring.evaluate import CandidateScores
from scoring.payout import annual_return, multipliers, payout
from training.standards import Roles

BARS_A_YEAR = 260
DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Payouts:
    """The terms of a round, and what they make of scores.

    Args:
        terms: of the round.
        label_eras: eras that a label reaches past its own.
        bars_per_era: trading bars from one era to the next, where labels are no dates.
    """

    terms: RoundTerms
    label_eras: int
    bars_per_era: int

    @classmethod
    def of(cls, config: Config, target: str, label_eras: int, roles: Roles) -> Payouts | None:
        """The terms in the file that `evaluate.terms` names; None where it names none.

        Raises:
            ConfigError: there is no such file, or the round pays scores on another target, or
                scores against a reference that there is none of.
            SchemaError: it does not hold the terms of a round.
        """
        if not config.evaluate.terms:
            return None
        terms = RoundTerms.read(Path(config.evaluate.terms))
        if not terms.pays(target):
            raise ConfigError(
                f"round {terms.number} pays scores on another target",
                received=target,
                expected=terms.target,
                hint="Set evaluate.target, or take the terms of another round",
            )
        missing = {"mmc": roles.meta_model is None, "bmc": roles.benchmark is None}
        for metric in multipliers(terms):
            if missing.get(metric):
                raise ConfigError(
                    f"round {terms.number} pays {metric.upper()}, which cannot be taken",
                    received=f"no {'meta model' if metric == 'mmc' else 'benchmark'} in the data",
                    hint="Name it with --against, or leave evaluate.terms empty",
                )
        return cls(terms, label_eras, TOURNAMENTS[config.data.tournament].bars_per_era)

    def yearly(self, scores: CandidateScores) -> NDArray[np.float64]:
        """The yearly compounded return of each candidate, (M,).

        Where rounds are staked one by one, the capital is spread over those that are open at once.

        Raises:
            DataError: the round pays a score that was not taken.
        """
        concurrent = self.label_eras + 1 if self.terms.by_round else 1
        payouts = payout(scores.per_era, self.terms)
        return annual_return(payouts, self._eras_a_year(scores.eras), concurrent)

    def _eras_a_year(self, eras: Sequence[str]) -> float:
        if EraAxis(eras).dated and "-" in eras[0] and len(eras) > 1:
            days = era_number(eras[-1]) - era_number(eras[0])
            return DAYS_A_YEAR * (len(eras) - 1) / days
        return BARS_A_YEAR / self.bars_per_era
