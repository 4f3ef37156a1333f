"""Pruning: by what others had at the time, on validation eras, before a test era is predicted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from contracts.mining import lines
from hypothesis import given
from hypothesis import strategies as st

from search.driver import mine
from search.halving import Halving, goes_on
from search.rows import Rows


@given(st.lists(st.floats(-1, 1), max_size=30), st.floats(-1, 1), st.integers(2, 5))
def test_one_of_every_reduction_goes_on(others, score, reduction) -> None:
    kept = goes_on(score, list(others), reduction)
    among = sorted([*others, score], reverse=True)
    if len(among) < reduction:
        assert kept
    elif kept:
        assert score >= among[len(among) // reduction - 1]
    else:
        assert score <= among[len(among) // reduction - 1]
    assert not (goes_on(None, [0.0] * 9, reduction))


def test_looks_are_taken_at_shares_of_the_trees_and_only_the_newest_of_a_trial_counts(
    tmp_path,
) -> None:
    halving = Halving(tmp_path / "rungs.jsonl", (0.1, 0.3, 0.9999), 3)
    assert halving.stops(1000) == {100: 0.1, 300: 0.3}
    assert halving.stops(2) == {1: 0.3}
    for trial, score in ((1, 0.5), (2, 0.6), (1, 0.1), (3, None)):
        halving.look(trial, 0.1, 10, score)
    found = halving.look(4, 0.1, 10, 0.55)
    assert (found["among"], found["kept"]) == (4, False)
    assert halving.look(5, 0.1, 10, 0.65) == {
        "share": 0.1,
        "trees": 10,
        "score": 0.65,
        "among": 5,
        "kept": True,
    }
    assert halving.look(6, 0.3, 30, 0.0)["among"] == 1


def test_looks_of_other_workers_are_read_once(tmp_path) -> None:
    path = tmp_path / "rungs.jsonl"
    one, other = Halving(path, (0.5,), 2), Halving(path, (0.5,), 2)
    one.look(1, 0.5, 5, 0.3)
    other.look(2, 0.5, 5, 0.2)
    first = path.stat().st_size
    with path.open("r+b") as stream:  # nobody looks there again
        stream.write(b"#" * (first - 1))
    assert other.look(3, 0.5, 5, 0.25) == {
        "share": 0.5,
        "trees": 5,
        "score": 0.25,
        "among": 3,
        "kept": False,
    }


def test_a_pruned_trial_never_predicts_a_test_era(make_study) -> None:
    mining = make_study(
        "mine.pruning.by=halving",
        "mine.pruning.rungs=[0.25, 0.5]",
        "mine.pruning.reduction=2",
        "mine.trials=12",
        "mine.batch=12",
        "mine.prefixes=[4]",
    )
    ended = mine(mining.config, mining.run)
    assert ended["pruned"] >= 3
    assert ended["complete"] >= 2
    rows = Rows.read(mining.folder.rows)
    values = np.memmap(mining.folder.predictions, "<f4", mode="r").reshape(-1, len(rows))
    test = rows.fold_spans[1]
    for line in lines(mining.folder.results):
        slots = range(2 * line["trial"], min(2 * line["trial"] + 2, len(values)))
        written = any(np.any(values[slot, test]) for slot in slots)
        assert written is (line["state"] == "complete")
        if line["trial"] == 0:
            assert line["rungs"] == []
        else:
            assert line["rungs"][-1]["kept"] is (line["state"] == "complete")
            assert [r["trees"] for r in line["rungs"]] == [3, 6][: len(line["rungs"])]
        if line["state"] == "pruned":
            assert line["configurations"] == []
    looks = [json.loads(text) for text in mining.folder.rungs.read_text().splitlines()]
    assert len(looks) == sum(len(line["rungs"]) for line in lines(mining.folder.results))
    assert mine(mining.config, mining.run) == dict(ended)


def test_rungs_ascend() -> None:
    from erazoo.config import load
    from erazoo.errors import ConfigError

    with pytest.raises(ConfigError, match="rungs ascend"):
        load(overrides=["mine.pruning.rungs=[0.3, 0.1]"], variables={})
