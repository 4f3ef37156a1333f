"""What is wished for, of what, and what predictions are neutralised to, from a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ensemble.unique.learned import covered
from ensemble.unique.past import PastViews
from ensemble.unique.segments import Shift
from ensemble.unique.solve import Wish
from ensemble.unique.stand_in import Inputs
from ensemble.unique.steps import Segments
from ensemble.unique.view import BENCHMARKS, FEATURES, META_MODEL, check_names, group_members
from erazoo.config.schema import UniqueSection
from erazoo.errors import ConfigError
from erazoo.near import nearest
from erazoo.panel import FeatureSpec

DEFAULT = Wish(0.7, relative=True)
MOST_FEATURES = 1000
"""Of a stand-in that are taken without being named."""
LIVED = 24
"""Eras with a meta model from which on the meta model is chosen without being named."""


@dataclass(frozen=True)
class Goal:
    """A resolved section; every name in it is known.

    Args:
        way: `neutralise`, `segments` or `weights`.
        wish: None where `amount` is given.
        amount: a change without a wish; 1 where nothing is said.
        against: the reference whose correlation is wished for; empty where it is an exposure.
        exposed: the group whose largest exposure is wished for.
        groups: of features that are neutralised to.
        benchmarks: columns that are neutralised to.
        inputs: of the stand-in for the meta model that is neutralised to, None without.
        segments: the shifts.
    """

    way: str
    wish: Wish | None
    amount: float
    against: str
    exposed: str
    groups: tuple[str, ...]
    benchmarks: tuple[str, ...]
    inputs: Inputs | None
    segments: Segments | None

    @property
    def words(self) -> str:
        """What the figure of the wish is."""
        if self.against:
            return f"correlation with {self.against}"
        return f"largest exposure to {self.exposed}"


def goal_of(section: UniqueSection, views: PastViews) -> Goal:
    """The goal of a configuration.

    Raises:
        ConfigError: an unknown group, benchmark or reference, or a wish that is none.
    """
    spec, benchmarks = views.panel.spec, views.benchmarks
    to = _to(section, views)
    check_names(to, spec, benchmarks)
    for name in (section.exposed, *(g for s in section.segments for g in (s.high, s.by))):
        group_members(spec, name)
    columns = benchmarks if BENCHMARKS in to else tuple(n for n in benchmarks if n in to)
    groups = tuple(n for n in to if n not in (META_MODEL, BENCHMARKS, *columns))
    against = _against(section, views)
    shifts = tuple(Shift(s.high, s.by, s.factor, s.share) for s in section.segments)
    return Goal(
        section.way,
        _wish(section),
        1.0 if section.amount is None else section.amount,
        "" if section.exposure is not None else against,
        section.exposed,
        groups,
        columns,
        _inputs(section, views) if META_MODEL in to else None,
        Segments(shifts) if shifts else None,
    )


def _to(section: UniqueSection, views: PastViews) -> tuple[str, ...]:
    pool = views.pool
    meta_model = pool.reference(pool.meta_model)
    if META_MODEL in section.to and meta_model is None:
        raise ConfigError(
            "predictions cannot be neutralised to a meta model that the data lack",
            received=META_MODEL,
            expected=nearest(META_MODEL, [BENCHMARKS, FEATURES, *views.panel.spec.groups]),
        )
    if section.way != "neutralise" or section.to:
        return section.to
    if meta_model is not None and covered(meta_model, pool.slices).sum() >= LIVED + pool.purge:
        return (META_MODEL,)
    return (pool.benchmark,) if pool.benchmark else (FEATURES,)


def _against(section: UniqueSection, views: PastViews) -> str:
    """The reference whose correlation is wished for; empty where there is none."""
    pool = views.pool
    name = section.against or pool.meta_model or pool.benchmark or ""
    name = (pool.meta_model or "") if name == META_MODEL else name
    if section.against and name not in pool.references:
        raise ConfigError(
            "the wish is about a reference that is not compared with",
            received=section.against,
            expected=nearest(section.against, pool.references),
            hint="Name it in evaluate.against",
        )
    if section.correlation is not None and not name:
        raise ConfigError(
            "a correlation is wished for, but the data carry no reference",
            hint="Give ensemble.unique.exposure instead",
        )
    return name


def _wish(section: UniqueSection) -> Wish | None:
    given = section.exposure if section.correlation is None else section.correlation
    if given is not None:
        return Wish.parse(given)
    return None if section.amount is not None or section.way == "segments" else DEFAULT


def _inputs(section: UniqueSection, views: PastViews) -> Inputs:
    spec = views.panel.spec
    return Inputs(_features(section.stand_in, spec), views.benchmarks, views.pool.names)


def _features(groups: Sequence[str], spec: FeatureSpec) -> tuple[str, ...]:
    if not groups:
        return spec.names if len(spec.names) <= MOST_FEATURES else ()
    return tuple(dict.fromkeys(name for g in groups for name in group_members(spec, g)))
