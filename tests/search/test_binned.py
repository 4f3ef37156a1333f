"""Binned sets: as many in memory as may be, and trials in groups that fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from search import batch
from search.batch import open_workplace
from search.trial import Trial


@pytest.fixture
def place(mined):
    return open_workplace(mined.folder)


def trial(place, max_bin: int, target: str = "target_ender_20") -> Trial:
    values = {**place.plan.benchmark, "max_bin": max_bin, "target": target}
    return Trial(max_bin, values, (8,), 0)


def test_what_was_not_used_for_longest_leaves_the_memory(place) -> None:
    bins = place.bins
    one = sum(bins.sizes("all", 3, "target_ender_20").values())
    rows = [len(bins.learned(k).labels["target_ender_20"]) for k in (0, 1)]
    assert one == sum(rows) * len(place.bins.data.spec.names)
    for most, kept in ((0.0, 2), (2.5 * one, 4), (10.0 * one, 6)):
        place = replace(place, bins=type(bins)(bins.data, bins.plan, bins.folder, 1e9, most))
        for max_bin in (3, 4, 5):
            batch._load(place, trial(place, max_bin))
        assert len(place.bins._loaded) == kept
        again = place.bins.get(1, "all", 5, "target_ender_20")
        assert again is place.bins.get(1, "all", 5, "target_ender_20")


def test_trials_whose_bins_do_not_fit_together_are_trained_one_group_after_another(place) -> None:
    one = sum(place.bins.sizes("all", 3, "target_ender_20").values())
    trials = [trial(place, max_bin) for max_bin in (3, 3, 4, 5)]
    for most, groups in ((0.0, [2, 1, 1]), (2.0 * one, [3, 1]), (9.0 * one, [4])):
        place.bins.most_loaded = most
        assert [len(group) for group in batch._groups(place, trials)] == groups
    assert list(batch._groups(place, [])) == []
