"""The meta-learner in a run: as a method among others, and its walk as a result file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contracts.metas import MetaCase
from contracts.pools import make_pool

from ensemble.blend import ensemble
from ensemble.comparison import compare_methods, recommend
from ensemble.evidence import Evidence
from ensemble.meta import lived
from ensemble.meta.lived import walk_file, write_walk
from ensemble.meta.method import meta_learning
from ensemble.methods import META, METHODS, chosen_methods, weighted
from ensemble.moments import era_moments
from ensemble.nested import blocks_of
from erazoo.config import Config, load
from erazoo.errors import ConfigError
from erazoo.publish import read_json, write_json
from erazoo.rundir import RunDir

Trained = tuple[Config, RunDir]


def with_meta(config: Config, **settings: object) -> Config:
    section = config.ensemble.meta.model_copy(update=settings)
    changed = config.ensemble.model_copy(update={"meta": section})
    return config.model_copy(update={"ensemble": changed})


def test_a_run_of_few_eras_stays_with_the_static_weights_and_says_so(trained: Trained) -> None:
    config, run = trained
    made = ensemble(with_meta(config, enabled=True), run)
    assert META in made["methods"]["methods"]
    assert made["recipe"]["kind"] != META
    walk = made["meta"]
    assert walk == read_json(walk_file(run))
    assert walk["better"] is False
    assert walk["regimes"] is None
    assert walk["verdict"].startswith("not tried, because too few eras")
    assert walk["scores"] == walk["static_scores"]
    again = ensemble(config, run)
    assert again["meta"] is None
    assert not walk_file(run).exists()


def test_the_meta_learner_takes_part_where_it_is_enabled_or_named() -> None:
    names = lambda config: [method.name for method in chosen_methods(config)]
    assert META not in names(Config())
    assert META in names(with_meta(Config(), enabled=True))
    assert META in names(load(overrides=["ensemble.method=meta"], variables={}))
    assert META in METHODS


def test_an_unknown_start_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot start from this method.*maximize.*maximise"):
        meta_learning(with_meta(Config(), static="maximize"), RunDir(tmp_path))


class Tilted:
    """Fixed weights as a weighting."""

    def __init__(self, *weights: float) -> None:
        self.weights = np.array(weights)

    def fit(self, evidence: Evidence) -> np.ndarray:
        return self.weights


@pytest.mark.parametrize(("weights", "expected"), [((1.0, 0.0), "meta"), ((0.701, 0.299), "best")])
def test_it_is_recommended_only_clearly_above_the_best_other_method(
    weights: tuple[float, float], expected: str, tmp_path: Path
) -> None:
    pool = make_pool((0.3, 0.0), eras=40, rows=120)
    learns = {
        "equal": weighted(Tilted(0.5, 0.5)),
        "best": weighted(Tilted(0.7, 0.3)),
        META: weighted(Tilted(*weights)),
    }
    evidence = Evidence(pool, era_moments(pool))
    comparison = compare_methods(learns, evidence, blocks_of(pool, 0.5, 2), tmp_path)
    means = {name: comparison.difference(name)[0] for name in learns}
    mean, error = comparison.difference(META, "best")
    assert (mean > error) == (expected == META)
    assert recommend(comparison)[0] == expected, means


@pytest.mark.long
def test_the_walk_of_generated_data_is_held_against_the_planted_regimes(
    moving: MetaCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDir(tmp_path)
    eras = moving.evidence.pool.eras
    planted = dict(zip(eras, moving.true.tolist(), strict=True))
    write_json(tmp_path / "data" / "demo.json", {"regime_by_era": planted})
    monkeypatch.setattr(lived, "meta_learning", lambda *_: moving.learning(every=60))
    found = read_json(write_walk(Config(), run, moving.evidence))
    assert found["better"]
    assert found["gain"]["mean"] > found["gain"]["standard_error"] > 0
    assert np.shape(found["weights"]) == (len(found["eras"]), len(found["members"]))
    assert found["regimes"]["purity"] > 0.95
    assert found["regimes"]["eras"] == list(eras)
    assert sum(regime["eras"] for regime in found["regimes"]["regimes"]) == len(eras)
    (tmp_path / "data" / "demo.json").unlink()
    plain = read_json(write_walk(Config(), run, moving.evidence))
    assert plain["regimes"]["true"] is plain["regimes"]["purity"] is None
    assert plain["weights"] == found["weights"]
