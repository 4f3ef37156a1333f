"""A subset of which no two are alike, and how alike finds of different mining are."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from contracts.studies import World, Written, write_study
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.errors import ConfigError, DataError, StaleDataError
from scoring.eras import EraSlices
from scoring.similarity import rank_correlation
from search import unique
from search.clusters import cluster
from search.others import all_finds, open_finds, with_others
from search.scores import Mined, score
from search.table import best_table
from search.unique import unique_subset

WORLD = World.noise(11, eras=12, assets=30)


def mixture(root: Path, seed: int, count: int, share: float, name: str = "study") -> Written:
    """Configurations that share more or less of three common parts."""
    draw = np.random.default_rng(seed)
    parts = draw.normal(size=(3, WORLD.eras, WORLD.assets))
    mixed = np.tensordot(draw.dirichlet(np.ones(3), count + 1), parts, axes=1)
    own = draw.normal(size=(count + 1, WORLD.eras, WORLD.assets))
    return write_study(root / name, WORLD, share * mixed + (1 - share) * own)


def alike(study: Written, ids: list[str]) -> np.ndarray:
    """Correlations over the validation eras, all at once."""
    mined = Mined.open(study.folder)
    rows = WORLD.eras // 2 * WORLD.assets
    bounds = np.arange(WORLD.eras // 2 + 1, dtype=np.int64) * WORLD.assets
    slices = EraSlices(WORLD.labels[: WORLD.eras // 2], bounds)
    return rank_correlation(mined.predictions(ids)[:rows], slices)


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 25),
    share=st.floats(0.3, 1.0),
    below=st.floats(-0.5, 1.0),
    block=st.integers(1, 9),
    wide=st.integers(1, 9),
)
@settings(max_examples=40)
def test_kept_ones_are_apart_and_dropped_ones_are_not(
    seed: int, count: int, share: float, below: float, block: int, wide: int
) -> None:
    """However many are looked at together, and however many are held."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(unique, "BLOCK", block)
        patch.setattr("search.predictions.WIDE", wide)
        study = mixture(Path(folder), seed, count, share)
        ids = study.ids[1:]
        found = unique_subset(Mined.open(study.folder), ids, below)
        matrix = alike(study, ids)
    place = {one: k for k, one in enumerate(ids)}
    kept = [place[one] for one in found.kept]
    assert kept == sorted(kept)
    assert kept[0] == 0
    assert all(matrix[a, b] < below for a in kept for b in kept if a != b)
    for one, (nearest, value) in found.dropped.items():
        before = [k for k in kept if k < place[one]]
        assert value >= below
        assert place[nearest] in before
        assert value == pytest.approx(matrix[place[one], before].max())
    assert len(found.kept) + len(found.dropped) == len(ids)
    assert found.undefined == found.left == ()


def test_it_ends_where_enough_are_kept(tmp_path: Path) -> None:
    study = mixture(tmp_path, 1, 20, 0.3)
    found = unique_subset(Mined.open(study.folder), study.ids[1:], 0.99, most=4)
    assert found.kept == tuple(study.ids[1:5])
    assert found.left == tuple(study.ids[5:])


def test_constant_predictions_are_never_kept(tmp_path: Path) -> None:
    draw = np.random.default_rng(2).normal(size=(4, WORLD.eras, WORLD.assets))
    draw[2] = 0.0
    study = write_study(tmp_path / "study", WORLD, draw)
    found = unique_subset(Mined.open(study.folder), study.ids[1:], 1.0)
    assert found.kept == (study.ids[1], study.ids[3])
    assert found.undefined == (study.ids[2],)


def test_limits_and_ids_are_checked(tmp_path: Path) -> None:
    study = mixture(tmp_path, 3, 3, 0.5)
    mined = Mined.open(study.folder)
    for below in (-1.0, 1.5, float("nan")):
        with pytest.raises(ConfigError, match="out of range"):
            unique_subset(mined, study.ids, below)
    with pytest.raises(StaleDataError, match="no one configuration"):
        unique_subset(mined, ["nothing"], 0.5)


def test_the_best_table_keeps_what_is_unique(tmp_path: Path) -> None:
    study = mixture(tmp_path, 4, 30, 0.95)
    table = best_table(study.folder, unique_below=0.8, limit=6)
    assert table["id"][0] == study.ids[0]
    kept = list(table["id"][1:])
    matrix = alike(study, kept)
    assert 1 < len(kept) <= 6
    assert (matrix[np.triu_indices(len(kept), 1)] < 0.8).all()
    every = [one for one in best_table(study.folder)["id"] if one in kept]
    assert every == kept


def test_clusters_stand_side_by_side(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    base = draw.normal(size=(3, WORLD.eras, WORLD.assets))
    which = [0, 1, 2, 0, 1, 2, 0, 1, 2]
    mixed = base[which] + 0.3 * draw.normal(size=(9, WORLD.eras, WORLD.assets))
    study = write_study(tmp_path / "study", WORLD, mixed)
    found = cluster(Mined.open(study.folder), study.ids)
    assert sorted(found.ids) == study.ids
    order = [which[study.ids.index(one)] for one in found.ids]
    assert sum(a != b for a, b in pairwise(order)) == 2
    assert len(set(found.groups)) == 3
    np.testing.assert_allclose(np.diag(found.correlation), 1.0)
    assert len(cluster(Mined.open(study.folder), study.ids[:1]).groups) == 1


def test_likeness_to_the_finds_of_other_mining(tmp_path: Path) -> None:
    """One of theirs is a copy of ours; that it is of our own study is no likeness."""
    draw = np.random.default_rng(6).normal(size=(6, WORLD.eras, WORLD.assets))
    ours = write_study(tmp_path / "first" / "mine" / "one", WORLD, draw[:4])
    copied = np.stack([draw[4], draw[2], draw[5]])
    theirs = write_study(tmp_path / "second" / "mine" / "two", WORLD, copied)
    finds = open_finds(str(tmp_path / "second"))
    assert [one.name for one in finds] == ["second:two"]
    mined = Mined.open(ours.folder)
    table = with_others(mined, score(ours.folder), finds)
    found = dict(zip(table["id"], table["others_correlation"], strict=True))
    assert found[ours.ids[2]] == pytest.approx(1.0)
    assert all(abs(found[one]) < 0.5 for one in ours.ids if one != ours.ids[2])
    nearest = dict(zip(table["id"], table["others_nearest"], strict=True))
    assert nearest[ours.ids[2]] == f"second:two:{theirs.ids[1]}"
    alone = with_others(mined, score(ours.folder), open_finds(f"{tmp_path / 'first'}:one"))
    assert alone["others_correlation"].max() < 0.5


def test_other_mining_has_to_be_there_and_of_the_same_rows(tmp_path: Path) -> None:
    ours = mixture(tmp_path / "first" / "mine", 7, 3, 0.5, "one")
    with pytest.raises(ConfigError, match="no such mining"):
        open_finds(str(tmp_path / "first" / "mine"))
    with pytest.raises(ConfigError, match="no such mining"):
        open_finds(f"{tmp_path / 'first'}:three")
    draw = np.random.default_rng(8).normal(size=(3, WORLD.eras, WORLD.assets))
    write_study(tmp_path / "second" / "mine" / "two", WORLD, draw, first_id=10**6)
    with pytest.raises(DataError, match="none in common"):
        best_table(ours.folder, others=list(all_finds([str(tmp_path / "second")])))
