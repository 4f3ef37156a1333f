"""The table of statistics: read once, resumed, and nothing in it that was not known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contracts.metas import MetaCase

from ensemble.meta.scaling import LIMIT, Scaling
from ensemble.meta.statistics import (
    JOURNAL,
    MOST_PAIRS,
    EraMeter,
    EraStatistics,
    Results,
    member_statistics,
    recent_statistics,
)
from erazoo.eras import EraAxis
from erazoo.errors import DataError


def test_a_torn_journal_is_gone_on_with(moving: MetaCase, tmp_path: Path) -> None:
    panel, eras = moving.case.panel, moving.case.pool.eras[:9]
    meter = EraMeter.open(panel, eras[:3], 3, tmp_path, "data")
    whole = meter.read(eras)
    path = tmp_path / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5]) + lines[5][:20])
    again = EraMeter.open(panel, eras[:3], 3, tmp_path, "data").read(eras)
    np.testing.assert_array_equal(again.values, whole.values)
    held = len(path.read_bytes().splitlines())
    assert held == 11
    EraMeter.open(panel, eras[:3], 3, tmp_path, "data").read(eras)
    assert len(path.read_bytes().splitlines()) == held


def test_what_stands_is_not_read_again(moving: MetaCase, tmp_path: Path) -> None:
    eras = moving.case.pool.eras[:4]
    EraMeter.open(moving.case.panel, eras, 3, tmp_path, "data").read(eras)

    class Closed:
        spec = moving.case.panel.spec

        def blocks(self, eras: object) -> object:
            raise AssertionError(eras)

    kept = EraMeter.open(Closed(), eras, 3, tmp_path, "data").read(eras[::2])  # type: ignore[arg-type]
    assert kept.eras == eras[::2]
    with pytest.raises(AssertionError):
        EraMeter.open(Closed(), eras, 3, tmp_path, "other data")  # type: ignore[arg-type]


def test_members_dispersion_and_likeness() -> None:
    rng = np.random.default_rng(0)
    ranks = rng.random((3, 500))
    ranks[1] = 0.5 * ranks[0] + 0.5 * ranks[1]
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    gram = centred @ centred.T / 500
    found = member_statistics(("e",), ("a", "b", "c"), gram[None])
    told = dict(zip(found.names, found.values[0], strict=True))
    assert told["a like b"] == pytest.approx(np.corrcoef(ranks[0], ranks[1])[0, 1])
    assert told["b like c"] == pytest.approx(np.corrcoef(ranks[1], ranks[2])[0, 1])
    assert told["dispersion"] == pytest.approx(np.sqrt(centred.var(axis=0).mean()), rel=1e-6)


def test_of_many_members_the_mean_likeness_is_told() -> None:
    members = [f"m{j}" for j in range(MOST_PAIRS + 1)]
    found = member_statistics(("e",), members, np.eye(len(members))[None] / 12)
    assert found.names[1:] == tuple(f"{name} like others" for name in members)
    np.testing.assert_allclose(found.values[0, 1:], 0, atol=1e-9)


def test_recent_scores_are_those_that_were_resolved() -> None:
    labels = tuple(f"{e:04d}" for e in range(1, 13))
    axis = EraAxis(labels)
    scores = np.stack([np.arange(12.0), np.zeros(12)], axis=1)
    scores[11] = np.nan
    results = Results.of(axis, labels, scores)
    found = recent_statistics(axis, labels, ("a", "b"), results, purge=4, span=2)
    assert found.names == ("recent level", "recent a", "recent b")
    np.testing.assert_array_equal(found.values[:5], 0)
    # Before era 0010 the eras up to 0005 are resolved; the newest two score 3 and 4.
    np.testing.assert_allclose(found.values[9], [1.75, 1.75, -1.75])


def test_results_join_by_era() -> None:
    early = Results(np.array([1, 2]), np.array([[1.0], [2.0]]))
    late = Results(np.array([2, 3]), np.array([[9.0], [3.0]]))
    both = early.beside(late)
    assert both.places.tolist() == [1, 2, 3]
    assert both.scores[:, 0].tolist() == [1, 2, 3]


def test_statistics_of_other_eras_do_not_join() -> None:
    one, two = (EraStatistics((era,), ("x",), np.zeros((1, 1))) for era in "ab")
    with pytest.raises(DataError, match="different eras"):
        one.beside(two)


def test_scaling_learns_from_its_eras_alone() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(3, 2, (40, 5))
    values[:, 4] = 7
    scaling = Scaling.fit(values[:30], 0)
    scaled = scaling.apply(values)
    np.testing.assert_allclose(scaled[:30, :4].mean(axis=0), 0, atol=1e-9)
    np.testing.assert_array_equal(scaled[:, 4], 0)
    far = values[:1].copy()
    far[0, 0] = 1e6
    assert scaling.apply(far)[0, 0] == LIMIT


def test_components_keep_what_varies_most() -> None:
    rng = np.random.default_rng(4)
    common = rng.normal(size=(60, 1))
    values = np.hstack([common + 0.1 * rng.normal(size=(60, 6)), rng.normal(size=(60, 1))])
    found = Scaling.fit(values, 2).apply(values)
    assert abs(np.corrcoef(found[:, 0], common[:, 0])[0, 1]) > 0.99
    few = Scaling.fit(values[:3], 5)
    assert few.directions.shape == (7, 5)
    np.testing.assert_array_equal(few.directions[:, 3:], 0)
