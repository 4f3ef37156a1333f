"""Stored predictions are read in parts, and scored a stretch after the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from contracts.studies import World, Written, write_study

from erazoo.errors import ArtifactError, StaleDataError
from search import scores
from search.gain import validation_corr
from search.predictions import PredictionFile, stretches
from search.scores import Mined, score

WORLD = World.noise(31, eras=16, assets=30)
ROWS = WORLD.eras * WORLD.assets


@pytest.fixture
def study(tmp_path: Path) -> Written:
    draw = np.random.default_rng(31).normal(size=(9, WORLD.eras, WORLD.assets))
    return write_study(tmp_path / "study", WORLD, draw)


def test_some_rows_are_those_of_the_whole_slot(study: Written) -> None:
    file = PredictionFile(study.folder.predictions, ROWS)
    rows = np.array([7, 3, 200, 11])
    np.testing.assert_array_equal(file.read([4, 1], rows), file.read([4, 1])[rows])


def test_a_slot_that_ends_early_is_named(study: Written) -> None:
    with study.folder.predictions.open("r+b") as stream:
        stream.truncate(8 * ROWS * 4 + 100)
    with pytest.raises(ArtifactError, match="not whole.*slot 8"):
        score(study.folder)


def test_stretches_are_narrow_however_few_rows_there_are() -> None:
    assert [len(one) for one in stretches(range(600), 10)] == [256, 256, 88]
    assert [len(one) for one in stretches(range(30), 3_000_000)] == [22, 8]


def test_a_killed_scoring_keeps_what_it_has_scored(
    study: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = score(study.folder)
    study.folder.scores.unlink()
    figures, calls = scores._figures, []

    def killed(*given: object) -> dict:
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return figures(*given)

    monkeypatch.setattr("search.predictions.WIDE", 3)
    monkeypatch.setattr(scores, "_figures", killed)
    with pytest.raises(KeyboardInterrupt):
        score(study.folder)
    assert len(pl.read_parquet(study.folder.scores)) == 6
    assert score(study.folder).equals(whole)
    assert len(calls) == 4


def test_nothing_trained_is_said_in_words(study: Written) -> None:
    study.folder.results.unlink()
    with pytest.raises(StaleDataError, match="benchmark .* is not trained yet"):
        score(study.folder)


def test_corr_of_validation_eras_is_that_of_all_eras(study: Written) -> None:
    """Eras that several folds predict are averaged, whichever rows are read."""
    held = dict(np.load(study.folder.rows))
    rows, again = np.arange(ROWS), np.arange(2 * WORLD.assets)
    order = np.concatenate([rows, again])
    twice = {name: held[name][order] for name in ("ids", "target", "meta_model", "eras")}
    folds = np.concatenate([held["folds"], np.full(len(again), 2, np.int16)])
    names = np.array(["fold-0", "fold-1", "fold-2"])
    np.savez(study.folder.rows, **{**held, **twice, "folds": folds, "fold_names": names})
    file = PredictionFile(study.folder.predictions, len(order))
    values = np.random.default_rng(1).normal(size=(9, len(order))).astype(np.float32)
    for slot, column in enumerate(values):
        file.write(slot, 0, column)
    mined = Mined.open(study.folder)
    found = validation_corr(mined, range(9))
    np.testing.assert_allclose(found, mined.corr_by_era(study.ids)[: WORLD.eras // 2], rtol=1e-12)
