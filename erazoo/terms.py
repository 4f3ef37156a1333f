"""The terms of a round: which scores it pays, how much, and where payouts end.

They change from time to time, so none stands in the code: the service says them
(`TournamentClient.round_terms`), or a JSON file that keeps what it said.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erazoo.errors import ConfigError, DataError, SchemaError
from erazoo.publish import read_json
from erazoo.tournament import TARGET_ALIAS

_NUMBERS = {
    "multiplier": "defaultMultiplier",
    "minimum": "minMultiplier",
    "maximum": "maxMultiplier",
    "days": "totalScoreDays",
    "lag": "returnsLagDays",
    "clip": "clipThreshold",
    "stake_threshold": "stakeThreshold",
    "payout_factor": "payoutFactor",
}
_WHOLE_STAKE = 1.0


@dataclass(frozen=True)
class ScoreTerms:
    """The terms of one score in a round; None where the service says nothing.

    Args:
        name: the service's name of the score, such as `meta_model_contribution`.
        display_name: its label, such as `mmc60`.
        paid: whether the round pays it.
        multiplier: what one point of it pays, in shares of the stake.
        minimum: the lowest multiplier that can be chosen.
        maximum: the highest one.
        days: days of returns that it is scored on.
        lag: days before these.
        clip: the largest payout or burn of the round, as a share of the stake.
        stake_threshold: stake in the round above which the payout factor falls.
        payout_factor: a factor of this score's own.
    """

    name: str
    display_name: str
    paid: bool
    multiplier: float | None
    minimum: float | None = None
    maximum: float | None = None
    days: int | None = None
    lag: int | None = None
    clip: float | None = None
    stake_threshold: float | None = None
    payout_factor: float | None = None

    @classmethod
    def from_json(cls, value: Any) -> ScoreTerms:
        """One of the service's `roundScoreConfigs`; fields that are not known are let be.

        Raises:
            SchemaError: no name, a number that is none, or a paid score without multiplier.
        """
        if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
            raise SchemaError("a score of a round has no name", received=_short(value))
        name = value["name"]
        numbers: dict[str, Any] = {
            ours: _number(value, theirs, name) for ours, theirs in _NUMBERS.items()
        }
        for key in ("days", "lag"):
            numbers[key] = _whole(numbers[key], _NUMBERS[key], name)
        paid = value.get("isPayout")
        if paid is None:
            paid = any(numbers[key] for key in ("multiplier", "minimum", "maximum"))
        if not isinstance(paid, bool):
            raise SchemaError(f"isPayout of {name} is neither true nor false", received=paid)
        if paid and numbers["multiplier"] is None:
            raise SchemaError(f"the round pays {name}, but says no multiplier")
        return cls(name, str(value.get("displayName") or name), paid, **numbers)

    def to_json(self) -> dict[str, Any]:
        """The inverse of `from_json`, in the service's words."""
        head = {"name": self.name, "displayName": self.display_name, "isPayout": self.paid}
        return {**head, **{theirs: getattr(self, ours) for ours, theirs in _NUMBERS.items()}}


@dataclass(frozen=True)
class RoundTerms:
    """The terms of one round.

    Args:
        number: the round's number.
        target: the target that it is scored on, where the service names one.
        scores: its scores, the unpaid ones too.
        payout_factor: the factor on every payout, None before it is settled, and where rounds
            are staked one by one.
        stake_threshold: stake in the round above which the payout factor falls.
    """

    number: int
    target: str | None
    scores: tuple[ScoreTerms, ...]
    payout_factor: float | None = None
    stake_threshold: float | None = None

    @classmethod
    def from_json(cls, value: Any) -> RoundTerms:
        """One of the service's `rounds`; fields that are not known are let be.

        Raises:
            SchemaError: no number, no list of scores, or a score that cannot be used.
        """
        if not isinstance(value, Mapping) or not isinstance(value.get("roundScoreConfigs"), list):
            raise SchemaError(
                "the terms of a round have no list of scores",
                received=_short(value),
                expected="number, target and roundScoreConfigs, as the service answers",
            )
        number = _whole(_number(value, "number", "the round"), "number", "the round")
        if number is None:
            raise SchemaError("the terms of a round have no number", received=_short(value))
        return cls(
            number=number,
            target=str(value["target"]) if value.get("target") else None,
            scores=tuple(ScoreTerms.from_json(score) for score in value["roundScoreConfigs"]),
            payout_factor=_number(value, "payoutFactor", "the round"),
            stake_threshold=_number(value, "stakeThreshold", "the round"),
        )

    @classmethod
    def read(cls, path: Path) -> RoundTerms:
        """The terms in a JSON file: a round, or a whole answer of the service with one round.

        Raises:
            ConfigError: there is no such file.
            SchemaError: it does not hold the terms of a round.
        """
        try:
            value = read_json(path)
        except OSError as error:
            raise ConfigError(
                "the terms of a round cannot be read", received=f"{path}: {error.strerror}"
            ) from None
        except ValueError:
            raise SchemaError("the terms of a round are not JSON", received=path) from None
        for key in ("data", "rounds"):
            value = value.get(key, value) if isinstance(value, Mapping) else value
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        return cls.from_json(value)

    def to_json(self) -> dict[str, Any]:
        """The inverse of `from_json`, in the service's words."""
        return {
            "number": self.number,
            "target": self.target,
            "payoutFactor": self.payout_factor,
            "stakeThreshold": self.stake_threshold,
            "roundScoreConfigs": [score.to_json() for score in self.scores],
        }

    @property
    def paid(self) -> tuple[ScoreTerms, ...]:
        """The scores that the round pays."""
        return tuple(score for score in self.scores if score.paid)

    @property
    def clip(self) -> float:
        """The largest payout or burn, as a share of the stake.

        Raises:
            DataError: the paid scores name none, or different ones.
        """
        found = {score.clip for score in self.paid}
        clip = found.pop() if len(found) == 1 else None
        if clip is None or clip <= 0:
            raise DataError(
                f"round {self.number} has no single clip threshold",
                received=", ".join(f"{s.display_name} {s.clip}" for s in self.paid) or "no score",
                expected="the same positive clipThreshold for every paid score",
            )
        return clip

    @property
    def by_round(self) -> bool:
        """Whether each round has a stake of its own: only then a payout may reach all of it.

        Else one stake rides on every open round, and the clip keeps each to a small part.

        Raises:
            DataError: as `clip`.
        """
        return self.clip >= _WHOLE_STAKE

    @property
    def factor(self) -> float:
        """The payout factor; 1 where there is none because each round has its own stake.

        Raises:
            DataError: it is not settled yet, or scores have different ones.
        """
        own = {score.payout_factor for score in self.paid} or {None}
        factor = self.payout_factor if own == {None} else next(iter(own))
        if own == {None} and factor is None and self.by_round:
            return 1.0
        if len(own) > 1 or factor is None or factor <= 0:
            raise DataError(
                f"the payout factor of round {self.number} is not known",
                received="different ones for its scores" if len(own) > 1 else factor,
                hint="It is settled when the round is scored: take an earlier round's terms, or "
                "write payoutFactor into the file of terms",
            )
        return factor

    def pays(self, target: str) -> bool:
        """Whether scores on a target are those that the round pays.

        True where the service names no target or only the alias `target`.
        """
        if self.target in (None, TARGET_ALIAS):
            return True
        prefix = f"{TARGET_ALIAS}_"
        return str(self.target).removeprefix(prefix) == target.removeprefix(prefix)


def _number(value: Mapping[str, Any], key: str, where: str) -> float | None:
    found = value.get(key)
    if found is None:
        return None
    try:
        number = math.nan if isinstance(found, bool) else float(found)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise SchemaError(f"{key} of {where} is no number", received=_short(found))
    return number


def _whole(number: float | None, key: str, where: str) -> int | None:
    if number is not None and number != int(number):
        raise SchemaError(f"{key} of {where} is no whole number", received=number)
    return None if number is None else int(number)


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."
