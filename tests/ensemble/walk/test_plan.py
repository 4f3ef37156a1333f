"""The course of a walk, which hangs on positions alone."""

from __future__ import annotations

from typing import Any

import pytest

from ensemble.walk.plan import WalkPlan
from erazoo.config.schema import WalkSection
from erazoo.eras import EraAxis
from erazoo.errors import LeakageError

AXIS = EraAxis(tuple(f"{e:04d}" for e in range(1, 31)))
WALKED = AXIS.eras[10:24]


def planned(purge: int = 2, learnable: Any = AXIS.eras, **changes: Any) -> WalkPlan:
    section = WalkSection(**{"window": 4, "refit": 3, **changes})
    return WalkPlan.of(AXIS, WALKED, set(learnable), purge, section)


def test_an_era_is_known_once_more_than_the_purge_has_passed() -> None:
    plan = planned()
    assert plan.learnable[: plan.borders[0]] == AXIS.eras[:8]
    assert plan.scored[:5] == (0, 0, 0, 1, 2)
    for place, era in enumerate(plan.eras):
        newest = plan.learnable[plan.borders[place] - 1]
        assert AXIS.position(era) - AXIS.position(newest) == 3
    assert planned(purge=0).scored[:3] == (0, 1, 2)


def test_updates_learn_the_window_or_what_is_new() -> None:
    plan = planned()
    assert [update.place for update in plan.updates] == [0, 3, 6, 9, 12]
    assert plan.updates[0].new == AXIS.eras[:8]
    assert plan.updates[0].window == AXIS.eras[4:8]
    assert plan.updates[1].new == AXIS.eras[8:11]
    assert plan.updates[1].window == AXIS.eras[7:11]
    assert [plan.update_of(place) for place in (0, 2, 3, 13)] == [0, 0, 1, 4]


@pytest.mark.parametrize(("changes", "keep"), [({}, 4), ({"refit": 6}, 6), ({"window": 100}, 100)])
def test_memory_holds_the_window_and_what_is_not_resolved(
    changes: dict[str, Any], keep: int
) -> None:
    plan = planned(**changes)
    assert plan.keep == keep
    for place in range(len(WALKED)):
        held = plan.held(place)
        assert held[-1] == WALKED[place]
        assert list(held) == sorted(held)
        assert len(held) == min(keep, plan.borders[place]) + 2 + 1


def test_only_learnable_eras_are_learned_and_all_walked_ones_arrive() -> None:
    thin = AXIS.eras[::2]
    plan = planned(learnable=thin)
    learned = {era for update in plan.updates for era in (*update.new, *update.window)}
    assert learned <= set(thin)
    assert set(WALKED) <= set(plan.arriving)
    assert set(plan.arriving) <= {*WALKED, *thin}
    assert all(update.new for update in plan.updates)


def test_a_walk_needs_eras_before_it() -> None:
    with pytest.raises(LeakageError, match=r"too few eras.*2 before era 0011.*at least 3"):
        planned(purge=8)
