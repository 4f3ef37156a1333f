"""Every way to combine members, by name: weightings, stacking, and what else is learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ensemble.combination import Combination, FixedWeights
from ensemble.evidence import Evidence
from ensemble.stacking import LightGBMStacking, RidgeStacking
from ensemble.weights.registry import WEIGHTINGS, Weighting
from erazoo.config import Config
from erazoo.errors import ConfigError
from erazoo.near import nearest
from erazoo.rundir import RunDir

Learn = Callable[[Evidence], Combination]
EQUAL, RECOMMENDED, META = "equal", "recommended", "meta"


@dataclass(frozen=True)
class Method:
    """One way to combine members.

    Args:
        name: in `ensemble.method`.
        summary: one line for people.
        build: gives the function that learns from some eras.
    """

    name: str
    summary: str
    build: Callable[[Config, RunDir], Learn]


def weighted(weighting: Weighting) -> Learn:
    """The function that learns fixed weights."""
    return lambda evidence: FixedWeights(weighting.fit(evidence))


def _of_weighting(name: str) -> Method:
    spec = WEIGHTINGS[name]
    return Method(name, spec.summary, lambda config, _: weighted(spec.build(config.ensemble)))


def _meta(config: Config, run: RunDir) -> Learn:
    from ensemble.meta.method import meta_learning

    return meta_learning(config, run).learn


METHODS = {
    method.name: method
    for method in (
        *(_of_weighting(name) for name in WEIGHTINGS),
        Method(
            "stacking_ridge",
            "ridge regression on the members' ranks, no coefficient below 0",
            lambda *_: weighted(RidgeStacking()),
        ),
        Method(
            "stacking_lightgbm",
            "boosted trees on the members' ranks, rising with each",
            lambda config, _: partial(LightGBMStacking.learn, threads=config.training.threads),
        ),
        Method(META, "weights that depend on statistics of the era, by a network", _meta),
    )
}


def chosen_methods(config: Config) -> tuple[Method, ...]:
    """The methods that are compared: equal weights first, and the one that is configured.

    The meta-learner takes part where it is enabled or named.

    Raises:
        ConfigError: an unknown name.
    """
    section = config.ensemble
    every = tuple(name for name in METHODS if name != META or section.meta.enabled)
    wanted = section.methods or every
    configured = () if section.method == RECOMMENDED else (section.method,)
    names = dict.fromkeys((EQUAL, *wanted, *configured))
    for name in names:
        if name not in METHODS:
            raise ConfigError(
                "there is no such way to combine members",
                received=name,
                expected=nearest(name, [*METHODS, RECOMMENDED]),
                hint="`erazoo ensemble --methods` lists them",
            )
    return tuple(METHODS[name] for name in names)
