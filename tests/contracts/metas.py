"""Small tournaments with and without planted regimes, and meta-learners on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from contracts.demo_pool import DemoCase, demo_case, demo_panel
from numpy.typing import NDArray

from ensemble.evidence import Evidence
from ensemble.meta.method import MetaLearning
from ensemble.meta.statistics import EraMeter
from ensemble.moments import era_moments
from ensemble.weights.maximise import Maximise
from erazoo.config.schema import DemoSection, MetaSection
from etl.demo.profiles import Plan
from etl.demo.world import DemoWorld

SIZES: dict[str, Any] = {"eras": 210, "rows": 150, "features": 36, "seed": 103}
FIRST = 50
GROUPS = ("charisma", "strength", "constitution", "wisdom")
QUICK: dict[str, Any] = {
    "least": 40,
    "directions": 6,
    "components": 6,
    "penalties": (0.3, 3.0),
    "steps": 120,
    "prototypes": 3,
}


@dataclass(frozen=True)
class MetaCase:
    """A pool with what a meta-learner needs.

    Args:
        case: panel and pool.
        evidence: of the pool.
        true: (E,) the planted regimes.
        folder: of the statistics.
    """

    case: DemoCase
    evidence: Evidence
    true: NDArray[np.int64]
    folder: Path

    def learning(self, **settings: Any) -> MetaLearning:
        """A quick meta-learner."""
        section = MetaSection(**{**QUICK, **settings})
        return MetaLearning(section, Maximise(), lambda _: self.meter(section.directions))

    def meter(self, directions: int = 6) -> EraMeter:
        """Measures the panel's eras by directions of those before the pool."""
        eras = tuple(self.case.panel.held)[:FIRST]
        return EraMeter.open(self.case.panel, eras, directions, self.folder, "demo")


def meta_case(folder: Path, profile: str, regimes: int) -> MetaCase:
    """A generated tournament whose members see one feature group each."""
    sizes = {**SIZES, "profile": profile, "regimes": regimes}
    groups = GROUPS if regimes > 1 else GROUPS[:3]
    case = demo_case(demo_panel(**sizes), groups, FIRST)
    world = DemoWorld(Plan.of(DemoSection(**sizes)))
    evidence = Evidence(case.pool, era_moments(case.pool), 5)
    true = world.path[FIRST : FIRST + len(case.pool.eras)]
    return MetaCase(case, evidence, true, folder)
