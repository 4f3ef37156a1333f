"""Profiles of the demo tournament as data, and the plan that a configuration makes of one."""

from __future__ import annotations

from dataclasses import dataclass

from erazoo.config.schema import DemoSection
from erazoo.errors import ConfigError

CORE_BLOCKS = 4
FEWEST_A_REGIME = 3
FEWEST_OTHERS = 12


@dataclass(frozen=True)
class Shares:
    """How a variance of 1 is divided among the parts of the signal.

    Args:
        linear: carried by single features in every era.
        pairs: carried by products of two features in every era.
        regime: carried by single features of one group, another group in each regime.
    """

    linear: float
    pairs: float
    regime: float

    @property
    def total(self) -> float:
        """The sum of the shares; what is missing to 1 is the observer's own error."""
        return self.linear + self.pairs + self.regime


@dataclass(frozen=True)
class Profile:
    """One kind of demo tournament.

    Args:
        eras: resolved and unresolved eras, without the live one.
        rows: assets of an era.
        features: feature columns.
        regimes: kinds of eras, told apart by the co-movement of their features.
        strength: the signal's share of the variance of a target before it is binned.
        shares: the division of the signal; the shares sum to 1.
        core_features: features of each core block with a weight in the linear part.
        pairs: products in the pair part, between such features of two core blocks.
        regime_features: features with a weight in each regime's part.
        persistence: correlation of an asset's latent features from one era to the next.
        churn: the share of assets that leave from one era to the next.
        benchmark: what the benchmark model sees of the signal.
        meta_model: what the meta model sees of the signal.
    """

    eras: int
    rows: int
    features: int
    regimes: int
    strength: float
    shares: Shares
    core_features: int = 3
    pairs: int = 4
    regime_features: int = 4
    persistence: float = 0.65
    churn: float = 0.01
    benchmark: Shares = Shares(0.35, 0.05, 0.0)
    meta_model: Shares = Shares(0.25, 0.05, 0.1)


NOTHING = Shares(0.0, 0.0, 0.0)
PROFILES: dict[str, Profile] = {
    "balanced": Profile(240, 500, 120, 3, 0.041, Shares(1 / 3, 1 / 3, 1 / 3)),
    "interactions": Profile(240, 500, 60, 3, 0.12, Shares(1 / 6, 2 / 3, 1 / 6)),
    "regimes": Profile(400, 400, 96, 3, 0.05, Shares(0.2, 0.1, 0.7)),
    "noise": Profile(160, 300, 60, 3, 0.0, NOTHING, benchmark=NOTHING, meta_model=NOTHING),
    "memory": Profile(
        120, 300, 60, 3, 0.0, NOTHING, persistence=0.98, benchmark=NOTHING, meta_model=NOTHING
    ),
}


@dataclass(frozen=True)
class Plan:
    """A profile with the sizes and the seed of one configuration."""

    profile: str
    settings: Profile
    eras: int
    rows: int
    features: int
    regimes: int
    seed: int

    @classmethod
    def of(cls, section: DemoSection) -> Plan:
        """The plan of a configuration; an option that is None keeps the profile's default.

        Raises:
            ConfigError: fewer features than the regimes need.
        """
        settings = PROFILES[section.profile]
        plan = cls(
            profile=section.profile,
            settings=settings,
            eras=section.eras or settings.eras,
            rows=section.rows or settings.rows,
            features=section.features or settings.features,
            regimes=section.regimes or settings.regimes,
            seed=section.seed,
        )
        needed = FEWEST_OTHERS + FEWEST_A_REGIME * plan.regimes
        if plan.features < needed:
            raise ConfigError(
                f"{plan.regimes} regimes need more features",
                received=f"demo.features = {plan.features}",
                expected=f"at least {needed}",
                hint="Raise demo.features or lower demo.regimes",
            )
        return plan
